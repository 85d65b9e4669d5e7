"""The operator that follows one chunk of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.operators.campaign_operator import Result, campaign_hook, defer_until, keywords_of
from airflow_provider_directcall.operators.once_only import DEFAULT_COMPLETION_TIMEOUT
from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Seconds between two looks at the statement, which read all rows of the campaign's time.
DEFAULT_TRACK_INTERVAL: Final = 60.0


class DirectcallTrackCampaignOperator(BaseOperator):
    """Follow a chunk's messages or calls in the statement until each has ended, with one look for all of them.

    :param plan: the result of a plan task, or the path or URI of its file. Templated, like all arguments.
    :param chunk: name of a chunk.
    :param origin: who asks for the calls; None for the connection's default.
    :param completion_timeout: seconds (or a timedelta) to follow, from the end of the sending on; what has not ended
        then keeps the state ``sent``.
    :param poll_interval: seconds between two looks; the task defers between them.
    :param directcall_conn_id: id of the connection.

    Returns ``{"chunk", "states", "pending"}``, which is the XCom ``progress`` while it follows them.
    """

    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json"}
    ui_color = "#eee8f4"

    def __init__(
        self,
        *,
        plan: Mapping[str, object] | str,
        chunk: str,
        origin: str | None = None,
        completion_timeout: float | timedelta | str = DEFAULT_COMPLETION_TIMEOUT,
        poll_interval: float | str = DEFAULT_TRACK_INTERVAL,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.chunk = chunk
        self.origin = origin
        self.completion_timeout = completion_timeout
        self.poll_interval = poll_interval
        self.directcall_conn_id = directcall_conn_id

    template_fields: Sequence[str] = keywords_of(__init__)

    def execute(self, context: Context) -> Result:
        """Look, and defer until the next look."""
        timeout = timedelta(seconds=arguments.seconds("completion_timeout", self.completion_timeout))
        return self._look(context, current_clock().now() + timeout)

    def execute_complete(self, context: Context, event: Mapping[str, str]) -> Result:
        """Look again."""
        return self._look(context, datetime.fromisoformat(event["until"]))

    def _look(self, context: Context, until: datetime) -> Result:
        with campaign_hook(self.directcall_conn_id) as hook:
            from airflow_provider_directcall.runtime.campaigns.chunk_tasks import track_chunk_of

            tracked = track_chunk_of(self, hook, until)
        counts = ", ".join(f"{count} {state}" for state, count in tracked.counts.items())
        self.log.info("%s: %s; %s have not ended.", self.chunk, counts, tracked.pending)
        result = {"chunk": self.chunk, "states": dict(tracked.counts), "pending": tracked.pending}
        if tracked.look_again_at is not None:
            # A return value is not kept of a task that defers.
            context["ti"].xcom_push(key="progress", value=result)
            defer_until(self, tracked.look_again_at, until=until.isoformat())
        return result
