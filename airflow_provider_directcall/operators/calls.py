"""The operator that places a call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_directcall.errors import DirectcallRefused
from airflow_provider_directcall.links.recording import RecordingLink
from airflow_provider_directcall.operators.sending import (
    DEFAULT_COMPLETION_TIMEOUT,
    Result,
    SendingOperator,
    Sent,
)
from airflow_provider_directcall.tasks import rendered
from airflow_provider_directcall.tasks.waiting import DEFAULT_DEFERRABLE
from airflow_provider_directcall.triggers.pace import DEFAULT_POLL_INTERVAL
from airflow_provider_directcall.triggers.search import window_of_call

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.calls import CallCompletedTrigger


class DirectcallPlaceCallOperator(SendingOperator["StatementRow"]):
    """Connect two parties by telephone (``/voz/call``): one is called, then the other.

    The call's id is in the XCom ``callerid`` (a scheduled call's in ``schedule_id``) before any waiting. Without
    waiting, the result is ``{"callerid", "schedule_id"}``, one of them None. With ``wait_for_completion`` it is the
    call's row of the statement: ``callerid``, ``origin``, ``destination``, ``started_at``, ``duration_seconds``,
    ``outcome``, ``price_brl``, ``recording_url``, ``tags``. A call that nobody answers is a result, not a failure,
    unless ``fail_on`` names its outcome.

    Once the call is placed, the task is not retried, whatever goes wrong with waiting: a retry would ring again (only a
    worker that dies without a word, by SIGKILL for example, is retried by Airflow all the same). The one
    exception is an outcome in ``fail_on``, after which Airflow's retries place a new call.

    When the task is killed, a call that is not known to be over is hung up. Directcall finds it by its two numbers, and
    has no way to cancel a scheduled call that was not dialled yet.

    :param destination: whom to connect (``destino``): 55, area and number, or ``ip`` + area + number. Templated, like
        all arguments but ``wait_for_completion``, ``include_numbers`` and ``deferrable``.
    :param origin: who asks for the call and is called first (``origem``; the order is inferred); None for the
        connection's default origin.
    :param record: record the call at an extra charge (``gravar``).
    :param tags: custom data kept with the call (``campos``), by which the statement can be searched.
    :param dial_destination_first: call the destination before the origin (``inverter_discagem``, observed).
    :param schedule_at: when to dial: an aware datetime or an ISO text with a zone (``cron``, assumed); None dials now.
    :param fail_on: outcomes that fail the task: ``answered``, ``busy``, ``no_answer``, ``cancelled``, ``failed``; needs
        ``wait_for_completion``.
    :param wait_for_completion: wait until the call stands in the statement.
    :param completion_timeout: seconds (or a timedelta) to wait, from dialling on; then the task fails without a retry.
    :param poll_interval: seconds between two looks at the statement.
    :param include_numbers: show phone numbers in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker; by default Airflow's ``default_deferrable``.
    """

    template_fields: Sequence[str] = (
        "destination",
        "origin",
        "record",
        "tags",
        "dial_destination_first",
        "schedule_at",
        "fail_on",
        "completion_timeout",
        "poll_interval",
        "directcall_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}
    operator_extra_links = (RecordingLink(),)
    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        destination: str,
        origin: str | None = None,
        record: bool | str = False,
        tags: Mapping[str, str] | str | None = None,
        dial_destination_first: bool | str = False,
        schedule_at: datetime | str | None = None,
        fail_on: Iterable[str] | str = (),
        wait_for_completion: bool = False,
        completion_timeout: float | timedelta | str = DEFAULT_COMPLETION_TIMEOUT,
        poll_interval: float | str = DEFAULT_POLL_INTERVAL,
        include_numbers: bool = False,
        directcall_conn_id: str = "directcall_default",
        deferrable: bool = DEFAULT_DEFERRABLE,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(
            waits=wait_for_completion,
            fail_on=fail_on,
            completion_timeout=completion_timeout,
            poll_interval=poll_interval,
            include_numbers=include_numbers,
            directcall_conn_id=directcall_conn_id,
            deferrable=deferrable,
            **kwargs,
        )
        self.destination = destination
        self.origin = origin
        self.record = record
        self.tags = tags
        self.dial_destination_first = dial_destination_first
        self.schedule_at = schedule_at
        self.wait_for_completion = wait_for_completion
        self.recording_url: str | None = None

    def _known_outcomes(self) -> Collection[str]:
        from airflow_provider_directcall.api.replies import CallOutcome

        return [outcome.value for outcome in CallOutcome]

    def _due_at(self) -> datetime | None:
        return rendered.moment("schedule_at", self.schedule_at)

    def _send(self, hook: DirectcallHook) -> Sent:
        call = hook.place_call(
            self._origin,
            self._destination,
            record=rendered.boolean("record", self.record),
            tags=rendered.tags("tags", self.tags),
            dial_destination_first=rendered.boolean("dial_destination_first", self.dial_destination_first),
            schedule_at=self._due_at(),
        )
        if call.callerid is not None:
            self._keep_undo()
        ids = {"callerid": call.callerid, "schedule_id": call.schedule_id}
        return {key: value for key, value in ids.items() if value is not None}

    @property
    def _destination(self) -> str:
        numbers = rendered.texts("destination", self.destination) or [""]
        if len(numbers) > 1:
            raise ValueError("destination: a call has one; map the task over several (expand)")
        return numbers[0]

    @property
    def _origin(self) -> str | None:
        return rendered.optional_text(self.origin)

    def _keep_undo(self) -> None:
        from airflow_provider_directcall.api.methods import end_call

        self._undo = end_call(self._origin, self._destination)

    def _trigger(self, sent: Sent, deadline: str) -> CallCompletedTrigger:
        from airflow_provider_directcall.triggers.calls import CallCompletedTrigger

        return CallCompletedTrigger(
            callerid=sent.get("callerid"),
            schedule_id=sent.get("schedule_id"),
            origin=self._origin,
            destination=self._destination,
            since=sent["since"],
            due_at=self._due_text,
            directcall_conn_id=self.directcall_conn_id,
            poll_interval=self._poll_interval,
            deadline=deadline,
        )

    def _look(self, hook: DirectcallHook, sent: Sent, now: datetime) -> StatementRow | None:
        callerid = sent.get("callerid") or self._dialled(hook, sent)
        if callerid is None:
            return None
        window = window_of_call(datetime.fromisoformat(sent["since"]), now)
        return next((row for row in hook.list_statement(*window, callerid=callerid) if row.callerid == callerid), None)

    def _dialled(self, hook: DirectcallHook, sent: Sent) -> str | None:
        """Ask whether a scheduled call was dialled; keep and give its id if so."""
        scheduled = hook.scheduled_call_status(self._origin, sent["schedule_id"])
        if scheduled.refusal is not None:
            raise DirectcallRefused(
                f"refused when its time came: {scheduled.refusal}", code=None, text=scheduled.refusal
            )
        if scheduled.placed is None or scheduled.placed.callerid is None:
            return None
        sent["callerid"] = scheduled.placed.callerid
        self._keep_undo()
        return sent["callerid"]

    def _outcome_word(self, outcome: StatementRow) -> str | None:
        return str(outcome.outcome) if outcome.outcome is not None else None

    def _result(self, context: Context, sent: Sent, outcome: StatementRow | None) -> Result:
        if outcome is None:
            return {"callerid": sent.get("callerid"), "schedule_id": sent.get("schedule_id")}
        if "schedule_id" in sent:
            context["ti"].xcom_push(key="callerid", value=outcome.callerid)
        self.recording_url = outcome.recording_url
        return {**outcome.as_xcom(include_numbers=self.include_numbers)}
