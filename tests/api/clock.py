"""Simulated clocks for the clients."""

from __future__ import annotations

import threading

from airflow_provider_directcall.api.clock import Clock


class SimulatedClock(Clock):
    """Advances by each pause at once, and records it in ``pauses``."""

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
    """Records the pauses and never advances."""

    def advance(self, seconds: float) -> None:
        pass
