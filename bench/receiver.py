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
import sqlite3
import sys
import tempfile
import time
from base64 import b64encode
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from airflow_provider_directcall.assets import Doorbell
from bench._rings import KINDS, LOGIN, PASSWORD, WRONG, Answer, Load, Server, percentile
from bench._targets import Targets
from tools.live_airflow import LiveAirflow, live_airflow
from tools.live_campaigns.people import MARKS

DAGS: Final = Path(__file__).parent / "doorbell_dags"
WARM_UP: Final = "warm_up"
#: The API server's own pages: one asks the database, one does not.
PAGES: Final = ("/api/v2/monitor/health", "/api/v2/version")
PROBES_A_SECOND: Final = 10.0
#: The longest time of the API server's own pages at p99 while the rings come.
HEALTHY_P99: Final = 1.0
#: The share of the rate that the load has to reach.
REACHED: Final = 0.98
PATIENCE: Final = 180.0

Events = Mapping[Doorbell, Sequence[datetime]]


def main(argv: list[str] | None = None) -> int:
    """Measure; return 1 if a target was missed."""
    options = _parser().parse_args(argv)
    root = options.home or Path(tempfile.mkdtemp(prefix="receiver-"))
    home, targets = root / "home", Targets()
    environment = {
        "AIRFLOW__DIRECTCALL__WEBHOOK_CONN_ID": "directcall_webhooks",
        "AIRFLOW_CONN_DIRECTCALL_WEBHOOKS": json.dumps({"conn_type": "generic", "login": LOGIN, "password": PASSWORD}),
        # SQLite locks the whole database for a write.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
    }
    with live_airflow(home, DAGS, environment) as airflow:
        _get_ready(airflow)
        Measurement(airflow, targets).run(options.rate, options.seconds)
    headers = [b64encode(f"{LOGIN}:{password}".encode()).decode() for password in (PASSWORD, WRONG)]
    targets.search(home, {PASSWORD, WRONG, *headers}, f"5511990000001 {MARKS['text']} {headers[0]}")
    return targets.end(root, stays=options.home is not None)


def _get_ready(airflow: LiveAirflow) -> None:
    """Wait until Airflow knows the assets and has run a task: at its first one, the API server stands still a while."""
    airflow.wait_for_run(WARM_UP, airflow.trigger(WARM_UP), PATIENCE)
    for doorbell in Doorbell:
        airflow.unpause(f"rung_{doorbell}")
    deadline = time.monotonic() + PATIENCE
    while _count(airflow.home, "select count(*) from asset_active") < len(Doorbell):
        if time.monotonic() > deadline:
            raise RuntimeError("Airflow knows no assets")
        time.sleep(1)


class Measurement:
    """Measures one Airflow, and compares with the targets."""

    def __init__(self, airflow: LiveAirflow, targets: Targets) -> None:
        self._home, self._server, self._check = airflow.home, Server(airflow.port), targets.check

    def run(self, rate: float, seconds: float) -> None:
        """Measure the quiet server, bad rings alone, and all of them."""
        quiet_seconds = min(seconds, 15.0)
        quiet = asyncio.run(self._server.probe(PAGES, PROBES_A_SECOND, quiet_seconds))
        bad = asyncio.run(self._server.load([kind for kind in KINDS if not kind.is_good], rate, quiet_seconds))
        self._check_answers(bad)
        events = _count(self._home, "select count(*) from asset_event")
        self._check("bad rings alone", not events, f"{len(bad.answers)} rings, {events} events")
        load, busy = asyncio.run(self._both(rate, seconds))
        reached = f"{load.per_second:.0f} a second for {load.seconds:.0f} s, target {rate:.0f}"
        self._check("rate", load.per_second >= REACHED * rate, reached)
        self._check_answers(load)
        self._check_good([answer for answer in load.answers if answer.kind and answer.kind.is_good])
        self._check_server(quiet, busy)
        for doorbell in Doorbell:
            succeeded = _succeeded(self._home, f"rung_{doorbell}")
            self._check(f"DAG of {doorbell} runs", succeeded > 0, f"{succeeded} runs succeeded")

    async def _both(self, rate: float, seconds: float) -> tuple[Load, list[Answer]]:
        async with asyncio.TaskGroup() as group:
            load = group.create_task(self._server.load(KINDS, rate, seconds))
            busy = group.create_task(self._server.probe(PAGES, PROBES_A_SECOND, seconds))
        return load.result(), busy.result()

    def _check_answers(self, load: Load) -> None:
        by_kind: dict[str, list[Answer]] = defaultdict(list)
        for answer in load.answers:
            if answer.kind is not None:
                by_kind[answer.kind.name].append(answer)
        for kind in KINDS:
            if answers := by_kind[kind.name]:
                statuses = Counter(answer.status for answer in answers)
                shown = ", ".join(f"{status or 'cut'} {times}" for status, times in sorted(statuses.items()))
                self._check(f"answers to {kind.name}", set(statuses) <= kind.answers, f"{shown}; {_spread(answers)}")

    def _check_good(self, rings: Sequence[Answer]) -> None:
        events = _events(self._home)
        delays, lost, late = [], Counter[int](), 0
        for ring in rings:
            event = _first_after(events, ring)
            if event is None:
                lost[ring.status] += 1
                continue
            delays.append((event - ring.sent_at).total_seconds())
            late += ring.status == 202 and event > ring.answered_at
        figure = f"{len(rings)} rings, {sum(map(len, events.values()))} events, {lost.total()} lost {dict(lost) or ''}"
        self._check("no good ring lost", bool(rings) and not lost, figure)
        self._check("an event before each 202", not late, f"{late} events came after it")
        longest = max(delays, default=0.0)
        print(f"      from a ring to its event: p50 {percentile(delays, 0.5):.2f} s, at most {longest:.2f} s")

    def _check_server(self, quiet: Sequence[Answer], busy: Sequence[Answer]) -> None:
        failed = sum(answer.status != 200 for answer in busy)
        self._check("API server answers", not failed, f"{failed} of {len(busy)} requests failed")
        p99 = percentile((answer.seconds for answer in busy), 0.99)
        figure = f"{_spread(busy)} beside the rings, {_spread(quiet)} without; target p99 {HEALTHY_P99} s"
        self._check("API server healthy", p99 <= HEALTHY_P99, figure)


def _spread(answers: Sequence[Answer]) -> str:
    seconds = [answer.seconds for answer in answers]
    return f"p50 {percentile(seconds, 0.5):.3f} s, p99 {percentile(seconds, 0.99):.3f} s"


def _first_after(events: Events, ring: Answer) -> datetime | None:
    """Return the first event of a ring's asset after it was sent."""
    of_asset = events[ring.doorbell] if ring.doorbell is not None else ()
    place = bisect_left(of_asset, ring.sent_at)
    return of_asset[place] if place < len(of_asset) else None


def _events(home: Path) -> Events:
    """Return the moments of all events, in order, once no more come."""
    known = -1
    while (count := _count(home, "select count(*) from asset_event")) != known:
        known = count
        time.sleep(3)
    events: dict[Doorbell, list[datetime]] = {doorbell: [] for doorbell in Doorbell}
    for (extra,) in _query(home, "select extra from asset_event"):
        fields = json.loads(str(extra))
        events[Doorbell(fields["kind"])].append(datetime.fromisoformat(fields["rung_at"]))
    return {doorbell: sorted(moments) for doorbell, moments in events.items()}


def _succeeded(home: Path, dag_id: str) -> int:
    """Return how many runs succeeded; wait for one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        count = _count(home, f"select count(*) from dag_run where dag_id = '{dag_id}' and state = 'success'")
        if count or time.monotonic() > deadline:
            return count
        time.sleep(1)


def _count(home: Path, query: str) -> int:
    return int(str(_query(home, query)[0][0]))


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
