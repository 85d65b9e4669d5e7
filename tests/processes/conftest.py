"""A real Airflow for the tests of this folder: scheduler, workers, triggerer and API server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer
from tools.live_airflow import LiveAirflow, live_airflow

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

WRONG_SECRET = "not-the-secret-of-this-account"


#: Begins first: it waits for minutes, in which the other worker does the rest.
LONGEST = "test_live_calls.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder, and let the longest file begin."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.airflow)
    items.sort(key=lambda item: item.path != HERE / LONGEST)


@pytest.fixture(scope="session")
def directcall() -> Iterator[SandboxServer]:
    """A sandbox whose calls proceed ten times faster than they report."""
    with Sandbox(SandboxConfig(pace=10)).serve() as server:
        yield server


@pytest.fixture(scope="session")
def airflow(directcall: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAirflow]:
    """One Airflow for all tests of a session."""
    root = tmp_path_factory.mktemp("airflow")
    dags = root / "dags"
    shutil.copytree(HERE / "dags", dags)
    good = json.loads(directcall.connection_json())
    environment = {
        "AIRFLOW_CONN_DIRECTCALL_DEFAULT": json.dumps(good),
        "AIRFLOW_CONN_DIRECTCALL_WRONG": json.dumps({**good, "password": WRONG_SECRET}),
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__TASK_SUCCESS_OVERTIME": "20",
    }
    with live_airflow(root / "home", dags, environment) as running:
        yield running


@pytest.fixture
def sandbox(directcall: SandboxServer) -> SandboxServer:
    """The same sandbox, reset."""
    directcall.reset()
    return directcall
