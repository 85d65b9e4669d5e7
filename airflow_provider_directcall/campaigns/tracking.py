"""Follow a chunk's requests in the statement: one look for all contacts of a wave, not one for each contact.

A row counts for a contact by the rules of the delivery package only: it shows the contact's key, or has the id of its
request and no other key. What was found is written as ``track/CHUNK/NNNNNN.jsonl``, one line for each contact that
changed; the last line of a contact holds.
"""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl
from pydantic import TypeAdapter

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.methods import list_messages, list_statement
from airflow_provider_directcall.api.methods.statement import without_search
from airflow_provider_directcall.api.replies import CallOutcome, MessageRow, MessageState, StatementRow
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.chunks import chunk_stem
from airflow_provider_directcall.campaigns.columns import FURTHER
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.voice import (
    VOICEMAIL,
    VOICEMAIL_WORDS,
    attempt_key,
    attempt_name,
    attempts_made,
    logs_of,
)
from airflow_provider_directcall.campaigns.wave_log import Progress, WaveLog
from airflow_provider_directcall.delivery.keys import LOT_TAG, member_key
from airflow_provider_directcall.delivery.matching import CLOCKS_APART, TIMES_APART
from airflow_provider_directcall.delivery.messages import recipient_state
from airflow_provider_directcall.statement.calls import Call, CallIdentity
from airflow_provider_directcall.statement.likeness import national, same_number
from airflow_provider_directcall.statement.ownership import whole_key

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.campaigns.storage import Folder

log = logging.getLogger(__name__)

_FOLLOWED: Final = frozenset({Progress.SENT, Progress.DOUBTFUL, Progress.UNKNOWN})
#: How long the rows of a chunk may be missing before the filter by its tag is doubted.
_PATIENCE: Final = timedelta(minutes=10)
#: So many looks, at most, in the time that passes until the age of a chunk has doubled.
_LOOKS_PER_AGE: Final = 10
_STATES: Final[Mapping[MessageState, ContactState]] = {
    MessageState.DELIVERED: ContactState.DELIVERED,
    MessageState.FAILED: ContactState.FAILED,
    MessageState.CANCELLED: ContactState.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class TrackOptions:
    """How a chunk is followed.

    :param channel: how its contacts are reached.
    :param until: aware; no look is due after it.
    :param poll_interval: between two looks, at least.
    :param attempt: which attempt of its calls, from 1.
    :param origin: digits of who asks for the calls, where they are known.
    """

    channel: Channel
    until: datetime
    poll_interval: timedelta = timedelta(minutes=1)
    attempt: int = 1
    origin: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TrackLine:
    """One contact in the statement.

    :ivar state: a :class:`ContactState`; of a call that ended, its outcome.
    :ivar is_final: whether no later look changes it.
    :ivar delivery: the vendor's state of a message, parsed; None for calls.
    :ivar parts: of the text.
    :ivar cost_brl: the sum of the prices that its rows show; None where they show none.
    :ivar outcome: of a call.
    :ivar attempts: calls to the contact so far.
    :ivar answered_seconds: talk time of a call.
    :ivar recording: link to the recording.
    """

    contact: str
    state: str
    is_final: bool
    delivery: str | None = None
    parts: int = 1
    cost_brl: Decimal | None = None
    outcome: str | None = None
    attempts: int = 1
    answered_seconds: int | None = None
    recording: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {**asdict(self), "cost_brl": str(self.cost_brl) if self.cost_brl is not None else None}

    @staticmethod
    def from_json(fields: Mapping[str, object]) -> TrackLine:
        """Read what :meth:`as_json` returned.

        :raises ValueError: it is no such line.
        """
        return _LINES.validate_python(fields)


_LINES: Final = TypeAdapter(TrackLine)


@dataclass(frozen=True, slots=True)
class Tracked:
    """One look.

    :ivar states: contact -> state, of the chunk's contacts whose requests left, or may have left.
    :ivar pending: those among them whose state is not final.
    :ivar look_again_at: aware; when the next look is due. None: nothing is pending, or the time is over.
    :ivar problem: why the statement could not be read to its end, or None; the next look reads it again.
    """

    states: Mapping[str, str]
    pending: int
    look_again_at: datetime | None
    problem: str | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """State -> contacts."""
        return Counter(self.states.values())


async def track_chunk(
    folder: Folder, chunk_name: str, *, key: str, client: AsyncClient, clock: Clock, options: TrackOptions
) -> Tracked:
    """Look once for all contacts of a chunk whose end is not known, write down what changed, and return the counts.

    It does not wait: the caller looks again at :attr:`Tracked.look_again_at`, in this process or in another.

    :param chunk_name: such as ``chunks/00000.parquet``.
    :param key: of the chunk.
    :raises OSError: a file cannot be read or written.
    """
    name = attempt_name(chunk_name, options.attempt)
    lot = attempt_key(key, options.attempt)
    known = track_states(folder, name)
    followed = _followed(folder, chunk_name, lot, options)
    pending = [each for each in followed if not _is_final(known.get(each.id))]
    now = clock.now()
    found, problem = await _look(pending, lot, client, now, options) if pending else ({}, None)
    changed = [line for line in found.values() if known.get(line.contact) != line]
    if changed:
        _write(folder, name, changed)
        known = {**known, **found}
    left = sum(not _is_final(known.get(each.id)) for each in followed)
    is_over = not left or now >= options.until
    return Tracked(
        states={each.id: known[each.id].state if each.id in known else each.state for each in followed},
        pending=left,
        look_again_at=None if is_over else min(now + _pause(followed, now, options), options.until),
        problem=problem,
    )


async def track_attempts(
    folder: Folder, chunk_name: str, *, key: str, client: AsyncClient, clock: Clock, options: TrackOptions
) -> Tracked:
    """Look once for all attempts of a chunk, as :func:`track_chunk` does for one; each contact's last one counts."""
    looks = [
        await track_chunk(
            folder, chunk_name, key=key, client=client, clock=clock, options=replace(options, attempt=attempt)
        )
        for attempt in attempts_made(logs_of(folder), chunk_name)
    ]
    return Tracked(
        states={contact: state for look in looks for contact, state in look.states.items()},
        pending=sum(look.pending for look in looks),
        look_again_at=min((look.look_again_at for look in looks if look.look_again_at is not None), default=None),
        problem=next((look.problem for look in looks if look.problem is not None), None),
    )


def _pause(followed: Sequence[_Followed], now: datetime, options: TrackOptions) -> timedelta:
    """Return the time to the next look: it grows with the age of the requests, as each look reads the whole chunk."""
    age = now - max(each.since for each in followed)
    return max(options.poll_interval, age / _LOOKS_PER_AGE)


def track_states(folder: Folder, log_name: str) -> dict[str, TrackLine]:
    """Return the last line of each contact: id -> line.

    :param log_name: of :func:`~.voice.attempt_name`.
    """
    latest = {}
    for name in folder.names(f"track/{log_name}/"):
        for text in folder.read(name).splitlines():
            line = TrackLine.from_json(json.loads(text))
            latest[line.contact] = line
    return latest


@dataclass(frozen=True, slots=True)
class _Followed:
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


def _followed(folder: Folder, chunk_name: str, lot: str, options: TrackOptions) -> list[_Followed]:
    results = WaveLog(folder, attempt_name(chunk_name, options.attempt)).state().latest
    followed = []
    for contact, numbers, parts in _contacts(folder, chunk_name):
        result = results.get(contact)
        if result is None or result.progress not in _FOLLOWED:
            continue
        number = numbers[result.place]
        identity = CallIdentity(
            result.ids.get("callerid"), member_key(lot, contact), not_before=result.since - CLOCKS_APART
        )
        state = ContactState.SENT if result.progress is Progress.SENT else ContactState.UNKNOWN
        followed.append(_Followed(contact, number, parts, result.since, identity, replace(identity, key=lot), state))
    return followed


def _contacts(folder: Folder, chunk_name: str) -> Iterator[tuple[str, list[str], int]]:
    """Yield id, numbers in their order, and parts of a chunk's contacts, without those that were erased."""
    rows = pl.read_parquet(io.BytesIO(folder.read(f"chunks/{chunk_stem(chunk_name)}.parquet"))).drop_nulls("number")
    further = rows.get_column(FURTHER).to_list() if FURTHER in rows.columns else [[]] * len(rows)
    for (contact, number, parts), others in zip(rows.select("id", "number", "parts").iter_rows(), further, strict=True):
        yield contact, [number, *(others or ())], parts


async def _look(
    pending: list[_Followed], lot: str, client: AsyncClient, now: datetime, options: TrackOptions
) -> tuple[dict[str, TrackLine], str | None]:
    """Read the rows of the pending contacts' waves: by the first question that shows any row of theirs."""
    sought = _Sought(pending, lot, options)
    problem = None
    for question in _questions({each.since for each in pending}, lot, now, options):
        for window in question.windows:
            try:
                async for row in _rows(client, window, question, options.channel):
                    sought.add(row)
            except DirectcallError as error:
                problem = str(error)
                log.warning("The statement could not be read to its end; the next look reads it again: %s", error)
        if sought.has_rows:
            break
    return sought.lines(), problem


@dataclass(frozen=True, slots=True)
class _Question:
    """One question to the statement.

    :ivar shows_tags: whether it asks for the rows' tags; some accounts take that for one more filter.
    """

    windows: Sequence[tuple[datetime, datetime]]
    tags: Mapping[str, str] | None = None
    shows_tags: bool = True


def _questions(begins: Iterable[datetime], lot: str, now: datetime, options: TrackOptions) -> Iterator[_Question]:
    """Yield the questions, the cheapest first.

    The tag of the chunk finds its rows alone. An account may keep no tags, or filter by them in a way of its own: where
    no row appears for a while, all rows of the time of the waves are read, and at last those of the hours around it, as
    the vendor's times may be off.
    """
    ordered = sorted(begins)
    yield _Question([(ordered[0] - TIMES_APART, now + TIMES_APART)], {LOT_TAG: lot})
    is_last = now >= options.until
    if now - ordered[0] < _PATIENCE and not is_last:
        return
    for margin in (TIMES_APART,) if is_last else (CLOCKS_APART, TIMES_APART):
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


def _rows(
    client: AsyncClient, window: tuple[datetime, datetime], question: _Question, channel: Channel
) -> AsyncIterator[StatementRow] | AsyncIterator[MessageRow]:
    if channel is Channel.CALL:
        calls = list_statement(*window, tags=question.tags)
        return client.rows(calls if question.shows_tags else without_search(calls))
    messages = list_messages(*window, tags=question.tags)
    return client.rows(messages if question.shows_tags else without_search(messages))


class _Sought:
    """The pending contacts, found by number, id and key, and their rows."""

    def __init__(self, contacts: Iterable[_Followed], lot: str, options: TrackOptions) -> None:
        self._options = options
        self._lot = lot
        self._contacts = {each.id: each for each in contacts}
        self._rows: dict[str, list[StatementRow | MessageRow]] = {}
        self._by_sign: dict[tuple[str, str | None], list[_Followed]] = {}
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

    def _is_own(self, row: StatementRow | MessageRow, contact: _Followed) -> bool:
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

    def _call(self, contact: _Followed, rows: list[StatementRow]) -> TrackLine:
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


def _message(contact: _Followed, rows: list[MessageRow]) -> TrackLine:
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


def _is_final(line: TrackLine | None) -> bool:
    return line is not None and line.is_final


def _write(folder: Folder, log_name: str, lines: Iterable[TrackLine]) -> None:
    """Write the changes as the next file; a file is written once."""
    prefix = f"track/{log_name}/"
    numbers = [int(name.removeprefix(prefix).removesuffix(".jsonl")) for name in folder.names(prefix)]
    content = "".join(json.dumps(line.as_json()) + "\n" for line in lines)
    folder.write(f"{prefix}{max(numbers, default=-1) + 1:06}.jsonl", content.encode())
