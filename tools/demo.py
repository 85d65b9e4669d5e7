"""``make demo``: three of the example DAGs on a real Airflow against the sandbox, without an account or a network.

``make demo KEEP=1`` keeps Airflow, the sandbox and the campaign's report until Ctrl-C, and prints where they are.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from airflow_provider_directcall.routing.calendars import load_calendar
from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.server import SandboxServer
from airflow_provider_directcall.telephony.numbers import parse_number
from tools.leaks import Search
from tools.live_airflow import AirflowDidNotStartError, JsonObject, LiveAirflow, live_airflow

ROOT = Path(__file__).resolve().parent.parent
CAMPAIGN_CONTACTS = "directcall_campaign_contacts.csv"
EXAMPLES = ROOT / "example_dags"
HOME = ROOT / ".demo"
#: Copies of the examples; the demo changes their calendar.
DAGS = HOME / "dags"
CALLS, ROUTING, CAMPAIGN = "example_outbound_campaign", "example_holiday_routing", "directcall_campaign"
REPORT_TASK = "reminders.report"

#: How many times faster calls and messages proceed, so that a call of half a minute ends soon.
PACE = 10.0
RUN_SECONDS = 400
_LOOK_SECONDS = 2
_ENDED = frozenset({"success", "failed"})
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


class Stopwatch:
    """The seconds that each part of the demo takes."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._parts: dict[str, float] = {}

    def part(self, name: str) -> None:
        """End a part, which began where the last one ended."""
        self._parts[name] = self.total - sum(self._parts.values())

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def __str__(self) -> str:
        """Format the total and the parts: ``84 s: Airflow's start 31, calls 30, routing 20``."""
        return f"{self.total:.0f} s: " + ", ".join(f"{name} {seconds:.0f}" for name, seconds in self._parts.items())


class Line:
    """The line at the bottom of a terminal: the step of now, and its time. Nothing where there is no terminal."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(
            *columns, console=console, transient=True, refresh_per_second=4, disable=not console.is_terminal
        )
        self._task: TaskID = self._progress.add_task("Starting", total=None)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the line inside the ``with`` block."""
        with self._progress:
            yield

    def say(self, text: str) -> None:
        """Replace the text of the line."""
        self._progress.update(self._task, description=text)


line = Line()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.demo", description="Run three example DAGs against the sandbox.")
    parser.add_argument("--keep", action="store_true", help="keep Airflow, sandbox and report until Ctrl-C")
    keep = parser.parse_args(argv).keep
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt_once)
    try:
        _run(keep=keep)
    except (AirflowDidNotStartError, DemoFailedError) as error:
        console.print(f"demo failed: {error}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; Airflow and the sandbox have stopped.")
        return 130
    return 0


def _interrupt_once(signum: int, frame: FrameType | None) -> None:
    """Stop at the first Ctrl-C; a second one while Airflow stops would leave its processes behind."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(*, keep: bool) -> None:
    watch = Stopwatch()
    shutil.rmtree(HOME, ignore_errors=True)
    shutil.copytree(EXAMPLES, DAGS)
    with Sandbox(SandboxConfig(pace=PACE)).serve() as server:
        _print(f"Directcall on this machine: {server.url}")
        _print("Starting Airflow with its scheduler, workers and triggerer; this takes half a minute ...")
        environment = {"AIRFLOW_CONN_DIRECTCALL_DEFAULT": server.connection_json()}
        with live_airflow(HOME, DAGS, environment) as airflow:
            with line.shown():
                # Its schedule starts a first run at once, which ends before the demo's runs start.
                airflow.unpause(ROUTING)
                watch.part("Airflow's start")
                _print(f"Airflow: {airflow.url} ({watch.total:.0f} s)")
                # The campaign waits for its messages while the others run.
                campaign_run = airflow.trigger(CAMPAIGN, {"window": "none"})
                _run_calls(airflow)
                watch.part("calls")
                _run_routing(airflow, server)
                watch.part("routing")
                report = _show_campaign(airflow, campaign_run)
                watch.part("rest of the campaign")
                _show_what_directcall_saw(server)
                line.say("Searching logs, XComs and database for secrets and numbers")
                _check_for_leaks(server)
                watch.part("search")
            _print(f"Took {watch}. Logs and database of this run: {HOME.relative_to(ROOT)}/")
            if keep:
                _keep(airflow, server, campaign_run, report)
    console.print("demo passed", style="bold green")


def _keep(airflow: LiveAirflow, server: SandboxServer, run_id: str, report: Path) -> None:
    """Print where everything is, and wait for Ctrl-C."""
    _print("")
    _print(f"Airflow:  {airflow.url}/dags/{CAMPAIGN}/runs/{quote(run_id, safe='')}/plugin/directcall-run")
    _print(f"Inbox:    {server.url}/")
    _print(f"Report:   {report.as_uri()}")
    _print("Everything is kept until Ctrl-C.")
    try:
        while True:
            airflow.check_alive()
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        _print("Stopping Airflow ...")


def _run_calls(airflow: LiveAirflow) -> None:
    _print("Calls: an SMS and a recorded call to each contact, a voice message to those who were not reached ...")
    run_id = airflow.trigger(CALLS)
    _wait(airflow, CALLS, run_id)
    summary = airflow.xcom(CALLS, run_id, "summary")
    if not isinstance(summary, dict):
        raise DemoFailedError("the summary of the calls is missing")
    names = {row["contact_id"]: row["name"] for row in _contacts("contacts.csv")}
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


def _show_campaign(airflow: LiveAirflow, run_id: str) -> Path:
    """Show the campaign's result, and return its report."""
    _print("Campaign of ten contacts: plan, send, follow, report ...")
    _wait(airflow, CAMPAIGN, run_id)
    result = airflow.xcom(CAMPAIGN, run_id, REPORT_TASK)
    if not isinstance(result, dict):
        raise DemoFailedError("the campaign's report is missing")
    states = {str(state): int(count) for state, count in result["states"].items() if count}
    _table("What became of the campaign", ("state", "contacts"), [(state, str(n)) for state, n in states.items()])
    planned = len(_contacts(CAMPAIGN_CONTACTS, delimiter=";"))
    report = Path(str(result["html"]).removeprefix("file://"))
    if sum(states.values()) != planned or not report.is_file():
        raise DemoFailedError(f"{planned} contacts and a page are expected; the report has {sum(states.values())}")
    return report


def _show_what_directcall_saw(server: SandboxServer) -> None:
    state = server.state()
    rows = [(name, str(count)) for name, count in sorted(state["effects"].items())]
    _table("What Directcall did", ("what", "how often"), rows)


def _check_for_leaks(server: SandboxServer) -> None:
    rows = [*_contacts("contacts.csv"), *_contacts(CAMPAIGN_CONTACTS, delimiter=";")]
    phones = {parse_number(row["phone"]).digits for row in rows}
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
    deadline = time.monotonic() + RUN_SECONDS
    state = ""
    while state not in _ENDED and time.monotonic() < deadline:
        line.say(_progress_of(dag_id, airflow.task_instances(dag_id, run_id)))
        state = airflow.wait_for_run(dag_id, run_id, _LOOK_SECONDS)
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


def _progress_of(dag_id: str, tasks: Sequence[JsonObject]) -> str:
    """Return how many of the tasks have ended: ``directcall_campaign: 3 of 7 tasks``."""
    ended = sum(task["state"] in {"success", "failed", "skipped", "upstream_failed", "removed"} for task in tasks)
    return f"{dag_id}: {ended} of {len(tasks)} tasks"


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


def _contacts(name: str, *, delimiter: str = ",") -> list[dict[str, str]]:
    with (EXAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _print(text: str) -> None:
    # Addresses stay in one piece.
    console.print(text, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
