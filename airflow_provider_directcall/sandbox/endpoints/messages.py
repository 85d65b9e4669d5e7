"""Endpoints of messages: ``/sms/...``."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.endpoints.sending import (
    MAX_AUDIO_BYTES,
    MessageRecipient,
    Refusal,
    accept,
    read_send_options,
)
from airflow_provider_directcall.sandbox.lifecycle import MessagePhase, message_phase
from airflow_provider_directcall.sandbox.people import received_messages
from airflow_provider_directcall.sandbox.records import AudioRecord
from airflow_provider_directcall.sandbox.replies import ApiError
from airflow_provider_directcall.sandbox.requests import invalid, json_map, json_text
from airflow_provider_directcall.sandbox.wire_dates import DASHES, READABLE

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.records import MessageRecord, ReceivedMessageRecord
    from airflow_provider_directcall.sandbox.replies import Fields, Json
    from airflow_provider_directcall.sandbox.requests import ApiRequest
    from airflow_provider_directcall.sandbox.wire_dates import DateFormat

MAX_LOT: Final = 500
_LOT_FIELDS: Final = ("id_destinatario", "destino", "texto")
_PHRASES: Final = {
    MessagePhase.SCHEDULED: "Mensagem agendada",
    MessagePhase.QUEUED: "Mensagem na fila de envio",
    MessagePhase.SENT: "Mensagem enviada, aguardando confirmacao",
    MessagePhase.DELIVERED: "Mensagem entregue",
    MessagePhase.CANCELLED: "Mensagem cancelada",
}
_UNFINISHED: Final = (MessagePhase.SCHEDULED, MessagePhase.QUEUED, MessagePhase.SENT)


def send(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/sms/send``: one text or audio to one or many numbers."""
    options = read_send_options(account, request)
    text = request.text("texto") or ""
    tags = request.tags()
    numbers = _destinations(request)
    request.log_numbers(*numbers[:1])
    recipients = [MessageRecipient(number, text, tags) for number in numbers]
    return accept(account, options, recipients)


def _destinations(request: ApiRequest) -> list[str]:
    listed = request.files.get("destino_csv")
    if listed is not None:
        numbers = re.findall(r"[0-9]+", listed.content.decode("ascii", errors="replace"))
    else:
        numbers = [number.strip() for number in request.required("destino").split(";") if number.strip()]
    if not numbers:
        raise invalid("destino")
    return numbers


def status(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/sms/status``: the state of a request as a phrase; unfinished messages come first, then failed."""
    messages = _of_request(account, request)
    phases = [
        message_phase(message, account.lifecycle_time(message.starts_at), account.config.zone) for message in messages
    ]
    return {"msg": _phrase(messages, phases)}


def _phrase(messages: list[MessageRecord], phases: list[MessagePhase]) -> str:
    for phase in _UNFINISHED:
        if phase in phases:
            return _PHRASES[phase]
    failed = [
        message.destination for message, phase in zip(messages, phases, strict=True) if phase == MessagePhase.FAILED
    ]
    if failed:
        return "Mensagem nao entregue" if len(messages) == 1 else f"Mensagem nao entregue: {', '.join(failed)}"
    return _PHRASES[phases[0]]


def remove(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/sms/remove``: cancel the messages of a request that have not left; 010 when there are none."""
    messages = _of_request(account, request)
    now = account.now()
    waiting = [message for message in messages if message.cancelled_at is None and now < message.starts_at]
    if not waiting:
        raise ApiError.not_found()
    for message in waiting:
        account.store.messages[str(message.message_id)] = replace(message, cancelled_at=now)
        account.store.effects.add("messages_cancelled")
    return {"msg": "Mensagem cancelada com sucesso"}


def _of_request(account: Account, request: ApiRequest) -> list[MessageRecord]:
    code = request.required("code")
    messages = [message for message in account.store.messages.values() if message.callerid == code]
    if not messages:
        raise ApiError.not_found()
    return messages


def received(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/sms/recebimento``: received SMS of a closed window, paged."""
    found = _received_in_window(account, request, READABLE)
    page = request.integer("pagina", 1, 10**6) or 1
    size = request.integer("itens_por_pagina", 1, 1000) or account.settings.page_size
    return _received(account, found[(page - 1) * size : page * size])


def received_by_number(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/sms/received``: the early form, by destination and with dates in another format."""
    destination = request.required("destino")
    found = _received_in_window(account, request, DASHES)
    return _received(account, [message for message in found if message.destination == destination])


def _received_in_window(account: Account, request: ApiRequest, form: DateFormat) -> list[ReceivedMessageRecord]:
    since = request.required_moment("data_inicio", form)
    until = request.required_moment("data_fim", form)
    return [message for message in received_messages(account) if since <= int(message.received_at) <= until]


def _received(account: Account, messages: list[ReceivedMessageRecord]) -> Fields:
    rows: list[Json] = [
        {
            "origem": message.origin,
            "destino": message.destination,
            "texto": message.text,
            "dataHora": account.format_moment(message.received_at),
        }
        for message in messages
    ]
    return {"msg": rows}


def upload_audio(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/sms/audio``: store an MP3 for voice messages."""
    upload = request.upload("audio", MAX_AUDIO_BYTES, ("mp3",))
    record = AudioRecord(
        audio_id=secrets.token_hex(12),
        name=upload.name,
        size=len(upload.content),
        sha256=hashlib.sha256(upload.content).hexdigest(),
    )
    account.store.audios[record.audio_id] = record
    account.store.effects.add("audios_stored")
    text = f"Audio Cadastrado com sucesso - AUDIO_ID: {record.audio_id}"
    return {"msg": text, "audio_id": record.audio_id}


def send_lot(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/sms/lot-send``: a text for each recipient, as JSON (the reply's shape is assumed)."""
    recipients = request.json_body.get("destinatarios") if isinstance(request.json_body, dict) else None
    if not isinstance(recipients, list) or not 1 <= len(recipients) <= MAX_LOT:
        raise invalid("destinatarios")
    options = read_send_options(account, request)
    tags = request.tags()
    seen: set[str] = set()
    return accept(account, options, [_lot_recipient(entry, tags, seen) for entry in recipients])


def _lot_recipient(entry: Json, tags: dict[str, str], seen: set[str]) -> MessageRecipient:
    fields = entry if isinstance(entry, dict) else {}
    recipient_id, number, text = (json_text(fields.get(name)) or "" for name in _LOT_FIELDS)
    recipient = MessageRecipient(number, text, {**tags, **json_map(fields.get("campos"))}, recipient_id)
    if not recipient_id or recipient_id in seen:
        return replace(recipient, refusal=Refusal("001", invalid("id_destinatario").msg))
    seen.add(recipient_id)
    return recipient
