"""One look at the statement for many requests of a chunk: all of them together, not one question each.

A row counts for a contact by the rules of the delivery package only: it shows the contact's key, or has the id of its
request and no other key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from airflow_provider_directcall.api.bounds import LOT_LOOKUP_ROWS
from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.methods import list_messages, list_statement
from airflow_provider_directcall.api.methods.statement import without_search
from airflow_provider_directcall.api.paging import PageReader
from airflow_provider_directcall.api.replies import CallOutcome, MessageRow, MessageState, StatementRow
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.track_lines import TrackLine
from airflow_provider_directcall.campaigns.voice import VOICEMAIL, VOICEMAIL_WORDS
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress
from airflow_provider_directcall.delivery.keys import LOT_TAG, member_key
from airflow_provider_directcall.delivery.matching import CLOCKS_APART, TIMES_APART
from airflow_provider_directcall.delivery.messages import recipient_state
from airflow_provider_directcall.statement.calls import Call, CallIdentity
from airflow_provider_directcall.statement.likeness import national, same_number
from airflow_provider_directcall.statement.ownership import whole_key

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.requests import Listing

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound="StatementRow | MessageRow")

_STATES: Final[Mapping[MessageState, ContactState]] = {
    MessageState.DELIVERED: ContactState.DELIVERED,
    MessageState.FAILED: ContactState.FAILED,
    MessageState.CANCELLED: ContactState.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """The contacts to look for, and how.

    :param channel: how the contacts are reached.
    :param attempt: which attempt of their calls, from 1.
    :param origin: digits of who asks for the calls, where they are known.
    :param patience: how long their rows may be missing before the filter by the chunk's tag is doubted.
    :param is_last: whether no other look follows.
    :param only: the one question to ask, as of :attr:`Looked.question`; None for all until one shows a row.
    """

    channel: Channel
    attempt: int = 1
    origin: str | None = field(default=None, repr=False)
    patience: timedelta = timedelta(minutes=10)
    is_last: bool = False
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """One contact whose request left, or may have left."""

    id: str
    number: str = field(repr=False)
    parts: int
    since: datetime
    identity: CallIdentity = field(repr=False)
    in_lot: CallIdentity = field(repr=False)
    """Of a request to several contacts, which has the chunk's key: with the number, which is unique in a chunk."""
    state: ContactState
    """While the statement has no row."""

    @classmethod
    def of(cls, result: ContactResult, number: str, parts: int, lot: str) -> Followed:
        """Return the contact of a result.

        :param number: digits that the request was to.
        :param lot: key of the chunk's attempt.
        """
        key = member_key(lot, result.contact)
        identity = CallIdentity(result.ids.get("callerid"), key, not_before=result.since - CLOCKS_APART)
        state = ContactState.SENT if result.progress is Progress.SENT else ContactState.UNKNOWN
        in_lot = replace(identity, key=lot)
        return cls(result.contact, number, parts, result.since, identity, in_lot, state)


@dataclass(frozen=True, slots=True)
class Looked:
    """The result of one look.

    :ivar lines: contact's id -> its line, of contacts with rows.
    :ivar problem: why the statement could not be read to its end, or None.
    :ivar question: place of the question that has found them, from 0 for the filter by the chunk's tag.
    """

    lines: Mapping[str, TrackLine]
    problem: str | None = None
    question: int | None = None


async def look(
    pending: Sequence[Followed], lot: str, client: AsyncClient, now: datetime, options: LookOptions
) -> Looked:
    """Read the rows of the pending contacts' waves: by the first question that shows any row of theirs.

    It reads so many rows, and so long, as a look-up of a campaign's requests: an account may have any number of others.
    Rows beyond that are left to the next look.
    """
    if not pending:
        return Looked({})
    return await client.run(_look(pending, lot, now, options), most_rows=LOT_LOOKUP_ROWS)


def _look(pending: Sequence[Followed], lot: str, now: datetime, options: LookOptions) -> Lookup[Looked]:
    sought, problem, found_by = _Sought(pending, lot, options), None, None
    for place, question in enumerate(_questions({each.since for each in pending}, lot, now, options)):
        if options.only not in {None, place}:
            continue
        for window in question.windows:
            try:
                yield from _read_window(window, question, options.channel, sought)
            except DirectcallError as error:
                if str(error) != problem:
                    log.warning("The statement could not be read to its end; the next look reads it again: %s", error)
                problem = str(error)
        if sought.has_rows:
            found_by = place
            break
    return Looked(sought.lines(), problem, found_by)


@dataclass(frozen=True, slots=True)
class _Question:
    """One question to the statement.

    :ivar shows_tags: whether it asks for the rows' tags; some accounts take that for one more filter.
    """

    windows: Sequence[tuple[datetime, datetime]]
    tags: Mapping[str, str] | None = None
    shows_tags: bool = True


def _questions(begins: Iterable[datetime], lot: str, now: datetime, options: LookOptions) -> Iterator[_Question]:
    """Yield the questions, the cheapest first.

    The tag of the chunk finds its rows alone. An account may keep no tags, or filter by them in a way of its own: where
    no row appears for a while, all rows of the time of the waves are read, and at last those of the hours around it, as
    the vendor's times may be off.
    """
    ordered = sorted(begins)
    yield _Question([(ordered[0] - TIMES_APART, now + TIMES_APART)], {LOT_TAG: lot})
    if now - ordered[0] < options.patience and not options.is_last:
        return
    for margin in (TIMES_APART,) if options.is_last else (CLOCKS_APART, TIMES_APART):
        windows = _windows(ordered, now, margin, options.channel)
        yield _Question(windows)
        yield _Question(windows, shows_tags=False)


def _windows(
    begins: Sequence[datetime], now: datetime, margin: timedelta, channel: Channel
) -> list[tuple[datetime, datetime]]:
    """Return the times of waves, each up to the begin of the next one; those that touch are one window.

    A voice message may be delivered hours after its request, by attempts of the vendor's own.
    """
    if channel is Channel.VOICE_MESSAGE:
        begins = begins[:1]
    windows: list[tuple[datetime, datetime]] = []
    for begin, end in zip(begins, [*begins[1:], now], strict=True):
        first, last = begin - margin, max(begin, end) + margin
        if windows and first <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(last, windows[-1][1]))
        else:
            windows.append((first, last))
    return windows


def _read_window(
    window: tuple[datetime, datetime], question: _Question, channel: Channel, sought: _Sought
) -> Lookup[None]:
    if channel is Channel.CALL:
        yield from _read(list_statement(*window, tags=question.tags), question, sought)
    else:
        yield from _read(list_messages(*window, tags=question.tags), question, sought)


def _read(listing: Listing[Row], question: _Question, sought: _Sought) -> Lookup[None]:
    reader = PageReader(listing if question.shows_tags else without_search(listing))
    while (request := reader.next_request()) is not None:
        for row in reader.feed((yield request)):
            sought.add(row)


class _Sought:
    """The pending contacts, found by number, id and key, and their rows."""

    def __init__(self, contacts: Iterable[Followed], lot: str, options: LookOptions) -> None:
        self._options = options
        self._lot = lot
        self._contacts = {each.id: each for each in contacts}
        self._rows: dict[str, list[StatementRow | MessageRow]] = {}
        self._by_sign: dict[tuple[str, str | None], list[Followed]] = {}
        for each in self._contacts.values():
            callerid = each.identity.callerid
            signs = [("number", national(each.number)), ("key", each.identity.key)]
            for sign in [*signs, ("id", callerid.strip().casefold())] if callerid else signs:
                self._by_sign.setdefault(sign, []).append(each)

    @property
    def has_rows(self) -> bool:
        """Whether a row of any contact was found."""
        return bool(self._rows)

    def add(self, row: StatementRow | MessageRow) -> None:
        """Keep a row if it is a contact's; all others are dropped at once, as there may be a million."""
        signs = [
            ("number", national(row.destination or "")),
            ("number", national(row.origin or "")),
            ("id", (row.callerid or "").strip().casefold()),
            ("key", whole_key(row)),
        ]
        candidates = {each.id: each for sign in signs for each in self._by_sign.get(sign, ())}
        for each in candidates.values():
            if self._is_own(row, each):
                self._rows.setdefault(each.id, []).append(row)

    def _is_own(self, row: StatementRow | MessageRow, contact: Followed) -> bool:
        if isinstance(row, StatementRow):
            return contact.identity.matches(row)
        if not same_number(row.destination, contact.number):
            return False
        shares_request = whole_key(row) in {None, self._lot} and contact.in_lot.matches(row)
        return shares_request or contact.identity.matches(row)

    def lines(self) -> dict[str, TrackLine]:
        """Return a line for each contact that has rows."""
        lines = {}
        for contact, rows in self._rows.items():
            each = self._contacts[contact]
            if self._options.channel is Channel.CALL:
                line = self._call(each, [row for row in rows if isinstance(row, StatementRow)])
            else:
                line = _message(each, [row for row in rows if isinstance(row, MessageRow)])
            lines[contact] = line
        return lines

    def _call(self, contact: Followed, rows: list[StatementRow]) -> TrackLine:
        call = Call.of(contact.identity.own(rows), contact.number, self._options.origin)
        if call is None or call.outcome is None:
            # A row shows that it was placed, whatever the answer to the request was.
            return TrackLine(contact.id, ContactState.SENT, is_final=False, attempts=self._options.attempt)
        outcome = VOICEMAIL if call.outcome in VOICEMAIL_WORDS else call.outcome
        return TrackLine(
            contact.id,
            outcome,
            is_final=True,
            cost_brl=call.price_brl,
            outcome=outcome,
            attempts=self._options.attempt,
            answered_seconds=call.row.duration_seconds if outcome in _TALKED else None,
            recording=call.recording_url,
        )


_TALKED: Final = frozenset({CallOutcome.ANSWERED.value, VOICEMAIL})


def _message(contact: Followed, rows: list[MessageRow]) -> TrackLine:
    state = recipient_state(row.state for row in rows)
    prices = [row.price_brl for row in rows if row.price_brl is not None]
    return TrackLine(
        contact.id,
        _STATES.get(state, ContactState.SENT),
        is_final=state.is_terminal,
        delivery=state.value,
        parts=contact.parts,
        cost_brl=sum(prices, Decimal(0)) if prices else None,
    )
