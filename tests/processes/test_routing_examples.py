"""Rules of a number on a real Airflow: the three examples, teardown, retries, state between runs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_provider_directcall.routing.writes.snapshots import unseal
from airflow_provider_directcall.sandbox import Fault, SandboxServer
from tools.live_airflow import LiveAirflow

from .conftest import ROOT

EXAMPLES = ROOT / "example_dags"
NAMES = ("hotline.yaml", "example_holiday_routing.py", "example_emergency_routing.py", "example_routing_approval.py")
HOLIDAY, EMERGENCY, APPROVAL = (name.removesuffix(".py") for name in NAMES[1:])
DID, CALLER = "1130000001", "5541990000099"
OFFICE, ON_CALL, MOBILE, PERSON = "551130000099", "5511990000077", "5511990000078", "5511990000001"
SECONDS = 240
ZONE = timezone(timedelta(hours=-3))


@pytest.fixture(scope="module")
def examples(airflow: LiveAirflow) -> LiveAirflow:
    """The shared Airflow with the example DAGs."""
    for name in NAMES:
        shutil.copy(EXAMPLES / name, airflow.dags_folder / name)
    return airflow


def finished(airflow: LiveAirflow, dag_id: str, conf: dict[str, object], state: str = "success") -> str:
    run_id = airflow.trigger(dag_id, conf)
    assert airflow.wait_for_run(dag_id, run_id, SECONDS) == state
    return run_id


def states(airflow: LiveAirflow, dag_id: str, run_id: str) -> dict[str, object]:
    return {str(ti["task_id"]): ti["state"] for ti in airflow.task_instances(dag_id, run_id)}


def tries(airflow: LiveAirflow, dag_id: str, run_id: str, task_id: str) -> object:
    return next(ti["try_number"] for ti in airflow.task_instances(dag_id, run_id) if ti["task_id"] == task_id)


def phone(sandbox: SandboxServer, at: datetime) -> object:
    return sandbox.receive_call(DID, CALLER, at=at, keep=False)["phone"]


def rules(sandbox: SandboxServer) -> list[tuple[str, str]]:
    return [(rule["priority"], rule["action"]) for rule in sandbox.state()["rules"][DID]]


def writes(sandbox: SandboxServer) -> int:
    requests = sandbox.state()["requests"]
    return requests.get("did/save", 0) + requests.get("did/remove", 0)


def snapshot_rules(sandbox: SandboxServer, sealed: object) -> list[tuple[object, object]]:
    found = unseal(str(sealed), sandbox.sandbox.config.client_secret).rules
    return [(rule.rule_id, dict(rule.data)) for rule in found]


def wait_until(condition: Callable[[], bool], event: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{event} did not happen in {SECONDS} s"
        time.sleep(0.5)


def log_of(airflow: LiveAirflow, dag_id: str, run_id: str) -> str:
    folder = airflow.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
    return "".join(path.read_text() for path in sorted(folder.rglob("*.log*")))


def test_the_line_goes_back_when_the_middle_fails(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    before = sandbox.state()["rules"][DID]
    run_id = finished(airflow, "routing_for_a_while", {"fails": True}, "failed")
    assert states(airflow, "routing_for_a_while", run_id) == {
        "apply": "success",
        "middle": "failed",
        "restore": "success",
    }
    assert sandbox.state()["rules"][DID] == before
    assert airflow.xcom("routing_for_a_while", run_id, "restore")["writes"] == 2
    finished(airflow, "routing_for_a_while", {"fails": False})
    assert sandbox.state()["rules"][DID] == before


def test_the_line_goes_back_when_applying_itself_fails_half_way(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    before = sandbox.state()["rules"][DID]
    # The second write, and the rollback of the first one.
    sandbox.inject(Fault(kind="error_500_before", endpoint="did/save", after=1, times=4))
    run_id = finished(airflow, "routing_fails_half_way", {}, "failed")
    assert "State of the rules: mixed" in log_of(airflow, "routing_fails_half_way", run_id)
    assert states(airflow, "routing_fails_half_way", run_id) == {
        "apply": "failed",
        "work": "upstream_failed",
        "restore": "success",
    }
    assert sandbox.state()["rules"][DID] == before
    assert airflow.xcom("routing_fails_half_way", run_id, "restore")["changed"]


def test_a_killed_task_is_finished_by_its_retry_and_can_be_given_back(
    airflow: LiveAirflow, sandbox: SandboxServer
) -> None:
    before = sandbox.state()["rules"][DID]
    run_id = finished(airflow, "routing_killed", {})
    assert tries(airflow, "routing_killed", run_id, "apply") == 2
    result = airflow.xcom("routing_killed", run_id, "apply")
    assert (result["changed"], result["drift"]["unexpected"]) == (True, [])
    assert rules(sandbox) == [("1", "fwd"), ("2", "voicemail")]
    assert sandbox.state()["effects"]["rules_saved"] == 2
    snapshot = airflow.xcom("routing_killed", run_id, "apply", key="snapshot")
    assert snapshot_rules(sandbox, snapshot) == [("18000", {"phone": "5511990000010", "wait": 12})]
    finished(airflow, "routing_given_back", {"snapshot": snapshot})
    assert sandbox.state()["rules"][DID] == before


def test_nothing_is_put_back_where_nothing_was_written(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    sandbox.inject(Fault(kind="error_500_before", endpoint="did/route", times=50))
    run_id = airflow.trigger("routing_for_a_while", {"fails": False})
    assert airflow.wait_for_run("routing_for_a_while", run_id, SECONDS) == "failed"
    assert states(airflow, "routing_for_a_while", run_id) == {
        "apply": "failed",
        "middle": "upstream_failed",
        "restore": "success",
    }
    assert writes(sandbox) == 0


def test_a_retry_keeps_the_first_snapshot_and_the_next_run_knows_what_was_left(
    airflow: LiveAirflow, sandbox: SandboxServer
) -> None:
    sandbox.inject(Fault(kind="error_500_before", endpoint="did/save", after=1, times=4))
    run_id = finished(airflow, "routing_retried", {"on_drift": "overwrite"})
    assert tries(airflow, "routing_retried", run_id, "apply") == 2
    assert rules(sandbox) == [("1", "fwd"), ("2", "voicemail")]
    snapshot = airflow.xcom("routing_retried", run_id, "apply", key="snapshot")
    assert snapshot_rules(sandbox, snapshot) == [("18000", {"phone": "5511990000010", "wait": 12})]
    assert "State of the rules: " in log_of(airflow, "routing_retried", run_id)

    run_id = finished(airflow, "routing_retried", {"on_drift": "fail"})
    result = airflow.xcom("routing_retried", run_id, "apply")
    assert (result["changed"], result["drift"]["known"]) == (False, True)
    sandbox.write_rule(did=DID, priority="5", action="hangup")
    run_id = finished(airflow, "routing_retried", {"on_drift": "fail"}, "failed")
    assert tries(airflow, "routing_retried", run_id, "apply") == 1
    assert "the rules of number 11*****0001 were changed elsewhere" in log_of(airflow, "routing_retried", run_id)
    assert ("5", "hangup") in rules(sandbox)


def test_a_sound_is_uploaded_once_whatever_the_dag(
    airflow: LiveAirflow, sandbox: SandboxServer, tmp_path: Path
) -> None:
    path = airflow.dags_folder / "saudacao.mp3"
    path.write_bytes(b"ID3\x04" + b"\0" * 100)
    outside = tmp_path / "saudacao.mp3"
    outside.write_bytes(path.read_bytes())
    run_id = finished(airflow, "sound", {"audio": str(outside)}, "failed")
    assert "audio_sources" in log_of(airflow, "sound", run_id)
    dags = ("sound", "same_sound")
    runs = [(dag_id, finished(airflow, dag_id, {"audio": str(path)})) for dag_id in dags]
    results = [airflow.xcom(*run, "add") for run in runs]
    assert airflow.xcom(*runs[0], "give") == results[0]["sound_id"]
    assert [result["uploaded"] for result in results] == [True, False]
    assert results[0]["sound_id"] == results[1]["sound_id"]
    assert sandbox.state()["requests"]["did/add-sound"] == 1


def test_holiday_routing(examples: LiveAirflow, sandbox: SandboxServer) -> None:
    """A changed calendar makes the day a holiday, and later an ordinary day again."""
    calendar = examples.dags_folder / "hotline.yaml"
    written = calendar.read_text()
    day = datetime.now(ZONE).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=3)
    try:
        for state, answered_by in (("open", OFFICE), ("holiday", ON_CALL)):
            override = f"  - {{name: um dia, begins: {day:%Y-%m-%dT00:00}, ends: {day:%Y-%m-%dT23:00}, as: {state}}}\n"
            calendar.write_text(written.partition("overrides:")[0] + "overrides:\n" + override)
            run_id = finished(examples, HOLIDAY, {})
            assert phone(sandbox, day) == answered_by
            assert "hot line" not in log_of(examples, HOLIDAY, run_id)
        count = writes(sandbox)
        run_id = finished(examples, HOLIDAY, {})
        result = examples.xcom(HOLIDAY, run_id, "route")
        assert (result["changed"], result["drift"]["unexpected"], writes(sandbox)) == (False, [], count)
        assert OFFICE[2:] not in log_of(examples, HOLIDAY, run_id)
    finally:
        calendar.write_text(written)


def texts(sandbox: SandboxServer) -> list[object]:
    return [message["text"] for message in sandbox.state()["messages"]]


def test_emergency_routing(examples: LiveAirflow, sandbox: SandboxServer) -> None:
    now = datetime.now(ZONE)
    run_id = finished(examples, EMERGENCY, {"action": "on", "until": None, "to": MOBILE})
    assert phone(sandbox, now) == MOBILE
    (message,) = sandbox.state()["messages"]
    assert (message["destination"], "emerg" in message["text"]) == (PERSON, True)
    # A caller whom the mobile does not answer is not hung up.
    assert rules(sandbox)[1][1] == "voicemail"
    # The daily run keeps the emergency and does not report it as drift.
    result = examples.xcom(HOLIDAY, finished(examples, HOLIDAY, {}), "route")
    assert (result["changed"], result["drift"]["unexpected"]) == (False, [])
    assert phone(sandbox, now) == MOBILE
    finished(examples, EMERGENCY, {"action": "off"})
    assert phone(sandbox, now) != MOBILE
    assert len(texts(sandbox)) == 2
    assert MOBILE[2:] not in log_of(examples, EMERGENCY, run_id)


def test_an_emergency_with_an_end_is_taken_back_at_that_time(examples: LiveAirflow, sandbox: SandboxServer) -> None:
    end = datetime.now(ZONE).replace(second=0, microsecond=0) + timedelta(minutes=3)
    run_id = examples.trigger(EMERGENCY, {"action": "on", "until": end.isoformat(), "to": MOBILE})
    wait_until(lambda: states(examples, EMERGENCY, run_id)["apply"] == "success", "the begin")
    wait_until(lambda: states(examples, EMERGENCY, run_id)["wait"] == "deferred", "the wait")
    same_time_next_week = end + timedelta(days=7, minutes=-1)
    assert phone(sandbox, end - timedelta(minutes=1)) == MOBILE
    assert phone(sandbox, same_time_next_week) == MOBILE
    assert phone(sandbox, end) != MOBILE
    assert examples.wait_for_run(EMERGENCY, run_id, SECONDS) == "success"
    assert phone(sandbox, same_time_next_week) != MOBILE
    assert examples.fetch("GET", "/variables/directcall_emergency")["value"] == ""
    assert [("encerrada" in str(text)) for text in texts(sandbox)] == [False, True]
    result = examples.xcom(EMERGENCY, run_id, "restore")
    assert (result["changed"], result["drift"]["unexpected"]) == (True, [])


@pytest.mark.parametrize("wrong", [{"until": "2020-01-01T08:00:00-03:00"}, {"to": "99"}])
def test_an_emergency_that_cannot_be_is_not_kept(
    examples: LiveAirflow, sandbox: SandboxServer, wrong: dict[str, object]
) -> None:
    run_id = examples.trigger(EMERGENCY, {"action": "on", **wrong})
    wait_until(lambda: states(examples, EMERGENCY, run_id)["switch"] == "up_for_retry", "the failure")
    examples.fetch("PATCH", f"/dags/{EMERGENCY}/dagRuns/{run_id}", {"state": "failed"})
    assert writes(sandbox) == 0
    assert sandbox.state()["messages"] == []
    assert "directcall_emergency" not in json.dumps(
        [each for each in examples.fetch("GET", "/variables")["variables"] if each["value"]]
    )


def asked(airflow: LiveAirflow) -> str:
    """Start a run and wait until its question can be answered.

    Airflow fails a waiting task that is answered before the scheduler has registered that it waits.
    """
    run_id = airflow.trigger(APPROVAL)
    wait_until(lambda: states(airflow, APPROVAL, run_id)["approve"] in {"awaiting_input", "deferred"}, "the question")
    wait_until(lambda: has_noted(airflow, run_id), "the scheduler's note")
    return run_id


def has_noted(airflow: LiveAirflow, run_id: str) -> bool:
    parts = ("Received executor event", "task_id='approve'", run_id)
    return any(all(part in line for part in parts) for line in airflow.log_file.read_text().splitlines())


def answer(airflow: LiveAirflow, run_id: str, choice: str) -> dict[str, object]:
    path = f"/dags/{APPROVAL}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    question = airflow.fetch("GET", path)
    airflow.fetch("PATCH", path, {"chosen_options": [choice]})
    return question


def test_approval(examples: LiveAirflow, sandbox: SandboxServer) -> None:
    before = rules(sandbox)
    run_id = asked(examples)
    question = answer(examples, run_id, "Reject")
    assert "to create" in question["body"]
    assert not [number for number in (OFFICE, ON_CALL, DID) if number[2:] in question["body"]]
    assert examples.wait_for_run(APPROVAL, run_id, SECONDS) == "success"
    assert (states(examples, APPROVAL, run_id)["apply"], rules(sandbox)) == ("skipped", before)

    run_id = asked(examples)
    sandbox.write_rule(did=DID, priority="5", action="hangup")
    answer(examples, run_id, "Approve")
    assert examples.wait_for_run(APPROVAL, run_id, SECONDS) == "failed"
    assert tries(examples, APPROVAL, run_id, "apply") == 1
    assert "not the approved one" in log_of(examples, APPROVAL, run_id)

    run_id = asked(examples)
    answer(examples, run_id, "Approve")
    assert examples.wait_for_run(APPROVAL, run_id, SECONDS) == "success"
    assert examples.xcom(APPROVAL, run_id, "apply")["changed"]
    run_id = finished(examples, APPROVAL, {})
    assert states(examples, APPROVAL, run_id)["approve"] == "skipped"
