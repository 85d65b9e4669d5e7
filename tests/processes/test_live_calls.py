"""Calls with retries on a real Airflow, whose task is killed in several attempts."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter

from airflow_provider_directcall.sandbox import Fault, SandboxServer
from tools.live_airflow import JsonObject, LiveAirflow

DAG = "calls_with_retries"
SECONDS = 600
EXPECTED = {"11990000486": 3, "21990000486": 3, "31990000480": 1, "3130000003": 1, "41990000001": 1, "51990000302": 1}


def calls(sandbox: SandboxServer) -> Counter[str]:
    return Counter(call["destination"][2:] for call in sandbox.state()["calls"])


def send_task(airflow: LiveAirflow, run_id: str) -> JsonObject:
    tasks = airflow.task_instances(DAG, run_id)
    return next((task for task in tasks if task["task_id"] == "calls.send" and task["map_index"] == 0), {})


def kill_after(airflow: LiveAirflow, sandbox: SandboxServer, run_id: str, count: int) -> str:
    """Kill the send task as soon as so many calls were placed; return the state in which it was."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        task = send_task(airflow, run_id)
        if sum(calls(sandbox).values()) >= count and task.get("state") == "running" and task.get("pid"):
            os.kill(int(str(task["pid"])), signal.SIGKILL)
            return "killed"
        time.sleep(0.1)
    raise AssertionError(f"{count} calls were not placed in {SECONDS} s")


def test_a_task_killed_in_each_attempt_calls_nobody_twice_in_one(airflow: LiveAirflow, sandbox: SandboxServer) -> None:
    sandbox.seed(1, kind="calls")
    sandbox.inject(Fault(kind="slow", endpoint="voz/call", seconds=1.5))
    run_id = airflow.trigger(DAG)
    for count in (1, 5, 7):
        kill_after(airflow, sandbox, run_id, count)
    assert airflow.wait_for_run(DAG, run_id, SECONDS) == "success"
    assert calls(sandbox) == EXPECTED
    keys = Counter(call["tags"]["airflow_key"] for call in sandbox.state()["calls"])
    assert max(keys.values()) == 1
    (summary,) = airflow.home.rglob("report.json")
    assert json.loads(summary.read_text())["states"] == {"answered": 2, "busy": 2, "voicemail": 1}
    assert sum(int(str(task["try_number"])) for task in [send_task(airflow, run_id)]) >= 4
