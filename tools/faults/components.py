"""An Airflow whose parts are processes of their own, so that one of them can be killed and started again."""

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


class Component(StrEnum):
    """A part of Airflow, by the name of its command."""

    API_SERVER = "api-server"
    SCHEDULER = "scheduler"
    DAG_PROCESSOR = "dag-processor"
    TRIGGERER = "triggerer"

    @property
    def command(self) -> list[str]:
        """What follows ``airflow``; logs are read from files, so nobody has to serve them over a port."""
        serves_logs = self in {Component.SCHEDULER, Component.TRIGGERER}
        return [self.value, "--skip-serve-logs"] if serves_logs else [self.value]


@dataclass
class SplitAirflow(LiveAirflow):
    """Scheduler with LocalExecutor, API server, DAG processor and triggerer, each one a process and a session.

    The workers are children of the scheduler, and their tasks children of theirs.
    """

    _components: dict[Component, subprocess.Popen[bytes]] = field(default_factory=dict)
    _orphans: list[psutil.Process] = field(default_factory=list)
    _jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """As for one process, with the secret by which the parts know each other."""
        return super().variables | {"AIRFLOW__API_AUTH__JWT_SECRET": self._jwt_secret}

    def start(self) -> None:
        """Make the database, start all parts, and wait until every one is healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.run("db", "migrate")
        for component in Component:
            self.start_component(component)
        self.wait_until_healthy()
        self.log_in()

    def stop(self) -> None:
        """Stop all parts, the scheduler with its workers first."""
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
        """Start one part; does not wait for it."""
        with (self.home / f"{component}.log").open("ab") as log:
            self._components[component] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *component.command],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=default_interrupt,  # noqa: PLW1509 - no threads are started between fork and exec
            )

    def kill(self, component: Component, *, with_children: bool) -> None:
        """End a part at once, by SIGKILL.

        :param with_children: its children too, as when a machine or a container is lost; without, those of a
            scheduler (its workers and their tasks) live on and do not know.
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
        """Kill a part and start it again."""
        self.kill(component, with_children=with_children)
        self.start_component(component)

    def check_alive(self) -> None:
        """Raise AirflowDidNotStartError when a part has ended by itself."""
        for component, process in self._components.items():
            if process.poll() is not None:
                raise AirflowDidNotStartError(f"airflow {component} ended; see {self.home / f'{component}.log'}")


def descendants(pid: int) -> list[psutil.Process]:
    """The children of a process, and theirs; Airflow gives each task a process group of its own."""
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL for each that is still the process it was; a number that the system gave away again is left alone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
