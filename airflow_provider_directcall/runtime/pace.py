"""When to ask again, and when to stop asking. No I/O and no clock of its own: the loops of both worlds share it."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Final

from airflow_provider_directcall.errors import DirectcallError, DirectcallWaitFailed

DEFAULT_POLL_INTERVAL: Final = 15.0
DEFAULT_MAX_CONSECUTIVE_FAILURES: Final = 10

#: A pause after failures grows up to this many seconds, or to the poll interval if that is longer.
_LONGEST_PAUSE: Final = 300.0
_MAX_DOUBLINGS: Final = 10
#: Tasks that start together shall not poll together for ever.
_JITTER: Final = (0.9, 1.1)


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


class PollPace:
    """Paces one wait.

    :param interval: seconds between two polls.
    :param max_consecutive_failures: this many failed polls in a row end the wait.
    :param deadline: aware; the wait ends with the first poll at or after it. None waits without end.
    :param due_at: aware; nothing can come before it, so every pause lasts until then.
    :raises ValueError: the interval is not above 0, or the number of failures is below 1.
    """

    def __init__(
        self,
        *,
        interval: float,
        max_consecutive_failures: int = DEFAULT_MAX_CONSECUTIVE_FAILURES,
        deadline: datetime | None = None,
        due_at: datetime | None = None,
    ) -> None:
        if not 0 < interval < float("inf"):
            raise ValueError(f"poll_interval: a number of seconds above 0 is needed, not {interval!r}")
        if max_consecutive_failures < 1:
            raise ValueError(f"max_consecutive_failures: at least 1 is needed, not {max_consecutive_failures!r}")
        self._interval = interval
        self._max_failures = max_consecutive_failures
        self._deadline = deadline
        self._due_at = due_at
        self._failures = 0
        self._asked_pause = 0.0

    def succeeded(self) -> None:
        """A poll was answered; earlier failures are forgotten."""
        self._failures, self._asked_pause = 0, 0.0

    def failed(self, error: DirectcallError) -> None:
        """A poll failed; returns when it may be repeated.

        :raises DirectcallError: the same error, when repeating is of no use.
        :raises DirectcallWaitFailed: it was one failure too many in a row.
        """
        if not error.retryable:
            raise error
        self._failures += 1
        if self._failures >= self._max_failures:
            raise DirectcallWaitFailed(f"{self._failures} polls in a row failed, the last one so: {error}") from error
        self._asked_pause = error.retry_after or 0.0

    def is_over(self, now: datetime) -> bool:
        """Whether the deadline has come."""
        return self._deadline is not None and now >= self._deadline

    def pause(self, now: datetime, *, at_least: float = 0.0) -> float:
        """Seconds until the next poll, ``at_least`` so many, not beyond the deadline."""
        grown = self._interval * 2.0 ** min(self._failures, _MAX_DOUBLINGS)
        pause = max(min(grown, max(self._interval, _LONGEST_PAUSE)), self._asked_pause)
        pause *= random.uniform(*_JITTER)  # noqa: S311 - spreads load, guards nothing
        pause = max(pause, at_least)
        if self._due_at is not None:
            pause = max(pause, (self._due_at - now).total_seconds())
        if self._deadline is not None:
            pause = min(pause, (self._deadline - now).total_seconds())
        return max(pause, 0.0)
