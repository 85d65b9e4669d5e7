"""The receiver of webhooks under load, in the API server of a real Airflow: 200 rings a second for a minute.

Good rings, rings with a wrong password or none, too large and slow ones, by GET and POST, each on a connection of its
own, whether earlier ones have been answered or not. Targets: no bad ring is accepted, alone or among good ones; each
good ring is answered by 202 or 429, and its asset gets an event after it (before the answer, for 202); each asset's DAG
runs; the API server answers its own pages meanwhile; the database and the logs hold nothing of the requests.

    python -m bench.receiver [--seconds 60] [--rate 200] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from base64 import b64encode
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from airflow_provider_directcall.assets import Doorbell
from bench._rings import KINDS, LOGIN, PASSWORD, WRONG, Answer, Load, Server, percentile
from tools.live_airflow import LiveAirflow, live_airflow
from tools.live_campaigns.traces import Searcher, search_home

DAGS: Final = Path(__file__).parent / "doorbell_dags"
#: The API server's own pages: one asks the database, one does not.
_PAGES: Final = ("/api/v2/monitor/health", "/api/v2/version")
_PROBES_A_SECOND: Final = 10.0
#: The longest time of the API server's own pages at p99 while the rings come.
_HEALTHY_P99: Final = 1.0
#: The share of the rate that the load has to reach.
_REACHED: Final = 0.98
_PATIENCE: Final = 180.0

Events = Mapping[Doorbell, Sequence[datetime]]


def main(argv: list[str] | None = None) -> int:
    """Measure; return 1 if a target was missed."""
    options = _parser().parse_args(argv)
    root = options.home or Path(tempfile.mkdtemp(prefix="receiver-"))
    home = root / "home"
    environment = {
        "AIRFLOW__DIRECTCALL__WEBHOOK_CONN_ID": "directcall_webhooks",
        "AIRFLOW_CONN_DIRECTCALL_WEBHOOKS": json.dumps({"conn_type": "generic", "login": LOGIN, "password": PASSWORD}),
        # SQLite locks the whole database for a write.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
    }
    checks = Checks()
    with live_airflow(home, DAGS, environment) as airflow:
        _get_ready(airflow)
        checks.measure(airflow, options.rate, options.seconds)
    checks.search(home)
    print("passed" if not checks.missed else f"FAILED: {len(checks.missed)} targets; the files are in {root}")
    if options.home is None and not checks.missed:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if checks.missed else 0


def _get_ready(airflow: LiveAirflow) -> None:
    """Unpause the DAGs, and wait until Airflow knows their assets."""
    for doorbell in Doorbell:
        airflow.unpause(f"rung_{doorbell}")
    deadline = time.monotonic() + _PATIENCE
    while _count(airflow.home, "asset_active") < len(Doorbell):
        if time.monotonic() > deadline:
            raise RuntimeError("Airflow knows no assets")
        time.sleep(1)


class Checks:
    """Measures, and compares with the targets.

    :ivar missed: names of the targets that were missed.
    """

    def __init__(self) -> None:
        self.missed: list[str] = []

    def check(self, name: str, passed: bool, figure: str) -> None:
        """Print a line."""
        if not passed:
            self.missed.append(name)
        print(f"{'PASS' if passed else 'FAIL'}  {name}: {figure}", flush=True)

    def measure(self, airflow: LiveAirflow, rate: float, seconds: float) -> None:
        """Measure the quiet server, bad rings alone, and all of them."""
        server = Server(airflow.port)
        quiet_seconds = min(seconds, 15.0)
        quiet = asyncio.run(server.probe(_PAGES, _PROBES_A_SECOND, quiet_seconds))
        bad = asyncio.run(server.load([kind for kind in KINDS if not kind.is_good], rate, quiet_seconds))
        self._check_answers(bad)
        self.check("bad rings alone", not _count(airflow.home, "asset_event"), f"{len(bad.answers)} rings, no event")
        load, busy = asyncio.run(_both(server, rate, seconds))
        reached = f"{load.per_second:.0f} a second for {load.seconds:.0f} s, target {rate:.0f}"
        self.check("rate", load.per_second >= _REACHED * rate, reached)
        self._check_answers(load)
        events = _events(airflow)
        self._check_good([answer for answer in load.answers if answer.kind and answer.kind.is_good], events)
        self._check_server(quiet, busy)
        self._check_runs(airflow)

    def search(self, home: Path) -> None:
        """Search the database and the logs for values of the requests."""
        secrets = {PASSWORD, WRONG, *(b64encode(f"{LOGIN}:{each}".encode()).decode() for each in (PASSWORD, WRONG))}
        sample = Searcher(secrets).kinds(b"origem=5511990000001&mensagem=zqcodigo&campos=zqcliente " + PASSWORD.encode())
        traces = search_home(home, secrets)
        self.check("no values of requests kept", not traces.found and len(sample) == len(KINDS) - 2, str(traces))

    def _check_answers(self, load: Load) -> None:
        by_kind: dict[str, Counter[int]] = defaultdict(Counter)
        seconds: dict[str, list[float]] = defaultdict(list)
        for answer in load.answers:
            if answer.kind is not None:
                by_kind[answer.kind.name][answer.status] += 1
                seconds[answer.kind.name].append(answer.seconds)
        for kind in KINDS:
            if answers := by_kind[kind.name]:
                shown = ", ".join(f"{status or 'cut'} {times}" for status, times in sorted(answers.items()))
                took = f"p50 {percentile(seconds[kind.name], 0.5):.2f} s, p99 {percentile(seconds[kind.name], 0.99):.2f} s"
                self.check(f"answers to {kind.name}", set(answers) <= kind.answers, f"{shown}; {took}")

    def _check_good(self, rings: Sequence[Answer], events: Events) -> None:
        delays, lost, late = [], Counter[int](), 0
        for ring in rings:
            event = _first_after(events, ring)
            if event is None:
                lost[ring.status] += 1
                continue
            delays.append((event - ring.sent_at).total_seconds())
            late += ring.status == 202 and event > ring.answered_at
        figure = f"{len(rings)} rings, {sum(map(len, events.values()))} events, {lost.total()} lost {dict(lost) or ''}"
        self.check("no good ring lost", not lost, figure)
        self.check("an event before each 202", not late, f"{late} events came after it")
        self.check("rings", bool(rings), f"event after p50 {percentile(delays, 0.5):.2f} s, at most {max(delays, default=0):.2f} s")

    def _check_server(self, quiet: Sequence[Answer], busy: Sequence[Answer]) -> None:
        failed = sum(answer.status != 200 for answer in busy)
        without, beside = (percentile((each.seconds for each in answers), 0.99) for answers in (quiet, busy))
        self.check("API server answers", not failed, f"{failed} of {len(busy)} requests failed")
        medians = " and ".join(f"{percentile((each.seconds for each in answers), 0.5):.3f}" for answers in (quiet, busy))
        figure = f"p99 {without:.3f} s quiet, {beside:.3f} s beside the rings (p50 {medians}), target {_HEALTHY_P99} s"
        self.check("API server healthy", beside <= _HEALTHY_P99, figure)

    def _check_runs(self, airflow: LiveAirflow) -> None:
        for doorbell in Doorbell:
            succeeded = _succeeded(airflow, f"rung_{doorbell}")
            self.check(f"DAG of {doorbell} runs", succeeded > 0, f"{succeeded} runs succeeded")


async def _both(server: Server, rate: float, seconds: float) -> tuple[Load, list[Answer]]:
    async with asyncio.TaskGroup() as group:
        load = group.create_task(server.load(KINDS, rate, seconds))
        busy = group.create_task(server.probe(_PAGES, _PROBES_A_SECOND, seconds))
    return load.result(), busy.result()


def _first_after(events: Events, ring: Answer) -> datetime | None:
    """Return the first event of a ring's asset after it was sent."""
    assert ring.doorbell is not None
    of_asset = events[ring.doorbell]
    place = bisect_left(of_asset, ring.sent_at)
    return of_asset[place] if place < len(of_asset) else None


def _events(airflow: LiveAirflow) -> Events:
    """Return the moments of all events, in order, once no more come."""
    known = -1
    while (count := _count(airflow.home, "asset_event")) != known:
        known = count
        time.sleep(3)
    events: dict[Doorbell, list[datetime]] = {doorbell: [] for doorbell in Doorbell}
    for (extra,) in _query(airflow.home, "select extra from asset_event"):
        fields = json.loads(str(extra))
        events[Doorbell(fields["kind"])].append(datetime.fromisoformat(fields["rung_at"]))
    return {doorbell: sorted(moments) for doorbell, moments in events.items()}


def _succeeded(airflow: LiveAirflow, dag_id: str) -> int:
    """Return how many runs succeeded; wait for one."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        query = f"select count(*) from dag_run where dag_id = '{dag_id}' and state = 'success'"
        count = int(str(_query(airflow.home, query)[0][0]))
        if count or time.monotonic() > deadline:
            return count
        time.sleep(1)


def _count(home: Path, table: str) -> int:
    return int(str(_query(home, f"select count(*) from {table}")[0][0]))


def _query(home: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{home / 'airflow.db'}?mode=ro", uri=True, timeout=60)) as database:
        return database.execute(text).fetchall()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.receiver", description="The receiver of webhooks under load.")
    parser.add_argument("--seconds", type=float, default=60.0, help="default %(default)s")
    parser.add_argument("--rate", type=float, default=200.0, help="rings a second, default %(default)s")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="a new folder for all files, which stays")
    return parser


if __name__ == "__main__":
    sys.exit(main())
