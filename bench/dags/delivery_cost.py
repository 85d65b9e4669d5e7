"""A DAG that times an operator and a bare hook call, alternating, inside a real task."""

from __future__ import annotations

import time
from collections.abc import Callable

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.bases.operator import ExecutorSafeguard

from airflow_provider_directcall.runtime.delivery_log import STORE_KEY
from bench._sends import SUBJECTS, send_bare

PAIRS = 30


def seconds(send: Callable[[], object]) -> float:
    """Time a send."""
    started = time.perf_counter()
    send()
    return time.perf_counter() - started


@task
def measure(position: int) -> list[list[float]]:
    """Return pairs of seconds, with the operator and without it; the operator's record is deleted in between."""
    subject = SUBJECTS[position]
    context = get_current_context()
    operator = subject.operator("send")
    ExecutorSafeguard.test_mode = True
    pairs = []
    for number in range(PAIRS + 1):
        context["task_state_store"].delete(STORE_KEY)
        turns: list[Callable[[], object]] = [lambda: operator.execute(context), lambda: send_bare(subject)]
        order = (0, 1) if number % 2 else (1, 0)
        took = {turn: seconds(turns[turn]) for turn in order}
        pairs.append([took[0], took[1]])
    return pairs[1:]


with DAG("delivery_cost", schedule=None):
    measure.expand(position=list(range(len(SUBJECTS))))
