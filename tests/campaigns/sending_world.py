"""A planned chunk, the local Directcall on a simulated clock, and a sender that can be killed at any write."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from airflow_provider_directcall.api.client import AsyncClient, RetryBudget
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.campaigns.sending import ChunkOutcome, SendOptions, send_chunk
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.campaigns.tracking import Tracked, TrackOptions, track_chunk
from airflow_provider_directcall.campaigns.wave_log import ContactResult, WaveLog
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts
from airflow_provider_directcall.sandbox import SandboxServer

KEY = "abcdefghijklmnop"
ORIGIN = "551130000001"
CHUNK = "chunks/00000.parquet"
#: How many lives are generated; without a number, always the same ones.
LIVES: Final = int(os.environ.get("DIRECTCALL_LIVES", "30"))
TIMEOUTS = ReconcileTimeouts(settle_seconds=60, longest_seconds=3600, poll_interval=60)


class Killed(BaseException):
    """The process is gone."""


class SandboxClock(Clock):
    """The sandbox's own clock; sleeping moves it, and others may send meanwhile."""

    def __init__(self, server: SandboxServer) -> None:
        self._server = server
        self.slept = 0.0
        self.rows_a_second = 0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._server.now(), UTC)

    def monotonic(self) -> float:
        return self._server.now()

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._server.advance(seconds)
        if self.rows_a_second:
            self._server.seed(round(seconds * self.rows_a_second), step_seconds=1 / self.rows_a_second, kind="messages")

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)


class FailingFolder(LocalFolder):
    """Ends the process, or the disk, at the n-th write: before it, or after it."""

    def __init__(self, path: Path, *, at: int = -1, error: BaseException | None = None, after: bool = False) -> None:
        super().__init__(path)
        self._at, self._error, self._after = at, error or Killed(), after
        self.writes = 0

    def write(self, name: str, content: bytes) -> None:
        self.writes += 1
        if self.writes == self._at and not self._after:
            raise self._error
        super().write(name, content)
        if self.writes == self._at:
            raise self._error


def numbers(count: int, first: int = 1) -> list[str]:
    return [f"551198000{place:04}" for place in range(first, first + count)]


@dataclass
class SendingWorld:
    server: SandboxServer
    path: Path
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.set_speed(0)
        self.server.seed(1, kind="messages")
        self.server.seed(1, kind="calls")
        self.clock = SandboxClock(self.server)
        self.folder = LocalFolder(self.path)

    def planned(
        self,
        phones: Sequence[str],
        *,
        text: Callable[[int], str | None] = lambda place: f"Ola {place}",
        parts: int = 1,
        tags: Callable[[int], str] | None = None,
        opens_at: Callable[[int], datetime | None] = lambda place: None,
    ) -> None:
        """Write a plan of one chunk; contacts are called ``c1``, ``c2``, ..."""
        count = len(phones)
        columns: dict[str, Any] = {
            "_file": ["contacts.csv"] * count,
            "_row": list(range(2, count + 2)),
            "id": [f"c{place}" for place in range(1, count + 1)],
            "number": list(phones),
            "text": pl.Series([text(place) for place in range(1, count + 1)], dtype=pl.String),
            "opens_at": pl.Series([opens_at(place) for place in range(count)], dtype=pl.Datetime("us", "UTC")),
            "parts": [parts] * count,
            "tag campaign": ["reminders" if tags is None else tags(place) for place in range(count)],
        }
        content = io.BytesIO()
        pl.DataFrame(columns).write_parquet(content)
        self.folder.write(CHUNK, content.getvalue())
        digest = hashlib.blake2b(content.getvalue(), digest_size=16).hexdigest()
        plan = {"digest": "x", "chunks": [{"name": CHUNK, "contacts": count, "digest": digest}]}
        self.folder.write("plan.json", json.dumps(plan).encode())

    def settings(self, **changes: Any) -> Settings:
        config = self.server.sandbox.config
        made = {"base_url": self.server.url, "default_origin": ORIGIN, "timeout": 60.0, **changes}
        return Settings(config.client_id, config.client_secret, **made)

    async def send(
        self,
        *,
        folder: LocalFolder | None = None,
        guards: Guards | None = None,
        on_progress: Any = None,
        settings: Settings | None = None,
        key: str = KEY,
        **options: Any,
    ) -> ChunkOutcome:
        names = RequestOptions.__dataclass_fields__
        requests = {name: value for name, value in options.items() if name in names}
        rest = {name: value for name, value in options.items() if name not in names}
        made = SendOptions(
            **{"requests": RequestOptions(**{"origin": ORIGIN, **requests}), "timeouts": TIMEOUTS, **rest}
        )
        budget = RetryBudget(attempts=1)
        async with AsyncClient(settings or self.settings(), clock=self.clock, budget=budget) as client:
            return await send_chunk(
                folder or self.folder,
                CHUNK,
                key=key,
                client=client,
                clock=self.clock,
                options=made,
                guards=guards,
                on_progress=on_progress,
            )

    async def track(self) -> Tracked:
        """Look once at what became of the messages."""
        options = TrackOptions(channel=Channel.SMS, until=self.clock.now() + timedelta(hours=1), origin=ORIGIN)
        async with AsyncClient(self.settings(), clock=self.clock) as client:
            return await track_chunk(self.folder, CHUNK, key=KEY, client=client, clock=self.clock, options=options)

    def reached(self) -> Counter[str]:
        """Return how often each number got a message or a call."""
        state = self.server.state()
        return Counter(str(each["destination"]) for each in [*state["messages"], *state["calls"]])

    def results(self) -> dict[str, ContactResult]:
        return dict(WaveLog(self.folder, "00000").state().latest)

    def requests(self, name: str) -> int:
        return self.server.state()["requests"][name]


__all__ = [
    "CHUNK",
    "KEY",
    "LIVES",
    "ORIGIN",
    "Channel",
    "FailingFolder",
    "Killed",
    "SandboxClock",
    "SendingWorld",
    "numbers",
]
