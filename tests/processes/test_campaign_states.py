"""The state of a run that sends to nobody, or whose messages could not be followed, under ``airflow dags test``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_directcall.sandbox import SandboxServer

from .test_examples import home, run

__all__ = ["home"]

DAG = """\
from airflow.sdk import DAG
from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup

with DAG("{dag}"):
    DirectcallCampaignTaskGroup(
        contacts="{folder}/contacts.csv", text="Ola", window=None, opt_out_words=(), storage="{folder}", **{given}
    )
"""
Runs = Callable[..., Mapping[str, str]]


@pytest.fixture
def states_of(home: Path, sandbox: SandboxServer, tmp_path: Path) -> Runs:
    """Run a campaign of one contact, and return the states of its tasks and of the run."""

    def states(dag: str, *, phone: str = "11990000001", code: int = 0, **given: object) -> Mapping[str, str]:
        (tmp_path / "contacts.csv").write_text(f"phone\n{phone}\n")
        (tmp_path / "campaign.py").write_text(DAG.format(dag=dag, folder=tmp_path, given=given))
        run("dags", "test", dag, home=home, connection=sandbox.connection_json(), dags=tmp_path, code=code)
        with closing(sqlite3.connect(home / "airflow.db")) as database:
            tasks = database.execute("select task_id, state from task_instance where dag_id = ?", (dag,)).fetchall()
            ((ended,),) = database.execute("select state from dag_run where dag_id = ?", (dag,)).fetchall()
        return {task.rpartition(".")[2]: state for task, state in tasks} | {"run": ended}

    return states


def report(folder: Path) -> Mapping[str, int]:
    (summary,) = folder.rglob("report.json")
    return json.loads(summary.read_text())["states"]


def test_a_campaign_whose_contacts_are_all_suppressed_is_a_success_with_a_report(
    states_of: Runs, tmp_path: Path, sandbox: SandboxServer
) -> None:
    (tmp_path / "list.csv").write_text("phone\n11990000001\n")
    states = states_of("suppressed", suppress=str(tmp_path / "list.csv"))
    assert states == {
        "plan": "success",
        "chunks": "success",
        "send": "skipped",
        "track": "skipped",
        "report": "success",
        "done": "success",
        "run": "success",
    }
    assert report(tmp_path) == {"suppressed": 1}
    assert not sandbox.state()["messages"]


def test_a_campaign_whose_rows_are_all_rejected_fails(states_of: Runs) -> None:
    states = states_of("rejected", phone="Ana", code=1)
    assert (states["plan"], states["report"], states["run"]) == ("failed", "skipped", "failed")


def test_a_track_task_that_fails_fails_the_run_after_its_report(states_of: Runs, tmp_path: Path) -> None:
    states = states_of("not_followed", track_interval="often", code=1)
    assert (states["send"], states["track"], states["report"]) == ("success", "failed", "success")
    assert (states["done"], states["run"]) == ("upstream_failed", "failed")
    assert report(tmp_path) == {"sent": 1}


def test_a_dry_run_skips_all_that_follows_the_plan(states_of: Runs) -> None:
    states = states_of("dry", dry_run=True)
    assert {states[name] for name in ("chunks", "send", "track", "report", "done")} == {"skipped"}
    assert (states["plan"], states["run"]) == ("success", "success")
