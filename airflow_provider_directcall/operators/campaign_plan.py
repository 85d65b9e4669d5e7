"""The operator that plans a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.operators.campaign_operator import (
    CampaignOperator,
    Result,
    also_takes,
    campaign_hook,
    keywords_of,
)
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.campaigns.files import campaign_base, plan_uri

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.runtime.campaigns.arguments import Contacts


class DirectcallPlanCampaignOperator(CampaignOperator):
    """Plan a campaign: who gets which text when, at what cost, and who does not and why. Sends nothing.

    Contacts are streamed into files of accepted ones, all others are kept with a reason and the number of their row,
    and a page shows the first, the longest and the dearest texts. The files are below ``storage``, closed to others;
    XCom and log have counts and reasons only.

    A retry plans again; once something was sent, a retry or a Clear returns the plan by which it was sent, and fails
    where the contacts or the arguments are others now.

    :param contacts: CSV, JSON lines or Parquet: a path, a URI, a pattern such as ``s3://bucket/day/*.csv``, a
        :class:`SqlContacts`, or a list of them; also the result of an upstream task. Templated, like all arguments.
    :param chunk_size: contacts a task sends; it grows where there would be more tasks than Airflow maps.
    :param storage: path or URI of a folder that all workers reach; None for ``[directcall] campaign_storage``, or else
        a folder in ``AIRFLOW_HOME``.
    :param again: let a Clear after the report plan, and send, to the same contacts once more.
    :param dry_run: return no chunks, so that nothing is sent.
    :param language: of the page, ``en`` or ``pt``.

    Further parameters as in :class:`~.campaign_operator.CampaignOperator`.

    Returns ``{"plan": uri, "digest", "accepted", "rejected", "parts", "cost_brl", "chunks": [names], "states",
    "reasons", "preview": uri}``; ``rejected`` counts all that are not accepted, ``states`` says which they are.
    """

    @also_takes(CampaignOperator)
    def __init__(
        self,
        *,
        contacts: Contacts,
        chunk_size: int | str | None = None,
        storage: str | None = None,
        again: bool | str = False,
        dry_run: bool | str = False,
        language: str = "en",
        **kwargs: Any,  # noqa: ANN401 - the arguments of CampaignOperator and BaseOperator
    ) -> None:
        super().__init__(**kwargs)
        self.contacts = contacts
        self.chunk_size = chunk_size
        self.storage = storage
        self.again = again
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]  # over BaseOperator.dry_run(), which Airflow 3 calls nowhere
        self.language = language

    template_fields: Sequence[str] = keywords_of(__init__)

    def execute(self, context: Context) -> Result:
        """Plan, log the summary and return it."""
        with campaign_hook(self.directcall_conn_id) as hook:
            from airflow_provider_directcall.runtime.campaigns.arguments import settings_of
            from airflow_provider_directcall.runtime.campaigns.planning import ExclusionRules, PlanRequest
            from airflow_provider_directcall.translations.languages import language_of

            request = PlanRequest(
                settings_of(self, hook.settings, chunk_size=arguments.integer("chunk_size", self.chunk_size)),
                self.contacts,
                ExclusionRules.of(self),
                again=arguments.boolean("again", self.again),
                language=language_of(self.language),
            )
            dry_run = arguments.boolean("dry_run", self.dry_run)
            folder, plan = request.make(campaign_base(self.storage, context), hook, current_clock().now())
        for line in plan.summary_lines():
            self.log.info("%s", line)
        return _plan_result(folder, plan, dry_run=dry_run)


def _plan_result(folder: Folder, plan: CampaignPlan, *, dry_run: bool) -> Result:
    return {
        "plan": plan_uri(folder),
        "digest": plan.digest,
        "accepted": plan.accepted,
        "rejected": plan.contacts - plan.accepted,
        "parts": plan.parts,
        "cost_brl": float(plan.cost_brl) if plan.cost_brl is not None else None,
        "chunks": [] if dry_run else [chunk.name for chunk in plan.chunks],
        "states": dict(plan.states),
        "reasons": dict(plan.reasons),
        "preview": f"{folder.uri}/preview.html",
    }
