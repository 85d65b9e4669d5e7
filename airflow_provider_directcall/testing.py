"""A pytest plugin: a Directcall on localhost for the tests of DAG authors.

The plugin is there as soon as the package is installed, and costs a project that does not use it nothing: the sandbox
is imported when a test asks for a fixture.
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
    """The sandbox's settings, to be overridden in a ``conftest.py``; by default a call of a minute takes a second."""
    from airflow_provider_directcall.sandbox import SandboxConfig

    return SandboxConfig(pace=60)


@pytest.fixture(scope="session")
def _directcall_server(directcall_sandbox_config: SandboxConfig) -> Iterator[SandboxServer]:
    from airflow_provider_directcall.sandbox import Sandbox

    with Sandbox(directcall_sandbox_config).serve() as server:
        yield server


@pytest.fixture
def directcall_sandbox(_directcall_server: SandboxServer) -> SandboxServer:
    """A Directcall on a free port of this machine, as new for each test.

    ``state()`` tells what happened, ``set_speed(0)`` stops its clock and ``advance(60)`` moves it,
    ``inject(Fault(...))`` lets requests fail, ``receive_call`` lets somebody call one of the account's numbers.
    """
    _directcall_server.reset()
    return _directcall_server


@pytest.fixture
def directcall_connection(directcall_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The Airflow connection ``directcall_default`` to the sandbox, for the time of a test; gives its id."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION_ID.upper()}", directcall_sandbox.connection_json())
    return CONNECTION_ID
