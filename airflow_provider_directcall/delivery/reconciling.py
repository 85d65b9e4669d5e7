"""Looks at the statement over time -> a verdict on a request whose outcome is unknown.

Absence is the hard part. A row appears some seconds after a message left or a call *ended*, so absence is proven only
by a while without a row, counted from the first look at which no call was in progress between the two parties.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallError
from airflow_provider_directcall.delivery.matching import Match, MatchKind

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.delivery.errand import Errand
    from airflow_provider_directcall.delivery.record import Record

log = logging.getLogger(__name__)

_SHORTEST_PAUSE: Final = 1.0
_LOOKS: Final = 4
#: Failed looks in a row, at the deciding time, after which the outcome stays unknown.
_FAILURES_AT_THE_END: Final = 3


class VerdictKind(StrEnum):
    """The outcome of a reconciliation."""

    FOUND = "found"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one reconciliation.

    :ivar ids: ids of the request, when it was found.
    :ivar reason: why the outcome is unknown.
    :ivar retryable: whether a later look may find out more: the statement did not answer.
    :ivar is_too_early: whether the statement cannot show it yet, so that an empty look by hand proves nothing either.
    """

    kind: VerdictKind
    ids: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    retryable: bool = False
    is_too_early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileTimeouts:
    """How long to look for a request.

    :ivar settle_seconds: how late a row may appear.
    :ivar longest_seconds: how long to wait for the end of a call in progress.
    :ivar poll_interval: seconds between two looks, at most.
    """

    settle_seconds: float
    longest_seconds: float
    poll_interval: float

    @property
    def at_most(self) -> timedelta:
        """The longest time until there is a verdict, give or take a look."""
        return timedelta(seconds=4 * self.settle_seconds + self.longest_seconds)

    @property
    def pause(self) -> float:
        """Seconds between two looks: several of them fit into the time in which a row may appear."""
        return min(self.poll_interval, max(_SHORTEST_PAUSE, self.settle_seconds / _LOOKS))


class Reconciliation:
    """Comes to a verdict over several looks.

    :param begins_at: aware; now.
    :param timeouts: how long to look.
    :param due_at: aware; when a scheduled request is due. The statement does not show it earlier.
    """

    def __init__(self, begins_at: datetime, timeouts: ReconcileTimeouts, due_at: datetime | None = None) -> None:
        self._settle = timedelta(seconds=timeouts.settle_seconds)
        self._due_at = due_at
        self._conclusive_at = begins_at + self._settle
        self._ends_at = self._conclusive_at + timedelta(seconds=timeouts.longest_seconds)
        self._over_since: datetime | None = None
        self._failures = 0

    def look(self, errand: Errand, record: Record, clock: Clock) -> Lookup[Verdict | None]:
        """Look once, and return the verdict, or None when it is too early for one."""
        asked_at = clock.now()
        try:
            match = yield from errand.find(record, asked_at)
        except DirectcallError as error:
            log.warning("airflow_key %s could not be looked up: %s", record.key, error)
            return self.failed(error, clock.now())
        return self.observe(match, asked_at, clock.now())

    def observe(self, match: Match, asked_at: datetime, answered_at: datetime) -> Verdict | None:
        """Return the verdict after one more look, or None when it is too early for one.

        :param asked_at: aware; before the statement was asked: it shows the rows that had arrived by then.
        :param answered_at: aware; after the last answer of this look.
        """
        self._failures = 0
        if match.kind is MatchKind.IN_PROGRESS:
            return self._while_in_progress(answered_at)
        if match.kind is MatchKind.THERE:
            return Verdict(VerdictKind.FOUND, ids=match.ids)
        if not self._is_conclusive(asked_at, answered_at):
            return None
        match match.kind:
            case MatchKind.PARTLY_THERE:
                return Verdict(VerdictKind.FOUND, ids=match.ids)
            case MatchKind.UNPROVEN:
                return _unknown("the statement has rows that show neither whose they are nor an id")
        return self._absent(asked_at)

    def failed(self, error: DirectcallError, now: datetime) -> Verdict | None:
        """Return the verdict after a failed look, or None when it may be repeated.

        A rejected secret ends the looking; the operator on call may correct it before the next try.
        """
        self._failures += 1
        is_over = now >= self._conclusive_at and self._failures >= _FAILURES_AT_THE_END
        if not error.retryable or is_over:
            retryable = error.retryable or isinstance(error, DirectcallAuthError)
            return Verdict(VerdictKind.UNKNOWN, reason=str(error), retryable=retryable)
        return None

    def _is_conclusive(self, asked_at: datetime, answered_at: datetime) -> bool:
        """Whether a row would have appeared by now: a call in progress ended somewhere between two looks."""
        if self._over_since is None:
            self._over_since = answered_at
            self._conclusive_at = max(self._conclusive_at, answered_at + self._settle)
        return asked_at >= self._over_since + self._settle

    def _while_in_progress(self, now: datetime) -> Verdict | None:
        if now >= self._ends_at:
            return _too_early("a call between the two parties is still in progress")
        self._over_since = None
        self._conclusive_at = max(self._conclusive_at, now + self._settle)
        return None

    def _absent(self, asked_at: datetime) -> Verdict:
        if self._due_at is not None and asked_at < self._due_at + self._settle:
            return _too_early("it is scheduled, and the statement does not show it before its time")
        return Verdict(VerdictKind.ABSENT)


def _too_early(reason: str) -> Verdict:
    return Verdict(VerdictKind.UNKNOWN, reason=reason, is_too_early=True)


def _unknown(reason: str) -> Verdict:
    return Verdict(VerdictKind.UNKNOWN, reason=reason)
