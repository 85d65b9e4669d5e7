"""A small worker, triggerer and clock: tasks run as Airflow runs them, in no time, against the local Directcall."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger

from airflow_provider_directcall.sandbox import SandboxServer

try:
    from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferralError, TaskDeferralTimeout
except ImportError:  # Airflow 3.1
    from airflow.exceptions import (  # noqa: F401 - for the tests beside
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


class World:
    """The time of everything: whoever waits moves the sandbox's clock, which is the only one."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self.pauses: list[float] = []
        self.while_waiting: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return datetime.fromtimestamp(round(self.sandbox.now(), 3), UTC)

    def monotonic(self) -> float:
        return self.sandbox.now()

    def time(self) -> float:
        return self.sandbox.now()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.while_waiting()
        self.sandbox.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)


class TaskInstance:
    """What a task sees of itself: one of two siblings of a mapped task. XComs hold JSON only."""

    def __init__(self, start_date: datetime) -> None:
        self.start_date = start_date
        self.task_id, self.dag_id, self.run_id, self.map_index = "task", "dag", "run", 1
        self.xcoms: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        self.xcoms[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str | None = None, *, key: str, map_indexes: int | None = None) -> object:
        """As Airflow's: without a map index, the XComs of all siblings."""
        if map_indexes is None:
            return ["the sibling's", self.xcoms.get(key)]
        assert task_ids in {None, self.task_id}
        return self.xcoms.get(key) if map_indexes == self.map_index else None


class Run:
    """One try of one task, deferrals included."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ti = TaskInstance(world.now())
        self.context = {
            "ti": self.ti,
            "dag_run": SimpleNamespace(start_date=world.now(), logical_date=world.now() - timedelta(days=1)),
        }
        self.events: list[dict[str, object]] = []
        self.deferred: TaskDeferred | None = None
        self.task: BaseOperator | None = None
        """The operator that ran last."""

    def start(self, task: BaseOperator) -> object:
        """Run until the end, or until the first deferral, which is kept."""
        task.render_template_fields(self.context)
        try:
            self.task = copy.copy(task)
            return self.task.execute(self.context)
        except TaskDeferred as deferred:
            self.deferred = deferred
            return None

    def to_the_end(self, task: BaseOperator) -> object:
        """Run until the end; a deferral goes through a trigger that knows only what was stored of it."""
        result = self.start(task)
        if self.deferred is None:
            return result
        event = fire(stored(self.deferred.trigger))
        self.events.append(event)
        return self.resume(task, self.deferred.method_name, {"event": event})

    def resume(self, task: BaseOperator, method: str, kwargs: Mapping[str, object]) -> object:
        self.task = copy.copy(task)
        return self.task.resume_execution(method, dict(kwargs), self.context)

    @property
    def links(self) -> dict[str, str]:
        """The task's links, asked for as Airflow does at its exit."""
        return {link.name: link.get_link(self.task, ti_key=self.ti) for link in self.task.operator_extra_links}


def stored(trigger: BaseTrigger) -> BaseTrigger:
    """The trigger as another machine makes it, from what stands in the database."""
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")
    again: BaseTrigger = getattr(import_module(module), name)(**json.loads(json.dumps(kwargs)))
    return again


def fire(trigger: BaseTrigger) -> dict[str, object]:
    """The event of a trigger, as the database gives it back."""

    async def first() -> dict[str, object]:
        try:
            events = [event async for event in trigger.run()]
        finally:
            await trigger.cleanup()
        assert len(events) == 1
        return json.loads(json.dumps(events[0].payload))

    return asyncio.run(first())
