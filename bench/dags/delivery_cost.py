"""Times, inside a real task, an operator and a bare call of the hook in turn."""

from __future__ import annotations

import time
from collections.abc import Callable

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.bases.operator import ExecutorSafeguard

from airflow_provider_directcall.runtime.delivery_log import STORE_KEY
from bench._sends import SUBJECTS, send_bare

PAIRS = 30


def seconds(send: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    send()
    return time.perf_counter() - started


@task
def measure(position: int) -> list[list[float]]:
    """Seconds with the operator and without it, a pair each; what the operator has kept is forgotten in between."""
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
