"""The operator that places a call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_directcall.delivery.keys import KEY_TAG, with_key
from airflow_provider_directcall.delivery.matching import NOT_ACTIVE, Sought, call_sighting, progress_sighting
from airflow_provider_directcall.delivery.reconciling import Patience, Seen, Sighting
from airflow_provider_directcall.errors import DirectcallRefused
from airflow_provider_directcall.links.recording import RecordingLink
from airflow_provider_directcall.operators.delivering import DEFAULT_SETTLE_SECONDS, Accepted, Result
from airflow_provider_directcall.operators.sending import (
    DEFAULT_COMPLETION_TIMEOUT,
    RefusedWhenDueError,
    SendingOperator,
)
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.pace import DEFAULT_POLL_INTERVAL
from airflow_provider_directcall.runtime.polling import DEFAULT_DEFERRABLE
from airflow_provider_directcall.statement.search import window_of_call

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import Acknowledgement, PlacedCall, StatementRow
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.delivery.record import Record
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.calls import CallCompletedTrigger
    from airflow_provider_directcall.triggers.settling import CallSettlingTrigger


class DirectcallPlaceCallOperator(SendingOperator["PlacedCall", "StatementRow"]):
    """Connect two parties by telephone (``/voz/call``): one is called, then the other. Once, whatever happens.

    The call's id is in the XCom ``callerid`` (a scheduled call's in ``schedule_id``) before any waiting. Without
    waiting, the result is ``{"callerid", "schedule_id", "state", "airflow_key"}``, one of the ids None and ``state``
    ``sent``. With ``wait_for_completion`` it is the call's row of the statement: ``callerid``, ``origin``,
    ``destination``, ``started_at``, ``duration_seconds``, ``outcome``, ``price_brl``, ``recording_url``, ``tags``. A
    call that nobody answers is a result, not a failure, unless ``fail_on`` names its outcome.

    Each call carries the tag ``airflow_key``. When nobody can say whether a request took effect, or a worker was lost,
    the call is looked for by that tag in the statement; it is placed again only when it is surely not there. A retry
    finishes what an earlier try began, a user's Clear of a finished task places another call, and so does a retry after
    an outcome in ``fail_on``.

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
    :param settle_seconds: seconds (or a timedelta) that a call of which nobody knows is looked for in the statement,
        counted from the end of any call that is in progress between the two numbers.
    :param on_unknown_outcome: what to do when the statement cannot tell: ``fail`` without a retry, ``resend`` at the
        risk of a second call, or ``hold``: succeed with ``{"callerid": None, "schedule_id": None, "state": "unknown",
        "airflow_key"}``.
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
        "settle_seconds",
        "on_unknown_outcome",
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
        settle_seconds: float | timedelta | str = DEFAULT_SETTLE_SECONDS,
        on_unknown_outcome: str = "fail",
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
            settle_seconds=settle_seconds,
            on_unknown_outcome=on_unknown_outcome,
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
        return arguments.moment("schedule_at", self.schedule_at)

    def _request(self, key: str) -> Request[PlacedCall]:
        from airflow_provider_directcall.api.methods import place_call

        return place_call(
            self._origin,
            self._destination,
            record=arguments.boolean("record", self.record),
            tags=with_key(arguments.tags("tags", self.tags), key),
            dial_destination_first=arguments.boolean("dial_destination_first", self.dial_destination_first),
            schedule_at=self._due_at(),
        )

    def _accepted(self, reply: PlacedCall) -> Accepted:
        ids = {"callerid": reply.callerid, "schedule_id": reply.schedule_id}
        return Accepted({key: value for key, value in ids.items() if value is not None})

    def _sight(self, hook: DirectcallHook, record: Record, now: datetime) -> Sighting:
        self._watch(record)
        rows = hook.list_statement(*window_of_call(record.since, now), tags={KEY_TAG: record.key})
        sighting = call_sighting(rows, Sought(record.key, [self._digits], record.since))
        if sighting.seen is not Seen.NOTHING:
            return sighting
        try:
            return progress_sighting(hook.call_status(self._origin, self._destination))
        except DirectcallRefused as refused:
            if refused.code != NOT_ACTIVE:
                raise
            return sighting

    def _settling_trigger(self, record: Record, patience: Patience) -> CallSettlingTrigger:
        from airflow_provider_directcall.triggers.settling import CallSettlingTrigger

        return CallSettlingTrigger(
            key=record.key,
            since=record.since.isoformat(),
            settle_seconds=patience.settle_seconds,
            longest_seconds=patience.longest_seconds,
            origin=self._origin,
            destination=self._digits,
            scheduled_for=self._due_text,
            directcall_conn_id=self.directcall_conn_id,
            poll_interval=patience.pause(self._poll_interval),
        )

    def _what(self) -> str:
        from airflow_provider_directcall.telephony.masking import mask_number

        return f"call to {mask_number(self._digits)}"

    def _whereabouts(self) -> str:
        return "Directcall's statement of calls (extrato)"

    def _held(self, record: Record) -> Result:
        return {"callerid": None, "schedule_id": None, "state": "unknown", "airflow_key": record.key}

    def _target(self) -> Sequence[str]:
        return [self._origin or "", self._digits]

    @property
    def _digits(self) -> str:
        from airflow_provider_directcall.telephony.numbers import CALLABLE, parse_number

        return parse_number(self._destination, argument="destination", allow=CALLABLE).digits

    @property
    def _destination(self) -> str:
        numbers = arguments.texts("destination", self.destination) or [""]
        if len(numbers) > 1:
            raise ValueError("destination: a call has one; map the task over several (expand)")
        return numbers[0]

    @property
    def _origin(self) -> str | None:
        return arguments.optional_text(self.origin)

    def _undo_of(self, ids: Mapping[str, str]) -> Request[Acknowledgement] | None:
        from airflow_provider_directcall.api.methods import end_call

        # Without its id it may not be dialled yet: then what would be hung up is another call between the two.
        is_only_scheduled = "callerid" not in ids and self._due_at() is not None
        return None if is_only_scheduled else end_call(self._origin, self._destination)

    def _trigger(self, record: Record, deadline: str) -> CallCompletedTrigger:
        from airflow_provider_directcall.triggers.calls import CallCompletedTrigger

        return CallCompletedTrigger(
            callerid=record.ids.get("callerid"),
            schedule_id=record.ids.get("schedule_id"),
            origin=self._origin,
            destination=self._destination,
            since=record.since.isoformat(),
            due_at=self._due_text,
            directcall_conn_id=self.directcall_conn_id,
            poll_interval=self._poll_interval,
            deadline=deadline,
        )

    def _look(self, hook: DirectcallHook, record: Record, now: datetime) -> StatementRow | None:
        callerid = record.ids.get("callerid") or self._dialled(hook, record.ids["schedule_id"])
        if callerid is None:
            return None
        window = window_of_call(record.since, now)
        return next((row for row in hook.list_statement(*window, callerid=callerid) if row.callerid == callerid), None)

    def _dialled(self, hook: DirectcallHook, schedule_id: str) -> str | None:
        """Ask whether a scheduled call was dialled; give its id if so."""
        scheduled = hook.scheduled_call_status(self._origin, schedule_id)
        if scheduled.refusal is not None:
            raise RefusedWhenDueError(
                f"refused when its time came: {scheduled.refusal}", code=None, text=scheduled.refusal
            )
        if scheduled.placed is None or scheduled.placed.callerid is None:
            return None
        self._undo = self._undo_of({"callerid": scheduled.placed.callerid})
        return scheduled.placed.callerid

    def _outcome_word(self, outcome: StatementRow) -> str | None:
        return str(outcome.outcome) if outcome.outcome is not None else None

    def _result(self, hook: DirectcallHook, context: Context, record: Record, outcome: StatementRow | None) -> Result:
        if outcome is None:
            ids = {name: record.ids.get(name) for name in ("callerid", "schedule_id")}
            return {**ids, "state": "sent", "airflow_key": record.key}
        if "schedule_id" in record.ids:
            context["ti"].xcom_push(key="callerid", value=outcome.callerid)
        self.recording_url = outcome.recording_url
        return {**outcome.as_xcom(include_numbers=self.include_numbers)}
