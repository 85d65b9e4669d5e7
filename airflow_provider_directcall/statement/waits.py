"""The waits of a feed: the looks that they need, and how they end."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_directcall.api.errors import DirectcallError
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.statement.marks import Judgement, Marks
    from airflow_provider_directcall.statement.pace import PollPace
    from airflow_provider_directcall.statement.shared_read import SharedRead
    from airflow_provider_directcall.statement.tagged_calls import OtherRows

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Look(Protocol[T_co]):
    """Looks once and again, until there is a result."""

    def look(self, now: datetime) -> Lookup[T_co | None]:
        """Look once; return the result, or None for "not yet"."""


class Wait(Protocol[T]):
    """A wait for rows."""

    @property
    def begins_at(self) -> datetime:
        """The first second of its window."""

    @property
    def is_identified(self) -> bool:
        """Whether it is for one call, on whose rows only a look of its own can decide."""

    @property
    def marks(self) -> Marks:
        """The marks of its rows."""

    others: OtherRows
    """Rows that the last look has found beside it."""

    keeps_rows: bool
    """Whether it keeps the rows of earlier reads, so that a read of a part of its window can end it."""

    @property
    def ends_with_any_row(self) -> bool:
        """Whether one row of a call that bears its marks is enough, whatever others of the call there are."""

    def look(self, now: datetime) -> Lookup[T | None]:
        """Look once; return the result, or None for "not yet"."""

    def judge(self, rows: Sequence[StatementRow], now: datetime) -> Judgement[T]:
        """Judge the rows of a shared read that bear its marks."""


@dataclass(frozen=True, slots=True)
class WaitResult:
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
class Waiter:
    """A wait in a feed.

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

    def is_covered_by(self, read: SharedRead) -> bool:
        """Whether a read covers its window."""
        is_in_time = self.ready_at <= read.asked_at
        return is_in_time and not self.wait.is_identified and read.since <= self.wait.begins_at
