"""A small worker, triggerer and clock: tasks run as in Airflow, in no time, against the local Directcall."""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger

from airflow_provider_directcall.sandbox import SandboxServer

try:
    from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferralError, TaskDeferralTimeout
except ImportError:  # Airflow 3.1
    from airflow.exceptions import (  # noqa: F401 - re-exported
        AirflowRescheduleException,
        TaskDeferralError,
        TaskDeferralTimeout,
    )


ORIGIN = "551130000001"
PERSON = "5511990000001"
BUSY = "5511990000486"
NO_ANSWER = "5511990000480"
LONG_CALL = "5511990000600"
UNHANGABLE = "5511990000409"
UNDELIVERED = "5511990000410"
UNCONFIRMED = "5511990000202"
NO_BALANCE = "5511990000402"
REFUSED_NUMBER = "5511990000404"
GATEWAY_ERROR = "5511990000500"


class Killed(BaseException):
    """The process is gone (SIGKILL): its remaining code reaches neither the store nor the network."""


class Process:
    """The worker's process of one try, which may die at a point: ``before`` or ``after`` a request or a write.

    Points are such as ``before voz/call``, ``after voz/call``, ``before write 1``, ``after write 2``, ``resting``.
    """

    def __init__(self, dies: str | None = None) -> None:
        self.dies = dies
        self.is_dead = False
        self.passed: Counter[str] = Counter()

    def reach(self, point: str) -> None:
        self.passed[point] += 1
        if self.is_dead or point == self.dies:
            self.is_dead = True
            raise Killed(point)


class World:
    """The clock: every wait advances the sandbox's time, and there is no other."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self.pauses: list[float] = []
        self.while_waiting: Callable[[], None] = lambda: None
        self.process = Process()
        """Of the worker that runs now; the triggerer is another one, which does not die."""
        self.task_state: str | None = "running"
        """The task's state in Airflow's API; None for a cleared task."""
        self.meets: dict[str, Callable[[], None]] = {}
        """Point such as ``before voz/call`` -> function to call once when a worker reaches it."""

    def task_states(self, dag_id: str, **asked: object) -> dict[str, dict[str, str | None]]:
        """Return the states of a task's instances, as Airflow's API does."""
        (run_id,), (task_id,) = asked["run_ids"], asked["task_ids"]
        return {run_id: {f"{task_id}_{asked['map_index']}": self.task_state}}

    @property
    def requests(self) -> Counter[str]:
        """Number of requests per endpoint of the local Directcall."""
        return Counter(self.sandbox.state()["requests"])

    def now(self) -> datetime:
        return datetime.fromtimestamp(round(self.sandbox.now(), 3), UTC)

    def monotonic(self) -> float:
        return self.sandbox.now()

    def time(self) -> float:
        return self.sandbox.now()

    def sleep(self, seconds: float) -> None:
        self.process.reach("resting")
        self._pass(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self._pass(seconds)
        await asyncio.sleep(0)

    def _pass(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.while_waiting()
        self.sandbox.advance(seconds)


class StateStore:
    """Airflow's task state store (3.3): JSON by key, the same over all tries and a user's Clear."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kept: dict[str, str] = {}
        self.history: list[str] = []
        """All writes, in order."""

    def get(self, key: str, default: object = None) -> object:
        self.world.process.reach("read")
        return json.loads(self.kept[key]) if key in self.kept else default

    def set(self, key: str, value: object) -> None:
        assert value is not None
        number = self.world.process.passed["write"] + 1
        self.world.process.reach(f"before write {number}")
        self.world.process.reach("write")
        self.kept[key] = json.dumps(value, allow_nan=False)
        assert len(self.kept[key]) <= 64 * 1024, "Airflow takes no more"
        self.history.append(self.kept[key])
        self.world.process.reach(f"after write {number}")

    def delete(self, key: str) -> None:
        self.world.process.reach("delete")
        self.kept.pop(key, None)

    @property
    def record(self) -> dict[str, object]:
        """The delivery's record."""
        (text,) = self.kept.values()
        record = json.loads(text)
        assert isinstance(record, dict)
        return record


class TaskInstance:
    """The task instance in the context: one of two siblings of a mapped task. XComs hold JSON only."""

    def __init__(self, start_date: datetime) -> None:
        self.start_date = start_date
        self.task_id, self.dag_id, self.run_id, self.map_index = "task", "dag", "run", 1
        self.try_number, self.max_tries = 1, 0
        self.xcoms: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        self.xcoms[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str | None = None, *, key: str, map_indexes: int | None = None) -> object:
        """Return an XCom; without a map index those of all siblings, as Airflow does."""
        if map_indexes is None:
            return ["the sibling's", self.xcoms.get(key)]
        assert task_ids in {None, self.task_id}
        return self.xcoms.get(key) if map_indexes == self.map_index else None


class Run:
    """One task instance: its tries, one after the other, deferrals included.

    :param remembers: whether there is a state store (Airflow 3.3), or none (3.1 and 3.2).
    """

    def __init__(self, world: World, *, remembers: bool = True) -> None:
        self.world = world
        self.ti = TaskInstance(world.now())
        self.store = StateStore(world) if remembers else None
        self.dag_run = SimpleNamespace(
            start_date=world.now(),
            run_after=world.now(),
            logical_date=world.now() - timedelta(days=1),
            clear_number=0,
            run_type="manual",
        )
        self._tries_before_clear = 0
        self.max_tries: int | None = None
        """Airflow's ``max_tries`` where it differs from ``retries``, because the DAG was edited meanwhile."""
        self.context: dict[str, object] = self._new_context()
        self.events: list[dict[str, object]] = []
        self.kept_of_deferrals: list[str] = []
        """The unencrypted part of each deferral in the database."""
        self.deferred: TaskDeferred | None = None
        """The last deferral."""
        self.task: BaseOperator | None = None
        """The operator that ran last."""

    def start(self, task: BaseOperator, *, dies: str | None = None) -> object:
        """Run until the end, or until the first deferral, which is kept.

        :param dies: where the worker is killed, see :class:`Process`.
        """
        self.ti.max_tries = self._tries_before_clear + (task.retries or 0) if self.max_tries is None else self.max_tries
        self.world.process = Process(dies)
        task.render_template_fields(self.context)
        self.task = copy.copy(task)
        return self._until_deferred(lambda: self.task.execute(self.context))[1]

    def to_the_end(self, task: BaseOperator, *, dies: str | None = None) -> object:
        """Run until the end; a deferral goes through a trigger made from its stored form."""
        before = self.deferred
        result = self.start(task, dies=dies)
        if self.deferred is before:
            return result
        return self.go_on(task)

    def crash(self, task: BaseOperator, point: str) -> None:
        """Run until the worker is killed at a point, see :class:`Process`."""
        with pytest.raises(Killed):
            self.to_the_end(task, dies=point)

    def go_on(self, task: BaseOperator, *, dies: str | None = None) -> object:
        """Run a deferred task from its trigger on until the end."""
        is_over, result = False, None
        while not is_over:
            deferred = self.deferred
            event = fire(stored(deferred.trigger))
            self.events.append(event)
            kwargs = {**json.loads(json.dumps(deferred.kwargs or {})), "event": event}
            self.world.process = Process(dies)
            self.task = copy.copy(task)
            is_over, result = self._until_deferred(
                lambda: self.task.resume_execution(deferred.method_name, kwargs, self.context)  # noqa: B023 - runs at once
            )
        return result

    def resume(self, task: BaseOperator, method: str, kwargs: Mapping[str, object]) -> object:
        """Resume with a method and arguments of the test's choice, besides those of the deferral."""
        has_kept = self.deferred is not None and method != "__fail__"
        kept = json.loads(json.dumps(self.deferred.kwargs or {})) if has_kept else {}
        self.world.process = Process()
        self.task = copy.copy(task)
        return self.task.resume_execution(method, {**kept, **kwargs}, self.context)

    def retry(self) -> None:
        """Airflow's next try; also after a user's Clear of a running task."""
        self.ti.try_number += 1
        self.ti.xcoms.clear()
        self.ti.start_date = self.world.now()
        self.context = self._new_context()

    def clear(self, *, keeps_state: bool = True) -> None:
        """A user's Clear of a task that is not running: as ``clear_task_instances`` does it, and the next try.

        :param keeps_state: Airflow 3.4 empties the task's state store, unless the user ticks a box.
        """
        self._tries_before_clear = self.ti.try_number
        self.dag_run.clear_number += 1
        self.dag_run.start_date = self.world.now()
        if not keeps_state:
            self.store.kept.clear()
        self.retry()

    def _new_context(self) -> dict[str, object]:
        context: dict[str, object] = {"ti": self.ti, "dag_run": self.dag_run}
        return {**context, "task_state_store": self.store} if self.store is not None else context

    def _until_deferred(self, part: Callable[[], object]) -> tuple[bool, object]:
        try:
            return True, part()
        except TaskDeferred as deferred:
            self.deferred = deferred
            self.kept_of_deferrals.append(json.dumps(deferred.kwargs or {}))
            return False, None

    @property
    def links(self) -> dict[str, str]:
        """The task's links, asked for as Airflow does at its exit."""
        return {link.name: link.get_link(self.task, ti_key=self.ti) for link in self.task.operator_extra_links}


def stored(trigger: BaseTrigger) -> BaseTrigger:
    """Return the trigger as another machine makes it from the database."""
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")
    made: BaseTrigger = getattr(import_module(module), name)(**json.loads(json.dumps(kwargs)))
    return made


def fire(trigger: BaseTrigger) -> dict[str, object]:
    """Run a trigger and return its event, as the database returns it."""

    async def first() -> dict[str, object]:
        try:
            events = [event async for event in trigger.run()]
        finally:
            await trigger.cleanup()
        assert len(events) == 1
        return json.loads(json.dumps(events[0].payload))

    return asyncio.run(first())
