"""Measure the alerts of a run in which many mapped tasks fail, on a real Airflow: ``--tasks 500``.

Prints how many tasks failed, how many alerts reached the operator on call, and the time of a callback.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig
from tools.live_airflow import LiveAirflow, live_airflow

DAGS = Path(__file__).parent.parent / "tests" / "processes" / "alert_dags"
#: ``at_most_per_hour`` of the DAG ``many_fail``.
_CAP = 4
_SECONDS_A_TASK = 20
_STAMP = re.compile(r'"timestamp":"[^T]+T(\d+):(\d+):([\d.]+)Z"')


def main() -> int:
    """Run it; return 1 if there were more alerts than allowed, or none."""
    parser = argparse.ArgumentParser(description=__doc__)
    # 500 take half an hour on two cores.
    parser.add_argument("--tasks", type=int, default=60)
    tasks = parser.parse_args().tasks
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(SandboxConfig(pace=10)).serve() as directcall,
    ):
        home = Path(folder)
        directcall.seed(1, kind="messages")
        with live_airflow(home, DAGS, {"AIRFLOW_CONN_DIRECTCALL_DEFAULT": directcall.connection_json()}) as airflow:
            run_id = airflow.trigger("many_fail", {"tasks": tasks})
            state = _end_of(airflow, run_id, tasks * _SECONDS_A_TASK)
            failed = [task for task in airflow.task_instances("many_fail", run_id) if task["state"] == "failed"]
        alerts = directcall.state()["effects"]["messages_accepted"]
        seconds = sorted(_callbacks(home / "logs"))
        print(f"{len(failed)} of {tasks} mapped tasks failed (run: {state}), {alerts} alerts, at most {_CAP} allowed")
        print(f"a callback takes {median(seconds):.1f} s at the median, {seconds[-1]:.1f} s at most")
    return 0 if 1 <= alerts <= _CAP and len(failed) == tasks else 1


def _end_of(airflow: LiveAirflow, run_id: str, seconds: float) -> str:
    """Wait for the end of the run; the API server of a busy machine may be slow to answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return airflow.wait_for_run("many_fail", run_id, deadline - time.monotonic())
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise


def _callbacks(logs: Path) -> list[float]:
    """Return the seconds between the end of each task and the end of its callbacks."""
    spans = []
    for log in logs.rglob("*.log"):
        stamps = [
            _seconds(line)
            for line in log.read_text(errors="replace").splitlines()
            if "Post Execute" in line or "::endgroup" in line
        ]
        if "fail" in str(log) and len(stamps) > 1:
            spans.append(stamps[-1] - stamps[-2])
    return spans or [0.0]


def _seconds(line: str) -> float:
    found = _STAMP.search(line)
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) if found else 0.0


if __name__ == "__main__":
    sys.exit(main())
