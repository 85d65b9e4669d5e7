"""The world of a batch: an Airflow with components that can be killed, and a sandbox that can go away and come back."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer
from tools.faults.cases import DIDS
from tools.faults.components import SplitAirflow

ROOT: Final = Path(__file__).resolve().parents[2]
DAGS: Final = Path(__file__).parent / "dags"
#: Seconds until a request times out; short, because hanging ones wait for it.
REQUEST_TIMEOUT: Final = 3.0
OUTAGE_SECONDS: Final = 4.0

#: Imported once by the scheduler, so that each task's process, a fork of it, starts faster.
_PRELOADED: Final = """\
import httpx
import phonenumbers
import airflow_provider_directcall.api.client
import airflow_provider_directcall.api.methods
"""

#: A small Airflow that soon notices dead components.
_VARIABLES: Final[Mapping[str, str]] = {
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
    "AIRFLOW__CORE__MAX_MAP_LENGTH": "4096",
    "AIRFLOW__API__MAXIMUM_PAGE_LIMIT": "1000",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
}


class Directcall:
    """A local Directcall with one address and one state over all its servers."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(SandboxConfig(numbers=DIDS))
        self.server: SandboxServer = self._sandbox.serve()
        self._port = int(self.server.url.rpartition(":")[2])
        self.server.start()

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
    """Airflow and Directcall."""

    airflow: SplitAirflow
    directcall: Directcall


@contextmanager
def running_world(home: Path, *, parallelism: int) -> Iterator[World]:
    """Run both inside the ``with`` block.

    :param home: an empty or missing folder for Airflow's database and logs.
    :param parallelism: the number of concurrent task processes; most of them sleep.
    """
    settings = home / "config" / "airflow_local_settings.py"
    settings.parent.mkdir(parents=True)
    settings.write_text(_PRELOADED, encoding="utf-8")
    directcall = Directcall()
    try:
        with _port_without_server() as port:
            environment = {
                **_VARIABLES,
                "PYTHONPATH": str(ROOT),
                "AIRFLOW__CORE__PARALLELISM": str(parallelism),
                "AIRFLOW_CONN_DIRECTCALL_DEFAULT": directcall.connection(),
                "AIRFLOW_CONN_DIRECTCALL_WITHOUT_SERVER": directcall.connection(port),
            }
            airflow = SplitAirflow(home, DAGS, environment)
            try:
                airflow.start()
                yield World(airflow, directcall)
            finally:
                airflow.stop()
    finally:
        directcall.server.stop()


@contextmanager
def _port_without_server() -> Iterator[int]:
    """Reserve a port without a listener: every connection is refused."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        yield port
