"""Accept or refuse the recipients of a request to send messages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from airflow_provider_directcall.sandbox.endpoints.calls import REFUSALS
from airflow_provider_directcall.sandbox.magic_numbers import scenario_of
from airflow_provider_directcall.sandbox.records import MessageKind, MessageRecord
from airflow_provider_directcall.sandbox.replies import ApiError
from airflow_provider_directcall.sandbox.requests import INVALID, checked_phone, invalid
from airflow_provider_directcall.sandbox.wire_dates import DASHES

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.replies import Fields, Json
    from airflow_provider_directcall.sandbox.requests import ApiRequest

MAX_TEXT: Final = 700
MAX_AUDIO_BYTES: Final = 4 * 1024 * 1024
DEFAULT_ATTEMPTS: Final = 3
MAX_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """Options that all recipients of a request share."""

    origin: str
    kind: MessageKind
    starts_at: float
    audio: str | None
    short_number: bool
    show_origin: bool
    attempts: int
    window_from: int | None
    window_to: int | None
    reply_email: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a recipient is refused."""

    codigo: str
    msg: str


@dataclass(frozen=True, slots=True)
class MessageRecipient:
    """One recipient of a request."""

    number: str
    text: str
    tags: dict[str, str] = field(default_factory=dict)
    recipient_id: str | None = None
    refusal: Refusal | None = None


def read_send_options(account: Account, request: ApiRequest) -> SendOptions:
    """Read and check the options of a request."""
    origin = request.required("origem")
    kind = request.text("tipo") or "texto"
    if kind not in {"texto", "voz"}:
        raise invalid("tipo")
    now = account.now()
    starts_at = request.moment("cron", DASHES)
    return SendOptions(
        origin=origin,
        kind=cast("MessageKind", kind),
        starts_at=now if starts_at is None else max(now, starts_at),
        audio=_audio(account, request) if kind == "voz" else None,
        short_number=request.flag("short_number", default=True),
        show_origin=request.flag("id_origem"),
        attempts=_attempts(request),
        window_from=request.integer("enviar_de", 0, 23),
        window_to=request.integer("enviar_ate", 0, 23),
        reply_email=request.text("callbackEmail"),
    )


def _attempts(request: ApiRequest) -> int:
    given = request.text("num_tentativas") or ""
    number = int(given) if given.isdecimal() and len(given) < 9 else 0
    return min(number, MAX_ATTEMPTS) or DEFAULT_ATTEMPTS


def _audio(account: Account, request: ApiRequest) -> str | None:
    audio_id = request.text("audio_id")
    if audio_id is not None:
        if audio_id not in account.store.audios:
            raise ApiError.not_found()
        return audio_id
    if "audio" not in request.files:
        return None
    upload = request.upload("audio", MAX_AUDIO_BYTES, ("mp3",))
    return f"sha256:{hashlib.sha256(upload.content).hexdigest()}"


def accept(account: Account, options: SendOptions, recipients: list[MessageRecipient]) -> Fields:
    """Accept the messages of a request, except refused recipients; when all are refused, so is the request."""
    refusals = [_refusal(options, recipient) for recipient in recipients]
    callerid, ids = account.next_message_ids(len(recipients))
    detail: list[Json] = []
    for recipient, refusal, message_id in zip(recipients, refusals, ids, strict=True):
        if refusal is None:
            _store(account, options, recipient, callerid, message_id)
        detail.append(_detail(recipient, refusal, message_id))
    accepted = refusals.count(None)
    if not accepted:
        _refuse_all(refusals, detail)
    account.store.effects.add("messages_accepted", accepted)
    account.store.effects.add("message_requests_accepted")
    return {
        "msg": f"001 - Mensagem enviada com sucessso - CALLER-ID: {callerid}",
        "destino": [recipient.number for recipient in recipients],
        "callerid": callerid,
        "detalhe": detail,
    }


def _refusal(options: SendOptions, recipient: MessageRecipient) -> Refusal | None:
    if recipient.refusal is not None:
        return recipient.refusal
    if options.audio is None and not 0 < len(recipient.text) <= MAX_TEXT:
        return Refusal(INVALID, invalid("texto").msg)
    try:
        checked_phone(recipient.number, "destino", foreign=True)
    except ApiError as error:
        return Refusal(error.codigo, error.msg)
    codigo = scenario_of(recipient.number).refused_message
    return None if codigo is None else Refusal(codigo, REFUSALS[codigo])


def _store(account: Account, options: SendOptions, recipient: MessageRecipient, callerid: str, message_id: int) -> None:
    scenario = scenario_of(recipient.number)
    account.store.messages[str(message_id)] = MessageRecord(
        message_id=message_id,
        callerid=callerid,
        origin=options.origin,
        destination=recipient.number,
        kind=options.kind,
        text=recipient.text,
        accepted_at=account.now(),
        starts_at=options.starts_at,
        sms_outcome=scenario.sms,
        voice_answered_on=scenario.voice_answered_on,
        audio=options.audio,
        short_number=options.short_number,
        show_origin=options.show_origin,
        attempts=options.attempts,
        window_from=options.window_from,
        window_to=options.window_to,
        reply_email=options.reply_email,
        recipient_id=recipient.recipient_id,
        tags=recipient.tags,
    )


def _detail(recipient: MessageRecipient, refusal: Refusal | None, message_id: int) -> Json:
    row: dict[str, Json] = {} if recipient.recipient_id is None else {"id_destinatario": recipient.recipient_id}
    row["destino"] = recipient.number
    if refusal is not None:
        return {**row, "codigo": refusal.codigo, "msg": refusal.msg}
    return {**row, "id_mensagem": message_id}


def _refuse_all(refusals: list[Refusal | None], detail: list[Json]) -> None:
    first = next(refusal for refusal in refusals if refusal is not None)
    raise ApiError(first.codigo, first.msg, {"detalhe": detail} if len(detail) > 1 else {})
