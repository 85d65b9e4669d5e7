"""Tasks on a simulated clock against the local Directcall, over HTTP."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from airflow.sdk import Variable
from airflow.sdk.bases import sensor as airflow_sensor
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from airflow_provider_directcall.api.clock import use_clock
from airflow_provider_directcall.sandbox import SandboxServer

from .rule_tasks import ORDINARY
from .variables import Variables
from .world import ORIGIN, Run, World

Connect = Callable[..., None]


@pytest.fixture
def sandbox(directcall_sandbox: SandboxServer) -> SandboxServer:
    """The local Directcall with its clock stopped; waits advance it."""
    directcall_sandbox.set_speed(0)
    directcall_sandbox.set_time(datetime.now(UTC).replace(microsecond=0))
    for kind in ("calls", "messages"):
        # An account that has been used: without an older row, a statement is not known to answer.
        directcall_sandbox.seed(1, step_seconds=timedelta(days=1).total_seconds(), kind=kind)
    return directcall_sandbox


@pytest.fixture
def connect(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Changes the connection ``directcall_default``."""

    def change(**fields: object) -> None:
        connection = {
            **json.loads(sandbox.connection_json()),
            "extra": {"default_origin": ORIGIN, "timeout": 5},
            **fields,
        }
        monkeypatch.setenv("AIRFLOW_CONN_DIRECTCALL_DEFAULT", json.dumps(connection))

    return change


@pytest.fixture
def world(sandbox: SandboxServer, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(sandbox)
    connect()
    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(world.task_states))
    monkeypatch.setattr(airflow_sensor, "time", world)
    monkeypatch.setattr(httpx.Client, "send", mortal(world, httpx.Client.send))
    # Every hook loads the machine's certificates, which takes most of a test's time, and no test checks one.
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *arguments, **keywords: None)
    with use_clock(world):
        yield world


def mortal(world: World, send: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    """The requests of workers, at which their process may die; the triggerer has another client."""

    def sent(client: httpx.Client, request: httpx.Request, **arguments: object) -> httpx.Response:
        endpoint = request.url.path.strip("/")
        world.process.reach(f"before {endpoint}")
        world.meets.pop(f"before {endpoint}", lambda: None)()
        response = send(client, request, **arguments)
        world.meets.pop(f"after {endpoint}", lambda: None)()
        world.process.reach(f"after {endpoint}")
        return response

    return sent


@pytest.fixture
def run(world: World) -> Run:
    """A task instance with a state store."""
    return Run(world)


@pytest.fixture
def run_without_store(world: World) -> Run:
    """A task instance without a state store: Airflow 3.1 and 3.2."""
    return Run(world, remembers=False)


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    """Airflow's Variables."""
    kept = Variables()
    monkeypatch.setattr(Variable, "get", kept.get)
    monkeypatch.setattr(Variable, "set", kept.set)
    return kept


@pytest.fixture
def ordinary_day(world: World, variables: Variables) -> None:
    """A day without a holiday in the week after it, for tasks that remember a number's rules."""
    world.sandbox.set_time(datetime.fromisoformat(ORDINARY))
    world.variables = variables


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that a task's log has."""
    return lambda: "".join(capfd.readouterr()) + caplog.text


@pytest.fixture
def dead_port() -> int:
    """A local port without a listener."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
