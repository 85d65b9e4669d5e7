"""An Airflow whose components are separate processes, which can be killed and restarted one by one."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import psutil  # type: ignore[import-untyped]  # a dependency of Airflow's, without types

from tools.live_airflow import AirflowDidNotStartError, LiveAirflow, default_interrupt

_STOP_SECONDS: Final = 20
_LOCK_SECONDS: Final = 60


class Component(StrEnum):
    """A component of Airflow, by the name of its command."""

    API_SERVER = "api-server"
    SCHEDULER = "scheduler"
    DAG_PROCESSOR = "dag-processor"
    TRIGGERER = "triggerer"

    @property
    def command(self) -> list[str]:
        """The arguments of ``airflow``; logs are read from files, so no port serves them."""
        serves_logs = self in {Component.SCHEDULER, Component.TRIGGERER}
        return [self.value, "--skip-serve-logs"] if serves_logs else [self.value]


@dataclass
class SplitAirflow(LiveAirflow):
    """Scheduler with LocalExecutor, API server, DAG processor and triggerer, each in a session of its own.

    The workers are children of the scheduler, and the tasks children of the workers.
    """

    _components: dict[Component, subprocess.Popen[bytes]] = field(default_factory=dict)
    _orphans: list[psutil.Process] = field(default_factory=list)
    _jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes, with the secret that they share."""
        return super().variables | {
            "AIRFLOW__API_AUTH__JWT_SECRET": self._jwt_secret,
            # A busy machine must not end a component, which it does after five seconds without the lock.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}?timeout={_LOCK_SECONDS}",
        }

    def start(self) -> None:
        """Create the database, start all components and wait until every one is healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.run("db", "migrate")
        for component in Component:
            self.start_component(component)
        self.wait_until_healthy()
        self.log_in()

    def stop(self) -> None:
        """Stop all components, the scheduler with its workers first."""
        self._client.close()
        for component in (Component.SCHEDULER, Component.TRIGGERER, Component.DAG_PROCESSOR, Component.API_SERVER):
            process = self._components.get(component)
            if process is None:
                continue
            family = descendants(process.pid)
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            kill_all([*family, *self._orphans])
            self.kill(component, with_children=True)

    def start_component(self, component: Component) -> None:
        """Start a component without waiting for it."""
        self._components[component] = self.launch(component)

    def launch(self, component: Component) -> subprocess.Popen[bytes]:
        """Start one more process of a component, whose end is the caller's to see to."""
        with (self.home / f"{component}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *component.command],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=default_interrupt,  # noqa: PLW1509 - no threads are started between fork and exec
            )

    def pid_of(self, component: Component) -> int:
        """Return the id of a component's process."""
        return self._components[component].pid

    def kill(self, component: Component, *, with_children: bool) -> None:
        """End a component at once, by SIGKILL.

        :param with_children: kill its children too, as when a machine or a container is lost; otherwise the workers
            and tasks of a scheduler go on.
        """
        process = self._components.pop(component)
        family = descendants(process.pid)
        process.kill()
        process.wait(_STOP_SECONDS)
        if with_children:
            kill_all(family)
        else:
            self._orphans += family

    def restart(self, component: Component, *, with_children: bool) -> None:
        """Kill a component and start it again."""
        self.kill(component, with_children=with_children)
        self.start_component(component)

    def check_alive(self) -> None:
        """Raise AirflowDidNotStartError if a component has exited."""
        for component, process in self._components.items():
            if process.poll() is not None:
                raise AirflowDidNotStartError(f"airflow {component} ended; see {self.home / f'{component}.log'}")


def descendants(pid: int) -> list[psutil.Process]:
    """Return all descendants of a process; Airflow gives each task its own process group."""
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Send SIGKILL to each process, except to another one that has reused its id."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
