"""The cost of once-only sending in a real task, with Airflow's own state store: an operator over a bare hook call.

A task of a real Airflow alternates them. A write of the state store is a request to Airflow's API server through the
task's supervisor, and so is an XCom, which is included. The sandbox is as near as Airflow; the real Directcall is
farther away, so that the same milliseconds are a smaller share there.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from bench._sandbox_process import sandbox_process
from bench._sends import CONNECTION, SUBJECTS, connection_json
from tools.live_airflow import live_airflow

ROOT = Path(__file__).resolve().parent.parent
DAG_ID = "delivery_cost"
PATIENCE = 300.0


def main() -> int:
    """Print the figures for each kind of send; return 1 if the run fails."""
    home = Path(tempfile.mkdtemp(prefix="delivery-cost-"))
    with sandbox_process() as settings:
        environment = {CONNECTION: connection_json(settings), "PYTHONPATH": str(ROOT)}
        with live_airflow(home / "home", ROOT / "bench" / "dags", environment) as airflow:
            run_id = airflow.trigger(DAG_ID)
            state = airflow.wait_for_run(DAG_ID, run_id, PATIENCE)
            if state != "success":
                print(f"the run ended as {state}: see {home}")
                return 1
            for position, subject in enumerate(SUBJECTS):
                _print_figures(subject.name, airflow.xcom(DAG_ID, run_id, "measure", map_index=position))
    shutil.rmtree(home, ignore_errors=True)
    return 0


def _print_figures(name: str, pairs: object) -> None:
    assert isinstance(pairs, list)
    ratios = [operator / bare for operator, bare in pairs]
    lower, middle, upper = statistics.quantiles(ratios, n=4)
    more = statistics.median(operator - bare for operator, bare in pairs)
    print(f"{name}: time over a bare hook call: {middle:.2f} (quartiles {lower:.2f} and {upper:.2f})")
    print(f"{name}: more than a bare hook call: {more * 1000:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
