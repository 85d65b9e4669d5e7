"""The pace of one wait: when to ask again, and when to stop asking. No I/O and no clock."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallReplyError

DEFAULT_MAX_CONSECUTIVE_FAILURES: Final = 10

#: A pause after failures grows up to this many seconds, or to the poll interval if that is longer.
_LONGEST_PAUSE: Final = 300.0
_MAX_DOUBLINGS: Final = 10
#: The least HTTP status of an error.
_LEAST_ERROR: Final = 400
#: Keeps tasks that start together from polling together for ever.
_JITTER: Final = (0.9, 1.1)


class DirectcallWaitFailed(DirectcallError):
    """A wait was given up, for example because reading the statement failed many times in a row."""


@dataclass(kw_only=True)
class PollPace:
    """Paces one wait. No I/O and no clock.

    :param interval: seconds between two polls.
    :param max_consecutive_failures: this many failed polls in a row end the wait.
    :param deadline: aware; the wait ends with the first poll at or after it. None waits without end.
    :param due_at: aware; there is no result before it, so every pause lasts until then.
    :raises ValueError: the interval is not above 0, or the number of failures is below 1.
    """

    interval: float
    max_consecutive_failures: int = DEFAULT_MAX_CONSECUTIVE_FAILURES
    deadline: datetime | None = None
    due_at: datetime | None = None
    _failures: int = field(default=0, init=False)
    _asked_pause: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Validate the interval and the number of failures."""
        if not 0 < self.interval < float("inf"):
            raise ValueError(f"poll_interval: a number of seconds above 0 is needed, not {self.interval!r}")
        if self.max_consecutive_failures < 1:
            raise ValueError(f"max_consecutive_failures: at least 1 is needed, not {self.max_consecutive_failures!r}")

    def succeeded(self) -> None:
        """Forget earlier failures: a poll was answered."""
        self._failures, self._asked_pause = 0, 0.0

    def failed(self, error: DirectcallError) -> None:
        """Count a failed poll; return where it may be repeated.

        A page without an error's HTTP status, such as one of a maintenance, may be one odd answer; a path that is
        missing (404) stays missing.

        :raises DirectcallError: the same error, when it is not retryable.
        :raises DirectcallWaitFailed: it was one failure too many in a row.
        """
        is_odd = isinstance(error, DirectcallReplyError) and (error.http_status or 0) < _LEAST_ERROR
        if not (error.retryable or is_odd):
            raise error
        self._failures += 1
        if self._failures >= self.max_consecutive_failures:
            raise DirectcallWaitFailed(f"{self._failures} polls in a row failed, the last one with: {error}") from error
        self._asked_pause = error.retry_after or 0.0

    def is_over(self, now: datetime) -> bool:
        """Whether the deadline has come."""
        return self.deadline is not None and now >= self.deadline

    def pause(self, now: datetime, *, at_least: float = 0.0) -> float:
        """Return the seconds until the next poll, ``at_least`` so many, not beyond the deadline."""
        grown = self.interval * 2.0 ** min(self._failures, _MAX_DOUBLINGS)
        pause = max(min(grown, max(self.interval, _LONGEST_PAUSE)), self._asked_pause)
        pause *= random.uniform(*_JITTER)  # noqa: S311 - spreads load, guards nothing
        pause = max(pause, at_least)
        if self.due_at is not None:
            pause = max(pause, (self.due_at - now).total_seconds())
        if self.deadline is not None:
            pause = min(pause, (self.deadline - now).total_seconds())
        return max(pause, 0.0)
