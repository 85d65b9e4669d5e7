"""Replies about SMS and voice messages (``sms``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.redaction import vendor_text
from airflow_provider_directcall.api.replies.envelope import (
    REFUSED,
    Json,
    JsonObject,
    Reply,
    UnreadableError,
    as_objects,
    return_code,
)
from airflow_provider_directcall.api.replies.proofs import refuses_for_good, shows_success
from airflow_provider_directcall.api.replies.values import id_or_none, moment_or_none, text_or_none
from airflow_provider_directcall.api.words import folded


class MessageState(StrEnum):
    """State of a message."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether the state is final."""
        return self in {MessageState.DELIVERED, MessageState.FAILED, MessageState.CANCELLED}


#: Beginning of a word of the vendor's phrase -> state (assumed; docs/directcall-api.md, section 13.3).
_STATE_WORDS: Mapping[str, MessageState] = MappingProxyType(
    {
        "falh": MessageState.FAILED,
        "erro": MessageState.FAILED,
        "rejeitad": MessageState.FAILED,
        "entregue": MessageState.DELIVERED,
        "recebid": MessageState.DELIVERED,
        "cancelad": MessageState.CANCELLED,
        "agendad": MessageState.SCHEDULED,
        "enviad": MessageState.SENT,
        "fila": MessageState.SENT,
    }
)
_STATE_WORD = re.compile(rf"\b(?:{'|'.join(_STATE_WORDS)})")
_REACHED = frozenset({MessageState.DELIVERED, MessageState.SENT})
_UNDERWAY = _REACHED | {MessageState.SCHEDULED}
_WAITING = re.compile(r"\b(?:aguarda\w*|ainda|pendente|em espera)\b")
_NOT = re.compile(r"\b(?:nao|nunca|nem|sem)\b(?:\s+\w+){0,3}\s*$")
#: Words before one of another time or of a condition: "antes de ser entregue", "sera enviada".
_NOT_NOW = re.compile(
    r"\b(?:antes|apos|sera|serao|seria|ser|sendo|seja|pode|podera|deve|devera|se|para|quando)\b(?:\s+\w+){0,2}\s*$"
)
#: A station on the way after a word of delivery: "entregue com sucesso a operadora", "recebida pelo gateway".
_BY_A_STATION = re.compile(
    r"\w*(?: com \w+)? (?:para )?(?:pel[ao]s?|aos?|as?|os?|n[ao]s?) (?:\w+ d[aeo] )?"
    r"(?:operadora|gateway|central|provedor|plataforma|servidor|rede)"
)
_CLAUSE_END = re.compile(r"[.,;:!?()|/]|\s-\s|\b(?:mas|porem|e|pois)\b")


def message_state(phrase: str) -> MessageState:
    """Translate the vendor's phrase into a state; UNKNOWN for unknown words, and for two that exclude each other."""
    claims: set[MessageState] = set()
    is_waiting = False
    for clause in _CLAUSE_END.split(folded(phrase)):
        waits = _WAITING.search(clause) is not None
        is_waiting |= waits
        claims |= {state for state in _claims(clause) if not (waits and state in _REACHED | {MessageState.FAILED})}
    final = {state for state in claims if state.is_terminal}
    if len(final) > 1 or (final and is_waiting):
        return MessageState.UNKNOWN
    if final:
        return final.pop()
    if MessageState.SCHEDULED in claims and MessageState.SENT not in claims:
        return MessageState.SCHEDULED
    return MessageState.SENT if claims or is_waiting else MessageState.UNKNOWN


def _claims(clause: str) -> Iterator[MessageState]:
    """Yield the states that a clause claims; "not delivered" is a failure, "not cancelled" claims nothing."""
    for word in _STATE_WORD.finditer(clause):
        before, state = clause[: word.start()], _STATE_WORDS[word.group()]
        if _NOT_NOW.search(before):
            continue
        if not _NOT.search(before):
            is_on_its_way = state is MessageState.DELIVERED and _BY_A_STATION.match(clause, word.end())
            yield MessageState.SENT if is_on_its_way else state
        elif state in _REACHED:
            yield MessageState.FAILED


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a message.

    :ivar number: digits (``destino``).
    :ivar message_id: the vendor's id of this recipient's message (``id_mensagem``); None when refused or missing.
    :ivar recipient_id: the caller's own id (``id_destinatario``), in a lot.
    :ivar refusal_code: of a recipient that is not surely accepted, its ``codigo``, or else the word of its ``status``
        (assumed); None for an accepted one.
    :ivar refusal: known words of the ``msg`` beside that code (assumed), else None.
    """

    number: str = field(repr=False)
    message_id: str | None
    recipient_id: str | None = None
    refusal_code: str | None = None
    refusal: str | None = field(default=None, repr=False)

    @property
    def accepted(self) -> bool | None:
        """Whether the vendor accepted the message for this recipient; None where its entry proves neither."""
        return acceptance_of(self.refusal_code)

    @classmethod
    def from_fields(cls, fields: JsonObject) -> Self:
        """Parse one entry of ``detalhe``."""
        message_id = id_or_none(fields.get("id_mensagem"))
        code = None if message_id is not None else _refusal_code(fields)
        return cls(
            number=text_or_none(fields.get("destino")) or "",
            message_id=message_id,
            recipient_id=text_or_none(fields.get("id_destinatario")),
            refusal_code=code,
            refusal=vendor_text(text_or_none(fields.get("msg")) or "") if code is not None else None,
        )


def acceptance_of(refusal_code: str | None) -> bool | None:
    """Return whether a recipient with this ``refusal_code`` was accepted; None where that is unknown.

    Only a documented code that does not come after the effect is a refusal.
    """
    if refusal_code is None:
        return True
    return False if refuses_for_good(refusal_code) else None


def _refusal_code(fields: JsonObject) -> str | None:
    """Return why an entry without an id is not surely accepted, None for one that the envelope's acceptance covers.

    A claim of success beside a refusal leaves a word that proves neither.
    """
    code, status = return_code(fields.get("codigo")), folded(text_or_none(fields.get("status")) or "")
    word = vendor_text(status) or "unknown"
    if shows_success(fields) or any(message_state(text) in _UNDERWAY for text in _texts(fields)):
        # The vendor's code for a message that was sent is 001 too, in a text.
        return None if code in {None, "000", "001"} and status != REFUSED else word
    if code in {None, "000"}:
        return word if status else None
    return code if status in {"", REFUSED} else word


def _texts(fields: JsonObject) -> Iterator[str]:
    return (value for value in fields.values() if isinstance(value, str))


@dataclass(frozen=True, slots=True)
class SentMessage:
    """An accepted message, for one or several recipients.

    :ivar callerid: id of the request, 14 digits, for status and cancelling (``callerid``).
    :ivar recipients: one entry per recipient, from ``detalhe``, or from ``destino`` when there is no ``detalhe``.
    :ivar text: the vendor's words (``msg``).
    :ivar raw: the whole reply.
    """

    callerid: str
    recipients: tuple[Recipient, ...]
    text: str = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/sms/send`` or ``/sms/lot-send``; the ``callerid`` is required."""
        callerid = id_or_none(reply.require("callerid"))
        if callerid is None:
            raise UnreadableError("field 'callerid' is no id")
        return cls(callerid=callerid, recipients=_recipients(reply), text=reply.text, raw=reply.fields)


def _recipients(reply: Reply) -> tuple[Recipient, ...]:
    detail = as_objects(reply.fields.get("detalhe"), "detalhe")
    if detail:
        return tuple(Recipient.from_fields(entry) for entry in detail)
    numbers = reply.fields.get("destino")
    listed = numbers if isinstance(numbers, list) else [numbers]
    return tuple(Recipient(number=text, message_id=None) for item in listed if (text := text_or_none(item)))


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """The state of a message, on request.

    :ivar state: the state parsed from the phrase (assumed words).
    :ivar text: the known words of the vendor's phrase (``msg``), see :mod:`..words`.
    :ivar raw: the whole reply.
    """

    state: MessageState
    text: str = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/sms/status``."""
        return cls(state=message_state(reply.text), text=vendor_text(reply.text), raw=reply.fields)


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A received SMS or a reply to one.

    :ivar origin: the sender's number (``origem``).
    :ivar destination: the short number or keyword it went to (``destino``).
    :ivar text: its text (``texto``).
    :ivar received_at: aware, in the account's zone (``dataHora``).
    :ivar raw: the vendor's fields.
    """

    origin: str | None = field(repr=False)
    destination: str | None = field(repr=False)
    text: str = field(repr=False)
    received_at: datetime | None
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_fields(cls, fields: JsonObject, zone: ZoneInfo) -> Self:
        """Parse one row of ``/sms/recebimento``."""
        return cls(
            origin=text_or_none(fields.get("origem")),
            destination=text_or_none(fields.get("destino")),
            text=text_or_none(fields.get("texto")) or "",
            received_at=moment_or_none(fields.get("dataHora"), zone),
            raw=fields,
        )


@dataclass(frozen=True, slots=True)
class StoredAudio:
    """A stored audio for voice messages.

    :ivar audio_id: its id (``audio_id``).
    :ivar raw: the whole reply.
    """

    audio_id: str
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/sms/audio``; the id is required."""
        audio_id = id_or_none(reply.require("audio_id"))
        if audio_id is None:
            raise UnreadableError("field 'audio_id' is no id")
        return cls(audio_id=audio_id, raw=reply.fields)
