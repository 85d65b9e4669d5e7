"""Behaviour of real Airflow processes: deferring and resuming, killing, retrying, links, the test button."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.sandbox import Fault, SandboxServer
from tools.live_airflow import LiveAirflow

from .conftest import WRONG_SECRET

AGENT, PERSON = "5511990000001", "5511990000002"
BUSY, LONG_CALL, SHORT_CALL = "5511990000486", "5511990000600", "5511990000104"
SECONDS = 180


def place_call(sandbox: SandboxServer, **tags: str) -> None:
    config = sandbox.sandbox.config
    settings = Settings(config.client_id, config.client_secret, base_url=sandbox.url)
    with Client(settings) as client:
        client.send(methods.place_call(AGENT, SHORT_CALL, tags=tags))


def wait_until(condition: Callable[[], bool], event: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{event} did not happen in {SECONDS} s"
        time.sleep(0.3)


def state_of(airflow: LiveAirflow, dag_id: str, run_id: str) -> str:
    (task,) = airflow.task_instances(dag_id, run_id)
    return str(task["state"])


def log_of(airflow: LiveAirflow, dag_id: str, run_id: str) -> str:
    return "".join(path.read_text() for path in sorted(logs_of(airflow, dag_id, run_id).rglob("*.log*")))


def logs_of(airflow: LiveAirflow, dag_id: str, run_id: str) -> Path:
    return airflow.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"


def mark_failed(airflow: LiveAirflow, dag_id: str, run_id: str, task_id: str) -> None:
    airflow.fetch("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", {"new_state": "failed"})


def test_the_sensor_defers_and_the_triggerer_resumes_it(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    run_id = airflow.trigger("sensor_defers", {"customer": "C-7"})
    wait_until(lambda: state_of(airflow, "sensor_defers", run_id) == "deferred", "the deferral")
    place_call(sandbox, customer="C-8")
    place_call(sandbox, customer="C-7")
    assert airflow.wait_for_run("sensor_defers", run_id, SECONDS) == "success"
    (row,) = airflow.xcom("sensor_defers", run_id, "wait")
    assert row["tags"] == {"customer": "C-7"}
    assert (row["outcome"], row["duration_seconds"]) == ("answered", 4)
    assert row["destination"] == "5511*****0104"
    log = log_of(airflow, "sensor_defers", run_id)
    assert "TriggerEvent" in log
    assert SHORT_CALL not in log


def test_the_sensor_reschedules(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    run_id = airflow.trigger("sensor_reschedules", {"customer": "C-9"})
    wait_until(lambda: state_of(airflow, "sensor_reschedules", run_id) == "up_for_reschedule", "the reschedule")
    place_call(sandbox, customer="C-9")
    assert airflow.wait_for_run("sensor_reschedules", run_id, SECONDS) == "success"


def test_a_deferred_call_gives_its_row_and_a_link_to_the_recording(
    airflow: LiveAirflow, sandbox: SandboxServer
) -> None:
    run_id = airflow.trigger("call_deferred", {"destination": PERSON})
    assert airflow.wait_for_run("call_deferred", run_id, SECONDS) == "success"
    row = airflow.xcom("call_deferred", run_id, "call")
    (call,) = sandbox.state()["calls"]
    assert row["callerid"] == call["callerid"] == airflow.xcom("call_deferred", run_id, "call", key="callerid")
    assert (row["outcome"], row["duration_seconds"], row["tags"]["run"]) == ("answered", 30, run_id)
    links = airflow.fetch("GET", f"/dags/call_deferred/dagRuns/{run_id}/taskInstances/call/links")
    assert links["extra_links"]["Recording"] == row["recording_url"]
    assert str(row["recording_url"]).startswith(sandbox.url)


def test_a_busy_call_is_a_result(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    run_id = airflow.trigger("call_on_worker", {"destination": BUSY})
    assert airflow.wait_for_run("call_on_worker", run_id, SECONDS) == "success"
    assert airflow.xcom("call_on_worker", run_id, "call")["outcome"] == "busy"
    assert sandbox.state()["effects"]["calls_placed"] == 1


@pytest.mark.parametrize("dag_id", ["call_deferred", "call_on_worker"])
def test_a_killed_task_hangs_up(airflow: LiveAirflow, sandbox: SandboxServer, dag_id: str) -> None:
    run_id = airflow.trigger(dag_id, {"destination": LONG_CALL})
    wait_until(lambda: bool(sandbox.state()["calls"]), "the call")
    if dag_id == "call_deferred":
        # Airflow calls a trigger's on_kill only once the trigger runs.
        wait_until(lambda: bool(list(logs_of(airflow, dag_id, run_id).rglob("*.trigger.*"))), "the trigger's start")
    mark_failed(airflow, dag_id, run_id, "call")
    wait_until(lambda: sandbox.state()["effects"]["calls_ended"] == 1, "the hang-up")
    assert sandbox.state()["effects"]["calls_placed"] == 1


@pytest.mark.parametrize("kind", ["cut_after", "html_502_after", "error_500_after"])
def test_an_sms_of_unknown_outcome_is_found_in_the_statement_and_not_sent_again(
    airflow: LiveAirflow, sandbox: SandboxServer, kind: str
) -> None:
    sandbox.inject(Fault(kind=kind, endpoint="sms/send", times=1))
    run_id = airflow.trigger("send_sms")
    assert airflow.wait_for_run("send_sms", run_id, SECONDS) == "success"
    (task,) = airflow.task_instances("send_sms", run_id)
    assert task["try_number"] == 1
    assert sandbox.state()["effects"]["messages_accepted"] == 1
    log = log_of(airflow, "send_sms", run_id)
    assert "may have taken effect" in log
    assert "it is in the statement, and is not sent again" in log


def test_a_passing_refusal_is_retried(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    """It may have come after the effect, so each try looks for the message before it sends again."""
    sandbox.seed(1, kind="messages")  # an older row proves that the statement answers
    run_id = airflow.trigger("send_sms", {"destination": "5511990000500", "settle_seconds": 1})
    assert airflow.wait_for_run("send_sms", run_id, SECONDS) == "failed"
    (task,) = airflow.task_instances("send_sms", run_id)
    assert task["try_number"] == 4
    assert sandbox.state()["effects"]["messages_accepted"] == 0


def test_a_lasting_refusal_is_not_retried(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    run_id = airflow.trigger("send_sms", {"destination": "5511990000402"})
    assert airflow.wait_for_run("send_sms", run_id, SECONDS) == "failed"
    (task,) = airflow.task_instances("send_sms", run_id)
    assert task["try_number"] == 1
    assert "insufficient balance" in log_of(airflow, "send_sms", run_id)


def test_a_wrong_secret_is_reported_and_not_shown(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    run_id = airflow.trigger("send_sms", {"connection": "directcall_wrong"})
    assert airflow.wait_for_run("send_sms", run_id, SECONDS) == "failed"
    log = log_of(airflow, "send_sms", run_id)
    assert "the client id or secret was not accepted" in log
    assert WRONG_SECRET not in log
    assert sandbox.state()["effects"]["messages_accepted"] == 0


def test_the_connection_form_and_its_test_button(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    (meta,) = [
        entry
        for entry in airflow._fetch("GET", "/ui/connections/hook_meta")
        if entry["connection_type"] == "directcall"
    ]
    assert meta["hook_name"] == "Directcall"
    assert meta["standard_fields"]["password"]["title"] == "Client secret"
    assert set(meta["extra_fields"]) >= {"default_origin", "timezone", "endpoints"}
    good = json.loads(sandbox.connection_json())
    body = {"connection_id": "new", **good, "extra": json.dumps(good["extra"])}
    tested = airflow.fetch("POST", "/connections/test", body)
    assert tested["status"] is True
    tested = airflow.fetch("POST", "/connections/test", {**body, "password": WRONG_SECRET})
    assert tested["status"] is False
    assert "was not accepted" in tested["message"]
    assert WRONG_SECRET not in tested["message"]
