"""Finding out whether a request took effect: what the statement shows, looked at over some time, makes a verdict.

Absence is the hard part. A row appears some seconds after a message left or a call *ended*, so it proves something only
after a while without it, and for a call only while none is in progress between the two parties.
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


class Seen(StrEnum):
    """What one look has shown."""

    THERE = "there"
    PARTLY_THERE = "partly_there"
    """Some recipients have a row, others not yet, or never."""
    IN_PROGRESS = "in_progress"
    """No row, and a call between the two parties is going on: it may be ours."""
    NOTHING = "nothing"
    UNPROVEN = "unproven"
    """Rows came, and nothing in them shows whose they are."""


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
    """

    kind: VerdictKind
    ids: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


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
        return timedelta(seconds=2 * self.settle_seconds + self.longest_seconds)

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

    def saw(self, sighting: Sighting, now: datetime) -> Verdict | None:
        """The verdict after one more look; None when it is too early for one."""
        is_time = now >= self._conclusive_at
        match sighting.seen:
            case Seen.THERE:
                return Verdict(VerdictKind.FOUND, ids=sighting.ids)
            case Seen.PARTLY_THERE if is_time:
                return Verdict(VerdictKind.FOUND, ids=sighting.ids)
            case Seen.UNPROVEN if is_time:
                return _unknown("the statement does not show the tags of its rows, so none can be told from another")
            case Seen.IN_PROGRESS:
                return self._while_in_progress(now)
            case Seen.NOTHING if is_time:
                return self._absent(now)
        return None

    def failed(self, error: DirectcallError, now: datetime) -> Verdict | None:
        """The verdict after a look that failed; None when it may be repeated.

        :raises DirectcallAuthError: the secret is wrong, which a person can mend before a retry.
        """
        if isinstance(error, DirectcallAuthError):
            raise error
        if not error.worth_repeating or now >= self._conclusive_at:
            return _unknown(str(error))
        return None

    def _while_in_progress(self, now: datetime) -> Verdict | None:
        if now >= self._ends_at:
            return _unknown("a call between the two parties is still in progress")
        self._conclusive_at = max(self._conclusive_at, now + self._settle)
        return None

    def _absent(self, now: datetime) -> Verdict:
        if self._due_at is not None and now < self._due_at + self._settle:
            return _unknown("it is scheduled, and the statement does not have it before its time")
        return Verdict(VerdictKind.ABSENT)


def _unknown(reason: str) -> Verdict:
    return Verdict(VerdictKind.UNKNOWN, reason=reason)
