"""The world of a batch: an Airflow with components that can be killed, and sandboxes that can go away and come back."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer
from tools.faults.cases import CONNECTION, DIDS, WITHOUT_SERVER
from tools.faults.components import SplitAirflow
from tools.faults.private import keep_rows
from tools.faults.rows import Row
from tools.faults.witness import Witness

if TYPE_CHECKING:
    from starlette.types import ASGIApp

ROOT: Final = Path(__file__).resolve().parents[2]
DAGS: Final = Path(__file__).parent / "dags"
#: Seconds until a request times out; short, because hanging ones wait for it.
REQUEST_TIMEOUT: Final = 3.0
OUTAGE_SECONDS: Final = 4.0

#: Imported once by the scheduler, so that each task's process, a fork of it, starts faster.
_PRELOADED: Final = """\
import httpx
import phonenumbers
import airflow.providers.standard.decorators.python
import airflow_provider_directcall.operators.calls
import airflow_provider_directcall.operators.messages
import airflow_provider_directcall.operators.numbers
import airflow_provider_directcall.sensors.statement
import airflow_provider_directcall.triggers.delivery
import airflow_provider_directcall.triggers.statement
"""

#: A small Airflow that notices dead components soon, and takes no slow one for dead on a busy machine.
VARIABLES: Final[Mapping[str, str]] = {
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
    "AIRFLOW__CORE__MAX_MAP_LENGTH": "4096",
    # Without encryption, so that the search for private data sees what is in the database.
    "AIRFLOW__CORE__FERNET_KEY": "",
    # Less than the heartbeat's timeout below: the scheduler of 3.4.0b2 ends when a cleared task has run into that.
    "AIRFLOW__CORE__KILLED_TASK_CLEANUP_TIME": "5",
    "AIRFLOW__API__MAXIMUM_PAGE_LIMIT": "1000",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "4",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
}


class Directcall:
    """A local Directcall with one account, and one address and state over all its servers.

    :param watch: wraps the app of its servers.
    """

    def __init__(self, watch: Callable[[ASGIApp], ASGIApp] | None = None) -> None:
        self._sandbox = Sandbox(SandboxConfig(numbers=DIDS))
        self.witness = Witness(self._sandbox.app, self._sandbox.account.now)
        self._sandbox.app = self.witness if watch is None else watch(self.witness)
        self.server: SandboxServer = self._sandbox.serve()
        self._port = int(self.server.url.rpartition(":")[2])
        self.server.start()

    def open_account(self, row: Row, seed: int) -> None:
        """Begin with a new account that meets a row's faults, and was used the day before."""
        self.server.reset()
        self.witness.forget()
        yesterday = datetime.now(self._sandbox.config.zone) - timedelta(days=1)
        for kind in ("calls", "messages"):
            self.server.seed(1, first_at=yesterday, kind=kind)
        delay = row.statement_seconds * row.pace
        self.server.configure(pace=row.pace, statement_delay=delay, quirks=row.quirks, **row.settings)
        self.server.inject(*row.faults(seed))

    def go_away(self, seconds: float) -> None:
        """Cut all connections, refuse new ones for some seconds, and come back with the same state."""
        self.server.stop()
        time.sleep(seconds)
        self.server = self._sandbox.serve(self._port)
        self.server.start()

    def connection(self, port: int | None = None) -> str:
        """Return the Airflow connection as JSON.

        :param port: another port than the server's.
        """
        fields = json.loads(self.server.connection_json())
        host = f"http://127.0.0.1:{port}" if port is not None else fields["host"]
        return json.dumps({**fields, "host": host, "extra": {**fields["extra"], "timeout": REQUEST_TIMEOUT}})


@dataclass(frozen=True, slots=True)
class World:
    """Airflow, and a Directcall for each row of a batch."""

    airflow: SplitAirflow
    directcalls: Sequence[Directcall]


@contextmanager
def running_world(
    home: Path,
    *,
    parallelism: int,
    accounts: int,
    dags: Path = DAGS,
    watch: Callable[[ASGIApp], ASGIApp] | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[World]:
    """Run both inside the ``with`` block.

    :param home: an empty or missing folder for Airflow's database and logs.
    :param parallelism: the number of concurrent task processes; most of them sleep.
    :param accounts: the number of rows that can run side by side.
    :param dags: the folder of the DAG files.
    :param watch: wraps the app of each account.
    :param variables: replace those of this module.
    """
    preload(home)
    directcalls = [Directcall(watch) for _ in range(accounts)]
    try:
        with _port_without_server() as port:
            environment = {
                **VARIABLES,
                "PYTHONPATH": str(ROOT),
                "AIRFLOW__CORE__PARALLELISM": str(parallelism),
                _variable(WITHOUT_SERVER): directcalls[0].connection(port),
                **{_variable(CONNECTION.format(at)): one.connection() for at, one in enumerate(directcalls)},
                **variables,
            }
            airflow = SplitAirflow(home, dags, environment)
            try:
                airflow.start()
                keep_rows(home)
                yield World(airflow, directcalls)
            finally:
                airflow.stop()
    finally:
        for directcall in directcalls:
            directcall.server.stop()


def preload(home: Path) -> None:
    """Let the scheduler of an empty or missing home import what tasks need."""
    settings = home / "config" / "airflow_local_settings.py"
    settings.parent.mkdir(parents=True)
    settings.write_text(_PRELOADED, encoding="utf-8")


def _variable(connection_id: str) -> str:
    return f"AIRFLOW_CONN_{connection_id.upper()}"


@contextmanager
def _port_without_server() -> Iterator[int]:
    """Reserve a port without a listener: every connection is refused."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        yield port
