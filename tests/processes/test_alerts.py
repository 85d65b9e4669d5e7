"""Alerts from real Airflow processes: tasks, the DAG processor, the triggerer."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer
from tools.live_airflow import LiveAirflow, live_airflow

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
MANY, FIRST, SECOND, OF_RUN, OF_DEADLINE, OF_QUESTION = NUMBERS = (
    "5511990000011",
    # Never answers.
    "5511990000480",
    "5511990000012",
    "5511990000013",
    "5511990000014",
    "5511990000015",
)
TEXT = "uma frase inventada"
SECONDS = 300


@pytest.fixture(scope="module")
def directcall() -> Iterator[SandboxServer]:
    with Sandbox(SandboxConfig(pace=10)).serve() as server:
        server.seed(1, kind="messages")
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alerts")


@pytest.fixture(scope="module")
def environment(directcall: SandboxServer) -> dict[str, str]:
    return {
        "AIRFLOW_CONN_DIRECTCALL_DEFAULT": directcall.connection_json(),
        "AIRFLOW_VAR_ALERT_TEXT": TEXT,
        **{
            f"AIRFLOW_VAR_ON_CALL_{name}": number
            for name, number in zip(("MANY", "FIRST", "SECOND", "RUN", "DEADLINE", "QUESTION"), NUMBERS, strict=True)
        },
    }


@pytest.fixture(scope="module")
def airflow(home: Path, environment: dict[str, str]) -> Iterator[LiveAirflow]:
    with live_airflow(home, HERE / "alert_dags", environment) as running:
        yield running


def rung(directcall: SandboxServer) -> Counter[str]:
    return Counter(message["destination"] for message in directcall.state()["messages"])


def wait_until(condition: Callable[[], bool], event: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{event} did not happen in {SECONDS} s"
        time.sleep(0.5)


def test_the_next_number_is_alerted_when_the_first_does_not_answer(
    airflow: LiveAirflow, directcall: SandboxServer
) -> None:
    airflow.unpause("unanswered")
    watcher = "select count(*) from variable where key like 'directcall_alert_%_watcher'"
    wait_until(lambda: count(airflow, watcher) == 1, "the watcher's first look")
    run_id = airflow.trigger("escalates")
    assert airflow.wait_for_run("escalates", run_id, SECONDS) == "failed"
    assert rung(directcall)[FIRST] == 1
    assert rung(directcall)[SECOND] == 0
    wait_until(lambda: rung(directcall)[SECOND] == 1, "the second number's turn")
    ended = "select count(*) from variable where key like 'directcall_alert_%_1'"
    wait_until(lambda: count(airflow, ended) == 1, "the end")
    assert rung(directcall)[FIRST] == 1


def count(airflow: LiveAirflow, query: str) -> int:
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        return int(database.execute(query).fetchone()[0])


def test_a_failed_run_and_a_missed_deadline_alert(airflow: LiveAirflow, directcall: SandboxServer) -> None:
    failed = airflow.trigger("run_fails")
    late = airflow.trigger("misses_deadline")
    assert airflow.wait_for_run("run_fails", failed, SECONDS) == "failed"
    wait_until(lambda: rung(directcall)[OF_RUN] == 1, "the alert of a failed run")
    wait_until(lambda: rung(directcall)[OF_DEADLINE] == 1, "the alert of a deadline")
    assert airflow.wait_for_run("misses_deadline", late, SECONDS) == "success"
    texts = {message["destination"]: message["text"] for message in directcall.state()["messages"]}
    assert texts[OF_RUN].startswith("Airflow: DAG run_fails failed")
    assert texts[OF_DEADLINE].startswith("Airflow: DAG misses_deadline missed its deadline")


def test_a_task_that_waits_for_an_answer_alerts_once(airflow: LiveAirflow, directcall: SandboxServer) -> None:
    run_id = airflow.trigger("asks")
    wait_until(lambda: rung(directcall)[OF_QUESTION] == 1, "the alert of a question")
    # Airflow fails a task whose answer comes before the scheduler knows that its process has ended.
    wait_until(lambda: has_left_its_worker(airflow, "approve"), "the wait for an answer")
    path = f"/dags/asks/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    airflow.fetch("PATCH", path, {"chosen_options": ["Approve"], "params_input": {}})
    assert airflow.wait_for_run("asks", run_id, SECONDS) == "success"
    (message,) = [each for each in directcall.state()["messages"] if each["destination"] == OF_QUESTION]
    assert message["text"].startswith("Airflow: asks.approve needs an answer")


def has_left_its_worker(airflow: LiveAirflow, task_id: str) -> bool:
    lines = airflow.log_file.read_text(errors="replace").splitlines()
    return any("Received executor event" in line and f"task_id='{task_id}'" in line for line in lines)


def test_many_failures_and_a_restart_in_the_middle_alert_as_often_as_allowed(
    home: Path, airflow: LiveAirflow, environment: dict[str, str], directcall: SandboxServer
) -> None:
    """Last in this file: it stops the Airflow of the others, and starts another one with the same database."""
    run_id = airflow.trigger("many_fail", {"tasks": 24})
    wait_until(lambda: rung(directcall)[MANY] >= 1, "the first alert")
    airflow.stop()
    with live_airflow(home, HERE / "alert_dags", environment) as restarted:
        assert restarted.wait_for_run("many_fail", run_id, SECONDS) == "failed"
        failed = [task for task in restarted.task_instances("many_fail", run_id) if task["state"] == "failed"]
    assert len(failed) == 24
    assert 1 <= rung(directcall)[MANY] <= 4
    keys = [key for message in directcall.state()["messages"] if (key := message["tags"].get("airflow_key"))]
    assert len(keys) == len(set(keys))
    stored = "\n".join(stored_values(home / "airflow.db"))
    logs = "".join(path.read_text(errors="replace") for path in home.rglob("*.log"))
    for private in (*NUMBERS, TEXT):
        assert private not in stored
        assert private not in logs


def stored_values(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        yield from (str(value) for (value,) in connection.execute("select val from variable"))
