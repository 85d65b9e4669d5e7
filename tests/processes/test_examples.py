"""The example DAGs under ``airflow dags test``, and the demo."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_directcall.sandbox import SandboxServer
from tools.live_airflow import airflow_variables

from .conftest import ROOT

EXAMPLES = ROOT / "example_dags"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME with a database and no running components."""
    folder = tmp_path_factory.mktemp("home")
    run("db", "migrate", home=folder)
    return folder


def run(
    *arguments: str,
    home: Path,
    connection: str = "",
    code: int = 0,
    dags: Path = EXAMPLES,
    more: Mapping[str, str] | None = None,
) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = inherited | airflow_variables(home, dags) | {"AIRFLOW_CONN_DIRECTCALL_DEFAULT": connection}
    environment |= more or {}
    command = [sys.executable, "-m", "airflow", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def test_campaign(home: Path, sandbox: SandboxServer) -> None:
    output = run("dags", "test", "example_outbound_campaign", home=home, connection=sandbox.connection_json())
    assert "state=success" in output
    effects = sandbox.state()["effects"]
    assert effects["calls_placed"] == 5
    assert effects["messages_accepted"] == 5 + 3
    voice = [message["destination"] for message in sandbox.state()["messages"] if message["kind"] == "voz"]
    assert sorted(voice) == ["5511990000486", "5521990000480", "5541990000104"]
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        shown = database.execute(
            "select task_id, rendered_map_index from task_instance where map_index >= 0 and dag_id = ?",
            ("example_outbound_campaign",),
        ).fetchall()
    rows = (EXAMPLES / "contacts.csv").read_text(encoding="utf-8").splitlines()[1:]
    contacts = {row.partition(",")[0] for row in rows}
    assert {task.rpartition(".")[2] for task, _ in shown} == {
        "send_sms",
        "place_call",
        "wait_for_call",
        "send_voice_message",
    }
    assert {name for _, name in shown} == contacts


def test_campaign_of_ten(tmp_path: Path, sandbox: SandboxServer) -> None:
    # Of its own: other examples keep the same fictitious numbers in the database that is searched here.
    home = tmp_path / "home"
    home.mkdir()
    run("db", "migrate", home=home)
    connection = sandbox.connection_json()
    conf = ("--conf", '{"window": "none"}')
    output = run("dags", "test", "directcall_campaign", *conf, home=home, connection=connection)
    assert "state=success" in output
    sent = sorted(message["destination"] for message in sandbox.state()["messages"])
    assert len(sent) == len(set(sent)) == 8
    (page,) = home.rglob("report.html")
    (summary,) = home.rglob("report.json")
    states = json.loads(summary.read_text())["states"]
    assert states == {"delivered": 7, "failed": 1, "rejected": 1, "duplicate": 1}
    assert page.stat().st_mode & 0o77 == 0
    rows = (EXAMPLES / "directcall_campaign_contacts.csv").read_text(encoding="utf-8").splitlines()[1:]
    names = {row.split(";")[2] for row in rows} - {"Ana", "Gil"}
    assert not [name for name in names if name in output]
    assert not [number for number in sent if number in output or number[2:] in output]
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        stored = "\n".join(map(str, database.iterdump()))
    assert not [number for number in sent if number in stored or number[4:] in stored]
    again = run("dags", "test", "directcall_campaign", "--conf", '{"dry_run": true}', home=home, connection=connection)
    assert "state=success" in again
    assert len(sandbox.state()["messages"]) == 8


@pytest.mark.parametrize("dag_id", ["example_first_call", "example_how_to", "example_how_to_campaign"])
def test_snippets_of_the_documentation(home: Path, sandbox: SandboxServer, tmp_path: Path, dag_id: str) -> None:
    webhooks = {"conn_type": "generic", "login": "ring", "password": "Long1Password2Of3Letters"}
    more = {
        "AIRFLOW_CONN_DIRECTCALL_WEBHOOKS": json.dumps(webhooks),
        "DIRECTCALL_HOW_TO_STORAGE": str(tmp_path / "storage"),
    }
    output = run("dags", "test", dag_id, home=home, connection=sandbox.connection_json(), more=more)
    assert "state=success" in output
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        states = database.execute("select state from task_instance where dag_id = ?", (dag_id,)).fetchall()
    assert states
    assert {state for (state,) in states} == {"success"}


def test_campaign_over_a_cluster(home: Path, sandbox: SandboxServer) -> None:
    conf = json.dumps({"window": "none", "storage": str(home / "shared"), "track_interval": 5})
    connection = sandbox.connection_json()
    output = run("dags", "test", "directcall_campaign_cluster", "--conf", conf, home=home, connection=connection)
    assert "state=success" in output
    sent = [message["destination"] for message in sandbox.state()["messages"]]
    assert len(sent) == len(set(sent)) == 8
    (summary,) = (home / "shared").rglob("report.json")
    assert json.loads(summary.read_text())["states"] == {"delivered": 7, "failed": 1, "rejected": 1, "duplicate": 1}


def test_calls_with_retries(tmp_path: Path, sandbox: SandboxServer) -> None:
    home = tmp_path / "home"
    home.mkdir()
    run("db", "migrate", home=home)
    conf = ("--conf", '{"window": "none", "busy_minutes": 0.1, "no_answer_minutes": 0.1}')
    output = run("dags", "test", "example_calls_with_retries", *conf, home=home, connection=sandbox.connection_json())
    assert "state=success" in output
    calls = Counter(call["destination"][2:] for call in sandbox.state()["calls"])
    assert calls == {
        "11990000031": 1,
        "11990000486": 2,
        "1130000002": 1,
        "21990000480": 1,
        "2130000003": 1,
        "41990000302": 1,
    }
    (summary,) = home.rglob("report.json")
    assert json.loads(summary.read_text())["states"] == {"answered": 3, "voicemail": 1}
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        stored = "\n".join(map(str, database.iterdump()))
    assert not [number for number in calls if number in output or number in stored]


def test_reply_campaign(tmp_path: Path, sandbox: SandboxServer) -> None:
    home = tmp_path / "home"
    home.mkdir()
    run("db", "migrate", home=home)
    conf = ("--conf", '{"window": "none", "patience_minutes": 0.5}')
    output = run("dags", "test", "example_reply_campaign", *conf, home=home, connection=sandbox.connection_json())
    assert "state=success" in output
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        (counts,) = database.execute("select value from xcom where task_id = 'answers'").fetchone()
        states = dict(database.execute("select task_id, state from task_instance").fetchall())
        kept = "\n".join(map(str, database.iterdump()))
    assert json.loads(counts) == {"confirmed": 4, "cancelled": 1, "other": 1, "silent": 2}
    assert (states["call_the_others"], states["done"]) == ("success", "skipped")
    numbers = [message["destination"] for message in sandbox.state()["messages"]]
    assert not [number for number in numbers if number in kept or number in output]


def test_on_call(home: Path, sandbox: SandboxServer) -> None:
    connection = sandbox.connection_json()
    output = run("dags", "test", "example_on_call", home=home, connection=connection)
    assert "state=success" in output
    (message,) = sandbox.state()["messages"]
    assert (message["destination"], message["text"]) == ("5511990000071", "Carga concluída: 42 linhas.")
    conf = ("--conf", '{"fail": true}')
    failed = run("dags", "test", "example_on_call", *conf, home=home, connection=connection, code=1)
    assert "state=failed" in failed
    alerts = [each for each in sandbox.state()["messages"] if each["kind"] == "voz"]
    # Nothing watches the alerts here, so all numbers are alerted at once.
    assert sorted(alert["destination"] for alert in alerts) == ["5511990000071", "5511990000072"]
    assert alerts[0]["text"] == "Airflow: example_on_call, tarefa load, falhou na tentativa 1."
    run("variables", "export", str(home / "variables.json"), home=home)
    kept = (home / "variables.json").read_text(encoding="utf-8")
    assert kept.count("airflow_key") >= 1
    for secret in ("990000071", "990000072", "tarefa load"):
        assert secret not in kept
        assert secret not in failed
    assert "Carga concl" not in output


def test_account_check(home: Path, sandbox: SandboxServer) -> None:
    output = run("dags", "test", "example_account_check", home=home, connection=sandbox.connection_json())
    assert "state=success" in output
    assert "need attention (!): 0" in output
    assert sandbox.state()["effects"]["messages_accepted"] == 0


def test_demo() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "demo passed"
