"""A pytest plugin: a Directcall on localhost for the tests of DAG authors.

The plugin loads with the package; the sandbox itself is imported only when a test requests a fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_directcall.sandbox import SandboxConfig, SandboxServer

CONNECTION_ID = "directcall_default"


@pytest.fixture(scope="session")
def directcall_sandbox_config() -> SandboxConfig:
    """Return the sandbox's settings; override it in a ``conftest.py``. By default a call of a minute takes a second."""
    from airflow_provider_directcall.sandbox import SandboxConfig

    return SandboxConfig(pace=60)


@pytest.fixture(scope="session")
def _directcall_server(directcall_sandbox_config: SandboxConfig) -> Iterator[SandboxServer]:
    from airflow_provider_directcall.sandbox import Sandbox

    with Sandbox(directcall_sandbox_config).serve() as server:
        yield server


@pytest.fixture
def directcall_sandbox(_directcall_server: SandboxServer) -> SandboxServer:
    """Return a Directcall on a free port of this machine, reset for each test.

    ``state()`` returns everything that happened, ``set_speed(0)`` stops the clock and ``advance(60)`` moves it,
    ``inject(Fault(...))`` makes requests fail, ``receive_call`` simulates a call to one of the account's numbers.
    """
    _directcall_server.reset()
    return _directcall_server


@pytest.fixture
def directcall_connection(directcall_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set the Airflow connection ``directcall_default`` to the sandbox for one test and return its id."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION_ID.upper()}", directcall_sandbox.connection_json())
    return CONNECTION_ID
