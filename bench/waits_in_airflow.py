"""Mapped sensors that wait in a real triggerer: polls, logins, CPU and memory of a wait, and how soon each resumes.

LocalExecutor, scheduler, triggerer and real task processes on SQLite. The requests are those that the sandbox gets.
Meanwhile the triggerer is killed and started again, Directcall answers errors for some time, rows appear half an hour
late, and a second triggerer joins. Target: one poll an interval and one login for each triggerer, however many wait;
each task resumes once, by one event, in its first try.

    python -m bench.waits_in_airflow [--waits 1000] [--sample 60] [--poll-interval 15] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # a dependency of Airflow's, without types

from airflow_provider_directcall.sandbox import Fault
from bench._waits import Asked, RequestLog, Usage, Waits
from tools.faults.components import Component, descendants, kill_all
from tools.faults.world import running_world

ROOT = Path(__file__).resolve().parent.parent
PARALLELISM = 8
#: Intervals that are counted while nothing happens.
QUIET_INTERVALS = 10
OUTAGE_SECONDS = 120.0
LATE_SECONDS = 1800.0
#: Rows of others, so that the account is seen to show rows and tags.
OTHERS = 20
#: Seconds until no request of an earlier phase is under way.
CALM_SECONDS = 5.0

#: A busy machine must not take a task or the scheduler for dead, nor bring a queued task to a further try.
PATIENT = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "600",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "600",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "3600",
}


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
        variables=PATIENT,
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
    idle = Usage.of(waits.airflow.pid_of(Component.TRIGGERER), QUIET_INTERVALS * waits.interval / 2)
    waits.start()
    took = waits.until(lambda: waits.in_state("deferred") == waits.count, "all wait")
    print(f"{waits.count} tasks wait after {took:.0f} s, {took / waits.count:.2f} s each", flush=True)
    problems = _quiet("waiting", waits, idle)
    since, last_job = time.time(), waits.last_job()
    waits.airflow.restart(Component.TRIGGERER, with_children=True)
    took = waits.until(lambda: bool(waits.shared_reads(since)), "a read of the new triggerer")
    print(f"the triggerer was killed and started again; its first read came after {took:.0f} s", flush=True)
    waits.until(lambda: waits.in_triggerers(last_job) == [waits.count], "all wait in the new one")
    problems += _quiet("waiting in a new triggerer", waits, idle, logins_since=since)
    places = iter(range(waits.count))
    _outage(waits, places)
    _sample(waits, [next(places) for _ in range(sample)])
    last_job = waits.last_job()
    with _second_triggerer(waits):
        problems += _last(waits, list(places), last_job)
    return problems + _judge(waits)


def _quiet(name: str, waits: Waits, idle: Usage, *, logins_since: float | None = None) -> list[str]:
    """Measure while nothing appears."""
    time.sleep(CALM_SECONDS)
    since = time.time()
    used = Usage.of(waits.airflow.pid_of(Component.TRIGGERER), QUIET_INTERVALS * waits.interval)
    reads = waits.shared_reads(since)
    logins = waits.logins(since if logins_since is None else logins_since)
    others = sum(each.at >= since for each in list(waits.asked)) - len(reads)
    print(
        f"{name}: {len(reads)} polls in {QUIET_INTERVALS} intervals, {others} other requests, {logins} logins; "
        f"CPU {used.cpu:.1%} of a core ({idle.cpu:.1%} idle), "
        f"{1e6 * (used.cpu - idle.cpu) / waits.count:.0f} us/s a wait; "
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
    print(f"after an outage of {OUTAGE_SECONDS:.0f} s, its rows ended their waits within {took:.0f} s", flush=True)


def _sample(waits: Waits, places: Sequence[int]) -> None:
    """Let rows appear one by one, every second of them half an hour late."""
    done = waits.in_state("success")
    for place in places:
        waits.appear(place, late=LATE_SECONDS * (place % 2))
        time.sleep(waits.interval * 0.37)
    waits.until(lambda: waits.in_state("success") == done + len(places), "the end of the sample")
    fired = waits.fired()
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


def _last(waits: Waits, places: Sequence[int], last_job: int) -> list[str]:
    """Share the rest between two triggerers, and let all rows appear."""
    since = time.time()
    waits.until(lambda: len(waits.in_triggerers(last_job)) == 2, "both triggerers wait")
    waits.until(lambda: sum(waits.in_triggerers(last_job)) == len(places), "all wait in two triggerers")
    shares = waits.in_triggerers(last_job)
    time.sleep(CALM_SECONDS)
    quiet = time.time()
    time.sleep(QUIET_INTERVALS * waits.interval)
    reads, logins = len(waits.shared_reads(quiet)), waits.logins(since)
    print(f"two triggerers, {shares} waits: {reads} polls in {QUIET_INTERVALS} intervals, {logins} logins", flush=True)
    for place in places:
        waits.appear(place, late=LATE_SECONDS * (place % 2))
    took = waits.until(lambda: not waits.in_state("deferred"), "the events of all")
    print(f"the last {len(places)} rows appeared at once; the last trigger fired within {took:.0f} s", flush=True)
    took = waits.until(lambda: waits.in_state("success") == waits.count, "the end of all")
    print(f"their last task ended {took:.0f} s later", flush=True)
    return [f"two triggerers: {reads} polls, {logins} logins"] if reads > 24 or logins != 2 else []


def _judge(waits: Waits) -> list[str]:
    fired = waits.fired()
    states = Counter(
        (str(state), int(str(tries)))
        for state, tries in waits.query("SELECT state, try_number FROM task_instance WHERE map_index >= 0")
    )
    events = Counter(len(fired.get(place, ())) for place in range(waits.count))
    looks = Counter(len(waits.own_looks(f"C-{place}-x")) for place in range(waits.count))
    print(f"states and tries {dict(states)}; events of a wait {dict(events)}; its own questions {dict(looks)}")
    blocked = waits.blocked()
    print(
        f"Airflow has seen the triggerers' loop blocked {len(blocked)} times, {max(blocked, default=0):.2f} s at most"
    )
    problems = {
        "a task has not ended well in its first try": set(states) != {("success", 1)},
        "a wait was resumed not once": set(events) != {1},
        "a trigger fired twice": max(waits.fires().values(), default=0) > 1,
        # Before its deferral and after it.
        "a wait was asked for by itself": set(looks) != {2},
    }
    return [problem for problem, is_one in problems.items() if is_one]


@contextmanager
def _second_triggerer(waits: Waits) -> Iterator[None]:
    """Kill the triggerer and start two, each of which takes a few triggers at a time."""
    airflow = waits.airflow
    at_once = str(max(1, waits.count // 20))
    airflow.environment = {**airflow.environment, "AIRFLOW__TRIGGERER__MAX_TRIGGER_TO_SELECT_PER_LOOP": at_once}
    airflow.kill(Component.TRIGGERER, with_children=True)
    airflow.start_component(Component.TRIGGERER)
    second = airflow.launch(Component.TRIGGERER)
    try:
        yield
    finally:
        family = descendants(second.pid)
        second.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            second.wait(20)
        kill_all([psutil.Process(second.pid)] if second.poll() is None else [])
        kill_all(family)


if __name__ == "__main__":
    sys.exit(main())
