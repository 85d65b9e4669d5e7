"""The operator that places a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_directcall.delivery.keys import with_key
from airflow_provider_directcall.links.recording import RecordingLink
from airflow_provider_directcall.operators.once_only import (
    COMMON_TEMPLATE_FIELDS,
    DEFAULT_COMPLETION_TIMEOUT,
    DEFAULT_SETTLE_SECONDS,
    OnceOnlyOperator,
    Result,
)
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.polling import DEFAULT_DEFERRABLE, DEFAULT_POLL_INTERVAL

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import Client
    from airflow_provider_directcall.api.replies import PlacedCall
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.delivery.calls import CallErrand
    from airflow_provider_directcall.delivery.errand import End
    from airflow_provider_directcall.delivery.record import Record


class DirectcallPlaceCallOperator(OnceOnlyOperator):
    """Connect two parties by telephone (``/voz/call``): one is called, then the other. Once, whatever happens.

    The call's id is in the XCom ``callerid`` (a scheduled call's in ``schedule_id``) before any waiting. Without
    waiting, the result is ``{"callerid", "schedule_id", "state", "airflow_key"}``, one of the ids None and ``state``
    ``sent``. With ``wait_for_completion`` it is the call in the statement: ``callerid``, ``origin``, ``destination``,
    ``started_at``, ``duration_seconds``, ``outcome``, ``price_brl``, ``recording_url``, ``tags``, ``legs``. Where the
    statement has several rows of a call, one for each leg or attempt, ``legs`` lists them, the price is their sum, and
    the destination's leg has the outcome: ``answered`` if one was, else that of the latest. A call that nobody answers
    is a result, not a failure, unless ``fail_on`` names its outcome.

    Each call carries the tag ``airflow_key``. When the outcome of a request is unknown, or a worker was lost, the call
    is looked for by that tag in the statement; it is placed again only when it is surely absent. A retry goes on with
    the call of an earlier try, a user's Clear of a finished task places another call, and so does a retry after an
    outcome in ``fail_on``.

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
    :param wait_for_completion: wait until the call is in the statement.
    :param completion_timeout: seconds (or a timedelta) to wait, from dialling on; then the task fails without a retry.
    :param settle_seconds: seconds (or a timedelta) without a row in the statement that prove absence, counted from the
        end of any call in progress between the two numbers.
    :param on_unknown_outcome: policy when the statement does not prove it: ``fail`` without a retry, ``resend`` at the
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
        *COMMON_TEMPLATE_FIELDS,
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

    def _errand(self) -> CallErrand:
        from airflow_provider_directcall.delivery.calls import CallErrand
        from airflow_provider_directcall.telephony.numbers import CALLABLE, parse_number

        destinations = arguments.phone_numbers("destination", self.destination) or [""]
        if len(destinations) > 1:
            raise ValueError("destination: a call has one; map the task over several (expand)")
        return CallErrand(
            origin=arguments.optional_number("origin", self.origin),
            destination=parse_number(destinations[0], argument="destination", allow=CALLABLE).digits,
            due_at=arguments.moment("schedule_at", self.schedule_at),
            build=self._request,
        )

    def _request(self, key: str) -> Request[PlacedCall]:
        from airflow_provider_directcall.api.methods import place_call

        errand = self._errand()
        return place_call(
            errand.origin,
            errand.destination,
            record=arguments.boolean("record", self.record),
            tags=with_key(arguments.tags("tags", self.tags), key),
            dial_destination_first=arguments.boolean("dial_destination_first", self.dial_destination_first),
            schedule_at=errand.due_at,
        )

    def _result(self, client: Client, record: Record, end: End | None) -> Result:
        if end is None or end.call is None:
            ids = {name: record.ids.get(name) for name in ("callerid", "schedule_id")}
            return {**ids, "state": "sent" if record.is_accepted else "unknown", "airflow_key": record.key}
        self.recording_url = end.call.recording_url
        result = end.call.as_xcom(include_numbers=self.include_numbers)
        return {**result, "callerid": end.call.callerid or record.ids.get("callerid")}
