"""Alerts of a run in which many mapped tasks fail, on a real Airflow whose scheduler is killed twice meanwhile.

The first kill takes the running tasks with it, as soon as the first alert is out; the second one, half way, leaves them
to themselves. Another alert begins before, to a number that never answers. Targets: the operator on call gets as many
alerts as allowed, at most, one of them a line that says how many tasks failed; no event is alerted twice; the alert
that is not answered goes to the second number, once; numbers, texts and keys of an account are nowhere in Airflow's
database and logs.

    python -m bench.alerts [--tasks 500] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Final

from airflow_provider_directcall.sandbox import SandboxConfig
from bench._targets import Targets
from tools.faults.components import Component, SplitAirflow
from tools.faults.private import keep_rows
from tools.faults.world import ROOT, VARIABLES, Directcall, preload
from tools.live_airflow import JsonObject
from tools.live_campaigns.people import MARKS

DAGS: Final = ROOT / "tests" / "processes" / "alert_dags"
#: ``at_most_per_hour`` of the DAG ``many_fail``.
_CAP: Final = 4
#: Never answers a voice message.
_FIRST: Final = "5511990000480"
_SECOND, _MANY = "5511990000012", "5511990000011"
_TEXT: Final = MARKS["text"]
_PARALLELISM: Final = 8
_SECONDS_A_TASK: Final = 20.0
_PATIENCE: Final = 300.0
_HELD_BACK: Final = re.compile(r"Airflow: (\d+) tasks of many_fail have failed; further alerts are held back")
_STAMP: Final = re.compile(r'"timestamp":"[^T]+T(\d+):(\d+):([\d.]+)Z"')


def main(argv: list[str] | None = None) -> int:
    """Run it; return 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="bench.alerts", description="Alerts of many failures.")
    # 500 take half an hour on two cores.
    parser.add_argument("--tasks", type=int, default=60, help="that fail, default %(default)s")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="a new folder for all files, which stays")
    options = parser.parse_args(argv)
    root = options.home or Path(tempfile.mkdtemp(prefix="alerts-"))
    home, directcall = root / "home", Directcall()
    airflow = SplitAirflow(home, DAGS, _environment(directcall))
    targets = Targets()
    try:
        directcall.server.configure(pace=10)
        directcall.server.seed(1, kind="messages")
        preload(home)
        airflow.start()
        keep_rows(home)
        Measurement(airflow, directcall, options.tasks, targets).run()
    finally:
        airflow.stop()
        directcall.server.stop()
    secret = SandboxConfig().client_secret
    targets.search(home, {*directcall.witness.tokens, secret}, f"{_MANY} {_TEXT} {secret}")
    return targets.end(root, stays=options.home is not None)


def _environment(directcall: Directcall) -> Mapping[str, str]:
    return {
        **VARIABLES,
        "PYTHONPATH": str(ROOT),
        "AIRFLOW__CORE__PARALLELISM": str(_PARALLELISM),
        "AIRFLOW_CONN_DIRECTCALL_DEFAULT": directcall.connection(),
        "AIRFLOW_VAR_ON_CALL_MANY": _MANY,
        "AIRFLOW_VAR_ON_CALL_FIRST": _FIRST,
        "AIRFLOW_VAR_ON_CALL_SECOND": _SECOND,
        "AIRFLOW_VAR_ALERT_TEXT": _TEXT,
    }


class Measurement:
    """Measures one run, and compares with the targets."""

    def __init__(self, airflow: SplitAirflow, directcall: Directcall, tasks: int, targets: Targets) -> None:
        self.airflow, self.directcall, self.tasks, self.targets = airflow, directcall, tasks, targets

    def run(self) -> None:
        """Let tasks fail, kill the scheduler in the middle, and compare with the targets."""
        self.airflow.unpause("unanswered")
        signs = "select count(*) from variable where key like 'directcall_alert_%_watcher'"
        _wait(lambda: self._count(signs) == 1, _PATIENCE)
        self.airflow.trigger("escalates")
        _wait(lambda: self._rung()[_FIRST] > 0, _PATIENCE)
        began = time.monotonic()
        run_id = self.airflow.trigger("many_fail", {"tasks": self.tasks})
        self._kill_when(lambda: self._rung()[_MANY] > 0, with_children=True)
        self._kill_when(lambda: self._failed() >= self.tasks / 2, with_children=False)
        state = self.airflow.wait_for_run("many_fail", run_id, self.tasks * _SECONDS_A_TASK)
        _wait(lambda: self._rung()[_SECOND] > 0, _PATIENCE)
        failed = self._failed()
        print(f"{failed} of {self.tasks} mapped tasks failed (run: {state}) in {time.monotonic() - began:.0f} s")
        self.targets.check("all tasks fail", failed == self.tasks, f"{failed} of {self.tasks}")
        self._check_alerts()
        seconds = sorted(_callbacks(self.airflow.home / "logs"))
        print(f"a callback takes {median(seconds):.1f} s at the median, {seconds[-1]:.1f} s at most")

    def _check_alerts(self) -> None:
        messages = self._messages()
        texts = [str(message["text"]) for message in messages if message["destination"] == _MANY]
        lines = [int(found[1]) for text in texts if (found := _HELD_BACK.match(text))]
        figure = f"{len(texts)} to the operator on call, {_CAP} allowed an hour"
        self.targets.check("alerts", len(lines) < len(texts) <= _CAP, figure)
        self.targets.check("held-back line", bool(lines), f"{len(lines)}, which counted {lines} failures")
        keys = Counter(key for message in messages if (key := _key(message)))
        twice = sum(times > 1 for times in keys.values())
        self.targets.check("no event twice", not twice, f"{len(keys)} keys, {twice} of them twice")
        rung = self._rung()
        figure = f"{rung[_FIRST]} to the first number, {rung[_SECOND]} to the second"
        self.targets.check("escalation", (rung[_FIRST], rung[_SECOND]) == (1, 1), figure)

    def _kill_when(self, is_time: Callable[[], bool], *, with_children: bool) -> None:
        _wait(is_time, self.tasks * _SECONDS_A_TASK)
        self.airflow.restart(Component.SCHEDULER, with_children=with_children)
        tasks = "and its tasks" if with_children else "alone"
        print(f"scheduler {tasks} killed after {self._failed()} failures, {self._rung()[_MANY]} alerts", flush=True)

    def _rung(self) -> Counter[str]:
        return Counter(str(message["destination"]) for message in self._messages())

    def _messages(self) -> list[JsonObject]:
        return list(self.directcall.server.state()["messages"])

    def _failed(self) -> int:
        return self._count("select count(*) from task_instance where dag_id = 'many_fail' and state = 'failed'")

    def _count(self, query: str) -> int:
        with closing(sqlite3.connect(self.airflow.home / "airflow.db", timeout=60)) as database:
            return int(database.execute(query).fetchone()[0])


def _key(message: JsonObject) -> object:
    tags = message["tags"]
    return tags.get("airflow_key") if isinstance(tags, dict) else None


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds, but no longer than so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)


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
