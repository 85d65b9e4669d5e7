"""A clock that moves only when something waits on it."""

from __future__ import annotations

import threading

import pytest
import tenacity

from airflow_provider_directcall.api import client


class Clock:
    """Stands in for the ``time`` module in the client and in its retry loop; ``pauses`` are the waits asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 1000.0
        self._lock = threading.Lock()
        self.pauses: list[float] = []
        monkeypatch.setattr(client, "time", self)
        monkeypatch.setattr(tenacity, "time", self)

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.advance(seconds)
