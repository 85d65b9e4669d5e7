"""The operators that send SMS and voice messages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.delivery.keys import with_key
from airflow_provider_directcall.errors import DirectcallError
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
    import os

    from airflow_provider_directcall.api.client import Client
    from airflow_provider_directcall.api.replies import SentMessage
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.delivery.errand import End
    from airflow_provider_directcall.delivery.messages import MessageErrand
    from airflow_provider_directcall.delivery.record import Record


#: Stands for the connection's default origin where it counts as part of a text.
_LONGEST_NUMBER = "0" * 13


class SendMessageOperator(OnceOnlyOperator):
    """Sends a message to one or several recipients.

    :param destination: one number or several, as a list or as a text (see :func:`.arguments.texts`).
    :param origin: the sender; None for the connection's default.
    :param tags: custom data.
    :param send_at: aware datetime or ISO text with a zone; None sends at once.
    :param as_csv: send the recipients as a file.
    :param wait_for_delivery: wait until the message is delivered, failed or cancelled.

    Further parameters as in :class:`~.once_only.OnceOnlyOperator`.
    """

    ui_color = "#eaf2e3"

    _kind: ClassVar[str]

    def __init__(
        self,
        *,
        destination: str | Sequence[str],
        origin: str | None,
        tags: Mapping[str, str] | str | None,
        send_at: datetime | str | None,
        as_csv: bool | str,
        wait_for_delivery: bool,
        **kwargs: Any,  # noqa: ANN401 - the arguments of OnceOnlyOperator and BaseOperator
    ) -> None:
        super().__init__(waits=wait_for_delivery, **kwargs)
        self.destination = destination
        self.origin = origin
        self.tags = tags
        self.send_at = send_at
        self.as_csv = as_csv
        self.wait_for_delivery = wait_for_delivery

    @abstractmethod
    def _request(self, key: str) -> Request[SentMessage]:
        """Build the request with the key among its tags.

        :raises ValueError: an argument is wrong.
        """

    def _errand(self) -> MessageErrand:
        from airflow_provider_directcall.delivery.messages import MessageErrand

        return MessageErrand(
            kind=self._kind,
            destinations=self._digits,
            due_at=self._due_at,
            build=self._request,
        )

    def _result(self, client: Client, record: Record, end: End | None) -> Result:
        state = "sent" if record.is_accepted else "unknown"
        return {
            "callerid": record.ids.get("callerid"),
            "recipients": self._recipients(client, record),
            "state": end.outcome if end is not None else state,
            "airflow_key": record.key,
        }

    def _recipients(self, client: Client, record: Record) -> list[dict[str, object]]:
        """Return the vendor's word on each recipient; of a message that was found again, its rows in the statement."""
        digits = self._digits
        if record.recipients is not None:
            from airflow_provider_directcall.api.replies import acceptance_of

            # A retry's template may return fewer recipients than the message was sent to.
            numbers: dict[int | None, str] = {**dict(enumerate(digits))}
            noted = [
                self._recipient(numbers.get(place, ""), message_id, code, accepted=acceptance_of(code))
                for place, message_id, code in record.recipients
            ]
            named = {place for place, _, _ in record.recipients}
            unnamed = [number for place, number in enumerate(digits) if place not in named]
            return noted + [self._recipient(number, None, None, accepted=None) for number in unnamed]
        found = self._message_ids(client, record) if record.is_accepted else {}
        return [
            self._recipient(number, found.get(number), None, accepted=True if number in found else None)
            for number in digits
        ]

    def _message_ids(self, client: Client, record: Record) -> dict[str, str | None]:
        """Look up the ids of a message's parts by recipient; none where the statement cannot be read."""
        try:
            rows = client.run(self._errand().recipient_rows(record, current_clock().now()))
        except DirectcallError as error:
            self.log.warning("The statement of messages does not show the recipients: %s", error)
            return {}
        return {row.destination: row.message_id for row in rows if row.destination is not None}

    def _recipient(
        self, number: str, message_id: str | None, refusal_code: str | None, *, accepted: bool | None
    ) -> dict[str, object]:
        from airflow_provider_directcall.telephony.masking import mask_number

        return {
            "destination": number if self.include_numbers else mask_number(number),
            "message_id": message_id,
            "accepted": accepted,
            "refusal_code": refusal_code,
        }

    @property
    def _due_at(self) -> datetime | None:
        return arguments.moment("send_at", self.send_at)

    @property
    def _digits(self) -> list[str]:
        from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

        destinations = arguments.phone_numbers("destination", self.destination) or []
        return [parse_number(number, argument="destination", allow=ALL_KINDS).digits for number in destinations]


class DirectcallSendSMSOperator(SendMessageOperator):
    """Send one SMS text to one or several recipients (``/sms/send``, ``tipo=texto``). Once, whatever happens.

    The request's id is in the XCom ``callerid`` before any waiting. The result is ``{"callerid", "recipients", "state",
    "airflow_key"}``: ``state`` is ``sent``, or how it ended when the task waited; ``recipients`` is a list of
    ``{"destination", "message_id", "accepted", "refusal_code"}``. That some recipients are refused is part of the
    result; that all are is an error. ``accepted`` is None where the answer proves neither: look at the statement before
    sending to that recipient again. ``refusal_code`` then holds the vendor's word, if there is one.

    Each message carries the tag ``airflow_key``. When the outcome of a request is unknown, or a worker was lost, the
    message is looked for by that tag in the statement of messages (which is assumed, and which not every account may
    have); it is sent again only when it is surely absent. A retry goes on with the message of an earlier try, a user's
    Clear of a finished task sends another message, and so does a retry after an undelivered message to a single
    recipient when ``fail_on`` names its state. When the task is killed while it waits, a message that is still
    scheduled is cancelled.

    :param destination: one mobile or several (``destino``): 55, area and number, or ``00`` + country + number. A list,
        or a text: of one number, of several with ``;`` or ``,`` between, or of a JSON or Python list, as templates
        render one. Templated, like all arguments but ``wait_for_delivery``, ``include_numbers`` and
        ``deferrable``.
    :param text: up to 700 characters (``texto``); an SMS holds 140, a longer text is split and each part is charged.
    :param origin: sender (``origem``): a number, or a word such as a system's name; None for the connection's default.
    :param tags: custom data (``campos``).
    :param send_at: when to send: an aware datetime or an ISO text with a zone (``cron``), not past; None sends at once.
    :param short_number: send from a short number (``short_number``): only then there are replies and states.
    :param show_origin: put the origin in front of the text (``id_origem``); it counts towards the 700.
    :param reply_email: address that gets the replies of the next 24 hours (``callbackEmail``).
    :param as_csv: send the recipients as a file (``destino_csv``); needed for more than ten.
    :param fail_on: states that fail the task: ``failed``, ``cancelled``, ``delivered``; needs ``wait_for_delivery``.
    :param wait_for_delivery: wait until the message is delivered, failed or cancelled; needs ``short_number``.
    :param completion_timeout: seconds (or a timedelta) to wait, from the time of sending on; then the task fails
        without a retry.
    :param settle_seconds: seconds (or a timedelta) without a row in the statement that prove absence.
    :param on_unknown_outcome: policy when the statement does not prove it: ``fail`` without a retry, ``resend`` at the
        risk of a second message, or ``hold``: succeed with ``"callerid": None`` and ``"state": "unknown"``.
    :param poll_interval: seconds between two looks at the state.
    :param include_numbers: show phone numbers in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker; by default Airflow's ``default_deferrable``.
    """

    template_fields: Sequence[str] = (
        "destination",
        "text",
        "origin",
        "tags",
        "send_at",
        "short_number",
        "show_origin",
        "reply_email",
        "as_csv",
        *COMMON_TEMPLATE_FIELDS,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}
    _kind = "SMS"

    def __init__(
        self,
        *,
        destination: str | Sequence[str],
        text: str,
        origin: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        send_at: datetime | str | None = None,
        short_number: bool | str = True,
        show_origin: bool | str = False,
        reply_email: str | None = None,
        as_csv: bool | str = False,
        fail_on: Iterable[str] | str = (),
        wait_for_delivery: bool = False,
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
            destination=destination,
            origin=origin,
            tags=tags,
            send_at=send_at,
            as_csv=as_csv,
            wait_for_delivery=wait_for_delivery,
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
        self.text = text
        self.short_number = short_number
        self.show_origin = show_origin
        self.reply_email = reply_email

    def _request(self, key: str) -> Request[SentMessage]:
        from airflow_provider_directcall.api.methods import send_sms
        from airflow_provider_directcall.telephony.segments import sms_parts

        text = arguments.optional_text(self.text)
        if text is None:
            raise ValueError("text: it is empty, or None where a template or a mapped value is empty")
        short_number = arguments.boolean("short_number", self.short_number)
        if self._waits and not short_number:
            raise ValueError("wait_for_delivery: without short_number, Directcall reports no state to wait for")
        origin = arguments.optional_number("origin", self.origin)
        show_origin = arguments.boolean("show_origin", self.show_origin)
        request = send_sms(
            self._digits,
            text,
            origin=origin,
            tags=with_key(arguments.tags("tags", self.tags), key),
            send_at=self._due_at,
            short_number=short_number,
            show_origin=show_origin,
            reply_email=arguments.optional_text(self.reply_email),
            as_csv=arguments.boolean("as_csv", self.as_csv),
        )
        shown_origin = (origin or _LONGEST_NUMBER) if show_origin else ""
        self.log.info("The text makes about %s; each is charged to each recipient.", sms_parts(shown_origin + text))
        return request


class DirectcallSendVoiceMessageOperator(SendMessageOperator):
    """Call one or several recipients and read a text or play an audio to them (``/sms/send``, ``tipo=voz``).

    Result, XCom, retries and killing are as in :class:`DirectcallSendSMSOperator`.

    :param destination: one Brazilian number or several (``destino``), given as there. Templated, as there.
    :param text: read aloud by the vendor (``texto``), up to 700 characters.
    :param audio: an MP3 of up to 4 MB (``audio``): a local path, an ``ObjectStoragePath``, or a URI such as
        ``s3://bucket/greeting.mp3``; read when the task runs, from the places that ``[directcall] audio_sources``
        allows.
    :param audio_id: id of a stored audio (``audio_id``). Exactly one of text, audio and audio_id is needed.
    :param origin: number shown to the recipient (``origem``); None for the connection's default.
    :param tags: custom data (``campos``).
    :param send_at: when to send: an aware datetime or an ISO text with a zone (``cron``); None sends at once.
    :param attempts: how often each number is tried (``num_tentativas``); None leaves the vendor's default of 3.
    :param hours: first and last hour of the day of delivery, 0 to 23, in the account's zone (``enviar_de``,
        ``enviar_ate``): two numbers, or a text such as ``9, 18``.
    :param as_csv: send the recipients as a file (``destino_csv``); needed for more than ten.
    :param fail_on: states that fail the task: ``failed``, ``cancelled``, ``delivered``; needs ``wait_for_delivery``.
    :param wait_for_delivery: wait until the message is delivered, failed or cancelled.
    :param completion_timeout: seconds (or a timedelta) to wait, from the time of sending on; then the task fails
        without a retry. The vendor's attempts are some minutes apart.
    :param settle_seconds: seconds (or a timedelta) without a row in the statement that prove absence.
    :param on_unknown_outcome: policy when the statement does not prove it: ``fail`` without a retry, ``resend`` at the
        risk of a second message, or ``hold``: succeed with ``"callerid": None`` and ``"state": "unknown"``.
    :param poll_interval: seconds between two looks at the state.
    :param include_numbers: show phone numbers in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker; by default Airflow's ``default_deferrable``.
    """

    template_fields: Sequence[str] = (
        "destination",
        "text",
        "audio",
        "audio_id",
        "origin",
        "tags",
        "send_at",
        "attempts",
        "hours",
        "as_csv",
        *COMMON_TEMPLATE_FIELDS,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}
    _kind = "voice message"

    def __init__(
        self,
        *,
        destination: str | Sequence[str],
        text: str | None = None,
        audio: str | os.PathLike[str] | None = None,
        audio_id: str | None = None,
        origin: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        send_at: datetime | str | None = None,
        attempts: int | str | None = None,
        hours: tuple[int, int] | str | None = None,
        as_csv: bool | str = False,
        fail_on: Iterable[str] | str = (),
        wait_for_delivery: bool = False,
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
            destination=destination,
            origin=origin,
            tags=tags,
            send_at=send_at,
            as_csv=as_csv,
            wait_for_delivery=wait_for_delivery,
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
        self.text = text
        self.audio = audio
        self._written_audio = audio
        self.audio_id = audio_id
        self.attempts = attempts
        self.hours = hours

    def _request(self, key: str) -> Request[SentMessage]:
        from airflow_provider_directcall.api.methods import send_voice_message
        from airflow_provider_directcall.runtime.audio import is_literal, read_audio

        audio, name = None, "audio.mp3"
        if self.audio:
            audio, name = read_audio(self.audio, literal=is_literal(self, "audio", self._written_audio))
        return send_voice_message(
            self._digits,
            text=arguments.optional_text(self.text),
            audio=audio,
            audio_id=arguments.optional_text(self.audio_id),
            audio_name=name,
            origin=arguments.optional_number("origin", self.origin),
            tags=with_key(arguments.tags("tags", self.tags), key),
            send_at=self._due_at,
            attempts=arguments.integer("attempts", self.attempts),
            hours=arguments.hours("hours", self.hours),
            as_csv=arguments.boolean("as_csv", self.as_csv),
        )
