"""A client of the local Directcall, blocking and async, on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from airflow_provider_directcall.api.client import RetryBudget
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.sandbox import SandboxServer

from .clock import SimulatedClock
from .drivers import DRIVERS, Driver

Connect = Callable[..., Driver]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def sandbox(directcall_sandbox: SandboxServer) -> SandboxServer:
    """The local Directcall with a stopped clock."""
    directcall_sandbox.set_speed(0)
    return directcall_sandbox


@pytest.fixture
def settings(sandbox: SandboxServer) -> Settings:
    config = sandbox.sandbox.config
    return Settings(
        config.client_id, config.client_secret, base_url=sandbox.url, default_origin="551130000001", timeout=10
    )


@pytest.fixture(params=DRIVERS)
def connect(request: pytest.FixtureRequest, settings: Settings, clock: SimulatedClock) -> Iterator[Connect]:
    """Make blocking or async clients: ``connect(budget=..., clock=..., on_token=..., **settings)``."""
    with ExitStack() as open_clients:

        def make(
            *,
            budget: RetryBudget | None = None,
            clock: Clock = clock,
            on_token: Callable[[str], object] = lambda token: None,
            **changes: object,
        ) -> Driver:
            driver = DRIVERS[request.param](replace(settings, **changes), clock, budget, on_token)
            return open_clients.enter_context(closing(driver))

        yield make


@pytest.fixture
def api(connect: Connect) -> Driver:
    return connect()
