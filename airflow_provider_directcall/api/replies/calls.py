"""Replies about calls (``voz``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Self
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.redaction import vendor_text
from airflow_provider_directcall.api.replies.envelope import (
    Json,
    JsonObject,
    Reply,
    UnreadableError,
    as_objects,
    message_text,
    read_envelope,
)
from airflow_provider_directcall.api.replies.proofs import ID_FIELDS, shows_success
from airflow_provider_directcall.api.replies.values import (
    id_or_none,
    moment_or_none,
    seconds_or_none,
    text_or_none,
)
from airflow_provider_directcall.api.words import folded


class CallOutcome(StrEnum):
    """Outcome of a call; the vendor's word (``status``) in the comment. Only ``atendida`` is documented."""

    ANSWERED = "answered"  # atendida
    BUSY = "busy"  # ocupado
    NO_ANSWER = "no_answer"  # nao atendida
    CANCELLED = "cancelled"  # cancelada
    FAILED = "failed"  # falha


_OUTCOMES: Mapping[str, CallOutcome] = MappingProxyType(
    {
        "atendida": CallOutcome.ANSWERED,
        "ocupado": CallOutcome.BUSY,
        "nao atendida": CallOutcome.NO_ANSWER,
        "cancelada": CallOutcome.CANCELLED,
        "falha": CallOutcome.FAILED,
    }
)


def call_outcome(word: Json) -> str | None:
    """Translate the vendor's word into a :class:`CallOutcome`; return an unknown word itself, folded."""
    text = text_or_none(word)
    if text is None:
        return None
    return _OUTCOMES.get(folded(text), folded(text))


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """An accepted call.

    :ivar callerid: the call's id in the statement (a UUID, ``callerid``); None for a scheduled call.
    :ivar schedule_id: id of the schedule (``agendamentoId``, assumed); None for a call placed at once.
    :ivar text: the vendor's words (``msg``).
    :ivar raw: the whole reply.
    """

    callerid: str | None
    schedule_id: str | None
    text: str = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/voz/call``; one of the two ids is required."""
        return cls.from_fields(reply.fields)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Json]) -> Self:
        """Parse the same object inside another reply."""
        callerid, schedule_id = id_or_none(fields.get("callerid")), id_or_none(fields.get("agendamentoId"))
        if callerid is None and schedule_id is None:
            raise UnreadableError("the reply has neither 'callerid' nor 'agendamentoId'")
        return cls(callerid=callerid, schedule_id=schedule_id, text=message_text(fields), raw=fields)


#: Words of a leg that has ended (assumed), besides the outcomes of a call that was not answered.
_ENDED: frozenset[str | None] = frozenset(
    {"encerrada", "finalizada", "desligada", *(outcome.value for outcome in CallOutcome)} - {CallOutcome.ANSWERED.value}
)


@dataclass(frozen=True, slots=True)
class CallLeg:
    """One party of a call in progress.

    :ivar number: digits of the party's number (``telefone``, written with blanks by the vendor).
    :ivar state: ``answered`` or the vendor's word as it is, folded (``status``).
    :ivar started_at: aware, in the account's zone (``inicio``).
    :ivar duration_seconds: seconds so far (``duracao``).
    :ivar raw: the vendor's fields.
    """

    number: str = field(repr=False)
    state: str | None
    started_at: datetime | None
    duration_seconds: int | None
    raw: Mapping[str, Json] = field(repr=False)

    @property
    def has_ended(self) -> bool:
        """Whether its state is surely one after its end; any other word may mean a call in progress."""
        return self.state in _ENDED

    @classmethod
    def list_from_reply(cls, reply: Reply) -> tuple[Self, ...]:
        """Parse the reply of ``/voz/status``."""
        return tuple(cls._from_fields(item, reply.zone) for item in reply.objects)

    @classmethod
    def _from_fields(cls, fields: JsonObject, zone: ZoneInfo) -> Self:
        return cls(
            number="".join((text_or_none(fields.get("telefone")) or "").split()),
            state=call_outcome(fields.get("status")),
            started_at=moment_or_none(fields.get("inicio"), zone),
            duration_seconds=seconds_or_none(fields.get("duracao")),
            raw=fields,
        )


@dataclass(frozen=True, slots=True)
class ScheduledCall:
    """The state of a scheduled call.

    :ivar placed: the reply at the time of dialling (``retorno``); None before that time.
    :ivar refusal: the vendor's code and known words when the call was refused at that time, else None.
    :ivar raw: the whole reply.
    """

    placed: PlacedCall | None
    refusal: str | None = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/voz/status-agendamento``; ``retorno`` is an object or a list of one."""
        entries = as_objects(reply.fields.get("retorno"), "retorno")
        if not entries:
            return cls(placed=None, refusal=None, raw=reply.fields)
        envelope = read_envelope(entries[0])
        has_id = any(id_or_none(entries[0].get(name)) for name in ID_FIELDS)
        if envelope is not None and not has_id:
            if not envelope.is_proven or shows_success(entries[0]):
                # A word such as "agendado": it is still to be dialled, or the answer does not say.
                return cls(placed=None, refusal=None, raw=reply.fields)
            reason = ": ".join(filter(None, (envelope.code, vendor_text(envelope.text))))
            return cls(placed=None, refusal=reason or "without a reason", raw=reply.fields)
        return cls(placed=PlacedCall.from_fields(entries[0]), refusal=None, raw=reply.fields)
