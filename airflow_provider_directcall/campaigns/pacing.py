"""The pace of requests: parts of messages, or calls, per second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock


class Pacer(Protocol):
    """Makes requests wait for their turn: within this process, or over all workers of an account."""

    async def turn(self, parts: int) -> None:
        """Wait until so many parts may leave."""
        ...


class Pace:
    """A pace of this process, without bursts.

    :param parts_per_second: above 0; None does not wait.
    """

    def __init__(self, parts_per_second: float | None, clock: Clock) -> None:
        if parts_per_second is not None and not parts_per_second > 0:
            raise ValueError(f"parts_per_second: a number above 0 is needed, not {parts_per_second!r}")
        self._per_second = parts_per_second
        self._clock = clock
        self._next_turn = 0.0

    async def turn(self, parts: int) -> None:
        """Wait for the turn, and take as long a time as the parts need."""
        if self._per_second is None:
            return
        now = self._clock.monotonic()
        turn = max(now, self._next_turn)
        self._next_turn = turn + parts / self._per_second
        if turn > now:
            await self._clock.sleep_async(turn - now)
