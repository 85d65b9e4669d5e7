"""The cost of once-only sending without failures. Target: at most 2 state-store writes, no extra API request.

An operator with a counting state store and a bare hook call send the same in this process. Both create a client each
time, as a task does, and alternate, so that changes of the machine's load affect both. The time of Airflow's own state
store is not included; see ``bench.delivery_cost_in_airflow``.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx
import structlog
from airflow.sdk.bases.operator import ExecutorSafeguard

from bench._sandbox_process import sandbox_process
from bench._sends import CONNECTION, SUBJECTS, Subject, connection_json, send_bare

if TYPE_CHECKING:
    from airflow.sdk import Context

PAIRS = 40


@dataclass(slots=True)
class CountingStore:
    """A task state store in memory that counts reads and writes."""

    kept: dict[str, object] = field(default_factory=dict)
    reads: int = 0
    writes: int = 0

    def get(self, key: str) -> object:
        """Return the value of a key, or None."""
        self.reads += 1
        return self.kept.get(key)

    def set(self, key: str, value: object) -> None:
        """Store a JSON value."""
        self.writes += 1
        self.kept[key] = json.loads(json.dumps(value))


def main() -> None:
    """Print writes, requests and time for each kind of send."""
    ExecutorSafeguard.test_mode = True
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with sandbox_process() as settings:
        os.environ[CONNECTION] = connection_json(settings)
        for subject in SUBJECTS:
            _measure(subject, settings.base_url)


def _measure(subject: Subject, url: str) -> None:
    _operator_task(subject, 0, CountingStore())()
    send_bare(subject)
    writes: list[int] = []
    ratios: list[float] = []
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    for pair in range(1, PAIRS + 1):
        store = CountingStore()
        run = _operator_task(subject, pair, store)
        if pair % 2:
            with_operator = _counted(url, ours, run)
            bare = _counted(url, theirs, partial(send_bare, subject))
        else:
            bare = _counted(url, theirs, partial(send_bare, subject))
            with_operator = _counted(url, ours, run)
        writes.append(store.writes)
        ratios.append(with_operator / bare)
    lower, middle, upper = statistics.quantiles(ratios, n=4)
    print(f"{subject.name}: state-store writes a send: {statistics.mean(writes):g} (most: {max(writes)})")
    print(f"{subject.name}: API requests a send: {ours.total() / PAIRS:g}, bare hook call: {theirs.total() / PAIRS:g}")
    print(f"{subject.name}: time over a bare hook call: {middle:.2f} (quartiles {lower:.2f} and {upper:.2f})")


def _counted(url: str, requests: Counter[str], send: Callable[[], object]) -> float:
    """Time a send and count its API requests."""
    before = _requests(url)
    started = time.perf_counter()
    send()
    seconds = time.perf_counter() - started
    requests.update(_requests(url) - before)
    return seconds


def _requests(url: str) -> Counter[str]:
    return Counter(httpx.get(f"{url}/_sandbox/state", trust_env=False).json()["requests"])


def _operator_task(subject: Subject, number: int, store: CountingStore) -> Callable[[], object]:
    """Return an operator that is ready to run as the first try of a task."""
    operator = subject.operator(f"send_{number}")
    return partial(operator.execute, cast("Context", _context(operator.task_id, store)))


def _context(task_id: str, store: CountingStore) -> Mapping[str, Any]:
    """Return the parts of a task's context that an operator uses."""
    ti = SimpleNamespace(
        dag_id="bench",
        run_id="run",
        task_id=task_id,
        map_index=-1,
        try_number=1,
        max_tries=3,
        start_date=datetime.now(UTC),
        xcom_push=lambda key, value: None,
    )
    now = datetime.now(UTC)
    dag_run = SimpleNamespace(start_date=now, run_after=now, clear_number=0)
    return {"ti": ti, "dag_run": dag_run, "task_state_store": store}


if __name__ == "__main__":
    main()
