"""One poll of the statement for many waits: a state machine without I/O and without a clock.

A few waits look by themselves, each with its own question and at its own pace. More of them share one read of the
statement without a filter; a hash index finds the waits that a row may concern, so a poll costs as much as its rows,
however many wait.

The verdict of a wait is the one that its own look would have:

- A read that covers the whole window of a wait is judged by the wait itself, by the rules of its look. So is a shorter
  one by a wait that any row ends, whatever the call's other rows say; it cannot prove that there is none.
- Whatever such a read cannot prove is decided by a look of the wait's own: a row outside of the read's or the wait's
  window, a row without a time, a call that is recognised by its id, an account whose rows show no tags.
- No wait times out before a look at or after its deadline, of its own or shared.
- Errors count for each wait at its own pace: a feed that polls often spends nobody's budget faster.

The driver asks for :meth:`Feed.next_question`, sends its look-up, and passes the answer to :meth:`Feed.steps` or the
error to :meth:`Feed.failed`; both give the verdicts.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallError
from airflow_provider_directcall.api.paging import MAX_PAGES
from airflow_provider_directcall.statement.calls import rows_by_call
from airflow_provider_directcall.statement.feed_sources import FeedSource, calls
from airflow_provider_directcall.statement.look_times import LookTimes
from airflow_provider_directcall.statement.marks import MarkIndex
from airflow_provider_directcall.statement.pace import PollPace
from airflow_provider_directcall.statement.shared_read import ReadWindow, RowCounts, SharedRead, read_statement
from airflow_provider_directcall.statement.tagged_calls import OtherRows
from airflow_provider_directcall.statement.untagged_rows import UntaggedRows
from airflow_provider_directcall.statement.waits import Question, Wait, Waiter, WaitResult

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import StatementRow

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
#: So many waits that find calls that no read has shown prove that the reads do not work.
_BLIND: Final = 3
#: Calls, or waits, of one step: some milliseconds.
_STEP: Final = 500
#: How long the last look of a wait respects the vendor's ``Retry-After``.
_GRACE: Final = timedelta(minutes=1)


class Feed:
    """The waits for rows of one kind.

    :param source: what it reads; None for placed calls.
    """

    def __init__(self, source: FeedSource | None = None) -> None:
        self._source = source or calls()
        self._waiters: dict[int, Waiter] = {}
        self._last_ticket = 0
        self._index = MarkIndex()
        self._window = ReadWindow()
        self._begins: Counter[datetime] = Counter()
        self._identified = 0
        self._intervals: Counter[float] = Counter()
        self._times = LookTimes(self._waiters)
        self._untagged = UntaggedRows(self._waiters, matter=self._source.has_doubts)
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
        self._missed = 0

    def __contains__(self, ticket: int) -> bool:
        """Whether a wait is still there."""
        return ticket in self._waiters

    def __len__(self) -> int:
        """Return how many waits there are."""
        return len(self._waiters)

    # Waits

    def join(self, wait: Wait[Any], pace: PollPace, now: datetime, ready_at: datetime) -> int:
        """Add a wait; return its ticket.

        :param pace: its interval, deadline and budget of failures.
        :param ready_at: no verdict before it.
        """
        self._last_ticket += 1
        ticket, first = self._last_ticket, now + timedelta(seconds=pace.pause(now))
        waiter = Waiter(wait, pace, ready_at, counts_at=first)
        self._waiters[ticket] = waiter
        self._index.add(ticket, wait.marks)
        self._intervals[pace.interval] += 1
        self._untagged.join(ticket)
        if pace.deadline is not None:
            self._times.end_at(ticket, pace.deadline)
        self._begins[wait.begins_at] += 1
        self._identified += wait.is_identified
        if not wait.is_identified:
            self._uncovered.add(ticket)
        if not self._is_sharing or wait.is_identified:
            self._times.look(ticket, max(first, ready_at))
        self._choose_way(now)
        return ticket

    def leave(self, ticket: int, now: datetime) -> None:
        """Remove a wait, if it is still there."""
        waiter = self._waiters.pop(ticket, None)
        if waiter is None:
            return
        self._index.remove(ticket)
        _take(self._intervals, waiter.pace.interval)
        _take(self._begins, waiter.wait.begins_at)
        self._identified -= waiter.wait.is_identified
        self._uncovered.discard(ticket)
        self._choose_way(now)

    # Questions

    def next_at(self, now: datetime) -> datetime | None:
        """Return when there is a question next; None while nothing is to be asked."""
        first = self._times.first_look()
        moments = [first] if first is not None else []
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
        ticket = self._times.next_due(now)
        if ticket is None:
            return None
        waiter = self._waiters[ticket]
        waiter.own_at, waiter.is_asking, waiter.doubts_known = None, True, self._untagged.count
        return Question(waiter.wait.look(now), now, ticket)

    def steps(self, question: Question, answer: object, now: datetime) -> Iterator[list[WaitResult]]:
        """Take the result of a look-up; yield the verdicts that follow.

        The driver may do other things between two short steps, such as let waits join and leave.
        """
        if question.ticket is not None:
            yield list(self._looked(question, answer, now))
            return
        assert isinstance(answer, SharedRead)  # noqa: S101 - the result of its own look-up
        yield from self._judged(answer)
        self._is_reading, self._last_read_at = False, now
        if answer.error is not None:
            yield self._read_failed(answer.error, answer.asked_at, now)
        elif answer.is_too_long:
            self._go_alone(now, now + _ALONE)
        else:
            self._read_succeeded(answer, now)
            yield self._expired(answer)

    def failed(self, question: Question, error: DirectcallError, now: datetime) -> list[WaitResult]:
        """Take the error of a look-up; return the verdicts that follow."""
        self._respect(error, now)
        if question.ticket is None:
            self._is_reading, self._last_read_at = False, now
            return self._read_failed(error, question.asked_at, now)
        ticket, waiter = question.ticket, self._waiters.get(question.ticket)
        if waiter is None:
            return []
        waiter.is_asking = False
        try:
            waiter.pace.failed(error)
        except DirectcallError as last:
            return [self._verdict(ticket, now, error=last)]
        if waiter.pace.is_over(question.asked_at):
            return [self._verdict(ticket, now)]
        self._times.look(ticket, now + timedelta(seconds=waiter.pace.pause(now)))
        return []

    def abandoned(self, question: Question, now: datetime) -> None:
        """Take back a question that was not asked to the end."""
        if question.ticket is None:
            self._is_reading, self._read_at = False, now
        elif (waiter := self._waiters.get(question.ticket)) is not None:
            waiter.is_asking = False
            self._times.look(question.ticket, now)

    # Own looks

    def _looked(self, question: Question, found: object, now: datetime) -> Iterator[WaitResult]:
        ticket = question.ticket or 0
        waiter = self._waiters.get(ticket)
        if waiter is None:
            return
        waiter.is_asking = False
        waiter.pace.succeeded()
        if found is not None:
            if self._is_sharing and waiter.is_covered and not waiter.was_called:
                self._note_missed(now)
            yield self._verdict(ticket, now, found)
        elif waiter.pace.is_over(question.asked_at):
            yield self._verdict(ticket, now)
        elif not self._is_sharing:
            self._times.look(ticket, now + timedelta(seconds=waiter.pace.pause(now)))
        elif waiter.wait.is_identified:
            waiter.is_covered = True
            if waiter.pace.deadline is not None:
                self._times.look(ticket, waiter.pace.deadline)
        waiter.was_called = False

    # Shared reads

    def _shared_at(self, now: datetime) -> datetime:
        """Return when the next read is due: at its pace, or for the first deadline."""
        read_at, deadline = self._read_at or now, self._times.first_deadline()
        if deadline is None:
            return read_at
        pause = _LEAST_PAUSE * 2.0 ** min(self._failures, _MOST_DOUBLINGS)
        soonest = self._last_read_at + timedelta(seconds=pause) if self._last_read_at is not None else now
        return min(read_at, max(deadline, soonest))

    def _shared_question(self, now: datetime) -> Question | None:
        self._is_reading = True
        self._ending.update(self._times.take_ended(now))
        waiters = [self._waiters[ticket] for ticket in (*self._uncovered, *self._ending) if ticket in self._waiters]
        needed = [each.wait.begins_at for each in waiters if not each.wait.is_identified and each.ready_at <= now]
        since = self._window.since(now, self._oldest(now), needed)
        most_pages = max(_LEAST_PAGES, len(self._waiters)) if self._source.has_filter else MAX_PAGES
        return Question(read_statement(since, now, self._source, most_pages), now)

    def _oldest(self, now: datetime) -> datetime:
        # A call that is recognised by its id may have begun before its wait's window.
        recent = now - self._window.overlap if self._identified else now
        return min([recent, *self._begins])

    def _judged(self, read: SharedRead) -> Iterator[list[WaitResult]]:
        """Yield the verdicts of the waits that the rows concern; a page that was read counts."""
        self._untagged.see(read.rows)
        concerned: dict[int, list[StatementRow]] = {}
        for legs in _in_steps(rows_by_call(read.rows)):
            self._index.add_concerned(legs, concerned)
            yield []
        for tickets in _in_steps(list(concerned)):
            yield list(self._verdicts_on(tickets, concerned, read))

    def _verdicts_on(
        self, tickets: Sequence[int], concerned: Mapping[int, list[StatementRow]], read: SharedRead
    ) -> Iterator[WaitResult]:
        for ticket in tickets:
            waiter, rows = self._waiters.get(ticket), concerned[ticket]
            if waiter is None or waiter.ready_at > read.asked_at:
                continue
            is_covering = not waiter.wait.is_identified and read.since <= waiter.wait.begins_at
            is_enough = is_covering or waiter.wait.keeps_rows
            judges = is_enough or waiter.wait.ends_with_any_row
            judgement = waiter.wait.judge(rows, read.asked_at) if judges else None
            if judgement is not None and judgement.found is not None:
                self._missed = 0
                yield self._verdict(ticket, read.asked_at, judgement.found)
            elif judgement is None or judgement.is_doubtful or not is_enough:
                self._call(ticket, waiter, rows, read.asked_at)

    def _call(self, ticket: int, waiter: Waiter, rows: list[StatementRow], now: datetime) -> None:
        """Let a wait look by itself, once for the same rows."""
        called_for = hash(frozenset(_shown_by(row) for row in rows))
        if waiter.called_for != called_for:
            waiter.called_for, waiter.was_called = called_for, True
            self._times.look(ticket, now)

    def _read_succeeded(self, read: SharedRead, now: datetime) -> None:
        self._failures, self._good_reads = 0, self._good_reads + 1
        has_news = self._window.learn(read, self._oldest(now))
        self._idleness = 1.0 if has_news else min(self._idleness * _IDLE_STEP, _SLOWEST)
        self._pace.succeeded()
        self._rest(now)
        for ticket in [ticket for ticket in self._uncovered if self._waiters[ticket].is_covered_by(read)]:
            self._waiters[ticket].is_covered = True
            self._uncovered.discard(ticket)
        self._untagged.learn(read, self._oldest(now))
        for ticket in self._untagged.looking():
            self._times.look(ticket, now)

    def _read_failed(self, error: DirectcallError, asked_at: datetime, now: datetime) -> list[WaitResult]:
        """Count the failure for each wait at its own pace; a lasting refusal is left to the waits' own questions."""
        self._respect(error, now)
        try:
            self._pace.failed(error)
        except DirectcallError:
            if isinstance(error, DirectcallAuthError):
                return [self._verdict(ticket, now, error=error) for ticket in list(self._waiters)]
            self._go_alone(now, now + _ALONE)
            return []
        self._failures += 1
        self._rest(now)
        return list(self._counted(error, asked_at, now))

    def _rest(self, now: datetime) -> None:
        self._pace.interval = min(self._intervals, default=1.0) * self._idleness
        self._read_at = now + timedelta(seconds=self._pace.pause(now))

    def _counted(self, error: DirectcallError, asked_at: datetime, now: datetime) -> Iterator[WaitResult]:
        for ticket, waiter in list(self._waiters.items()):
            if waiter.good_reads != self._good_reads:
                waiter.good_reads = self._good_reads
                waiter.pace.succeeded()
            is_over = waiter.pace.is_over(asked_at)
            if now < waiter.counts_at and not is_over:
                continue
            try:
                waiter.pace.failed(error)
            except DirectcallError as last:
                yield self._verdict(ticket, now, error=last)
                continue
            waiter.counts_at = now + timedelta(seconds=waiter.pace.pause(now))
            if is_over:
                yield self._verdict(ticket, now)

    def _expired(self, read: SharedRead) -> list[WaitResult]:
        """Return the waits whose deadline has come; one that the read says too little about looks once more."""
        counts: RowCounts | None = None
        ended: list[int] = []
        ending, self._ending = self._ending, set()
        for ticket in sorted(ending & self._waiters.keys()):
            waiter = self._waiters[ticket]
            if (
                waiter.wait.is_identified
                or not self._untagged.shows_tags
                or not waiter.is_covered_by(read)
                or self._untagged.leave_open(waiter)
            ):
                self._times.look(ticket, read.asked_at)
                continue
            counts = counts or RowCounts(read)
            seen = counts.others(waiter.wait.begins_at)
            unmet = waiter.wait.others.unmet
            waiter.wait.others = OtherRows(max(seen.tagged - unmet, 0), seen.untagged, unmet)
            ended.append(ticket)
        # Only now: when few are left, the others look by themselves.
        return [self._verdict(ticket, read.asked_at) for ticket in ended]

    def _note_missed(self, now: datetime) -> None:
        """Note a result that no read has shown. After some of them, the reads are not trusted any more."""
        self._missed += 1
        if self._missed >= _BLIND:
            self._go_alone(now, datetime.max.replace(tzinfo=now.tzinfo))

    # Ways

    def _choose_way(self, now: datetime) -> None:
        """Share from some waits on; look alone again when few are left."""
        least = (_FEW_LEFT if self._is_sharing else FEW) if self._source.has_filter else 0
        if self._alone_until is not None or len(self._waiters) <= least:
            if self._is_sharing:
                self._go_alone(now, self._alone_until)
        elif not self._is_sharing:
            self._is_sharing = True
            self._read_at = min((waiter.own_at for waiter in self._waiters.values() if waiter.own_at), default=now)
            for waiter in self._waiters.values():
                if not waiter.wait.is_identified:
                    waiter.own_at = None

    def _go_alone(self, now: datetime, until: datetime | None) -> None:
        self._is_sharing, self._alone_until = False, until
        for ticket, waiter in self._waiters.items():
            pause = waiter.pace.pause(now) if not waiter.pace.is_over(now) else 0.0
            self._times.look(ticket, max(now + timedelta(seconds=pause), waiter.ready_at))

    def _respect(self, error: DirectcallError, now: datetime) -> None:
        if error.retry_after:
            until = now + timedelta(seconds=error.retry_after)
            self._quiet_until = max(self._quiet_until or until, until)

    def _quiet_end(self, now: datetime) -> datetime:
        """Return until when the vendor asked for quiet; a wait that ends does not wait longer for it than its grace."""
        if self._quiet_until is None or self._quiet_until <= now:
            self._quiet_until = None
            return now
        deadline = self._times.first_deadline()
        return self._quiet_until if deadline is None else min(self._quiet_until, max(deadline + _GRACE, now))

    def _verdict(
        self, ticket: int, now: datetime, found: object = None, error: DirectcallError | None = None
    ) -> WaitResult:
        self.leave(ticket, now)
        return WaitResult(ticket, found, error)


def _in_steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for begin in range(0, len(items), _STEP):
        yield items[begin : begin + _STEP]


def _shown_by(row: StatementRow) -> Hashable:
    return (row.key, row.duration_seconds, row.recording_url, frozenset(row.tags.items()))


def _take(counter: Counter[Any], name: object) -> None:
    counter[name] -= 1
    if counter[name] <= 0:
        del counter[name]
