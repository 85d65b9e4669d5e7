"""One poll of the statement for many waits: a state machine without I/O and without a clock.

A few waits look by themselves, each with its own question and at its own pace. More of them share one read of the
statement without a filter; a hash index finds the waits that a row may concern, so a poll costs as much as its rows,
however many wait.

The verdict of a wait is the one that its own look would have:

- A read that covers the whole window of a wait is judged by the wait itself, by the rules of its look.
- Whatever such a read cannot prove is decided by a look of the wait's own: a row outside of the read's or the wait's
  window, a row without a time, a call that is recognised by its id, an account whose rows show no tags.
- No wait times out before a look at or after its deadline, of its own or shared.
- Errors count for each wait at its own pace: a feed that polls often spends nobody's budget faster.

The driver asks for :meth:`Feed.next_question`, sends its look-up, and passes the answer to :meth:`Feed.answered` or the
error to :meth:`Feed.failed`; both return the verdicts.
"""

from __future__ import annotations

import heapq
import sys
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallError
from airflow_provider_directcall.statement.marks import MarkIndex
from airflow_provider_directcall.statement.pace import PollPace
from airflow_provider_directcall.statement.shared_read import ReadWindow, RowCounts, SharedRead, read_statement
from airflow_provider_directcall.statement.tagged_calls import OtherRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.statement.marks import Judgement, Marks

T = TypeVar("T")

#: So many waits look by themselves; so many are left before they do so again.
FEW: Final = 4
_FEW_LEFT: Final = 2
#: Pages of a read that are always worth it; beyond them, a page for each wait.
_LEAST_PAGES: Final = 4
#: How long the waits look by themselves after a shared read that was refused or too long.
_ALONE: Final = timedelta(minutes=30)
#: An idle feed polls less and less often, down to half as often.
_IDLE_STEP: Final = 1.25
_SLOWEST: Final = 2.0
#: The least pause between two shared reads, doubled by each failure in a row.
_LEAST_PAUSE: Final = 1.0
_MOST_DOUBLINGS: Final = 5
#: Looks of their own after a read that leaves doubts: in an account that shows tags, and in one that shows none.
_FEW_DOUBTS: Final = 1
_MANY_DOUBTS: Final = 50
#: So many waits that find calls that no read has shown prove that the reads do not work.
_BLIND: Final = 3
#: How long the last look of a wait respects the vendor's ``Retry-After``.
_GRACE: Final = timedelta(minutes=1)


class Wait(Protocol[T]):
    """A wait for rows."""

    @property
    def begins_at(self) -> datetime | None:
        """The first second of its window; None if only a look of its own can decide."""

    @property
    def marks(self) -> Marks:
        """The marks of its rows."""

    others: OtherRows
    """Rows that the last look has found beside it."""

    def look(self, now: datetime) -> Lookup[T | None]:
        """Look once; return the result, or None for "not yet"."""

    def judge(self, rows: Sequence[StatementRow], now: datetime) -> Judgement[T]:
        """Judge the rows of a shared read that bear its marks."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a wait.

    :ivar ticket: which wait.
    :ivar found: its result.
    :ivar error: why it was given up. With neither, its deadline has come.
    """

    ticket: int
    found: Any = field(default=None, repr=False)
    error: DirectcallError | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One look-up to run.

    :ivar lookup: the requests to send.
    :ivar asked_at: the present moment.
    :ivar ticket: the wait whose own look it is; None for a shared read.
    """

    lookup: Lookup[Any] = field(repr=False)
    asked_at: datetime
    ticket: int | None = None


@dataclass(slots=True)
class _Entry:
    """One wait.

    :ivar ready_at: no verdict before it.
    :ivar own_at: when it looks by itself next, or None.
    :ivar counts_at: from when on a failure counts.
    :ivar is_covered: whether a read has covered its window.
    :ivar is_asking: whether its own look is under way.
    :ivar was_called: whether rows were the reason for its own look.
    :ivar called_for: the rows that led to the last look of its own.
    :ivar doubts_known: how many doubtful rows there were at the last look of its own.
    """

    wait: Wait[Any]
    pace: PollPace
    ready_at: datetime
    counts_at: datetime
    own_at: datetime | None = None
    is_covered: bool = False
    is_asking: bool = False
    was_called: bool = False
    called_for: Hashable = None
    doubts_known: int = 0
    good_reads: int = 0


class Feed:
    """The waits for rows of one kind.

    :param calls: the kind (``tipoFiltro``).
    """

    def __init__(self, calls: str | None = None) -> None:
        self._calls = calls
        self._entries: dict[int, _Entry] = {}
        self._last_ticket = 0
        self._index = MarkIndex()
        self._window = ReadWindow()
        self._begins: Counter[datetime] = Counter()
        self._intervals: Counter[float] = Counter()
        self._own: list[tuple[datetime, int]] = []
        self._deadlines: list[tuple[datetime, int]] = []
        self._uncovered: set[int] = set()
        self._ending: set[int] = set()
        self._is_sharing = False
        self._alone_until: datetime | None = None
        self._is_reading = False
        self._read_at: datetime | None = None
        self._last_read_at: datetime | None = None
        self._quiet_until: datetime | None = None
        self._pace = PollPace(interval=1.0, max_consecutive_failures=sys.maxsize)
        self._failures = 0
        self._good_reads = 0
        self._idleness = 1.0
        self._doubtful: set[Hashable] = set()
        self._doubts = 0
        self._turns: deque[int] = deque()
        self._is_calm = False
        self._shows_tags = False
        self._shows_rows = False
        self._missed = 0

    def __contains__(self, ticket: int) -> bool:
        """Whether a wait is still there."""
        return ticket in self._entries

    def __len__(self) -> int:
        """Return how many waits there are."""
        return len(self._entries)

    # Waits

    def join(self, wait: Wait[Any], pace: PollPace, now: datetime, ready_at: datetime) -> int:
        """Add a wait; return its ticket.

        :param pace: its interval, deadline and budget of failures.
        :param ready_at: no verdict before it.
        """
        self._last_ticket += 1
        ticket, first = self._last_ticket, now + timedelta(seconds=pace.pause(now))
        entry = _Entry(wait, pace, ready_at, counts_at=first)
        self._entries[ticket] = entry
        self._index.add(ticket, wait.marks)
        self._intervals[pace.interval] += 1
        self._turns.append(ticket)
        self._is_calm = False
        if pace.deadline is not None:
            heapq.heappush(self._deadlines, (pace.deadline, ticket))
        if wait.begins_at is not None:
            self._begins[wait.begins_at] += 1
            self._uncovered.add(ticket)
        if not self._is_sharing or wait.begins_at is None:
            self._look_alone(ticket, max(first, ready_at))
        self._choose_way(now)
        return ticket

    def leave(self, ticket: int, now: datetime) -> None:
        """Remove a wait, if it is still there."""
        entry = self._entries.pop(ticket, None)
        if entry is None:
            return
        self._index.remove(ticket)
        _take(self._intervals, entry.pace.interval)
        if entry.wait.begins_at is not None:
            _take(self._begins, entry.wait.begins_at)
        self._uncovered.discard(ticket)
        self._choose_way(now)

    # Questions

    def next_at(self, now: datetime) -> datetime | None:
        """Return when there is a question next; None while nothing is to be asked."""
        self._forget_gone()
        moments = [self._own[0][0]] if self._own else []
        if self._is_sharing and not self._is_reading:
            moments.append(self._shared_at(now))
        if not moments:
            return None
        return max(min(moments), self._quiet_end(now))

    def next_question(self, now: datetime) -> Question | None:
        """Return a question that is due, or None."""
        if self._alone_until is not None and now >= self._alone_until:
            self._alone_until = None
            self._choose_way(now)
        if self._quiet_end(now) > now:
            return None
        if self._is_sharing and not self._is_reading and now >= self._shared_at(now):
            return self._shared_question(now)
        self._forget_gone()
        while self._own and self._own[0][0] <= now:
            _, ticket = heapq.heappop(self._own)
            entry = self._entries[ticket]
            entry.own_at, entry.is_asking, entry.doubts_known = None, True, self._doubts
            return Question(entry.wait.look(now), now, ticket)
        return None

    def answered(self, question: Question, answer: object, now: datetime) -> list[Verdict]:
        """Take the result of a look-up; return the verdicts that follow."""
        if question.ticket is not None:
            return list(self._looked(question, answer, now))
        assert isinstance(answer, SharedRead)  # noqa: S101 - the result of its own look-up
        self._is_reading, self._last_read_at = False, now
        verdicts = list(self._judged(answer))
        if answer.error is not None:
            verdicts += self._read_failed(answer.error, answer.asked_at, now)
        elif answer.is_too_long:
            self._go_alone(now, now + _ALONE)
        else:
            self._read_succeeded(answer, now)
            verdicts += self._expired(answer)
        return verdicts

    def failed(self, question: Question, error: DirectcallError, now: datetime) -> list[Verdict]:
        """Take the error of a look-up; return the verdicts that follow."""
        self._respect(error, now)
        if question.ticket is None:
            self._is_reading, self._last_read_at = False, now
            return self._read_failed(error, question.asked_at, now)
        ticket, entry = question.ticket, self._entries.get(question.ticket)
        if entry is None:
            return []
        entry.is_asking = False
        try:
            entry.pace.failed(error)
        except DirectcallError as last:
            return [self._verdict(ticket, now, error=last)]
        if entry.pace.is_over(question.asked_at):
            return [self._verdict(ticket, now)]
        self._look_alone(ticket, now + timedelta(seconds=entry.pace.pause(now)))
        return []

    def abandoned(self, question: Question, now: datetime) -> None:
        """Take back a question that was not asked to the end."""
        if question.ticket is None:
            self._is_reading, self._read_at = False, now
        elif (entry := self._entries.get(question.ticket)) is not None:
            entry.is_asking = False
            self._look_alone(question.ticket, now)

    # Own looks

    def _looked(self, question: Question, found: object, now: datetime) -> Iterator[Verdict]:
        ticket = question.ticket or 0
        entry = self._entries.get(ticket)
        if entry is None:
            return
        entry.is_asking = False
        entry.pace.succeeded()
        if found is not None:
            if self._is_sharing and entry.is_covered and not entry.was_called:
                self._note_missed(now)
            yield self._verdict(ticket, now, found)
        elif entry.pace.is_over(question.asked_at):
            yield self._verdict(ticket, now)
        elif not self._is_sharing:
            self._look_alone(ticket, now + timedelta(seconds=entry.pace.pause(now)))
        elif entry.wait.begins_at is None:
            entry.is_covered = True
            if entry.pace.deadline is not None:
                self._look_alone(ticket, entry.pace.deadline)
        entry.was_called = False

    def _look_alone(self, ticket: int, at: datetime) -> None:
        entry = self._entries[ticket]
        if entry.is_asking or (entry.own_at is not None and entry.own_at <= at):
            return
        entry.own_at = at
        heapq.heappush(self._own, (at, ticket))

    def _forget_gone(self) -> None:
        """Drop waits that left, or that look at another time, from the head of the queue."""
        while self._own:
            at, ticket = self._own[0]
            entry = self._entries.get(ticket)
            if entry is not None and entry.own_at == at:
                return
            heapq.heappop(self._own)

    # Shared reads

    def _shared_at(self, now: datetime) -> datetime:
        """Return when the next read is due: at its pace, or for the first deadline."""
        read_at, deadline = self._read_at or now, self._first_deadline()
        if deadline is None:
            return read_at
        pause = _LEAST_PAUSE * 2.0 ** min(self._failures, _MOST_DOUBLINGS)
        soonest = self._last_read_at + timedelta(seconds=pause) if self._last_read_at is not None else now
        return min(read_at, max(deadline, soonest))

    def _first_deadline(self) -> datetime | None:
        while self._deadlines and self._deadlines[0][1] not in self._entries:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def _shared_question(self, now: datetime) -> Question | None:
        self._is_reading = True
        while self._deadlines and self._deadlines[0][0] <= now:
            self._ending.add(heapq.heappop(self._deadlines)[1])
        entries = [self._entries[ticket] for ticket in (*self._uncovered, *self._ending) if ticket in self._entries]
        needed = [each.wait.begins_at for each in entries if each.wait.begins_at is not None and each.ready_at <= now]
        since = self._window.since(now, self._oldest(now), needed)
        most_pages = max(_LEAST_PAGES, len(self._entries))
        return Question(read_statement(since, now, self._calls, most_pages), now)

    def _oldest(self, now: datetime) -> datetime:
        return min(self._begins, default=now)

    def _judged(self, read: SharedRead) -> Iterator[Verdict]:
        """Yield the verdicts of the waits that the rows concern; a page that was read counts."""
        self._shows_rows |= bool(read.rows)
        self._shows_tags |= any(row.tags for row in read.rows)
        for ticket, rows in self._index.concerned(read.rows).items():
            entry = self._entries[ticket]
            if entry.ready_at > read.asked_at:
                continue
            begins_at = entry.wait.begins_at
            is_covering = begins_at is not None and read.since <= begins_at
            judgement = entry.wait.judge(rows, read.asked_at) if is_covering else None
            if judgement is not None and judgement.found is not None:
                self._missed = 0
                yield self._verdict(ticket, read.asked_at, judgement.found)
            elif judgement is None or judgement.is_doubtful:
                self._call(ticket, entry, rows, read.asked_at)

    def _call(self, ticket: int, entry: _Entry, rows: list[StatementRow], now: datetime) -> None:
        """Let a wait look by itself, once for the same rows."""
        called_for = hash(frozenset((row.key, row.duration_seconds, frozenset(row.tags.items())) for row in rows))
        if entry.called_for != called_for:
            entry.called_for, entry.was_called = called_for, True
            self._look_alone(ticket, now)

    def _read_succeeded(self, read: SharedRead, now: datetime) -> None:
        self._failures, self._good_reads = 0, self._good_reads + 1
        has_news = self._window.learn(read, self._oldest(now))
        self._idleness = 1.0 if has_news else min(self._idleness * _IDLE_STEP, _SLOWEST)
        self._pace.succeeded()
        self._rest(now)
        for ticket in [ticket for ticket in self._uncovered if _covers(read, self._entries[ticket])]:
            self._entries[ticket].is_covered = True
            self._uncovered.discard(ticket)
        self._work_off_doubts(read, now)

    def _read_failed(self, error: DirectcallError, asked_at: datetime, now: datetime) -> list[Verdict]:
        """Count the failure for each wait at its own pace; a lasting refusal is left to the waits' own questions."""
        self._respect(error, now)
        try:
            self._pace.failed(error)
        except DirectcallError:
            if isinstance(error, DirectcallAuthError):
                return [self._verdict(ticket, now, error=error) for ticket in list(self._entries)]
            self._go_alone(now, now + _ALONE)
            return []
        self._failures += 1
        self._rest(now)
        return list(self._counted(error, asked_at, now))

    def _rest(self, now: datetime) -> None:
        self._pace.interval = min(self._intervals, default=1.0) * self._idleness
        self._read_at = now + timedelta(seconds=self._pace.pause(now))

    def _counted(self, error: DirectcallError, asked_at: datetime, now: datetime) -> Iterator[Verdict]:
        for ticket, entry in list(self._entries.items()):
            if entry.good_reads != self._good_reads:
                entry.good_reads = self._good_reads
                entry.pace.succeeded()
            is_over = entry.pace.is_over(asked_at)
            if now < entry.counts_at and not is_over:
                continue
            try:
                entry.pace.failed(error)
            except DirectcallError as last:
                yield self._verdict(ticket, now, error=last)
                continue
            entry.counts_at = now + timedelta(seconds=entry.pace.pause(now))
            if is_over:
                yield self._verdict(ticket, now)

    def _expired(self, read: SharedRead) -> list[Verdict]:
        """Return the waits whose deadline has come; one that the read says too little about looks once more."""
        counts: RowCounts | None = None
        ended: list[int] = []
        ending, self._ending = self._ending, set()
        for ticket in sorted(ending & self._entries.keys()):
            entry = self._entries[ticket]
            begins_at = entry.wait.begins_at
            if begins_at is None or not self._shows_tags or not _covers(read, entry) or self._is_in_doubt(entry):
                self._look_alone(ticket, read.asked_at)
                continue
            counts = counts or RowCounts(read)
            seen = counts.others(begins_at)
            unmet = entry.wait.others.unmet
            entry.wait.others = OtherRows(max(seen.tagged - unmet, 0), seen.untagged, unmet)
            ended.append(ticket)
        # Only now: when few are left, the others look by themselves.
        return [self._verdict(ticket, read.asked_at) for ticket in ended]

    # Doubts

    def _work_off_doubts(self, read: SharedRead, now: datetime) -> None:
        """Let some waits look by themselves: rows without tags may be theirs, and a silent statement says nothing."""
        untagged = {row.key for row in read.rows if not row.tags and row.outcome is not None}
        if new := len(untagged - self._doubtful):
            self._doubts, self._is_calm = self._doubts + new, False
        self._doubtful = self._doubtful | untagged if read.since > self._oldest(now) else untagged
        if self._is_calm and self._shows_rows:
            return
        left = _MANY_DOUBTS if self._shows_rows and not self._shows_tags else _FEW_DOUBTS
        for _ in range(len(self._turns)):
            ticket = self._turns.popleft()
            entry = self._entries.get(ticket)
            if entry is None:
                continue
            self._turns.append(ticket)
            if entry.is_covered and (not self._shows_rows or self._is_in_doubt(entry)):
                self._look_alone(ticket, now)
                left -= 1
                if not left:
                    return
        self._is_calm = True

    def _is_in_doubt(self, entry: _Entry) -> bool:
        is_behind = entry.wait.begins_at is not None and entry.doubts_known < self._doubts
        return entry.is_asking or entry.own_at is not None or is_behind

    def _note_missed(self, now: datetime) -> None:
        """Note a result that no read has shown. After some of them, the reads are not trusted any more."""
        self._missed += 1
        if self._missed >= _BLIND:
            self._go_alone(now, datetime.max.replace(tzinfo=now.tzinfo))

    # Ways

    def _choose_way(self, now: datetime) -> None:
        """Share from some waits on; look alone again when few are left."""
        least = _FEW_LEFT if self._is_sharing else FEW
        if self._alone_until is not None or len(self._entries) <= least:
            if self._is_sharing:
                self._go_alone(now, self._alone_until)
        elif not self._is_sharing:
            self._is_sharing = True
            self._read_at = min((entry.own_at for entry in self._entries.values() if entry.own_at), default=now)
            for entry in self._entries.values():
                if entry.wait.begins_at is not None:
                    entry.own_at = None

    def _go_alone(self, now: datetime, until: datetime | None) -> None:
        self._is_sharing, self._alone_until = False, until
        for ticket, entry in self._entries.items():
            pause = entry.pace.pause(now) if not entry.pace.is_over(now) else 0.0
            self._look_alone(ticket, max(now + timedelta(seconds=pause), entry.ready_at))

    def _respect(self, error: DirectcallError, now: datetime) -> None:
        if error.retry_after:
            until = now + timedelta(seconds=error.retry_after)
            self._quiet_until = max(self._quiet_until or until, until)

    def _quiet_end(self, now: datetime) -> datetime:
        """Return until when the vendor asked for quiet; a wait that ends does not wait longer for it than its grace."""
        if self._quiet_until is None or self._quiet_until <= now:
            self._quiet_until = None
            return now
        deadline = self._first_deadline()
        return self._quiet_until if deadline is None else min(self._quiet_until, max(deadline + _GRACE, now))

    def _verdict(
        self, ticket: int, now: datetime, found: object = None, error: DirectcallError | None = None
    ) -> Verdict:
        self.leave(ticket, now)
        return Verdict(ticket, found, error)


def _covers(read: SharedRead, entry: _Entry) -> bool:
    begins_at = entry.wait.begins_at
    return begins_at is not None and entry.ready_at <= read.asked_at and read.since <= begins_at


def _take(counter: Counter[Any], name: object) -> None:
    counter[name] -= 1
    if counter[name] <= 0:
        del counter[name]
