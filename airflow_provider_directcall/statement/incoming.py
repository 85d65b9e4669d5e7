"""Incoming events: received SMS, received and missed calls, recordings. How they are found, and found again.

An event has an id, a kind and a time, and no personal data. Rows of received SMS have no id, and those of received
calls may have none: then the id is a digest keyed with the account's secret, which only this account can repeat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_directcall.api.digests import keyed_digest
from airflow_provider_directcall.api.errors import DirectcallReplyError
from airflow_provider_directcall.api.lookups import readable_rows
from airflow_provider_directcall.api.methods import CallFilter, list_recordings, list_statement, received_messages
from airflow_provider_directcall.api.replies import CallOutcome, ReceivedMessage, StatementRow
from airflow_provider_directcall.api.words import folded
from airflow_provider_directcall.statement.calls import Call, rows_by_call
from airflow_provider_directcall.statement.likeness import same_number
from airflow_provider_directcall.statement.reply_words import ReplyWords
from airflow_provider_directcall.statement.search import CLOCK_SKEW

if TYPE_CHECKING:
    from airflow_provider_directcall.api.errors import DirectcallError
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.requests import Listing

#: A row: a received message, or the leg of a call that decides its outcome.
IncomingRow = ReceivedMessage | StatementRow

_PURPOSE: Final = "directcall incoming 1"
_ID_DIGITS: Final = 32
#: The vendor's word for a received call is assumed: ``recebida``.
_RECEIVED: Final = "receb"
_SECOND: Final = timedelta(seconds=1)


class IncomingKind(StrEnum):
    """Kinds of incoming events."""

    RECEIVED_SMS = "received_sms"
    RECEIVED_CALL = "received_call"
    MISSED_CALL = "missed_call"
    RECORDING = "recording"


_LISTINGS: Final[Mapping[IncomingKind, Callable[[datetime, datetime], Listing[Any]]]] = MappingProxyType(
    {
        IncomingKind.RECEIVED_SMS: received_messages,
        IncomingKind.RECEIVED_CALL: lambda since, until: list_statement(since, until, calls=CallFilter.RECEIVED),
        IncomingKind.MISSED_CALL: lambda since, until: list_statement(since, until, calls=CallFilter.MISSED),
        IncomingKind.RECORDING: list_recordings,
    }
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event.

    :ivar at: of its row; None where the row has no time.
    """

    kind: IncomingKind
    event_id: str
    at: datetime | None
    row: IncomingRow = field(repr=False)

    def as_event(self) -> dict[str, str | None]:
        """Return the event as Airflow stores it."""
        return {"kind": self.kind.value, "id": self.event_id, "at": self.at.isoformat() if self.at else None}


@dataclass(frozen=True)
class Sighting:
    """The events of a window.

    :ivar error: why they may be incomplete, or None. Those of the pages before count.
    :ivar unclear: rows that may be of this kind, and do not show whether the call was received.
    :ivar older: events from before the window, which it should not show.
    """

    events: list[Incoming]
    error: DirectcallError | None
    unclear: int = 0
    older: int = 0


@dataclass(frozen=True)
class IncomingFilter:
    """Which events are meant.

    :param destinations: numbers of the account that were called or written to; empty for all. Where the statement
        does not show whether a call was received, only calls to these numbers count.
    :param words: patterns of received SMS, see :class:`~.reply_words.ReplyWords`.
    """

    kind: IncomingKind
    destinations: Sequence[str] = field(default=(), repr=False)
    words: Sequence[str] = ()

    @cached_property
    def _patterns(self) -> ReplyWords:
        return ReplyWords(self.words)

    def look(self, since: datetime, until: datetime, secret: str) -> Lookup[Sighting]:
        """Read the events of a window; both ends are included.

        :param secret: the connection's client secret.
        """
        listed = yield from readable_rows(_LISTINGS[self.kind](since, until))
        shown = {each.event_id: each for each in self._events(listed.rows, secret)}.values()
        events = [each for each in shown if _is_within(each, since, until)]
        unclear = sum(self._is_unclear(row) for row in listed.rows)
        older = sum(each.at is not None and each.at < since for each in shown)
        return Sighting(events, listed.error, unclear, older)

    def _events(self, rows: Sequence[IncomingRow], secret: str) -> Iterator[Incoming]:
        if self.kind is IncomingKind.RECEIVED_SMS:
            for message in rows:
                if isinstance(message, ReceivedMessage) and self._is_wanted_message(message):
                    yield Incoming(self.kind, message_id(message, secret), message.received_at, message)
            return
        for legs in rows_by_call([row for row in rows if isinstance(row, StatementRow)]):
            if self.kind is IncomingKind.RECORDING:
                yield from self._recordings(legs, secret)
                continue
            call = Call.of(legs)
            if call is not None and self._is_wanted_call(call):
                starts = [leg.started_at for leg in legs if leg.started_at is not None]
                yield Incoming(self.kind, call_id(call, secret), min(starts, default=None), call.row)

    def _recordings(self, legs: Sequence[StatementRow], secret: str) -> Iterator[Incoming]:
        if any(self._is_to_us(leg.destination) for leg in legs):
            for leg in legs:
                if leg.recording_url is not None:
                    yield Incoming(self.kind, recording_id(leg, secret), leg.started_at, leg)

    def _is_wanted_message(self, message: ReceivedMessage) -> bool:
        return self._is_to_us(message.destination) and self._patterns.match(message.text)

    def _is_wanted_call(self, call: Call) -> bool:
        if not any(self._is_to_us(leg.destination) for leg in call.legs):
            return False
        wants_answered = self.kind is IncomingKind.RECEIVED_CALL
        return self._was_received(call.row) and _was_answered(call.row) is wants_answered

    def _was_received(self, row: StatementRow) -> bool:
        """Whether a row proves that the call was received: a filter that the vendor ignores lists placed ones too."""
        if row.direction is None:
            return bool(self.destinations)
        return folded(row.direction).startswith(_RECEIVED)

    def _is_unclear(self, row: IncomingRow) -> bool:
        if self.destinations or self.kind is IncomingKind.RECORDING or isinstance(row, ReceivedMessage):
            return False
        return row.direction is None

    def _is_to_us(self, number: str | None) -> bool:
        return not self.destinations or any(same_number(number, each) for each in self.destinations)


def read_incoming(event: Mapping[str, object], now: datetime, secret: str) -> Lookup[IncomingRow]:
    """Read the row of an event again.

    :param event: see :meth:`Incoming.as_event`.
    :raises ValueError: it is no such event.
    :raises DirectcallError: the window cannot be read, or shows no such row.
    """
    try:
        kind, event_id = IncomingKind(str(event["kind"])), str(event["id"])
        center = datetime.fromisoformat(str(event["at"])) if event["at"] else now
    except (KeyError, ValueError):
        raise ValueError("event: the payload of a watcher's event is needed: kind, id and at") from None
    for margin in (_SECOND, CLOCK_SKEW):
        listed = yield from readable_rows(_LISTINGS[kind](center - margin, center + margin))
        for row, row_id in _identified(kind, listed.rows, secret):
            if row_id == event_id:
                return row
        if listed.error is not None:
            raise listed.error
    raise DirectcallReplyError(f"the statement shows no {kind} of this event")


def _identified(kind: IncomingKind, rows: Sequence[IncomingRow], secret: str) -> Iterator[tuple[IncomingRow, str]]:
    for row in rows:
        if isinstance(row, ReceivedMessage):
            yield row, message_id(row, secret)
        elif kind is IncomingKind.RECORDING:
            yield row, recording_id(row, secret)
    if kind is IncomingKind.RECORDING:
        return
    for legs in rows_by_call([row for row in rows if isinstance(row, StatementRow)]):
        call = Call.of(legs)
        if call is not None:
            yield call.row, call_id(call, secret)


def message_id(message: ReceivedMessage, secret: str) -> str:
    """Return the id of a received message. Two of the same text, from one number, in one second have the same."""
    return _digest(secret, message.origin, message.destination, message.text, message.received_at)


def call_id(call: Call, secret: str) -> str:
    """Return the id of a call: the vendor's, or a digest, without what a later row may add, such as a recording."""
    row = call.row
    return call.callerid or _digest(secret, row.origin, row.destination, row.started_at)


def recording_id(row: StatementRow, secret: str) -> str:
    """Return the id of a recording. A call may have several, under links that are assumed not to change."""
    call = (row.callerid,) if row.callerid else (row.origin, row.destination, row.started_at)
    return _digest(secret, "recording", *call, row.recording_url)


def _digest(secret: str, *fields: str | datetime | None) -> str:
    text = json.dumps([each.isoformat() if isinstance(each, datetime) else each for each in fields])
    return keyed_digest(secret, _PURPOSE, text)[:_ID_DIGITS]


def _was_answered(row: StatementRow) -> bool | None:
    """Whether a call was answered; None where its row proves neither."""
    if row.outcome is not None:
        return row.outcome == CallOutcome.ANSWERED if row.outcome in list(CallOutcome) else None
    return None if row.duration_seconds is None else row.duration_seconds > 0


def _is_within(event: Incoming, since: datetime, until: datetime) -> bool:
    """Whether a row is of the window that was asked for; one without a time may be."""
    return event.at is None or since <= event.at <= until
