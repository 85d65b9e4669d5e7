"""A clock that moves only when something waits on it."""

from __future__ import annotations

import threading

from airflow_provider_directcall.api.clock import Clock


class SimulatedClock(Clock):
    """Moves by each wait at once; ``pauses`` are the waits."""

    def __init__(self) -> None:
        self._monotonic = 1000.0
        self._lock = threading.Lock()
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._monotonic += seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


class FrozenClock(SimulatedClock):
    """Notes the waits and does not move."""

    def advance(self, seconds: float) -> None:
        pass
