"""Webhooks and watchers on a whole Airflow: rings, missed calls and received SMS start DAGs."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer
from tools.live_airflow import LiveAirflow, live_airflow

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "example_dags" / "example_incoming.py"
#: So that the example runs on every day, and without long waits.
CHANGES = {
    "range(5), 9, 18": "range(7), 0, 24",
    "MissedCallTrigger(": "MissedCallTrigger(poll_interval=3, ",
    "ReceivedSMSTrigger(": "ReceivedSMSTrigger(poll_interval=3, ",
}
LOGIN, PASSWORD = "directcall", "a-fictitious-password"
DID, CALLER, SENDER = "1130000001", "5511990000021", "5511990000022"
SECONDS = 300
PRIVATE = (CALLER, CALLER[2:], SENDER, SENDER[2:], PASSWORD)


@pytest.fixture(scope="module")
def directcall() -> Iterator[SandboxServer]:
    with Sandbox(SandboxConfig(pace=10)).serve() as server:
        server.seed(1, kind="messages")
        server.write_rule(did=DID, action="hangup", priority="0")
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("events")


@pytest.fixture(scope="module")
def airflow(home: Path, directcall: SandboxServer) -> Iterator[LiveAirflow]:
    dags = home / "dags"
    shutil.copytree(HERE / "event_dags", dags)
    source = EXAMPLE.read_text()
    for old, new in CHANGES.items():
        assert old in source
        source = source.replace(old, new)
    (dags / EXAMPLE.name).write_text(source)
    environment = {
        "AIRFLOW_CONN_DIRECTCALL_DEFAULT": directcall.connection_json(),
        "AIRFLOW_CONN_DIRECTCALL_WEBHOOKS": json.dumps({"conn_type": "generic", "login": LOGIN, "password": PASSWORD}),
        "AIRFLOW__DIRECTCALL__WEBHOOK_CONN_ID": "directcall_webhooks",
        "DIRECTCALL_OPT_OUTS": str(home / "opt-outs.csv"),
    }
    with live_airflow(home / "airflow", dags, environment) as running:
        yield running


def wait_until(condition: Callable[[], bool], event: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{event} did not happen in {SECONDS} s"
        time.sleep(1)


def query(airflow: LiveAirflow, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        return database.execute(text).fetchall()


def runs(airflow: LiveAirflow, dag_id: str) -> list[str]:
    return [str(run) for (run,) in query(airflow, f"select run_id from dag_run where dag_id = '{dag_id}'")]


def test_a_webhook_starts_a_dag(airflow: LiveAirflow) -> None:
    airflow.unpause("rung")
    url = f"{airflow.url}/directcall/events/call"
    asset = "select count(*) from asset where uri = 'directcall://doorbell/call'"
    wait_until(lambda: query(airflow, asset) == [(1,)], "the asset")
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.post(url).status_code == 401
        assert client.post(url, auth=(LOGIN, "wrong")).status_code == 401
        assert client.post(f"{airflow.url}/directcall/events/message", auth=(LOGIN, PASSWORD)).status_code == 503
        assert runs(airflow, "rung") == []
        answers = [
            client.get(url, auth=(LOGIN, PASSWORD), params={"origem": CALLER}),
            client.post(url, auth=(LOGIN, PASSWORD), data={"origem": CALLER}),
        ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    wait_until(lambda: len(runs(airflow, "rung")) >= 1, "a run")
    run_id = runs(airflow, "rung")[0]
    assert airflow.wait_for_run("rung", run_id, SECONDS) == "success"
    written = airflow.xcom("rung", run_id, "write_it_down")
    assert isinstance(written, list)
    assert [set(extra) for extra in written] == [{"kind", "rung_at", "from_webhook"}] * len(written)


def test_a_missed_call_is_answered_and_an_opt_out_is_listed(
    airflow: LiveAirflow, directcall: SandboxServer, home: Path
) -> None:
    for dag_id in ("example_call_back", "example_opt_out"):
        airflow.unpause(dag_id)
    wait_until(lambda: query(airflow, "select count(*) from asset_state_store") == [(2,)], "the first looks")
    directcall.receive_call(DID, CALLER)
    directcall.receive_message(SENDER, "27000", "Pare!")
    wait_until(lambda: any(sent["destination"] == CALLER for sent in directcall.state()["messages"]), "the SMS")
    opt_outs = home / "opt-outs.csv"
    wait_until(opt_outs.exists, "the list")
    assert opt_outs.read_text().split() == ["number", SENDER]
    for dag_id in ("example_call_back", "example_opt_out"):
        (run_id,) = runs(airflow, dag_id)
        assert airflow.wait_for_run(dag_id, run_id, SECONDS) == "success"
    assert [sent["destination"] for sent in directcall.state()["messages"]] == [CALLER]


def test_no_trace_of_a_number(airflow: LiveAirflow) -> None:
    """Last: what the tests above have left in events, XComs, states and logs."""
    stored = [
        query(airflow, f"select * from {table}")
        for table in ("asset_event", "xcom", "asset_state_store", "trigger", "variable", "log")
    ]
    logs = "".join(path.read_text(errors="replace") for path in airflow.home.rglob("*.log"))
    for private in PRIVATE:
        assert private not in str(stored)
        assert private not in logs
