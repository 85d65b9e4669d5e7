"""Rows of the statements, and the account's balance (``extrato``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.replies.calls import call_outcome
from airflow_provider_directcall.api.replies.envelope import Json, JsonObject, Reply, UnreadableError
from airflow_provider_directcall.api.replies.messages import MessageState, message_state
from airflow_provider_directcall.api.replies.values import (
    id_or_none,
    link_or_none,
    moment_or_none,
    price_or_none,
    row_id_or_none,
    seconds_or_none,
    tags_of,
    text_or_none,
)
from airflow_provider_directcall.telephony.masking import mask_number

#: A JSON object as an XCom holds it.
XComRow = dict[str, "str | int | dict[str, str] | None"]


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One call of the statement, or one leg of it.

    Only origin, destination, start and recording are documented; the rest is assumed.

    :ivar callerid: the call's id (the UUID of ``/voz/call``).
    :ivar origin: digits of the calling number (``origem``).
    :ivar destination: digits of the called number (``destino``).
    :ivar started_at: aware, in the account's zone (``inicio``).
    :ivar duration_seconds: talk time in seconds (``duracao``); 0 when not answered.
    :ivar outcome: a :class:`~.calls.CallOutcome`, or the vendor's word (``status``).
    :ivar direction: ``realizada`` (placed) or ``recebida`` (received), the vendor's word (``tipo``).
    :ivar price_brl: price in BRL (``valor``).
    :ivar recording_url: http address of the recording (``gravacao_link``); None when not recorded.
    :ivar tags: custom data kept with the call (``campos``).
    :ivar raw: the vendor's fields, unknown ones included.
    """

    callerid: str | None
    origin: str | None = field(repr=False)
    destination: str | None = field(repr=False)
    started_at: datetime | None
    duration_seconds: int | None
    outcome: str | None
    direction: str | None
    price_brl: Decimal | None
    recording_url: str | None = field(repr=False)
    tags: Mapping[str, str] = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_fields(cls, fields: JsonObject, zone: ZoneInfo) -> Self:
        """Parse one row of ``/extrato/list`` or ``/extrato/list-recordings``."""
        origin, destination = text_or_none(fields.get("origem")), text_or_none(fields.get("destino"))
        return cls(
            callerid=row_id_or_none(fields.get("callerid"), origin, destination),
            origin=origin,
            destination=destination,
            started_at=moment_or_none(fields.get("inicio"), zone),
            duration_seconds=seconds_or_none(fields.get("duracao")),
            outcome=call_outcome(fields.get("status")),
            direction=text_or_none(fields.get("tipo")),
            price_brl=price_or_none(fields.get("valor")),
            recording_url=link_or_none(fields.get("gravacao_link")),
            tags=tags_of(fields.get("campos")),
            raw=fields,
        )

    @property
    def key(self) -> Hashable | None:
        """Identity of the row, None without id and recording: a call may have a row for each leg and attempt."""
        call = self.callerid or self.recording_url
        return call and (call, self.origin, self.destination, self.started_at, self.outcome)

    def as_xcom(self, *, include_numbers: bool = False) -> XComRow:
        """Return the row as JSON for an XCom: ids, times, outcome, price, tags; numbers masked by default."""
        return {
            "callerid": self.callerid,
            "origin": _shown(self.origin, include_numbers),
            "destination": _shown(self.destination, include_numbers),
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "duration_seconds": self.duration_seconds,
            "outcome": self.outcome,
            "price_brl": str(self.price_brl) if self.price_brl is not None else None,
            "recording_url": self.recording_url,
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message of the statement of messages. The whole endpoint is assumed.

    :ivar callerid: id of the request that sent it (``callerid``).
    :ivar message_id: id of this recipient's message (``id_mensagem``).
    :ivar origin: the sender (``origem``).
    :ivar destination: the recipient's number (``destino``).
    :ivar sent_at: aware, in the account's zone (``inicio``).
    :ivar kind: ``texto`` or ``voz`` (``tipo``).
    :ivar text: the message's text (``texto``).
    :ivar state: the state parsed from the vendor's phrase (``status``).
    :ivar price_brl: price in BRL (``valor``).
    :ivar tags: custom data (``campos``).
    :ivar raw: the vendor's fields.
    """

    callerid: str | None
    message_id: str | None
    origin: str | None = field(repr=False)
    destination: str | None = field(repr=False)
    sent_at: datetime | None
    kind: str | None
    text: str | None = field(repr=False)
    state: MessageState
    price_brl: Decimal | None
    tags: Mapping[str, str] = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_fields(cls, fields: JsonObject, zone: ZoneInfo) -> Self:
        """Parse one row of ``/extrato/list-sms``."""
        origin, destination = text_or_none(fields.get("origem")), text_or_none(fields.get("destino"))
        return cls(
            callerid=row_id_or_none(fields.get("callerid"), origin, destination),
            message_id=id_or_none(fields.get("id_mensagem")),
            origin=origin,
            destination=destination,
            sent_at=moment_or_none(fields.get("inicio"), zone),
            kind=text_or_none(fields.get("tipo")),
            text=text_or_none(fields.get("texto")),
            state=message_state(text_or_none(fields.get("status")) or ""),
            price_brl=price_or_none(fields.get("valor")),
            tags=tags_of(fields.get("campos")),
            raw=fields,
        )

    @property
    def key(self) -> Hashable | None:
        """Identity of the row, None without an id. Whether a message's id is of one request only is not documented."""
        if self.message_id is None and self.callerid is None:
            return None
        return (self.message_id, self.callerid, self.destination)

    def as_xcom(self, *, include_numbers: bool = False) -> XComRow:
        """Return the row as JSON for an XCom: ids, time, state, price, tags, no text; numbers masked by default."""
        return {
            "callerid": self.callerid,
            "message_id": self.message_id,
            "destination": _shown(self.destination, include_numbers),
            "sent_at": self.sent_at.isoformat() if self.sent_at else None,
            "state": self.state.value,
            "price_brl": str(self.price_brl) if self.price_brl is not None else None,
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of the account. The JSON reply is inferred from an observed one in XML.

    :ivar currency: the vendor's word, such as ``BRL`` (``moeda``); None when the reply names none.
    :ivar amount: in BRL (``saldo``), unless ``currency`` names another; negative when overdrawn.
    :ivar raw: the vendor's fields, unknown ones included.
    """

    currency: str | None
    amount: Decimal
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/extrato/saldo``: the outermost ``saldo`` that is an amount, at any depth."""
        for fields in _objects(reply.fields):
            amount = price_or_none(fields.get("saldo"))
            if amount is not None:
                return cls(currency=text_or_none(fields.get("moeda")), amount=amount, raw=reply.fields)
        raise UnreadableError("no field 'saldo' is an amount")


def _objects(outermost: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """Yield an object and all objects inside it, outer ones first."""
    yield outermost
    pending = deque(outermost.values())
    while pending:
        value = pending.popleft()
        if isinstance(value, dict):
            yield value
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _shown(number: str | None, include_numbers: bool) -> str | None:
    return number if include_numbers or number is None else mask_number(number)
