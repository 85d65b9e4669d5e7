"""The clock that clients, waiting tasks and triggers share. Tests put a simulated one in its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


class Clock:
    """The system's clock and the ways to wait on it; a simulated clock has the same methods."""

    def now(self) -> datetime:
        """Return the present moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the thread."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Suspend the coroutine."""
        await asyncio.sleep(seconds)


_current = Clock()


def current_clock() -> Clock:
    """Return the clock of this process."""
    return _current


@contextmanager
def use_clock(clock: Clock) -> Iterator[None]:
    """Replace the clock of this process, for all its threads, until the context ends."""
    global _current  # noqa: PLW0603 - one clock for the process, whichever thread or event loop reads it
    previous, _current = _current, clock
    try:
        yield
    finally:
        _current = previous
