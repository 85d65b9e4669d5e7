"""Looks at the statement over time -> a verdict on a request whose outcome is unknown.

Absence is the hard part. A row appears some seconds after a message left or a call *ended*, so absence is proven only
by a while without a row, counted from the first look at which no call was in progress between the two parties, and by a
control look after it, which finds no row that could be the request's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallError
from airflow_provider_directcall.api.lookups import bounded
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
    :ivar forbids_send: whether it is not to be sent again, whatever the user's policy, and not after a Clear: the
        statement cannot show it yet, a call is in progress or may be, or the looking was cut short.
    :ivar seen: whether a row has shown its key: it is there, whatever later looks show.
    :ivar key: the key under which it was found, where several were looked for.
    :ivar was_there: it was there at the first look already, so that it was sent some time ago.
    """

    kind: VerdictKind
    ids: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    retryable: bool = False
    forbids_send: bool = False
    seen: bool = False
    key: str = ""
    was_there: bool = False


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
        self._sign: Match | None = None
        """The last row with our key; it may vanish again."""
        self._was_there: bool | None = None
        self._is_in_progress = False
        self._is_line_unknown = False
        """Whether the last look left open if a call is in progress."""

    @property
    def has_seen_key(self) -> bool:
        """Whether a row has shown the key of the request."""
        return self._sign is not None

    def look(self, errand: Errand, record: Record, clock: Clock) -> Lookup[Verdict | None]:
        """Look once, within the bounds of a look-up, and return the verdict, or None when it is too early for one."""
        return (yield from bounded(self._look(errand, record, clock), clock))

    def _look(self, errand: Errand, record: Record, clock: Clock) -> Lookup[Verdict | None]:
        asked_at = clock.now()
        try:
            match = yield from _under_each_key(errand.find, record, asked_at)
            if record.superseded and self._was_there is None:
                match = yield from self._first_match(errand, record, asked_at, match)
            if match.error is not None:
                _log_failure(record, match.error)
            verdict = self.observe(match, asked_at, clock.now())
            if verdict is None or verdict.kind is not VerdictKind.ABSENT:
                return verdict
            return self.confirm((yield from _under_each_key(errand.control, record, asked_at)), clock.now())
        except DirectcallError as error:
            _log_failure(record, error)
            return self.failed(error, clock.now())

    def _first_match(self, errand: Errand, record: Record, asked_at: datetime, match: Match) -> Lookup[Match]:
        """Look among all rows too, whether it was there before a user's Clear: a look by key may not show its rows."""
        is_open = match.kind in {MatchKind.NONE, MatchKind.UNPROVEN} and not match.shows_key
        if match.error is not None or not is_open:
            return match
        control = yield from _under_each_key(errand.control, record, asked_at)
        return control if control.shows_key else match

    def observe(self, match: Match, asked_at: datetime, answered_at: datetime) -> Verdict | None:
        """Return the verdict after one more look, or None when it is too early for one.

        :param asked_at: aware; before the statement was asked: it shows the rows that had arrived by then.
        :param answered_at: aware; after the last answer of this look.
        """
        if match.error is not None:
            self._is_line_unknown = match.is_line_unknown
            self._is_in_progress &= match.is_line_unknown
            return self.failed(match.error, answered_at)
        self._is_line_unknown = False
        verdict = self._observed(match, asked_at, answered_at)
        if verdict is None or verdict.kind is not VerdictKind.ABSENT:
            self._failures = 0
        return verdict

    def confirm(self, control: Match, now: datetime) -> Verdict | None:
        """Return the verdict after a control look, once :meth:`observe` has found the request absent.

        None when the look failed and may be repeated.
        """
        if control.error is not None:
            return self.failed(control.error, now)
        self._failures = 0
        return self._conclude(control, now)

    def failed(self, error: DirectcallError, now: datetime) -> Verdict | None:
        """Return the verdict after a failed look, or None when it may be repeated.

        No failure ends the looking before its time: the next look may find the request. The operator on call may
        correct a rejected secret before the next try.
        """
        self._failures += 1
        if now < self._conclusive_at or self._failures < _FAILURES_AT_THE_END:
            return None
        if self._sign is not None:
            return self._conclude(self._sign, now)
        retryable = error.retryable or isinstance(error, DirectcallAuthError)
        return self._unknown(str(error), now, retryable=retryable)

    def _observed(self, match: Match, asked_at: datetime, answered_at: datetime) -> Verdict | None:
        if self._was_there is None:
            self._was_there = match.kind in {MatchKind.THERE, MatchKind.PARTLY_THERE}
        if match.shows_key:
            self._sign = match
        self._is_in_progress = match.kind is MatchKind.IN_PROGRESS
        if self._is_in_progress:
            return self._while_in_progress(answered_at)
        if match.kind is MatchKind.THERE:
            return self._conclude(match, answered_at)
        if not self._is_conclusive(asked_at, answered_at):
            return None
        if match.kind is MatchKind.NONE and self._sign is None:
            return self._absent(asked_at)
        return self._conclude(self._sign or match, answered_at)

    def _conclude(self, match: Match, now: datetime) -> Verdict:
        """Return the verdict on a look that is the last one."""
        match match.kind:
            case MatchKind.THERE | MatchKind.PARTLY_THERE:
                return Verdict(VerdictKind.FOUND, ids=match.ids, key=match.key, was_there=bool(self._was_there))
            case MatchKind.NONE:
                return Verdict(VerdictKind.ABSENT)
        return self._unknown(match.doubt, now, seen=match.shows_key)

    def _unknown(self, reason: str, now: datetime, *, retryable: bool = False, seen: bool = False) -> Verdict:
        """Return that it stays unknown, and whether the user's policy may send it again nevertheless."""
        is_too_early = self._due_at is not None and now < self._due_at + self._settle
        return Verdict(
            VerdictKind.UNKNOWN,
            reason=reason,
            retryable=retryable,
            forbids_send=is_too_early or self._is_in_progress or self._is_line_unknown,
            seen=seen or self.has_seen_key,
        )

    def _is_conclusive(self, asked_at: datetime, answered_at: datetime) -> bool:
        """Whether a row would have appeared by now: a call in progress ended somewhere between two looks."""
        if self._over_since is None:
            self._over_since = answered_at
            self._conclusive_at = max(self._conclusive_at, answered_at + self._settle)
        return asked_at >= self._conclusive_at

    def _while_in_progress(self, now: datetime) -> Verdict | None:
        if now >= self._ends_at:
            return self._unknown("a call between the two parties is still in progress", now)
        self._over_since = None
        self._conclusive_at = max(self._conclusive_at, now + self._settle)
        return None

    def _absent(self, asked_at: datetime) -> Verdict:
        if self._due_at is not None and asked_at < self._due_at + self._settle:
            return self._unknown("it is scheduled, and the statement does not show it before its time", asked_at)
        return Verdict(VerdictKind.ABSENT)


#: Of matches under several keys, the one that counts. An older generation counts once the newer ones would show.
_PRECEDENCE: Final = (
    MatchKind.IN_PROGRESS,
    MatchKind.THERE,
    MatchKind.UNPROVEN,
    MatchKind.PARTLY_THERE,
    MatchKind.NONE,
)


def _log_failure(record: Record, error: DirectcallError) -> None:
    log.warning("airflow_key %s could not be looked up: %s", record.key, error)


def _under_each_key(look: Callable[[Record, datetime], Lookup[Match]], record: Record, now: datetime) -> Lookup[Match]:
    """Look once under each key of the record, newest first; return the match that counts."""
    matches: list[Match] = []
    for key in record.keys:
        match = replace((yield from look(replace(record, key=key), now)), key=key)
        if match.error is not None or (match.kind is MatchKind.THERE and not matches):
            return match
        is_older = match.kind is MatchKind.THERE
        matches.append(replace(match, kind=MatchKind.PARTLY_THERE) if is_older else match)
    decisive = min(matches, key=lambda match: _PRECEDENCE.index(match.kind))
    if decisive.kind is MatchKind.IN_PROGRESS:
        return decisive
    return replace(decisive, shows_key=any(match.shows_key for match in matches))
