"""Mapped sensors that wait in a real triggerer: polls, logins, CPU and memory of a wait, and how soon each resumes.

LocalExecutor, scheduler, triggerer and real task processes on SQLite. The requests are those that the sandbox gets.
Meanwhile the triggerer is killed and started again, Directcall answers errors for some time, rows appear half an hour
late, and a second triggerer joins. Target: one poll an interval and one login for each triggerer, however many wait;
each task resumes once, by one event, in its first try.

    python -m bench.waits_in_airflow [--waits 1000] [--sample 60] [--poll-interval 15] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import psutil  # type: ignore[import-untyped]  # a dependency of Airflow's, without types

from airflow_provider_directcall.sandbox import Fault, SandboxServer
from airflow_provider_directcall.sandbox.records import CallRecord
from tools.faults.components import Component, SplitAirflow, descendants, kill_all
from tools.faults.world import running_world
from tools.live_airflow import default_interrupt

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROOT = Path(__file__).resolve().parent.parent
DAG_ID = "waits"
PATIENCE = 7200.0
PARALLELISM = 8
#: Intervals that are counted while nothing happens.
QUIET_INTERVALS = 10
OUTAGE_SECONDS = 120.0
LATE_SECONDS = 1800.0
#: Rows of others, so that the account is seen to show rows and tags.
OTHERS = 20
#: Seconds until no request of an earlier phase is under way.
CALM_SECONDS = 5.0

FIRED = re.compile(r"Trigger fired event")
BLOCKED = re.compile(r"async thread was blocked for (\d+\.\d+) seconds")
MAP_INDEX = re.compile(r"map_index=(\d+)")
MOMENT = re.compile(r'"timestamp": ?"([^"]+)"')


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


def main() -> int:
    """Print the figures; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waits", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=60, help="rows that appear one by one")
    parser.add_argument("--poll-interval", type=float, default=15.0)
    parser.add_argument("--home", type=Path, default=None)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp(prefix="waits-in-airflow-"))
    asked: list[Asked] = []
    dags = home / "dags"
    dags.mkdir(parents=True)
    (dags / "waits.py").write_text((ROOT / "bench" / "dags" / "waits.py").read_text(encoding="utf-8"), encoding="utf-8")
    with running_world(
        home / "airflow",
        parallelism=PARALLELISM,
        accounts=1,
        dags=dags,
        watch=lambda app: RequestLog(app, asked),
    ) as world:
        server = world.directcalls[0].server
        server.configure(statement_delay=0.0)
        server.seed(OTHERS, tags={"contact": "other-{n}"})
        waits = Waits(world.airflow, server, asked, options.waits, options.poll_interval)
        problems = _run(waits, min(options.sample, options.waits - 2))
    for problem in problems:
        print(f"violation: {problem}")
    print("waits failed" if problems else "waits passed")
    return 1 if problems else 0


def _run(waits: Waits, sample: int) -> list[str]:
    idle = Usage.of(_triggerer(waits.airflow), QUIET_INTERVALS * waits.interval / 2)
    waits.start()
    took = waits.until(lambda: waits.in_state("deferred") == waits.count, "all wait")
    print(f"{waits.count} tasks wait after {took:.0f} s, {took / waits.count:.2f} s each", flush=True)
    problems = _quiet("waiting", waits, idle)
    since = time.time()
    waits.airflow.restart(Component.TRIGGERER, with_children=True)
    took = waits.until(lambda: bool(waits.shared_reads(since)), "a read of the new triggerer")
    print(f"the triggerer was killed and started again; its first read came after {took:.0f} s", flush=True)
    waits.until(lambda: _waiting_in_triggerers(waits) == [waits.count], "all wait in the new one")
    problems += _quiet("waiting in a new triggerer", waits, idle, logins_since=since)
    places = iter(range(waits.count))
    _outage(waits, places)
    _sample(waits, [next(places) for _ in range(sample)])
    with _second_triggerer(waits):
        problems += _last(waits, list(places))
    return problems + _judge(waits)


def _quiet(name: str, waits: Waits, idle: Usage, *, logins_since: float | None = None) -> list[str]:
    """Measure while nothing appears."""
    time.sleep(CALM_SECONDS)
    since = time.time()
    used = Usage.of(_triggerer(waits.airflow), QUIET_INTERVALS * waits.interval)
    reads = waits.shared_reads(since)
    logins = waits.logins(since if logins_since is None else logins_since)
    others = sum(each.at >= since for each in list(waits.asked)) - len(reads)
    print(
        f"{name}: {len(reads)} polls in {QUIET_INTERVALS} intervals, {others} other requests, {logins} logins; "
        f"CPU {used.cpu:.1%} of a core ({idle.cpu:.1%} idle), {1e6 * (used.cpu - idle.cpu) / waits.count:.0f} us/s a wait; "
        f"memory {used.rss / 2**20:.0f} MiB ({idle.rss / 2**20:.0f} idle), "
        f"{(used.rss - idle.rss) / 2**10 / waits.count:.0f} KiB a wait",
        flush=True,
    )
    problems = {
        f"{name}: {len(reads)} polls": not 0 < len(reads) <= QUIET_INTERVALS * 1.2,
        f"{name}: {logins} logins": logins != (0 if logins_since is None else 1),
        f"{name}: {others} requests beside the polls": others > 2,
    }
    return [problem for problem, is_one in problems.items() if is_one]


def _outage(waits: Waits, places: Iterator[int]) -> None:
    """Let Directcall answer errors, while a row appears."""
    waits.server.inject(Fault(kind="error_500_before", endpoint="*"))
    time.sleep(OUTAGE_SECONDS / 2)
    waits.appear(next(places))
    waits.appear(next(places), late=LATE_SECONDS)
    time.sleep(OUTAGE_SECONDS / 2)
    waits.server.clear_faults()
    took = waits.until(lambda: waits.in_state("success") == 2, "the end of those that waited during the outage")
    print(
        f"after an outage of {OUTAGE_SECONDS:.0f} s, the rows of it ended their waits within {took:.0f} s", flush=True
    )


def _sample(waits: Waits, places: Sequence[int]) -> None:
    """Let rows appear one by one, every second of them half an hour late."""
    done = waits.in_state("success")
    for place in places:
        waits.appear(place, late=LATE_SECONDS * (place % 2))
        time.sleep(waits.interval * 0.37)
    waits.until(lambda: waits.in_state("success") == done + len(places), "the end of the sample")
    fired = _fired(waits)
    for name, ends in (
        ("event", {place: fired[place][0] for place in places}),
        ("resumption", {place: waits.own_looks(f"C-{place}-x")[-1] for place in places}),
    ):
        took = sorted((ends[place] - waits.appeared[f"C-{place}-x"]) / waits.interval for place in places)
        p99 = took[max(0, -(-99 * len(took) // 100) - 1)]
        print(
            f"from the row to the {name}, in intervals of {waits.interval:g} s: "
            f"p50 {statistics.median(took):.2f}, p99 {p99:.2f} ({len(took)} rows)",
            flush=True,
        )


def _last(waits: Waits, places: Sequence[int]) -> list[str]:
    """Share the rest between two triggerers, and let all rows appear."""
    since = time.time()
    waits.until(lambda: len(_waiting_in_triggerers(waits)) == 2, "both triggerers wait")
    waits.until(lambda: sum(_waiting_in_triggerers(waits)) == len(places), "all wait in two triggerers")
    shares = _waiting_in_triggerers(waits)
    time.sleep(CALM_SECONDS)
    quiet = time.time()
    time.sleep(QUIET_INTERVALS * waits.interval)
    reads, logins = len(waits.shared_reads(quiet)), waits.logins(since)
    print(
        f"two triggerers with {shares} waits: {reads} polls in {QUIET_INTERVALS} intervals, {logins} logins", flush=True
    )
    for place in places:
        waits.appear(place, late=LATE_SECONDS * (place % 2))
    took = waits.until(lambda: not waits.in_state("deferred"), "the events of all")
    print(f"the last {len(places)} rows appeared at once; the last trigger fired within {took:.0f} s", flush=True)
    took = waits.until(lambda: waits.in_state("success") == waits.count, "the end of all")
    print(f"their last task ended {took:.0f} s later", flush=True)
    return [f"two triggerers: {reads} polls, {logins} logins"] if reads > 24 or logins != 2 else []


def _judge(waits: Waits) -> list[str]:
    fired = _fired(waits)
    states = Counter(
        (str(state), int(str(tries)))
        for state, tries in waits.query("SELECT state, try_number FROM task_instance WHERE map_index >= 0")
    )
    events = Counter(len(fired.get(place, ())) for place in range(waits.count))
    looks = Counter(len(waits.own_looks(f"C-{place}-x")) for place in range(waits.count))
    print(f"states and tries {dict(states)}; events of a wait {dict(events)}; its own questions {dict(looks)}")
    blocked = [float(seconds) for seconds in BLOCKED.findall(_text(waits.airflow.home / "triggerer.log"))]
    print(
        f"Airflow has seen the triggerers' loop blocked {len(blocked)} times, at most {max(blocked, default=0):.2f} s"
    )
    problems = {
        "a task has not ended well in its first try": set(states) != {("success", 1)},
        "a trigger fired not once": set(events) != {1},
        # Before its deferral and after it.
        "a wait was asked for by itself": set(looks) != {2},
    }
    return [problem for problem, is_one in problems.items() if is_one]


def _fired(waits: Waits) -> dict[int, list[float]]:
    """Return when the triggers of each map index have fired, from their logs."""
    found: dict[int, list[float]] = {}
    for path in (waits.airflow.home / "logs").rglob("*.trigger.*.log"):
        place = MAP_INDEX.search(str(path))
        lines = [line for line in _text(path).splitlines() if FIRED.search(line)]
        moments = [MOMENT.search(line) for line in lines]
        if place is not None:
            found.setdefault(int(place[1]), []).extend(
                datetime.fromisoformat(moment[1]).timestamp() for moment in moments if moment is not None
            )
    return found


def _waiting_in_triggerers(waits: Waits) -> list[int]:
    """Return how many triggers each living triggerer has."""
    rows = waits.query(
        "SELECT count(*) FROM trigger JOIN job ON job.id = trigger.triggerer_id WHERE job.state = 'running' "
        "GROUP BY triggerer_id ORDER BY triggerer_id"
    )
    return [int(str(count)) for (count,) in rows]


@contextmanager
def _second_triggerer(waits: Waits) -> Iterator[None]:
    """Kill the triggerer and start two, each of which takes a few triggers at a time."""
    airflow = waits.airflow
    at_once = str(max(1, waits.count // 20))
    airflow.environment = {**airflow.environment, "AIRFLOW__TRIGGERER__MAX_TRIGGER_TO_SELECT_PER_LOOP": at_once}
    airflow.kill(Component.TRIGGERER, with_children=True)
    airflow.start_component(Component.TRIGGERER)
    with (airflow.home / "triggerer.log").open("ab") as log:
        second = subprocess.Popen(
            [sys.executable, "-m", "airflow", *Component.TRIGGERER.command],
            env=airflow.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=default_interrupt,  # noqa: PLW1509 - no threads are started between fork and exec
        )
    try:
        yield
    finally:
        family = descendants(second.pid)
        second.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            second.wait(20)
        kill_all([psutil.Process(second.pid)] if second.poll() is None else [])
        kill_all(family)


def _triggerer(airflow: SplitAirflow) -> int:
    """Return the id of the triggerer's process."""
    return airflow.pid_of(Component.TRIGGERER)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main())
