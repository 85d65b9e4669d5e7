"""An Airflow with CeleryExecutor: its components, several workers and triggerers, each a process that can be killed."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # a dependency of Airflow's, without types

from tools.cluster import machine
from tools.cluster.services import PostgreSQL, Redis, check_installed, postgresql, redis
from tools.faults.components import descendants, kill_all
from tools.live_airflow import AirflowDidNotStartError, LiveAirflow, default_interrupt

ROOT: Final = Path(__file__).resolve().parents[2]
#: Beside those of ``make``; Celery's provider does not work with celery 5.7.
PACKAGES: Final = ("apache-airflow-providers-celery>=3.26", "celery<5.7", "psycopg2-binary", "asyncpg")
#: The connection to the cluster's Redis. Celery has database 0.
REDIS_CONNECTION: Final = "cluster_redis"
_RATES_DATABASE: Final = 1
_STOP_SECONDS: Final = 20
_START_SECONDS: Final = 120
_READY: Final = " ready."
#: So soon a task of a lost worker is taken for dead; Airflow's default is five minutes.
_HEARTBEAT_SECONDS: Final = 30
_QUEUED_SECONDS: Final = 90


@dataclass
class ClusterAirflow(LiveAirflow):
    """Scheduler, API server, DAG processor, triggerers and Celery workers, each in a session of its own.

    A task's ``hostname`` is the name of its worker: ``worker-1``, ``worker-2``, ...

    :param workers: number of workers.
    :param slots: tasks that a worker runs at once.
    :param triggerers: number of triggerers.
    """

    database: PostgreSQL | None = None
    broker: Redis | None = None
    workers: int = 2
    slots: int = 2
    triggerers: int = 1
    _parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        assert self.database is not None
        assert self.broker is not None
        own = super().variables
        cluster = {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(self.workers * self.slots + 4),
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": f"{machine.__name__}.name",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database.url,
            "AIRFLOW__CELERY__BROKER_URL": self.broker.url(),
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self.database.url}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(self.slots),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(_HEARTBEAT_SECONDS),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            # A lost worker keeps what Celery gave it and it did not begin; Airflow's default is ten minutes.
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": str(_QUEUED_SECONDS),
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
            "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "5",
            "AIRFLOW__API_AUTH__JWT_SECRET": self._jwt_secret,
            f"AIRFLOW_CONN_{REDIS_CONNECTION.upper()}": self.broker.url(_RATES_DATABASE),
            "PYTHONPATH": str(ROOT),
        }
        return own | cluster | dict(self.environment)

    @property
    def commands(self) -> dict[str, list[str]]:
        """The arguments of ``airflow`` of each part, by its name."""
        worker = ["celery", "worker", "--skip-serve-logs", "--celery-hostname"]
        return {
            "api-server": ["api-server"],
            "scheduler": ["scheduler", "--skip-serve-logs"],
            "dag-processor": ["dag-processor"],
            **{f"triggerer-{place}": ["triggerer", "--skip-serve-logs"] for place in range(1, self.triggerers + 1)},
            **{f"worker-{place}": [*worker, f"worker-{place}"] for place in range(1, self.workers + 1)},
        }

    def start(self) -> None:
        """Create the tables, start all parts and wait until each is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.run("db", "migrate")
        for name in self.commands:
            self.start_part(name)
        self.wait_until_healthy()
        self._wait_for_workers()
        self.log_in()

    def start_part(self, name: str) -> None:
        """Start a part without waiting for it."""
        with self._log_of(name).open("ab") as log:
            self._parts[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *self.commands[name]],
                env=self.variables | {machine.VARIABLE: name},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=default_interrupt,  # noqa: PLW1509 - no threads are started between fork and exec
            )

    def kill(self, name: str) -> None:
        """End a part with all its tasks at once, by SIGKILL, as when a machine is lost."""
        process = self._parts.pop(name)
        family = descendants(process.pid)
        process.kill()
        kill_all(family)
        process.wait(_STOP_SECONDS)

    def stop(self) -> None:
        """Stop all parts; those that hand out and run tasks first."""
        self._client.close()
        first = sorted(self._parts, key=lambda name: not name.startswith(("scheduler", "worker")))
        families: list[psutil.Process] = []
        for name in first:
            families += descendants(self._parts[name].pid)
            self._parts[name].send_signal(signal.SIGINT)
        deadline = time.monotonic() + _STOP_SECONDS
        for name in first:
            with suppress(subprocess.TimeoutExpired):
                self._parts[name].wait(max(0.1, deadline - time.monotonic()))
        kill_all(families)
        for name in first:
            self.kill(name)

    def check_alive(self) -> None:
        """Raise AirflowDidNotStartError if a part has exited."""
        for name, process in self._parts.items():
            if process.poll() is not None:
                raise AirflowDidNotStartError(f"airflow {name} ended; see {self._log_of(name)}")

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        names = {name for name in self._parts if name.startswith("worker-")}
        while names:
            self.check_alive()
            names = {name for name in names if _READY not in self._log_of(name).read_text(errors="replace")}
            if time.monotonic() > deadline:
                raise AirflowDidNotStartError(f"{', '.join(sorted(names))} not ready after {_START_SECONDS} s")
            time.sleep(0.5)

    def _log_of(self, name: str) -> Path:
        return self.home / f"{name}.log"


@contextmanager
def cluster(
    home: Path, dags_folder: Path, environment: Mapping[str, str], *, workers: int = 2, triggerers: int = 1
) -> Iterator[ClusterAirflow]:
    """Run PostgreSQL, Redis and an Airflow inside the ``with`` block.

    :param environment: further variables, such as connections; ``[directcall] rate_conn_id`` can be
        :data:`REDIS_CONNECTION`.
    :raises MissingServicesError: a server is not installed.
    """
    check_installed()
    with postgresql() as database, redis() as broker:
        airflow = ClusterAirflow(
            home, dags_folder, environment, database=database, broker=broker, workers=workers, triggerers=triggerers
        )
        try:
            airflow.start()
            yield airflow
        finally:
            airflow.stop()
