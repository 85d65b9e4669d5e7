"""Chunks that share a rate, and so run one at a time, on a real Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_provider_directcall.sandbox import SandboxServer
from tools.live_airflow import LiveAirflow

DAG = "one_late_contact"
LATER = timedelta(seconds=90)
SECONDS = 400


def test_a_chunk_that_waits_holds_up_no_other(airflow: LiveAirflow, sandbox: SandboxServer, tmp_path: Path) -> None:
    opens = datetime.now(UTC) + LATER
    rows = f"phone;from\n11990000001;{opens:%Y-%m-%dT%H:%M:%SZ}\n11990000002;\n"
    (tmp_path / "contacts.csv").write_text(rows)
    conf = {"contacts": str(tmp_path / "contacts.csv"), "storage": str(tmp_path / "storage")}
    run_id = airflow.trigger(DAG, conf)
    assert airflow.wait_for_run(DAG, run_id, SECONDS) == "success"
    tasks = {
        int(str(task["map_index"])): task
        for task in airflow.task_instances(DAG, run_id)
        if task["task_id"] == "sms.send"
    }
    late, early = (datetime.fromisoformat(str(tasks[place]["end_date"])) for place in (0, 1))
    assert early < opens <= late
    assert [tasks[place]["try_number"] for place in (0, 1)] == [1, 1]
    sent = sorted(message["destination"] for message in sandbox.state()["messages"])
    assert sent == ["5511990000001", "5511990000002"]
