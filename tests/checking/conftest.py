"""A local Directcall on a simulated clock, and checks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.checking import AccountReport, check_account
from airflow_provider_directcall.checking.sending import Probe
from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer

ORIGIN, OWN = "551130000001", "5511990000001"
TEST_TAG = "segredo-do-cliente"

#: Quirk of the statement -> the extra that mends it; the others have none.
MENDED: dict[str, dict[str, str]] = {
    "times_1_ahead": {"timezone": "America/Noronha"},
    "times_2_ahead": {"timezone": "Etc/GMT+1"},
    "times_1_behind": {"timezone": "America/Manaus"},
    "times_2_behind": {"timezone": "America/Rio_Branco"},
    "campos_always": {"tag_search": "n"},
    "search_filters": {"tag_search": "n"},
}

Check = Callable[..., AccountReport]


class SandboxClock(Clock):
    """The sandbox's own clock: a pause moves it."""

    def __init__(self, server: SandboxServer) -> None:
        self._server = server

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._server.now(), UTC)

    def sleep(self, seconds: float) -> None:
        self._server.advance(seconds)


@pytest.fixture(scope="session")
def _server() -> Iterator[SandboxServer]:
    with Sandbox(SandboxConfig(speed=0, tokens_by="simulated")).serve() as server:
        yield server


@pytest.fixture
def server(_server: SandboxServer) -> SandboxServer:
    _server.reset()
    return _server


@pytest.fixture
def clock(server: SandboxServer) -> SandboxClock:
    return SandboxClock(server)


@pytest.fixture
def settings(server: SandboxServer) -> Settings:
    config = server.sandbox.config
    return Settings(
        config.client_id, config.client_secret, base_url=server.url, default_origin=ORIGIN, timeout=5, tag_search="s"
    )


@pytest.fixture
def check(settings: Settings, clock: SandboxClock) -> Check:
    """Check the sandbox; by default with an SMS and a call."""

    def run(*probes: Probe, sends: bool = True) -> AccountReport:
        ours = [Probe(OWN), Probe(OWN, is_call=True)] if sends and not probes else list(probes)
        return check_account(settings, probes=ours, clock=clock)

    return run


@pytest.fixture
def seeded(server: SandboxServer, clock: SandboxClock) -> SandboxServer:
    """A sandbox with calls of the last hour, each with a tag."""
    server.seed(5, first_at=clock.now() - timedelta(minutes=30), tags={"pedido": TEST_TAG + "-{n}"})
    return server


def forms(report: AccountReport, place: str) -> set[str]:
    return {finding.form for finding in report.findings if finding.place == place}
