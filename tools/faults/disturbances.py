"""Disturbances of a running batch: killed components, an outage of Directcall, actions of users."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from packaging.version import Version

from tools.faults.components import Component
from tools.faults.rows import Disturbance
from tools.faults.world import OUTAGE_SECONDS, Directcall, World
from tools.live_airflow import JsonObject

#: Share of the sends that have had an effect when Airflow or Directcall goes down.
_SHARE_SENT: Final = 0.3
#: Share of the deferrable tasks that are deferred when the triggerer goes down.
_SHARE_DEFERRED: Final = 0.5
#: Seconds after the last running task has sent; by then every task waits, and every trigger runs.
_SECONDS_UNTIL_ALL_WAIT: Final = 10.0
_ACTIVE: Final = frozenset({"running", "deferred"})
_CLEAR_EMPTIES_STORE: Final = Version(version("apache-airflow")) >= Version("3.4.0b1")


class Run:
    """A run of one of the harness's DAGs.

    :param sends: the number of its sends.
    :param directcalls: those that it sends to.
    """

    def __init__(self, world: World, dag_id: str, run_id: str, sends: int, directcalls: Sequence[Directcall]) -> None:
        self.world = world
        self.directcalls = directcalls
        self.dag_id = dag_id
        self.run_id = run_id
        self.sends = sends
        self.stopped: set[tuple[str, int]] = set()
        """Task instances that a user has marked as failed, by task id and map index."""
        self._waiting: tuple[frozenset[tuple[str, int]], float] = (frozenset(), 0.0)

    @property
    def is_over(self) -> bool:
        """Whether all of its tasks have ended."""
        path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}"
        return self.world.airflow.fetch("GET", path)["state"] in {"success", "failed"}

    def mapped_tasks(self) -> list[JsonObject]:
        """Return the task instances that send."""
        tasks = self.world.airflow.task_instances(self.dag_id, self.run_id)
        return [task for task in tasks if task["map_index"] != -1]

    def share_sent(self) -> float:
        """Return the share of the sends that have had an effect."""
        return self._sent() / self.sends

    def seconds_of_waiting(self, tasks: list[JsonObject]) -> float:
        """Return for how many seconds exactly these tasks have been active after sending; 0 if others were before.

        :param tasks: all active ones; earlier ones have been stopped.
        """
        places = frozenset(map(_place, tasks))
        if self._sent() < len(self.stopped | places):
            return 0
        known, since = self._waiting
        if known != places:
            self._waiting = (places, time.monotonic())
            return 0
        return time.monotonic() - since

    def _sent(self) -> int:
        states = [directcall.server.state() for directcall in self.directcalls]
        return sum(len(state["calls"]) + len(state["messages"]) for state in states)

    def give_up(self) -> None:
        """Fail a run that takes too long, so that none of its requests reach into the next batch."""
        path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}"
        self.world.airflow.fetch("PATCH", path, {"state": "failed"})

    def clear(self, tasks: list[JsonObject], *, keeps_state: bool) -> None:
        """Clear tasks, as a user does.

        :param keeps_state: keep the tasks' state stores, which Airflow 3.4 empties by default.
        """
        named = [[task["task_id"], task["map_index"]] for task in tasks]
        body: JsonObject = {"dag_run_id": self.run_id, "task_ids": named, "dry_run": False, "only_failed": False}
        if _CLEAR_EMPTIES_STORE:
            body["keep_task_state"] = keeps_state
        self.world.airflow.fetch("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def mark_failed(self, tasks: list[JsonObject]) -> None:
        """Mark tasks as failed, as a user does."""
        for task in tasks:
            task_id, map_index = _place(task)
            path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{task_id}/{map_index}"
            self.world.airflow.fetch("PATCH", path, {"new_state": "failed"})
            self.stopped.add((task_id, map_index))


def _place(task: JsonObject) -> tuple[str, int]:
    return str(task["task_id"]), int(str(task["map_index"]))


Step = Callable[[Run], bool]
"""Acts when its condition holds; returns whether it has acted."""


def _killing_scheduler(*, with_children: bool) -> Step:
    def kill(run: Run) -> bool:
        if run.share_sent() < _SHARE_SENT:
            return False
        run.world.airflow.restart(Component.SCHEDULER, with_children=with_children)
        return True

    return kill


def _kill_triggerer(run: Run) -> bool:
    deferred = sum(task["state"] == "deferred" for task in run.mapped_tasks())
    if deferred < _SHARE_DEFERRED * run.sends:
        return False
    run.world.airflow.restart(Component.TRIGGERER, with_children=True)
    return True


def _outage(run: Run) -> bool:
    if run.share_sent() < _SHARE_SENT:
        return False
    for directcall in run.directcalls:
        directcall.go_away(OUTAGE_SECONDS)
    return True


def _clear_during(run: Run) -> bool:
    if run.share_sent() < _SHARE_SENT:
        return False
    active = [task for task in run.mapped_tasks() if task["state"] in _ACTIVE]
    if not active:
        return False
    run.clear(active, keeps_state=True)
    return True


def _mark_failed(run: Run) -> bool:
    """Mark all waiting tasks, repeatedly: each task stopped on a worker makes room for another."""
    active = [task for task in run.mapped_tasks() if task["state"] in _ACTIVE]
    if run.seconds_of_waiting(active) >= _SECONDS_UNTIL_ALL_WAIT:
        run.mark_failed(active)
    return len(run.stopped) == run.sends


def _clear_after(run: Run) -> bool:
    if not run.is_over:
        return False
    run.clear(run.mapped_tasks(), keeps_state=False)
    return True


STEPS: Final[Mapping[Disturbance, Step]] = MappingProxyType(
    {
        Disturbance.SCHEDULER_KILLED: _killing_scheduler(with_children=False),
        Disturbance.MACHINE_LOST: _killing_scheduler(with_children=True),
        Disturbance.TRIGGERER_KILLED: _kill_triggerer,
        Disturbance.OUTAGE: _outage,
        Disturbance.CLEARED_DURING: _clear_during,
        Disturbance.CLEARED_AFTER: _clear_after,
        Disturbance.MARKED_FAILED: _mark_failed,
    }
)
