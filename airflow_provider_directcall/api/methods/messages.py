"""SMS and voice messages (``sms``): send, state, cancel, received ones, stored audio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_directcall.api.methods.arguments import (
    MAX_DESTINATIONS,
    boolean,
    checked_audio,
    checked_text,
    file_name,
    identifier,
    local_time,
    numbers,
    one_line,
    origin_value,
    sender_value,
    tag_params,
    window,
)
from airflow_provider_directcall.api.methods.calls import SCHEDULE_TIME
from airflow_provider_directcall.api.replies import (
    Acknowledgement,
    MessageStatus,
    ReceivedMessage,
    SentMessage,
    StoredAudio,
)
from airflow_provider_directcall.api.requests import FilePart, JsonValue, Listing, Request, Value, listing
from airflow_provider_directcall.telephony.numbers import TEXTABLE, VOICE_MESSAGEABLE, NumberKind

_AUDIO_MEGABYTES = 4
_MAX_LOT = 500
_RECEIVED_TIME = "%Y-%m-%d %H:%M:%S"
_RECEIVED_PAGE_SIZE = 100


def send_sms(
    destination: str | Sequence[str],
    text: str,
    *,
    origin: str | None = None,
    tags: Mapping[str, str] | None = None,
    send_at: datetime | None = None,
    short_number: bool = True,
    show_origin: bool = False,
    reply_email: str | None = None,
    as_csv: bool = False,
) -> Request[SentMessage]:
    """Send one SMS text to one or several recipients (``/sms/send``, ``tipo=texto``). Once-only.

    :param destination: one number or several (``destino``): Brazilian mobiles, or ``00`` + country + number.
    :param text: up to 700 characters (``texto``); an SMS holds 140, and each part of a longer text is charged.
    :param origin: sender (``origem``): a number, or a word such as a system's name; None for the connection's default.
    :param tags: custom data (``campos``), texts by name.
    :param send_at: aware datetime (``cron``); None sends at once.
    :param short_number: send from a short number (``short_number``, observed): required for replies and states.
    :param show_origin: put the origin in front of the text (``id_origem``, observed); it counts towards the 700.
    :param reply_email: address for the replies of the next 24 hours (``callbackEmail``, inferred).
    :param as_csv: send the recipients as a file (``destino_csv``); needed for more than ten.
    :raises ValueError: an argument is wrong; nothing was sent.
    """
    sender = sender_value(origin)
    params: dict[str, Value] = {
        "origem": sender,
        "texto": checked_text(text, prefix=sender if show_origin else ""),
        "tipo": "texto",
        "short_number": boolean(short_number),
        "id_origem": boolean(show_origin),
    }
    if reply_email is not None:
        params["callbackEmail"] = _email(reply_email)
    recipients, files = _recipients(destination, TEXTABLE, as_csv=as_csv)
    return _send_message(params | recipients, tags, send_at, files)


def send_voice_message(
    destination: str | Sequence[str],
    *,
    text: str | None = None,
    audio: bytes | None = None,
    audio_id: str | None = None,
    audio_name: str = "audio.mp3",
    origin: str | None = None,
    tags: Mapping[str, str] | None = None,
    send_at: datetime | None = None,
    attempts: int | None = None,
    hours: tuple[int, int] | None = None,
    as_csv: bool = False,
) -> Request[SentMessage]:
    """Call one or several recipients and read a text or play an audio (``/sms/send``, ``tipo=voz``). Once-only.

    :param destination: one Brazilian number or several (``destino``).
    :param text: read aloud by the vendor (``texto``), up to 700 characters.
    :param audio: bytes of an MP3 of up to 4 MB (``audio``).
    :param audio_id: id of a stored audio (``audio_id``). Exactly one of text, audio and audio_id is needed.
    :param audio_name: file name shown to the vendor.
    :param origin: number shown to the recipient (``origem``); None for the connection's default.
    :param tags: custom data (``campos``), texts by name.
    :param send_at: aware datetime (``cron``); None sends at once.
    :param attempts: attempts per number (``num_tentativas``); None leaves the vendor's default of 3.
    :param hours: first and last hour of the day of delivery, 0 to 23, account's zone (``enviar_de``, ``enviar_ate``).
    :param as_csv: send the recipients as a file (``destino_csv``); needed for more than ten.
    :raises ValueError: an argument is wrong; nothing was sent.
    """
    contents = {"text": text, "audio": audio, "audio_id": audio_id}
    given = [name for name, content in contents.items() if content is not None]
    if len(given) > 1:
        raise ValueError(f"{', '.join(given)}: only one of them can be given, a voice message has one content")
    if not given:
        raise ValueError(f"{', '.join(contents)}: exactly one of them is needed")
    params: dict[str, Value] = {"origem": origin_value(origin, VOICE_MESSAGEABLE), "tipo": "voz"}
    files: tuple[FilePart, ...] = ()
    if text is not None:
        params["texto"] = checked_text(text)
    if audio_id is not None:
        params["audio_id"] = identifier("audio_id", audio_id)
    if audio is not None:
        files = (_mp3(audio, audio_name),)
    if attempts is not None:
        params["num_tentativas"] = _attempts(attempts)
    if hours is not None:
        params["enviar_de"], params["enviar_ate"] = _hours(hours)
    recipients, recipients_file = _recipients(destination, VOICE_MESSAGEABLE, as_csv=as_csv)
    return _send_message(params | recipients, tags, send_at, recipients_file + files)


def _recipients(
    destination: str | Sequence[str], allow: frozenset[NumberKind], *, as_csv: bool
) -> tuple[dict[str, Value], tuple[FilePart, ...]]:
    """Return the recipients as a field, or as a file, which has no limit."""
    parsed = numbers(destination, allow, limit=None if as_csv else MAX_DESTINATIONS)
    if not as_csv:
        return {"destino": ";".join(parsed)}, ()
    content = "\n".join(parsed).encode("ascii")
    return {}, (FilePart("destino_csv", "destinations.csv", content, "text/csv"),)


def _send_message(
    params: dict[str, Value],
    tags: Mapping[str, str] | None,
    send_at: datetime | None,
    files: tuple[FilePart, ...],
) -> Request[SentMessage]:
    if send_at is not None:
        params["cron"] = local_time("send_at", send_at, SCHEDULE_TIME)
    return Request("send_message", params | tag_params(tags), SentMessage.from_reply, files=files)


@dataclass(frozen=True, slots=True)
class LotRecipient:
    """One recipient of a lot.

    :param recipient_id: the caller's own id, unique in the lot (``id_destinatario``, documented).
    :param destination: number (``destino``, inferred name).
    :param text: this recipient's text (``texto``, inferred name).
    :param tags: this recipient's own custom data (``campos``, assumed).
    """

    recipient_id: str
    destination: str = field(repr=False)
    text: str = field(repr=False)
    tags: Mapping[str, str] | None = field(default=None, repr=False)


def send_lot(
    recipients: Sequence[LotRecipient],
    *,
    origin: str | None = None,
    tags: Mapping[str, str] | None = None,
    send_at: datetime | None = None,
    short_number: bool | None = None,
    voice: bool = False,
    reply_email: str | None = None,
) -> Request[SentMessage]:
    """Send each recipient an individual text (``/sms/lot-send``). Once-only.

    Documented: ``origem``, ``destinatarios``, ``id_destinatario``, ``callbackEmail``, and that voice messages are
    possible. All other names are inferred from ``/sms/send``, and sent only when they are needed.

    :param recipients: 1 to 500 recipients with different ids and numbers (the limit is assumed).
    :param origin: sender (``origem``); None for the connection's default.
    :param tags: custom data of all recipients (``campos``, inferred).
    :param send_at: aware datetime (``cron``, inferred); None sends at once.
    :param short_number: send from a short number or not (``short_number``, inferred); None for the vendor's default.
    :param voice: read the texts aloud in calls instead of sending SMS (``tipo=voz``, inferred).
    :param reply_email: address for the replies of the next 24 hours (``callbackEmail``).
    :raises ValueError: an argument is wrong; nothing was sent.
    """
    if not 1 <= len(recipients) <= _MAX_LOT:
        raise ValueError(f"recipients: 1 to {_MAX_LOT} in one request, not {len(recipients)}")
    if voice and short_number is not None:
        raise ValueError("short_number: it is for SMS only")
    ids = [identifier("recipient_id", recipient.recipient_id) for recipient in recipients]
    if len(set(ids)) != len(ids):
        raise ValueError("recipients: a recipient_id appears twice")
    allow = VOICE_MESSAGEABLE if voice else TEXTABLE
    digits = numbers([recipient.destination for recipient in recipients], allow, limit=None)
    options: dict[str, JsonValue | None] = {
        "tipo": "voz" if voice else None,
        "campos": _json_tags(tags) if tags else None,
        "cron": local_time("send_at", send_at, SCHEDULE_TIME) if send_at is not None else None,
        "short_number": boolean(short_number) if short_number is not None else None,
        "callbackEmail": _email(reply_email) if reply_email is not None else None,
    }
    body: dict[str, JsonValue] = {
        "origem": origin_value(origin, VOICE_MESSAGEABLE) if voice else sender_value(origin),
        "destinatarios": [
            _lot_entry(index, recipient_id, number, recipient)
            for index, (recipient_id, number, recipient) in enumerate(zip(ids, digits, recipients, strict=True))
        ],
        **{name: value for name, value in options.items() if value is not None},
    }
    return Request("send_lot", {}, SentMessage.from_reply, json=body)


def _lot_entry(index: int, recipient_id: str, digits: str, recipient: LotRecipient) -> dict[str, JsonValue]:
    entry: dict[str, JsonValue] = {
        "id_destinatario": recipient_id,
        "destino": digits,
        "texto": checked_text(recipient.text, name=f"recipients[{index}].text"),
    }
    if recipient.tags:
        entry["campos"] = _json_tags(recipient.tags)
    return entry


def _json_tags(tags: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return checked tags as an object."""
    tag_params(tags)
    return dict(tags)


def message_status(callerid: str) -> Request[MessageStatus]:
    """Return the state of a voice message, or of an SMS with short number (``/sms/status``, ``code``)."""
    return Request("message_status", {"code": identifier("callerid", callerid)}, MessageStatus.from_reply)


def cancel_message(callerid: str) -> Request[Acknowledgement]:
    """Cancel a scheduled message (``/sms/remove``, ``code``); refused with code 010 if there is none."""
    return Request("cancel_message", {"code": identifier("callerid", callerid)}, Acknowledgement.from_reply)


def received_messages(since: datetime, until: datetime) -> Listing[ReceivedMessage]:
    """List received SMS and replies of a closed window (``/sms/recebimento``).

    Needs a contracted keyword or an exclusive short number. Rows have no id, so duplicates are not removed.
    """
    first, last = window(since, until, _RECEIVED_TIME)
    params: dict[str, Value] = {
        "data_inicio": first,
        "data_fim": last,
        "itens_por_pagina": str(_RECEIVED_PAGE_SIZE),
    }
    return listing("received_messages", params, ReceivedMessage.from_fields, lambda row: None)


def upload_audio(audio: bytes, *, name: str = "audio.mp3") -> Request[StoredAudio]:
    """Store an MP3 of up to 4 MB for voice messages (``/sms/audio``). Once-only: the vendor would store two copies."""
    return Request("upload_audio", {}, StoredAudio.from_reply, files=(_mp3(audio, name),))


def _mp3(content: bytes, name: str) -> FilePart:
    checked = checked_audio(content, megabytes=_AUDIO_MEGABYTES, formats=("MP3",))
    return FilePart("audio", file_name("name of the audio", name), checked, "audio/mpeg")


def _email(address: str) -> str:
    if "@" not in one_line("reply_email", address).strip("@") or any(char.isspace() for char in address):
        raise ValueError("reply_email: an e-mail address is needed")
    return address


def _attempts(attempts: int) -> str:
    if not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1:
        raise ValueError(f"attempts: a whole number from 1 is needed, not {attempts!r}")
    return str(attempts)


def _hours(hours: tuple[int, int]) -> tuple[str, str]:
    if len(hours) != 2 or not all(type(hour) is int and 0 <= hour <= 23 for hour in hours):
        raise ValueError(f"hours: two hours from 0 to 23 are needed, not {hours!r}")
    first, last = hours
    return str(first), str(last)
