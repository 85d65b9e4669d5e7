"""Sensors that wait in a real triggerer: the requests that the sandbox gets from them, their states, their cost."""

from __future__ import annotations

import re
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import psutil  # type: ignore[import-untyped]  # a dependency of Airflow's, without types

from airflow_provider_directcall.sandbox import SandboxServer
from airflow_provider_directcall.sandbox.records import CallRecord
from tools.faults.components import SplitAirflow, descendants

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

DAG_ID = "waits"
PATIENCE = 7200.0

#: The triggers' logs do not show them all: a triggerer that takes over from one that was killed loses lines.
_NOTE_RESUMPTIONS = """
    CREATE TABLE bench_resumed (map_index INTEGER, at REAL);
    CREATE TRIGGER note_resumed AFTER UPDATE OF state ON task_instance
    WHEN OLD.state = 'deferred' AND NEW.state = 'scheduled'
    BEGIN
        INSERT INTO bench_resumed VALUES (NEW.map_index, (julianday('now') - 2440587.5) * 86400.0);
    END;
"""
_FIRED = "Trigger fired event"
_MAP_INDEX = re.compile(r"map_index=(\d+)")
_BLOCKED = re.compile(r"async thread was blocked for (\d+\.\d+) seconds")


@dataclass(frozen=True)
class Asked:
    """A request to the sandbox.

    :ivar contact: the tag of the one wait that it is for; None for a read for all.
    """

    at: float
    path: str
    contact: str | None
    page: str


class RequestLog:
    """An ASGI app around a sandbox's that notes each request."""

    def __init__(self, app: ASGIApp, asked: list[Asked]) -> None:
        self._app = app
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not scope["path"].startswith("/_"):
            receive = await self._note(scope["path"], receive)
        await self._app(scope, receive, send)

    async def _note(self, path: str, receive: Receive) -> Receive:
        messages: list[Message] = []
        while True:
            messages.append(await receive())
            if not messages[-1].get("more_body", False):
                break
        fields = parse_qs(b"".join(message.get("body", b"") for message in messages).decode())
        contact = fields.get("campos[contact]", [None])[0]
        self._asked.append(Asked(time.time(), path, contact, fields.get("pagina", ["1"])[0]))

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        return again


@dataclass
class Waits:
    """A run of the mapped sensors.

    :ivar appeared: contact -> when its row came into the statement.
    """

    airflow: SplitAirflow
    server: SandboxServer
    asked: list[Asked]
    count: int
    interval: float
    run_id: str = ""
    appeared: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        """Start the run."""
        with closing(sqlite3.connect(self.airflow.home / "airflow.db", timeout=60)) as database, database:
            database.executescript(_NOTE_RESUMPTIONS)
        conf: dict[str, object] = {"waits": self.count, "poll_interval": str(self.interval)}
        self.run_id = self.airflow.trigger(DAG_ID, conf)

    def in_state(self, state: str) -> int:
        """Return how many sensors are in a state."""
        query = "SELECT count(*) FROM task_instance WHERE task_id = 'wait' AND map_index >= 0 AND state = ?"
        return int(str(self.query(query, state)[0][0]))

    def query(self, text: str, *parameters: str) -> list[tuple[object, ...]]:
        """Read Airflow's database."""
        with closing(sqlite3.connect(self.airflow.home / "airflow.db", timeout=60)) as database:
            return database.execute(text, parameters).fetchall()

    def until(self, condition: Callable[[], bool], event: str) -> float:
        """Wait for a condition; return the seconds that it took.

        :raises RuntimeError: it takes too long, or a sensor has failed.
        """
        begun = time.monotonic()
        while not condition():
            self.airflow.check_alive()
            if time.monotonic() - begun > PATIENCE or self.in_state("failed"):
                raise RuntimeError(f"{event}: not reached, {self.in_state('failed')} failed; see {self.airflow.home}")
            time.sleep(1)
        return time.monotonic() - begun

    def shared_reads(self, since: float) -> list[Asked]:
        """Return the reads for all, first pages only."""
        return [
            each
            for each in list(self.asked)
            if each.at >= since and each.path == "/extrato/list" and each.contact is None and each.page == "1"
        ]

    def logins(self, since: float) -> int:
        """Return how often clients have logged in."""
        return sum(each.at >= since and each.path == "/request_token" for each in list(self.asked))

    def own_looks(self, contact: str) -> list[float]:
        """Return when the statement was asked for one wait alone."""
        return [each.at for each in list(self.asked) if each.contact == contact and each.page == "1"]

    def appear(self, place: int, *, late: float = 0.0) -> None:
        """Let the row of a wait appear, of a call that ended so many seconds ago."""
        now, contact = time.time(), f"C-{place}-x"
        call = CallRecord(
            callerid=str(uuid.uuid4()),
            origin="551130000001",
            destination="5511990000001",
            placed_at=now - late - 40,
            starts_at=now - late - 40,
            outcome="atendida",
            ring_seconds=5,
            talk_seconds=20,
            tags={"contact": contact},
        )
        account = self.server.sandbox.account
        with account.lock:
            account.store.calls[call.callerid] = call
        self.appeared[contact] = now

    def fired(self) -> dict[int, list[float]]:
        """Return when each map index was resumed by an event, as the database has noted it."""
        found: dict[int, list[float]] = {}
        for place, moment in self.query("SELECT map_index, at FROM bench_resumed ORDER BY at"):
            found.setdefault(int(str(place)), []).append(float(str(moment)))
        return found

    def fires(self) -> Counter[int]:
        """Count the events of each map index in the triggers' logs, of which some may be lost."""
        found: Counter[int] = Counter()
        for path in (self.airflow.home / "logs").rglob("*.trigger.*.log"):
            if (place := _MAP_INDEX.search(str(path))) is not None:
                found[int(place[1])] += _text(path).count(_FIRED)
        return found

    def blocked(self) -> list[float]:
        """Return for how many seconds Airflow has seen the triggerers' event loop blocked, each time."""
        return [float(seconds) for seconds in _BLOCKED.findall(_text(self.airflow.home / "triggerer.log"))]

    def last_job(self) -> int:
        """Return the id of the process of Airflow that began last."""
        return int(str(self.query("SELECT max(id) FROM job")[0][0]))

    def in_triggerers(self, after: int) -> list[int]:
        """Return how many triggers each triggerer has that began after another process; one that was killed keeps some.

        :param after: id of the other process.
        """
        text = "SELECT count(*) FROM trigger WHERE triggerer_id > ? GROUP BY triggerer_id ORDER BY triggerer_id"
        return [int(str(count)) for (count,) in self.query(text, str(after))]


@dataclass(frozen=True)
class Usage:
    """What a process and its children take.

    :ivar cpu: seconds of CPU in a second.
    """

    cpu: float
    rss: float

    @classmethod
    def of(cls, pid: int, seconds: float) -> Usage:
        """Measure for some seconds."""
        family = [psutil.Process(pid), *descendants(pid)]
        begun, before = time.monotonic(), sum(sum(each.cpu_times()[:2]) for each in family)
        time.sleep(seconds)
        spent = sum(sum(each.cpu_times()[:2]) for each in family) - before
        return cls(spent / (time.monotonic() - begun), sum(each.memory_info().rss for each in family))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
