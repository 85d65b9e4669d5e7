"""A whole Airflow on this machine for the demo and for tests, with its own home and a random port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

JsonObject = dict[str, object]

_START_SECONDS = 300
_STOP_SECONDS = 40
_IDLE_SECONDS = 2
#: Task instances of one request.
_PAGE = 100
_TERMINAL_STATES = frozenset({"success", "failed"})


class AirflowDidNotStartError(Exception):
    """Airflow was not healthy in time, or its process ended; the text names the log."""


@dataclass
class LiveAirflow:
    """``airflow standalone`` (scheduler, API server, DAG processor, triggerer, LocalExecutor) in a home of its own.

    :param home: AIRFLOW_HOME, with the database and all logs.
    :param dags_folder: the folder of the DAG files.
    :param environment: further variables, such as connections.
    :param base_path: of its address, such as ``/data``.
    :param users: name -> role; their passwords are their names. Without any, everyone is an administrator.
    """

    home: Path
    dags_folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    users: Mapping[str, str] = field(default_factory=dict)
    base_path: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _token: str = field(default="", repr=False)
    # The server closes a connection that is idle for five seconds.
    _client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            timeout=60, trust_env=False, limits=httpx.Limits(keepalive_expiry=_IDLE_SECONDS)
        ),
        repr=False,
    )

    def __post_init__(self) -> None:
        """Choose a free port unless one is given."""
        self.port = self.port or _free_port()

    @property
    def url(self) -> str:
        """The base URL of the UI and the REST API."""
        return f"{self.origin}{self.base_path}"

    @property
    def origin(self) -> str:
        """The base URL without the path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """The output of all its processes."""
        return self.home / "standalone.log"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes, and of ``airflow`` commands on the same database."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        # standalone finds the "airflow" command of its components on the path.
        inherited["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        ours = airflow_variables(self.home, self.dags_folder, self.port, self.base_path) | self._user_variables()
        return inherited | ours | dict(self.environment)

    def _user_variables(self) -> dict[str, str]:
        if not self.users:
            return {}
        prefix = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER"
        return {
            f"{prefix}_ALL_ADMINS": "False",
            f"{prefix}_USERS": ",".join(f"{name}:{role}" for name, role in self.users.items()),
            f"{prefix}_PASSWORDS_FILE": str(self.home / "passwords.json"),
        }

    def start(self) -> None:
        """Start it and wait until every component is healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self.users:
            (self.home / "passwords.json").write_text(json.dumps({name: name for name in self.users}))
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow", "standalone"],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=default_interrupt,  # noqa: PLW1509 - no threads are started between fork and exec
            )
        self.wait_until_healthy()
        self.log_in()

    def log_in(self) -> None:
        """Get a token for the REST API, that of an administrator."""
        administrators = (name for name, role in self.users.items() if role == "admin")
        self._token = self.token_of(next(administrators, None))

    def token_of(self, user: str | None) -> str:
        """Return a token for the REST API, which is also the cookie of the UI.

        :param user: one of ``users``; None where everyone is an administrator.
        """
        if user is None:
            return str(self._fetch("GET", "/auth/token")["access_token"])
        return str(self._fetch("POST", "/auth/token", {"username": user, "password": user})["access_token"])

    def stop(self) -> None:
        """Stop it as Ctrl-C does; SIGTERM would leave orphans."""
        self._client.close()
        if self._process is None:
            return
        for sent in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, sent) if sent is signal.SIGKILL else self._process.send_signal(sent)
                self._process.wait(_STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        self._kill_leftovers()
        self._process = None

    def run(self, *arguments: str) -> str:
        """Run an ``airflow`` command and return its output.

        :raises CalledProcessError: the command failed.
        """
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(command, env=self.variables, stdout=subprocess.PIPE, check=True)
        return done.stdout.decode()

    def fetch(self, verb: str, path: str, body: JsonObject | None = None) -> JsonObject:
        """Call the REST API below ``/api/v2``."""
        return self._fetch(verb, f"/api/v2{path}", body)

    def trigger(self, dag_id: str, conf: JsonObject | None = None) -> str:
        """Start a run as soon as the DAG is known and return its run id."""
        self.unpause(dag_id)
        run = self.fetch("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})
        return str(run["dag_run_id"])

    def unpause(self, dag_id: str) -> None:
        """Unpause a DAG as soon as it is known."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.fetch("PATCH", f"/dags/{dag_id}", {"is_paused": False})
                break
            except httpx.HTTPStatusError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float) -> str:
        """Wait for the end of a run, at most so many seconds, and return its state."""
        deadline = time.monotonic() + seconds
        while True:
            state = str(self.fetch("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])
            if state in _TERMINAL_STATES or time.monotonic() > deadline:
                return state
            time.sleep(1)

    def task_instances(self, dag_id: str, run_id: str) -> list[JsonObject]:
        """Return all task instances of a run, each mapped one included."""
        found: list[JsonObject] = []
        while True:
            path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit={_PAGE}&offset={len(found)}&order_by=id"
            reply = self.fetch("GET", path)
            page = reply["task_instances"]
            found += page if isinstance(page, list) else []
            if not page or len(found) >= int(str(reply["total_entries"])):
                return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1) -> object:
        """Return one XCom value.

        :raises HTTPStatusError: it does not exist.
        """
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.fetch("GET", f"{path}?map_index={map_index}&deserialize=false&stringify=false")["value"]

    def _fetch(self, verb: str, path: str, body: JsonObject | None = None) -> JsonObject:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        response = self._client.request(verb, self.url + path, json=body, headers=headers)
        response.raise_for_status()
        parsed: JsonObject = response.json()
        return parsed

    def check_alive(self) -> None:
        """Raise AirflowDidNotStartError if it has exited."""
        if self._process is None or self._process.poll() is not None:
            raise AirflowDidNotStartError(f"airflow standalone ended; see {self.log_file}")

    def wait_until_healthy(self) -> None:
        """Wait until every component reports that it is healthy.

        :raises AirflowDidNotStartError: that takes too long.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            self.check_alive()
            if self._is_healthy():
                return
            time.sleep(0.5)
        raise AirflowDidNotStartError(f"Airflow is not healthy after {_START_SECONDS} s; see {self.home}")

    def _is_healthy(self) -> bool:
        try:
            health = self._fetch("GET", "/api/v2/monitor/health")
        except (httpx.HTTPError, json.JSONDecodeError):
            return False
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all(_status(health.get(part)) == "healthy" for part in parts)

    def _kill_leftovers(self) -> None:
        """Kill the rest of its session: a surviving child would take the next run's tasks."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def airflow_variables(home: Path, dags_folder: Path, port: int = 0, base_path: str = "") -> dict[str, str]:
    """Return the environment of a small Airflow, isolated from any other on the machine."""
    url = f"http://127.0.0.1:{port}{base_path}"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # A slow machine must not cost a task.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        # The default ports are the same for every Airflow on the machine.
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(_free_port()),
        "NO_COLOR": "1",
    }


@contextmanager
def live_airflow(
    home: Path,
    dags_folder: Path,
    environment: Mapping[str, str],
    users: Mapping[str, str] | None = None,
    base_path: str = "",
) -> Iterator[LiveAirflow]:
    """Run an Airflow inside the ``with`` block."""
    airflow = LiveAirflow(home, dags_folder, environment, users=users or {}, base_path=base_path)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()


def _status(part: object) -> object:
    return part.get("status") if isinstance(part, dict) else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def default_interrupt() -> None:
    """Restore SIGINT's default: a process started in a shell's background ignores it, and Airflow must not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
