"""Finding out whether a request took effect: what the statement shows, looked at over some time, makes a verdict.

Absence is the hard part. A row appears some seconds after a message left or a call *ended*, so it proves something only
after a while without it, counted from the first look at which no call was in progress between the two parties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallError

_SHORTEST_PAUSE: Final = 1.0
_LOOKS: Final = 4
#: So many looks in a row have to fail at the deciding time before nobody can say.
_FAILURES_AT_THE_END: Final = 3


class Seen(StrEnum):
    """What one look has shown."""

    THERE = "there"
    PARTLY_THERE = "partly_there"
    """Some recipients have a row, others not yet, or never."""
    IN_PROGRESS = "in_progress"
    """No row, and a call between the two parties is going on: it may be ours."""
    NOTHING = "nothing"
    UNPROVEN = "unproven"
    """Rows came, and nothing in them shows whose they are, or what ours is called."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at the statement.

    :ivar ids: what the request is called, where it is there.
    """

    seen: Seen
    ids: Mapping[str, str] = field(default_factory=dict)


class VerdictKind(StrEnum):
    """What is known in the end."""

    FOUND = "found"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a request.

    :ivar ids: what it is called, when it was found.
    :ivar reason: why nobody can say, when nobody can.
    :ivar may_pass: whether somebody may be able to say a little later: the statement did not answer.
    :ivar is_too_early: whether the statement cannot have it yet, so that a person who finds nothing knows nothing.
    """

    kind: VerdictKind
    ids: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    may_pass: bool = False
    is_too_early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is looked for a request.

    :ivar settle_seconds: how late a row may come.
    :ivar longest_seconds: how long a call in progress is waited for.
    :ivar due_at: aware; when a scheduled request is due, before which the statement does not have it.
    """

    settle_seconds: float
    longest_seconds: float
    due_at: datetime | None = None

    @property
    def at_most(self) -> timedelta:
        """The longest that it may take until there is a verdict, give or take a look."""
        return timedelta(seconds=4 * self.settle_seconds + self.longest_seconds)

    def pause(self, poll_interval: float) -> float:
        """Seconds between two looks: several of them fit into the time in which a row may come."""
        return min(poll_interval, max(_SHORTEST_PAUSE, self.settle_seconds / _LOOKS))


class Settling:
    """Makes a verdict of what is seen over time.

    :param begins_at: aware; now.
    """

    def __init__(self, begins_at: datetime, patience: Patience) -> None:
        self._settle = timedelta(seconds=patience.settle_seconds)
        self._due_at = patience.due_at
        self._conclusive_at = begins_at + self._settle
        self._ends_at = self._conclusive_at + timedelta(seconds=patience.longest_seconds)
        self._over_since: datetime | None = None
        self._failures = 0

    def saw(self, sighting: Sighting, asked_at: datetime, answered_at: datetime) -> Verdict | None:
        """The verdict after one more look; None when it is too early for one.

        :param asked_at: aware; before the statement was asked, so that it shows what had reached it by then.
        :param answered_at: aware; after the last answer of this look.
        """
        self._failures = 0
        if sighting.seen is Seen.IN_PROGRESS:
            return self._while_in_progress(answered_at)
        if sighting.seen is Seen.THERE:
            return Verdict(VerdictKind.FOUND, ids=sighting.ids)
        if not self._is_conclusive(asked_at, answered_at):
            return None
        match sighting.seen:
            case Seen.PARTLY_THERE:
                return Verdict(VerdictKind.FOUND, ids=sighting.ids)
            case Seen.UNPROVEN:
                return _unknown("the statement has rows that do not show whose they are, or what they are called")
        return self._absent(asked_at)

    def failed(self, error: DirectcallError, now: datetime) -> Verdict | None:
        """The verdict after a look that failed; None when it may be repeated.

        A secret that is not accepted ends the looking too, and a person may mend it before a retry.
        """
        self._failures += 1
        is_over = now >= self._conclusive_at and self._failures >= _FAILURES_AT_THE_END
        if not error.retryable or is_over:
            may_pass = error.retryable or isinstance(error, DirectcallAuthError)
            return Verdict(VerdictKind.UNKNOWN, reason=str(error), may_pass=may_pass)
        return None

    def _is_conclusive(self, asked_at: datetime, answered_at: datetime) -> bool:
        """Whether a row would have come by now: a call that was in progress ended somewhere between two looks."""
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
            return _too_early("it is scheduled, and the statement does not have it before its time")
        return Verdict(VerdictKind.ABSENT)


def _too_early(reason: str) -> Verdict:
    return Verdict(VerdictKind.UNKNOWN, reason=reason, is_too_early=True)


def _unknown(reason: str) -> Verdict:
    return Verdict(VerdictKind.UNKNOWN, reason=reason)
