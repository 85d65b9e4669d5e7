"""``make demo``: two of the example DAGs on a real Airflow against the sandbox, without an account or a network."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table

from airflow_provider_directcall.routing.calendars import load_calendar
from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.server import SandboxServer
from tools.leaks import Search
from tools.live_airflow import AirflowDidNotStartError, LiveAirflow, live_airflow

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "example_dags"
HOME = ROOT / ".demo"
#: Copies of the examples; the demo changes their calendar.
DAGS = HOME / "dags"
CAMPAIGN, ROUTING = "example_outbound_campaign", "example_holiday_routing"

#: How many times faster calls and messages proceed, so that a call of half a minute ends soon.
PACE = 10.0
RUN_SECONDS = 400
#: Lines that a failed task shows.
_MOST_ERRORS = 3
#: The zone of the example's calendar; it has no daylight saving time.
ZONE = timezone(timedelta(hours=-3))
DAYS_OF_RULES = 7
CALLER = "5541990000099"
#: Tasks written by the examples' author, whose return values may hold numbers.
AUTHORS_TASKS = ("read_contacts", "voice_messages")
HOT_LINE, OFFICE, ON_CALL = "1130000001", "551130000099", "5511990000077"
NUMBERS_OF_THE_EXAMPLES = ("5511990000001", "5511990000076", ON_CALL, OFFICE, "551130000001")

#: Wide enough for the tables, also when the output is a file.
console = Console(width=110, highlight=False)


class DemoFailedError(Exception):
    """A step of the demo failed; the text names it and where to look."""


def main() -> int:
    """Run the demo; return the exit code."""
    started = time.monotonic()
    shutil.rmtree(HOME, ignore_errors=True)
    shutil.copytree(EXAMPLES, DAGS)
    try:
        with Sandbox(SandboxConfig(pace=PACE)).serve() as server:
            _print(f"Directcall on this machine: {server.url}")
            _print("Starting Airflow with its scheduler, workers and triggerer; this takes half a minute ...")
            environment = {"AIRFLOW_CONN_DIRECTCALL_DEFAULT": server.connection_json()}
            with live_airflow(HOME, DAGS, environment) as airflow:
                # Its schedule starts a first run at once, which ends before the demo's runs start.
                airflow.unpause(ROUTING)
                _print(f"Airflow: {airflow.url} ({time.monotonic() - started:.0f} s)")
                _run_campaign(airflow)
                _run_routing(airflow, server)
                _show_what_directcall_saw(server)
            _check_for_leaks(server)
    except (AirflowDidNotStartError, DemoFailedError) as error:
        console.print(f"demo failed: {error}", style="bold red", markup=False)
        return 1
    _print(f"Took {time.monotonic() - started:.0f} s. Logs and database of this run: {HOME.relative_to(ROOT)}/")
    console.print("demo passed", style="bold green")
    return 0


def _run_campaign(airflow: LiveAirflow) -> None:
    _print("Campaign: an SMS and a recorded call to each contact, a voice message to those who were not reached ...")
    run_id = airflow.trigger(CAMPAIGN)
    _wait(airflow, CAMPAIGN, run_id)
    summary = airflow.xcom(CAMPAIGN, run_id, "summary")
    if not isinstance(summary, dict):
        raise DemoFailedError("the campaign's summary is missing")
    names = {row["contact_id"]: row["name"] for row in _contacts()}
    rows = [
        (contact, names[contact], outcome, "yes" if contact in summary["voice_messages"] else "")
        for contact, outcome in sorted(summary["outcomes"].items())
    ]
    _table("What became of the contacts", ("contact", "name", "call", "voice message"), rows)
    if len(rows) != len(names):
        raise DemoFailedError(f"{len(names)} contacts, and {len(rows)} calls in the statement")


def _run_routing(airflow: LiveAirflow, server: SandboxServer) -> None:
    _print(
        "Holiday routing: the hot line's calendar as it is, with one more holiday, with it again, and without it ..."
    )
    calendar = DAGS / "hotline.yaml"
    as_it_is = calendar.read_text(encoding="utf-8")
    day = _open_moment(calendar)
    holiday = f"  - {{name: Extra, begins: {day:%Y-%m-%dT00:00}, ends: {day:%Y-%m-%dT23:59}, as: holiday}}"
    with_holiday = as_it_is.replace("overrides:\n", f"overrides:\n{holiday}\n")
    steps = (
        ("as it is", as_it_is),
        ("one more holiday", with_holiday),
        ("the same", with_holiday),
        ("as it is", as_it_is),
    )
    rows = []
    for name, text in steps:
        calendar.write_text(text, encoding="utf-8")
        run_id = airflow.trigger(ROUTING)
        _wait(airflow, ROUTING, run_id)
        result = airflow.xcom(ROUTING, run_id, "route")
        if not isinstance(result, dict):
            raise DemoFailedError("the routing task gave no result")
        answer = server.receive_call(HOT_LINE, CALLER, at=day, keep=False)
        who = {OFFICE: "the office", ON_CALL: "who is on call"}.get(str(answer["phone"]), "nobody")
        rows.append((name, str(result["writes"]), str(result["summary"]), f"{day:%a %d %b %H:%M}", who))
    _table("What became of the hot line's rules", ("calendar", "writes", "which", "a call on", "is answered by"), rows)
    if [row[4] for row in rows] != ["the office", "who is on call", "who is on call", "the office"]:
        raise DemoFailedError("calls should go to the office, on the holiday to who is on call, then to the office")
    if [row[1] == "0" for row in rows[1:]] != [False, True, False]:
        raise DemoFailedError("rules should be written for the holiday and after it, and not where they stand already")


def _open_moment(calendar: Path) -> datetime:
    """Return 10:00 of the first coming day on which the office answers and for which rules are written."""
    known = load_calendar(calendar)
    today = datetime.now(ZONE).replace(hour=10, minute=0, second=0, microsecond=0)
    days = (today + timedelta(days=ahead) for ahead in range(1, DAYS_OF_RULES - 1))
    return next(day for day in days if known.decision(day).chain[0] == known.open[0])


def _show_what_directcall_saw(server: SandboxServer) -> None:
    state = server.state()
    rows = [(name, str(count)) for name, count in sorted(state["effects"].items())]
    _table("What Directcall did", ("what", "how often"), rows)


def _check_for_leaks(server: SandboxServer) -> None:
    phones = [row["phone"] for row in _contacts()]
    search = Search(
        secrets=(server.sandbox.config.client_secret,),
        numbers=(*phones, *NUMBERS_OF_THE_EXAMPLES),
        authors_tasks=AUTHORS_TASKS,
    )
    leaks = search.in_home(HOME)
    if leaks:
        found = "; ".join(f"{leak.kind} in {leak.place}" for leak in leaks[:5])
        raise DemoFailedError(f"something private was left behind: {found}")
    _print("Logs, XComs and database hold no secret, no token, and no phone number that the DAGs did not put there.")


def _wait(airflow: LiveAirflow, dag_id: str, run_id: str) -> None:
    state = airflow.wait_for_run(dag_id, run_id, RUN_SECONDS)
    if state == "success":
        return
    failed = sorted(
        {str(task["task_id"]) for task in airflow.task_instances(dag_id, run_id) if task["state"] == "failed"}
    )
    logs = HOME / "logs"
    raise DemoFailedError(
        f"{dag_id} is {state}; failed: {', '.join(failed) or 'nothing yet'}; logs: {logs.relative_to(ROOT)}\n"
        + "\n".join(_last_errors(logs / f"dag_id={dag_id}" / f"run_id={run_id}", failed))
    )


def _last_errors(logs: Path, task_ids: Sequence[str]) -> list[str]:
    """Return the last errors in the newest log of each task."""
    errors: list[str] = []
    for task_id in task_ids:
        files = sorted((logs / f"task_id={task_id}").rglob("attempt=*.log"), key=lambda path: path.stat().st_mtime)
        lines = files[-1].read_text(encoding="utf-8").splitlines() if files else []
        errors += [f"{task_id}: {text}" for line in lines if (text := _error_in(line))][-_MOST_ERRORS:]
    return errors


def _error_in(line: str) -> str:
    """Return the error of one line of a task's log, empty for any other line."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(entry, dict) or entry.get("level") not in {"error", "critical"}:
        return ""
    causes = [f"{cause['exc_type']}: {cause['exc_value']}" for cause in entry.get("error_detail") or []]
    return "; ".join([str(entry.get("event", "")), *causes])


def _contacts() -> list[dict[str, str]]:
    with (EXAMPLES / "contacts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _print(text: str) -> None:
    console.print(text, markup=False)


if __name__ == "__main__":
    sys.exit(main())
