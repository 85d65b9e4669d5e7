"""The operator that reports on a campaign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import BaseOperator

from airflow_provider_directcall.operators.campaign_operator import Result, is_final, keywords_of, require_polars
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry
from airflow_provider_directcall.translations.languages import language_name

if TYPE_CHECKING:
    from airflow.sdk import Context
    from pydantic import JsonValue


class DirectcallReportCampaignOperator(BaseOperator):
    """Report on a campaign: one final state of each contact, totals, and the list of those who were not reached.

    :param plan: the result of a plan task, or the path or URI of its file. Templated, like all arguments.
    :param results: path or URI of the results, ending in ``.parquet`` or ``.csv``; None for the campaign's folder.
    :param html: write a page, which opens without a network and prints.
    :param fail_on: states that fail the task after the report is written. Contacts are ``stopped`` if they had no turn
        because a send task failed; without this, such a run would end as a success.
    :param timezone: of the hours in the page; None for that of the plan.
    :param language: of the page, ``en`` or ``pt``.

    Returns ``{"report": uri, "html": uri, "results": uri, "again": uri, "contacts", "states", "parts", "cost_brl",
    "reasons", "curve", "hours", "timezone"}``, which is the XCom ``report`` too; ``reasons`` are the most frequent
    ones, ``[state, reason, contacts]``, ``curve`` has the contacts sent to over the time, and ``hours`` has ``[hour,
    requests, reached contacts]``. ``again`` can be the ``contacts`` of another plan.
    """

    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json"}
    ui_color = "#eee8f4"

    def __init__(
        self,
        *,
        plan: Mapping[str, object] | str,
        results: str | None = None,
        html: bool | str = True,
        fail_on: Iterable[str] | str = ("stopped",),
        timezone: str | None = None,
        language: str = "en",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        if "{" not in language:
            # When the task runs, the campaign has been sent.
            language_name(language)
        super().__init__(**kwargs)
        self.plan = plan
        self.results = results
        self.html = html
        self.fail_on = fail_on
        self.timezone = timezone
        self.language = language

    template_fields: Sequence[str] = keywords_of(__init__)

    def execute(self, context: Context) -> Result:
        """Write the report, add the counts to the task's asset events, and return it."""
        require_polars()
        from airflow_provider_directcall.runtime.campaigns.chunk_tasks import report_on

        with failing_without_retry(is_final):
            result = report_on(self)
        context["ti"].xcom_push(key="report", value=result)
        counts = {name: result[name] for name in ("contacts", "states", "parts", "cost_brl")}
        self.log.info("Report: %s", counts)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = cast("dict[str, JsonValue]", counts)
        states = _counts(result["states"])
        unwanted = [
            f"{states[state]} {state}" for state in arguments.texts("fail_on", self.fail_on) or () if states.get(state)
        ]
        if unwanted:
            raise AirflowFailException(
                f"The report is written, and {', '.join(unwanted)} contacts are in fail_on. Clear the send tasks that "
                "failed to go on with those who had no turn, or plan again with the list 'again'"
            )
        return result


def _counts(states: object) -> Mapping[str, object]:
    return states if isinstance(states, Mapping) else {}
