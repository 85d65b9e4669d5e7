"""The client's own pace: requests per second. No I/O, no locks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pacer:
    """Gives each request its turn.

    :param requests_per_second: upper bound, or None for no bound.
    """

    requests_per_second: float | None
    _next_turn: float = 0.0

    def delay(self, now: float) -> float:
        """Seconds this request has to wait; the turn is taken by asking."""
        if self.requests_per_second is None:
            return 0.0
        turn = max(now, self._next_turn)
        self._next_turn = turn + 1 / self.requests_per_second
        return turn - now
