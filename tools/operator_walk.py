"""Measure how deep the sending operators are, and how a call walks through them; fail above the limits.

Run by ``make layers``. A deferred operator (start, trigger, resume) places the call in this process, against the
sandbox. A switch is a call of a function of ``operators/`` in another file than the one called before it.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import FrameType, FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

import structlog

from airflow_provider_directcall import operators
from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.triggers.base import BaseTrigger

PACKAGE: Final = "airflow_provider_directcall"
FOLDER: Final = Path(operators.__path__[0])
LEAVES: Final = (
    "operators.calls.DirectcallPlaceCallOperator",
    "operators.messages.DirectcallSendSMSOperator",
    "operators.messages.DirectcallSendVoiceMessageOperator",
)
#: The protocol that a new thing to send implements beside its operator; its data members are no methods.
PROTOCOLS: Final = ("delivery.errand.Errand",)
MOST_BASES, MOST_ABSTRACT, MOST_SWITCHES = 2, 10, 8

_ORIGIN, _DESTINATION = "551130000001", "5511990000001"


class Switches:
    """Counts how often the functions that are called change from one file of a folder to another."""

    def __init__(self, folder: Path) -> None:
        self.edges: Counter[tuple[str, str]] = Counter()
        self._folder = folder
        self._last: str | None = None

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the calls of this thread inside the block."""
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        # The bodies of modules and classes are not optimized: they run at import.
        if event != "call" or not code.co_flags & inspect.CO_OPTIMIZED:
            return
        path = Path(code.co_filename)
        if path.parent != self._folder:
            return
        if self._last not in {None, path.name}:
            self.edges[str(self._last), path.name] += 1
        self._last = path.name


def load(path: str) -> type:
    """Return a class by its path below the package."""
    module, _, name = f"{PACKAGE}.{path}".rpartition(".")
    kind: type = getattr(import_module(module), name)
    return kind


def bases_of(leaf: type) -> list[type]:
    """Return the package's classes above a leaf."""
    return [kind for kind in leaf.__mro__[1:] if kind.__module__.split(".")[0] == PACKAGE]


def abstract_methods(kinds: Sequence[type], protocols: Sequence[type] = ()) -> list[str]:
    """Return the methods that the classes declare abstract, and all public ones of the protocols."""
    declared = [(kind, name, member) for kind in dict.fromkeys(kinds) for name, member in vars(kind).items()]
    asked = [(kind, name, member) for kind in protocols for name, member in vars(kind).items() if name[0] != "_"]
    abstract = [(kind, name) for kind, name, member in declared if getattr(member, "__isabstractmethod__", False)]
    methods = [(kind, name) for kind, name, member in asked if isinstance(member, (FunctionType, classmethod))]
    return [f"{kind.__name__}.{name}" for kind, name in dict.fromkeys([*abstract, *methods])]


def walk() -> tuple[Switches, Switches]:
    """Place a call and wait for its end in the triggerer; return the switches of the start and of the resumption."""
    from airflow.providers.common.compat.sdk import TaskDeferred
    from airflow.sdk.bases.operator import ExecutorSafeguard

    ExecutorSafeguard.test_mode = True
    start, resumption = Switches(FOLDER), Switches(FOLDER)
    context = _context()
    with Sandbox(SandboxConfig(pace=60)).serve() as directcall:
        os.environ["AIRFLOW_CONN_DIRECTCALL_DEFAULT"] = directcall.connection_json()
        task: BaseOperator = load(LEAVES[0])(
            task_id="call",
            origin=_ORIGIN,
            destination=_DESTINATION,
            wait_for_completion=True,
            deferrable=True,
            poll_interval=1,
        )
        try:
            with start.counted():
                copy.copy(task).execute(context)
            raise RuntimeError("the task was not deferred")
        except TaskDeferred as deferred:
            event = asyncio.run(_event_of(deferred.trigger))
            kwargs = {**json.loads(json.dumps(deferred.kwargs or {})), "event": event}
            method = deferred.method_name
        with resumption.counted():
            copy.copy(task).resume_execution(method, kwargs, context)
        if directcall.state()["effects"]["calls_placed"] != 1:
            raise RuntimeError("the local Directcall placed no call")
    return start, resumption


async def _event_of(trigger: BaseTrigger) -> object:
    """Return the event of a trigger that is restored from its serialized form."""
    path, arguments = trigger.serialize()
    again: BaseTrigger = load(path.removeprefix(f"{PACKAGE}."))(**json.loads(json.dumps(arguments)))
    async for event in again.run():
        return event.payload
    raise RuntimeError("the trigger ended without an event")


class _Store:
    """A task state store in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, key: str, default: object = None) -> object:
        """Return the value of a key."""
        return json.loads(self._kept[key]) if key in self._kept else default

    def set(self, key: str, value: object) -> None:
        """Keep a JSON value."""
        self._kept[key] = json.dumps(value)


def _context() -> Context:
    """Return the parts of a task's context that a sending operator uses."""
    now = datetime.now(UTC)
    ti = SimpleNamespace(dag_id="walk", run_id="run", task_id="call", map_index=-1, try_number=1, max_tries=0)
    ti.start_date, ti.xcom_push = now, lambda key, value: None
    return cast(
        "Context",
        {
            "ti": ti,
            "dag_run": SimpleNamespace(start_date=now, run_after=now, clear_number=0),
            "task_state_store": _Store(),
        },
    )


def main() -> int:
    """Print the figures; return the exit code."""
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    leaves = [load(path) for path in LEAVES]
    bases = {leaf.__name__: bases_of(leaf) for leaf in leaves}
    for name, kinds in bases.items():
        print(f"{name}: {len(kinds)} classes below BaseOperator ({', '.join(kind.__name__ for kind in kinds)})")
    protocols = [load(path) for path in PROTOCOLS]
    abstract = abstract_methods([kind for kinds in bases.values() for kind in kinds], protocols)
    print(f"abstract methods: {len(abstract)} ({', '.join(abstract)})")
    start, resumption = walk()
    switches = start.edges + resumption.edges
    for (caller, callee), times in sorted(switches.items()):
        print(f"  {caller} -> {callee}: {times}")
    print(f"switches: {switches.total()} (start {start.edges.total()}, resumption {resumption.edges.total()})")
    most_bases = max(len(kinds) for kinds in bases.values())
    figures = ((most_bases, MOST_BASES), (len(abstract), MOST_ABSTRACT), (switches.total(), MOST_SWITCHES))
    passed = all(figure <= most for figure, most in figures)
    print(
        f"at most {MOST_BASES} classes, {MOST_ABSTRACT} methods, {MOST_SWITCHES} switches:",
        "ok" if passed else "too many",
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
