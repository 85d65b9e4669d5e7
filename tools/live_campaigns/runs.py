"""Runs of campaigns on a real Airflow: their conf, their waves on the disk, kills in mid-wave."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil  # type: ignore[import-untyped]  # a dependency of Airflow's, without types

from tools.faults.world import Directcall, World
from tools.live_airflow import JsonObject
from tools.live_campaigns.people import People

DAGS: Final = Path(__file__).parent / "dags"
_LOOK_SECONDS: Final = 1.0
_WAVE_LOOK_SECONDS: Final = 0.01
#: So long one look waits for a wave to begin.
_WAVE_SECONDS: Final = 5.0
_KILL_SECONDS: Final = 10.0
_OVER: Final = frozenset({"success", "failed"})


@dataclass
class CampaignRun:
    """One DAG run.

    :param storage: of its campaigns, and of no other run's.
    """

    world: World
    dag_id: str
    run_id: str
    storage: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def state(self) -> str:
        """The state of the run."""
        path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}"
        return str(self.world.airflow.fetch("GET", path)["state"])

    def folder(self, group: str) -> Path:
        """Return the folder of a campaign's files.

        :raises FileNotFoundError: it is not planned yet.
        """
        for path in self.storage.glob(f"*/*/{group}.plan/0"):
            return path
        raise FileNotFoundError(f"{group} is not planned")

    def tasks(self, task_id: str = "") -> list[JsonObject]:
        """Return the task instances, of one task or of all."""
        found = self.world.airflow.task_instances(self.dag_id, self.run_id)
        return [task for task in found if task_id in {"", task["task_id"]}]

    def report(self, group: str) -> Mapping[str, object]:
        """Return the result of a campaign's report task, also where it has failed; an empty one where there is none."""
        try:
            value = self.world.airflow.xcom(self.dag_id, self.run_id, f"{group}.report", key="report")
        except httpx.HTTPStatusError:
            return {}
        return value if isinstance(value, dict) else {}

    def clear(self, task_id: str) -> None:
        """Clear a task and all after it, as a user does."""
        body: JsonObject = {
            "dag_run_id": self.run_id,
            "task_ids": [task_id],
            "dry_run": False,
            "only_failed": False,
            "include_downstream": True,
            "reset_dag_runs": True,
        }
        self.world.airflow.fetch("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def wait(self, patience: float) -> str:
        """Wait for its end, and return its state."""
        self.attend([], patience)
        return self.state

    def attend(self, steps: list[tuple[Callable[[], bool], str]], patience: float) -> list[str]:
        """Wait for its end, and take one step after another, each as soon as it can be taken.

        :param steps: functions that return whether they have acted, with their names.
        :return: the names of the steps that were taken.
        """
        taken = []
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.world.airflow.check_alive()
            with suppress(httpx.HTTPError, FileNotFoundError):
                if steps and steps[0][0]():
                    taken.append(steps.pop(0)[1])
                elif self.state in _OVER:
                    break
            time.sleep(_LOOK_SECONDS if not steps else _LOOK_SECONDS / 4)
        return taken


def start(world: World, dag_id: str, storage: Path, conf: Mapping[str, object]) -> CampaignRun:
    """Start a run."""
    run_id = world.airflow.trigger(dag_id, {"storage": str(storage), **conf})
    return CampaignRun(world, dag_id, run_id, storage)


def write_files(folder: Path, name: str, people: People) -> dict[str, object]:
    """Write the files of a campaign, and return the part of the conf that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    contacts, suppressed = folder / f"{name}.csv", folder / f"{name}-suppressed.csv"
    people.write(contacts, suppressed)
    return {name: str(contacts), f"{name}_suppressed": str(suppressed)}


def effects(directcall: Directcall) -> int:
    """Return how many calls and messages Directcall has taken."""
    counted = directcall.server.sandbox.account.store.effects
    return counted.get("messages_accepted", 0) + counted.get("calls_placed", 0)


def kill_in_wave(run: CampaignRun, group: str, *, with_worker: bool) -> bool:
    """Kill a process that sends a wave, by SIGKILL; return whether one was killed before its wave had results.

    :param with_worker: kill the worker that supervises the task's process too.
    """
    folder = run.folder(group)
    tasks = [task for task in run.tasks(f"{group}.send") if task["state"] == "running" and task["pid"]]
    deadline = time.monotonic() + _WAVE_SECONDS
    while tasks and time.monotonic() < deadline:
        for task in tasks:
            wave = _wave_in_flight(folder, f"{task['map_index']:05}")
            if wave is None:
                continue
            with suppress(psutil.NoSuchProcess):
                _kill(int(str(task["pid"])), with_worker=with_worker)
                return not _results_of(wave).exists()
        time.sleep(_WAVE_LOOK_SECONDS)
    return False


def _wave_in_flight(folder: Path, chunk: str) -> Path | None:
    """Return the intent of the wave that the owner of a chunk is sending, or None between two waves."""
    try:
        owner = (folder / "owners" / chunk).read_text()
    except FileNotFoundError:
        return None
    intents = (folder / "waves" / chunk).glob(f"*.{owner}.intent.json")
    return next((intent for intent in intents if not _results_of(intent).exists()), None)


def _results_of(intent: Path) -> Path:
    return intent.with_name(intent.name.replace(".intent.json", ".results.jsonl"))


def _kill(pid: int, *, with_worker: bool) -> None:
    process = psutil.Process(pid)
    worker = process.parent()
    if with_worker and worker is not None:
        worker.kill()
    process.kill()
    # A child of the worker, which reaps it; without one it is reaped by init.
    deadline = time.monotonic() + _KILL_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(_WAVE_LOOK_SECONDS)
