"""One read of the statement for many waits: which window, how many pages, and its rows.

A read has no filter but the kind of calls (``tipoFiltro``). Most reads cover the *recent* part of the statement only;
the *whole* window of all waits is read when a new wait begins earlier, when a wait ends, and otherwise as often as its
pages cost no more than those of the recent reads between. A row that appears later than the recent part reaches back
makes that part longer.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.paging import PageReader
from airflow_provider_directcall.statement.search import CLOCK_SKEW
from airflow_provider_directcall.statement.tagged_calls import OtherRows

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.statement.feed_sources import FeedSource

#: How far a recent read reaches back at first: rows that are half an hour late, of calls that last as long.
_OVERLAP: Final = timedelta(hours=1)
_MOST_OVERLAP: Final = timedelta(hours=6)
_MARGIN: Final = timedelta(minutes=10)
#: The whole window is read after this many recent reads at the latest.
_MOST_RECENT_READS: Final = 40
#: A look-up may read a little more, see :data:`~airflow_provider_directcall.api.bounds.LOOKUP_ROWS`.
_MOST_ROWS: Final = 15_000


@dataclass(frozen=True, slots=True)
class SharedRead:
    """The rows of a read.

    :ivar asked_at: when it began.
    :ivar since: the first second of its window.
    :ivar rows: its rows, once each.
    :ivar pages: how many pages it took.
    :ivar error: why it ends early, or None. The pages before count.
    :ivar is_too_long: whether it was given up, because it has more pages than the waits are worth.
    """

    asked_at: datetime
    since: datetime
    rows: list[StatementRow] = field(repr=False)
    pages: int
    error: DirectcallError | None = None
    is_too_long: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether all of its window was read."""
        return self.error is None and not self.is_too_long


def read_statement(since: datetime, now: datetime, source: FeedSource, most_pages: int) -> Lookup[SharedRead]:
    """Read a window up to its end, to the first page that cannot be read, or to the last page that is worth it."""
    listing = source.rows(since, max(since, now) + CLOCK_SKEW)
    reader, rows, pages = PageReader(listing), list["StatementRow"](), 0
    try:
        while (request := reader.next_request()) is not None:
            if pages >= most_pages or len(rows) >= _MOST_ROWS:
                return SharedRead(now, since, rows, pages, is_too_long=True)
            rows.extend(reader.feed((yield request)))
            pages += 1
    except DirectcallError as error:
        return SharedRead(now, since, rows, pages, error)
    return SharedRead(now, since, rows, pages)


class ReadWindow:
    """Chooses the window of the next read.

    :ivar overlap: how far a recent read reaches back.
    """

    def __init__(self) -> None:
        self.overlap = _OVERLAP
        self._whole_pages = 1
        self._recent_reads = 0
        self._known: set[Hashable] = set()
        self._known_since: datetime | None = None

    def since(self, now: datetime, oldest: datetime, needed: Iterable[datetime]) -> datetime:
        """Return the first second to read.

        :param oldest: when the oldest window of all waits begins.
        :param needed: when the windows begin that this read has to cover.
        """
        recent = max(now - self.overlap, oldest)
        is_due = self._recent_reads >= min(self._whole_pages, _MOST_RECENT_READS)
        return oldest if is_due else min([recent, *needed])

    def learn(self, read: SharedRead, oldest: datetime) -> bool:
        """Note the cost and the rows of a read; return whether it had a row that is new."""
        fresh = [row for row in read.rows if row.key not in self._known]
        if self._known_since is not None:
            starts = [row.started_at for row in fresh if row.started_at is not None]
            lags = [read.asked_at - start for start in starts if start >= self._known_since]
            self.overlap = min(max([self.overlap, *(lag + _MARGIN for lag in lags)]), _MOST_OVERLAP)
        if read.since <= oldest:
            self._recent_reads, self._whole_pages = 0, max(read.pages, 1)
            self._known, self._known_since = {row.key for row in read.rows}, read.since
        else:
            self._recent_reads += 1
            self._known.update(row.key for row in fresh)
        return bool(fresh)


class RowCounts:
    """The rows of a read, counted by whether they show tags."""

    def __init__(self, read: SharedRead) -> None:
        self._tagged, self._untagged = (
            sorted(row.started_at for row in read.rows if row.started_at is not None and bool(row.tags) is shown)
            for shown in (True, False)
        )

    def others(self, since: datetime) -> OtherRows:
        """Return the rows from a second on."""
        counts = (len(times) - bisect_left(times, since) for times in (self._tagged, self._untagged))
        return OtherRows(*counts)
