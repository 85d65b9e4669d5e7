from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_directcall.routing.calendars.compiling import rules_for
from airflow_provider_directcall.routing.calendars.files import load_calendar, routing_schema
from airflow_provider_directcall.routing.cli import main
from airflow_provider_directcall.routing.explaining.checks import Code, Finding

CALENDAR = """
did: "1130000001"
open:
  - {action: forward, to: "5511990000001", wait_seconds: 20, sources: ["5511990000091"]}
  - {action: voicemail, email: desk@example.com}
closed:
  - {action: voicemail, email: desk@example.com}
holiday:
  - {action: sound, sound_id: 7}
hours:
  - {weekdays: "1-5", start: "08:00", end: "18:00"}
part_days:
  - {day: christmas_eve, from: "12:00"}
"""
HEADING_NUMBERS = ("1130000001", "5511990000001", "5511990000091", "desk@")


@pytest.fixture
def calendar(tmp_path: Path) -> str:
    path = tmp_path / "calendar.yaml"
    path.write_text(CALENDAR, encoding="utf-8")
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr, however the command ended."""
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(str(end.code))
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def rejected(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one plain line about invalid arguments; the exit status is 2."""
    status, out, error = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert error.startswith("directcall-routing: ")
    assert error.count("\n") == 1
    assert error.endswith("\n")
    return error.removeprefix("directcall-routing: ").strip()


# Invalid arguments.


@pytest.mark.parametrize("command", ["explain", "check", "rules"])
def test_a_missing_file(capsys, tmp_path, command):
    path = tmp_path / "nothing.yaml"
    assert rejected(capsys, command, str(path)) == f"{path}: No such file or directory"


def test_a_folder_in_place_of_a_file(capsys, tmp_path):
    assert rejected(capsys, "check", str(tmp_path)) == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "did: [", "file: is no YAML in line 1"),
        ("a.json", "{", "file: is no JSON in line 1"),
        ("a.yaml", "", "calendar: a mapping is needed"),
        ("a.yaml", CALENDAR.replace("holiday:", "hollidays:"), "hollidays: is not known here"),
        ("a.yaml", CALENDAR.replace("18:00", "25:00"), "hours[0].end: "),
    ],
)
def test_a_file_that_is_no_calendar(capsys, tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert rejected(capsys, "explain", str(path)).startswith(f"{path}: {message}")


def test_all_problems_of_a_file_stand_on_the_line(capsys, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(CALENDAR.replace("18:00", "25:00").replace("5511990000001", "551199000"), encoding="utf-8")
    message = rejected(capsys, "check", str(path))
    assert "2 problems: " in message
    assert "open[0]" in message
    assert "hours[0].end" in message
    assert "551199000" not in message


@pytest.mark.parametrize("at", ["tomorrow", "2026-13-01", "2026-12-24T25:00", "2026-12-24T10:00:30", "24/12/2026"])
@pytest.mark.parametrize("command", ["explain", "check", "rules"])
def test_a_moment_that_cannot_be(capsys, calendar, command, at):
    assert rejected(capsys, command, calendar, "--at", at).startswith("--at: ")


def test_a_moment_out_of_all_reach(capsys, calendar):
    assert rejected(capsys, "rules", calendar, "--at", "9999-12-31T10:00") == "--at: a year from 1900 to 2999 is needed"


def test_a_caller_who_is_no_number(capsys, calendar):
    message = rejected(capsys, "explain", calendar, "--from", "119900000")
    assert message.startswith("caller: ")
    assert "119900000" not in message


def test_an_argument_too_many_is_not_shown_in_full(capsys, calendar):
    message = rejected(capsys, "explain", calendar, "5511990000001")
    assert message == "unrecognized arguments: 5511*****0001"


@pytest.mark.parametrize(
    "arguments", [(), ("paint",), ("check",), ("check", "a.yaml", "--longest-wait", "long"), ("draw", "a.yaml")]
)
def test_a_wrong_command_line(capsys, arguments):
    rejected(capsys, *arguments)


@pytest.mark.parametrize(
    ("output", "more", "message"),
    [
        ("week.png", (), "--output: week.png has to end in .svg or .html"),
        ("none/week.svg", (), "No such file or directory"),
        ("week.svg", ("--start", "soon"), "--start: a date such as"),
        ("week.svg", ("--days", "0"), "days: 1 to 400 is needed, not 0"),
        ("week.svg", ("--start", "9999-12-31"), "--start: a year from 1900 to 2999"),
    ],
)
def test_a_picture_that_cannot_be(capsys, calendar, tmp_path, output, more, message):
    assert message in rejected(capsys, "draw", calendar, "-o", str(tmp_path / output), *more)
    assert not (tmp_path / output).exists()


def test_the_reader_may_leave_early(calendar):
    command = [sys.executable, "-m", "airflow_provider_directcall.routing.cli", "rules", calendar]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


# Explaining.


def test_a_call_is_explained(capsys, calendar):
    status, out, error = run(capsys, "explain", calendar, "--at", "2026-12-24T15:00", "--from", "11 99000-0003")
    assert (status, error) == (0, "")
    assert out.splitlines()[:4] == [
        "A call to 11*****0001 from 5511*****0003 on Thursday 2026-12-24 15:00 (America/Sao_Paulo):",
        "  holiday: Véspera de Natal (from 12:00)",
        "  >  4000  plays sound 7",
        "  >  4001  hangs up",
    ]
    assert out.endswith("If nobody picks up: the call is hung up.\n")


def test_a_moment_is_by_the_calendars_clocks_or_has_an_offset(capsys, calendar):
    local = run(capsys, "explain", calendar, "--at", "2026-12-24 15:00")
    assert run(capsys, "explain", calendar, "--at", "2026-12-24T18:00Z") == local
    assert "from a withheld number on Thursday 2026-12-24 15:00" in local[1]
    midnight = run(capsys, "explain", calendar, "--at", "2026-12-24")
    assert "2026-12-24 00:00" in midnight[1]


def test_without_a_moment_it_is_now(capsys, calendar):
    before = load_calendar(calendar).local(datetime.now(UTC))
    status, out, _ = run(capsys, "explain", calendar, "--json")
    after = load_calendar(calendar).local(datetime.now(UTC))
    shown = json.loads(out)
    assert status == 0
    assert before <= datetime.fromisoformat(shown["rules"]["moment"]).replace(second=0, microsecond=0, tzinfo=None)
    assert datetime.fromisoformat(shown["rules"]["moment"]).replace(second=0, microsecond=0, tzinfo=None) <= after


@pytest.mark.parametrize("command", [("explain",), ("explain", "--json"), ("rules",), ("rules", "--json")])
def test_numbers_are_masked_unless_wanted(capsys, calendar, command):
    arguments = [command[0], calendar, *command[1:], "--at", "2026-12-23T15:00"]
    arguments += ["--from", "5511990000091"] if command[0] == "explain" else []
    masked = run(capsys, *arguments)[1]
    assert not [number for number in HEADING_NUMBERS if number in masked]
    in_full = run(capsys, *arguments, "--include-numbers")[1]
    assert "5511990000001" in in_full
    assert "5511990000091" in in_full


# Checking.


def test_a_calendar_without_findings(capsys, calendar):
    assert run(capsys, "check", calendar) == (0, "0 errors, 0 warnings\n", "")


def test_errors_give_exit_status_1(capsys, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        CALENDAR.replace("closed:\n", "closed:\n  - {action: hangup}\n")
        + 'overrides: [{name: old, begins: "2020-01-01", ends: "2020-01-01", as: open}]\n',
        encoding="utf-8",
    )
    status, out, error = run(capsys, "check", str(path))
    assert (status, error) == (1, "")
    assert out.splitlines() == [
        "error: closed[1]: is never tried: closed[0] ends every call for which it holds [unreachable]",
        "warning: overrides[0]: 'old' has ended on 2020-01-02 00:00 [past_override]",
        "1 error, 1 warning",
    ]


def test_warnings_give_exit_status_0_and_limits_are_options(capsys, tmp_path):
    path = tmp_path / "a.json"
    mail = {"action": "voicemail", "email": "desk@example.com"}
    ring = {"action": "forward", "to": "5511990000001", "wait_seconds": 50}
    document = {
        "did": "1130000001",
        "open": [ring, mail],
        "closed": [mail],
        "hours": [],
        "emergency": {"chain": [mail]},
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    arguments = ("check", str(path), "--at", "2026-12-10", "--longest-wait", "49", "--emergency-since")
    status, out, _ = run(capsys, *arguments, "2026-12-01")
    assert status == 0
    assert "up to 50 s (limit 49 s)" in out
    assert "is active since 2026-12-01 00:00 (limit 7 days) [endless_emergency]" in out
    assert "endless_emergency" not in run(capsys, *arguments, "2026-12-09")[1]
    assert rejected(capsys, *arguments, "long").startswith("--emergency-since: ")


# Rules.


def test_the_rules_as_a_table(capsys, calendar):
    status, out, _ = run(capsys, "rules", calendar, "--at", "2026-12-01")
    assert status == 0
    assert out.splitlines() == [
        "priority  weekdays          time         callers        does",
        "10000     Monday to Friday  08:00-18:00  5511*****0091  rings 5511*****0001 for 20 s",
        "10001     Monday to Friday  08:00-18:00  everybody      takes a message for d*****@example.com",
        "30000     every day         all day      everybody      takes a message for d*****@example.com",
        "Right until 2026-12-08 00:00 (America/Sao_Paulo).",
    ]


def test_the_rules_as_json(capsys, calendar):
    status, out, _ = run(capsys, "rules", calendar, "--at", "2026-12-21T10:00", "--json", "--include-numbers")
    shown = json.loads(out)
    assert status == 0
    assert (shown["did"], shown["at"]) == ("1130000001", "2026-12-21T10:00:00-03:00")
    assert shown["valid_until"] == "2026-12-28T00:00:00-03:00"
    made = rules_for(load_calendar(calendar), datetime.fromisoformat(shown["at"]))
    assert [(rule["priority"], rule["action"], rule["data"]) for rule in shown["rules"]] == [
        (rule.priority, rule.to_wire().action, dict(rule.to_wire().data)) for rule in made
    ]


# Drawing.


@pytest.mark.parametrize(("name", "begins"), [("week.svg", "<svg "), ("WEEK.HTML", "<!DOCTYPE html>")])
def test_a_picture_is_written(capsys, calendar, tmp_path, name, begins):
    path = tmp_path / name
    assert run(capsys, "draw", calendar, "-o", str(path), "--start", "2026-12-21", "--days", "30") == (
        0,
        f"{path}\n",
        "",
    )
    written = path.read_text(encoding="utf-8")
    assert written.startswith(begins)
    assert "Mon 21 Dec 2026 to Tue 19 Jan 2027" in written
    assert not [number for number in HEADING_NUMBERS if number in written]
    run(capsys, "draw", calendar, "-o", str(path), "--include-numbers")
    again = path.read_text(encoding="utf-8")
    assert "1130000001" in again
    assert str(load_calendar(calendar).local(datetime.now(UTC)).year) in again


def test_help_names_all_commands(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(command in out for command in ("explain", "check", "rules", "draw", "schema"))


def test_the_schema_is_printed(capsys):
    status, out, _ = run(capsys, "schema")
    assert (status, json.loads(out)) == (0, routing_schema())


def test_nothing_heavy_is_imported():
    code = (
        "import sys, airflow_provider_directcall.routing.cli, airflow_provider_directcall.routing.explaining.drawing;"
        "print(sorted({'airflow', 'httpx', 'holidays', 'phonenumbers', 'yaml', 'pendulum'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# The doc page.

DOCS = Path(__file__).parents[2] / "docs"
DOC = (DOCS / "explain-routing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["explain-routing.md", "explain-routing.pt-BR.md"])
def test_the_docs_show_the_output_of_the_command(capsys, tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    Path("calendar.yaml").write_text(example, encoding="utf-8")
    shown = re.findall(r"```console\n\$ directcall-routing (.*?)\n(.*?)```", text, re.DOTALL)
    assert [command.split()[0] for command, _ in shown] == ["explain", "check", "rules", "draw"]
    for command, output in shown:
        assert run(capsys, *command.split()) == (0, output, ""), command


def test_the_docs_name_every_finding_with_its_severity():
    rows = re.findall(r"^\| `(\w+)` \| (error|warning) \|", DOC, re.MULTILINE)
    assert dict(rows) == {code.value: Finding(code, "", "").severity.value for code in Code}


def test_the_python_of_the_docs_runs(capsys, connect, tmp_path, monkeypatch):
    connect()
    monkeypatch.chdir(tmp_path)
    Path("calendar.yaml").write_text(CALENDAR, encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    exec(code, {})
    planned, head, *live = capsys.readouterr().out.splitlines()
    assert planned == "holiday holiday: Véspera de Natal (from 12:00) 0"
    assert head == "A call from 5511*****0003 on Thursday 2026-12-24 15:00 (America/Sao_Paulo):"
    assert "(rule 18000)  rings 5511*****0010" in live[0]
