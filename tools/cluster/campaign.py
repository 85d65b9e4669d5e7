"""Run one campaign over a cluster, kill a worker in mid-wave, and count who was sent to, from where, and how fast."""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer
from airflow_provider_directcall.sandbox.sms_parts import charged_parts
from tools.cluster.airflow import REDIS_CONNECTION, ROOT, ClusterAirflow, cluster
from tools.cluster.rates import KeptRate, two_processes
from tools.cluster.services import redis
from tools.live_airflow import JsonObject

#: An example, as users run it.
DAGS: Final = ROOT / "example_dags"
DAG: Final = "directcall_campaign_cluster"
SEND: Final = "reminders.send"
REPORT: Final = "reminders.report"
HOME: Final = ROOT / ".cache" / "cluster" / "airflow"
#: Calls and messages are so much faster.
_PACE: Final = 20.0
_RUN_SECONDS: Final = 900
_CHUNKS: Final = 10
#: Longer than the sandbox's statement lags.
_SETTLE_SECONDS: Final = 15
_TRACK_SECONDS: Final = 5
_WAVE_LOOK_SECONDS: Final = 0.02
_WAVE_LOOKS: Final = 100
#: Share of the contacts that were sent to when the worker is killed.
_KILL_AT: Final = 0.5
#: Messages of the first seconds are not judged: fewer tasks than later run then.
_WARM_UP_SECONDS: Final = 5.0
_PROBE_SECONDS: Final = 20.0

console = Console(width=120, highlight=False)


@dataclass
class Observed:
    """One run.

    :ivar killed_at: by the sandbox's clock.
    :ivar in_flight: contacts of the waves that the killed worker was sending.
    :ivar workers: worker -> contacts whose chunk it has ended.
    """

    contacts: int
    state: str = "running"
    killed: str = ""
    killed_at: float = 0.0
    in_flight: int = 0
    workers: Counter[str] = field(default_factory=Counter)
    report: dict[str, object] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    departures: list[tuple[float, int]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Violations, in words."""
        twice = sum(times > 1 for times in self.sent.values())
        states = self.report.get("states")
        checks = {
            f"the run is {self.state}": self.state != "success",
            "no worker was killed in mid-wave": not self.killed,
            f"{twice} contacts were sent to twice": twice > 0,
            f"{self.contacts - len(self.sent)} contacts were not sent to": len(self.sent) != self.contacts,
            f"the report has {states}": states != {"delivered": self.contacts},
            f"all work was done by {', '.join(self.workers)}": len(self.workers) < 2,
        }
        rates = [*self.before_kill.problems, *KeptRate.of(self.before_kill.rate, self.departures).excesses]
        return [text for text, is_violated in checks.items() if is_violated] + rates

    rate: float = 0.0

    @property
    def before_kill(self) -> KeptRate:
        """The rate while both workers had work."""
        begin = min(moment for moment, _ in self.departures) + _WARM_UP_SECONDS
        return KeptRate.of(self.rate, [each for each in self.departures if begin <= each[0] <= self.killed_at])


def main() -> int:
    """Run and print a table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=50.0, help="parts a second of the account")
    options = parser.parse_args()
    problems = _processes(options.rate)
    with Sandbox(SandboxConfig(pace=_PACE)).serve() as server:
        problems += _campaign(server, options.contacts, options.rate)
    for problem in problems:
        console.print(f"violation: {problem}", style="bold red", markup=False)
    console.print("cluster failed" if problems else "cluster passed", style="bold red" if problems else "bold green")
    return 1 if problems else 0


def _processes(rate: float) -> list[str]:
    with redis() as server:
        kept, parts = two_processes(server, rate, _PROBE_SECONDS)
    _table(
        "Two processes, one rate, without Airflow", [("rate", f"{rate:g}"), ("kept", kept), ("parts of each", parts)]
    )
    return kept.problems


def _campaign(server: SandboxServer, contacts: int, rate: float) -> list[str]:
    # An account that was used before: its statement is known to answer.
    yesterday = datetime.now(server.sandbox.config.zone) - timedelta(days=1)
    server.seed(1, first_at=yesterday, kind="messages")
    server.configure(statement_delay=_PACE, statement_jitter=2 * _PACE)
    shutil.rmtree(HOME.parent, ignore_errors=True)
    HOME.mkdir(parents=True)
    _write_contacts(HOME.parent / "contacts.csv", contacts)
    environment = {
        "AIRFLOW_CONN_DIRECTCALL_DEFAULT": server.connection_json(),
        "AIRFLOW__DIRECTCALL__RATE_CONN_ID": REDIS_CONNECTION,
    }
    started = time.monotonic()
    console.print("Starting PostgreSQL, Redis, and Airflow with CeleryExecutor and two workers ...")
    with cluster(HOME, DAGS, environment) as airflow:
        console.print(f"{airflow.url} ({time.monotonic() - started:.0f} s)")
        observed = _observe(airflow, server, contacts, rate)
    _show(observed)
    return observed.problems


def _write_contacts(path: Path, count: int) -> None:
    """Write invented contacts; the texts to one in five have two parts."""
    dice = random.Random(12)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "phone", "name", "day"))
        for place in range(count):
            name = f"Ana {place}" if dice.random() < 0.8 else f"Ana {'Maria ' * 20}{place}"
            rows.writerow((f"c{place}", f"55119801{place:05}", name, "12/03"))


def _observe(airflow: ClusterAirflow, server: SandboxServer, contacts: int, rate: float) -> Observed:
    observed = Observed(contacts, rate=rate)
    storage = HOME.parent / "campaigns"
    conf: dict[str, object] = {
        "contacts": str(HOME.parent / "contacts.csv"),
        "storage": str(storage),
        "rate": rate,
        "chunk_size": ceil(contacts / _CHUNKS),
        "window": "none",
        "settle_seconds": _SETTLE_SECONDS,
        "track_interval": _TRACK_SECONDS,
    }
    run_id = airflow.trigger(DAG, conf)
    deadline = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < deadline and observed.state not in {"success", "failed"}:
        airflow.check_alive()
        with suppress(httpx.HTTPError, FileNotFoundError):
            if not observed.killed and _sent(server) >= _KILL_AT * contacts:
                _kill_in_wave(airflow, server, run_id, storage, observed)
            observed.state = str(airflow.fetch("GET", f"/dags/{DAG}/dagRuns/{run_id}")["state"])
        time.sleep(0.5)
    for task in airflow.task_instances(DAG, run_id):
        if task["task_id"] == SEND and task["state"] == "success":
            result = airflow.xcom(DAG, run_id, SEND, map_index=int(str(task["map_index"])))
            states = result.get("states") if isinstance(result, dict) else None
            observed.workers[str(task["hostname"])] += sum(states.values()) if isinstance(states, dict) else 0
    with suppress(httpx.HTTPError):
        report = airflow.xcom(DAG, run_id, REPORT, key="report")
        observed.report = report if isinstance(report, dict) else {}
    messages = server.state()["messages"]
    observed.sent = Counter(str(message["destination"]) for message in messages)
    observed.departures = [(float(str(each["accepted_at"])), _parts(each)) for each in messages]
    return observed


def _sent(server: SandboxServer) -> int:
    return server.sandbox.account.store.effects.get("messages_accepted", 0)


def _parts(message: dict[str, object]) -> int:
    return charged_parts(str(message["text"]), str(message["origin"]), "characters")


def _kill_in_wave(
    airflow: ClusterAirflow, server: SandboxServer, run_id: str, storage: Path, observed: Observed
) -> None:
    """Kill a worker while a chunk that it sends has a wave in flight."""
    running = [
        task
        for task in airflow.task_instances(DAG, run_id)
        if task["task_id"] == SEND and task["state"] == "running" and task["hostname"]
    ]
    for _ in range(_WAVE_LOOKS):
        for task in running:
            if not _in_flight(storage, task):
                continue
            observed.killed, observed.killed_at = str(task["hostname"]), server.now()
            airflow.kill(observed.killed)
            lost = [each for each in running if each["hostname"] == observed.killed]
            observed.in_flight = sum(
                len(json.loads(wave.read_text())["sends"]) for wave in _all_in_flight(storage, lost)
            )
            return
        time.sleep(_WAVE_LOOK_SECONDS)


def _all_in_flight(storage: Path, tasks: Iterable[JsonObject]) -> Iterator[Path]:
    for task in tasks:
        yield from _in_flight(storage, task)


def _in_flight(storage: Path, task: JsonObject) -> list[Path]:
    """Return the records of a task's waves without results."""
    waves = (storage / DAG).glob(f"*/*/*/waves/{int(str(task['map_index'])):05}/*.intent.json")
    return [wave for wave in waves if not wave.with_name(wave.name.replace("intent.json", "results.jsonl")).exists()]


def _show(observed: Observed) -> None:
    everything = KeptRate.of(observed.rate, observed.departures)
    rows = [
        ("run", observed.state),
        ("killed in mid-wave", f"{observed.killed or 'none'}, {observed.in_flight} contacts in its waves"),
        *((f"contacts by {name}", count) for name, count in sorted(observed.workers.items())),
        ("contacts", observed.contacts),
        ("sent to once", sum(times == 1 for times in observed.sent.values())),
        ("sent to twice", sum(times > 1 for times in observed.sent.values())),
        ("report", observed.report.get("states")),
        ("rate of the account", f"{observed.rate:g} parts/s"),
        ("kept by two workers", observed.before_kill),
        ("in the whole run", f"at most {everything.second} within 1 s, {everything.long:.1f}/s within 10 s"),
    ]
    _table("A campaign over two workers", rows)


def _table(title: str, rows: Iterable[tuple[str, object]]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(name, str(value))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
