"""The command on lists of rules, and on the files of several numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .test_routing_cli import CALENDAR, rejected, run

RULES = """
did: "1130000002"
rules:
  - {action: forward, to: "5511990000001", wait_seconds: 20, priority: 1, weekdays: 1-5, start: "8:00", end: "18:00"}
  - {action: voicemail, email: desk@example.com, priority: 2}
"""
OTHERS_CALENDAR = CALENDAR.replace("1130000001", "1130000002")


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def calendar(tmp_path: Path) -> str:
    return written(tmp_path, "calendar.yaml", CALENDAR)


def test_a_list_of_rules_is_checked_all_in_all(capsys, tmp_path):
    assert run(capsys, "check", written(tmp_path, "a.yaml", RULES)) == (0, "0 errors, 0 warnings\n", "")
    path = written(tmp_path, "b.yaml", RULES.replace("priority: 2}", "priority: 1, weekdays: fri}"))
    status, out, error = run(capsys, "check", path, "--longest-wait", "10")
    assert (status, error) == (1, "")
    codes = [line.rpartition(" ")[2] for line in out.splitlines()[:-1]]
    assert codes == ["[same_priority]", "[gap]", "[rings_out]", "[long_wait]"]


def test_loops_over_the_numbers_of_several_files_are_found(capsys, tmp_path):
    for_everybody = CALENDAR.replace(', sources: ["5511990000091"]', "")
    one = written(tmp_path, "one.yaml", for_everybody.replace('to: "5511990000001"', 'to: "1130000002"'))
    two = written(tmp_path, "two.yaml", RULES.replace("5511990000001", "1130000001"))
    assert [run(capsys, "check", path)[0] for path in (one, two)] == [0, 0]
    status, out, error = run(capsys, "check", one, two, "--at", "2026-12-01", "--include-numbers")
    assert (status, error) == (1, "")
    first, second, end = out.splitlines()
    way = "forwards round: 1130000001 -> 1130000002 -> 1130000001"
    assert first.startswith(f"{one}: error: week from 2026-12-01: {way}")
    assert second.startswith(f"{two}: error: rules: forwards round: 1130000002 -> 1130000001 -> 1130000002, on Monday")
    assert end == "2 errors, 0 warnings"


def test_a_loop_of_one_day_of_two_calendars_is_found(capsys, tmp_path):
    sale = 'overrides: [{name: Sale, begins: "2027-03-03", ends: "2027-03-03", chain: [{action: forward, to: "%s"}]}]\n'
    one = written(tmp_path, "one.yaml", CALENDAR + sale % "1130000002")
    two = written(tmp_path, "two.yaml", OTHERS_CALENDAR + sale % "1130000001")
    status, out, _ = run(capsys, "check", one, two, "--at", "2026-12-01")
    assert status == 1
    loops = [line for line in out.splitlines() if "[loop]" in line]
    assert [line.split(": ")[0] for line in loops] == [one, two]
    # The rules of a day are live from a week before it.
    assert all("week from 2027-03-02: forwards round: 11*****0002 -> 11*****0001" in line for line in loops[1:])
    assert all(", on Wednesday 00:00-24:00" in line for line in loops)
    later = written(tmp_path, "later.yaml", OTHERS_CALENDAR + sale.replace("03-03", "03-04") % "1130000001")
    assert "[loop]" not in run(capsys, "check", one, later, "--at", "2026-12-01")[1]


def test_each_file_of_a_check_is_of_one_known_number(capsys, tmp_path, calendar):
    nameless = written(tmp_path, "a.yaml", RULES.replace("did:", "#"))
    message = rejected(capsys, "check", calendar, nameless)
    assert message == f"{nameless}: did: is missing; a check for loops needs the number"
    again = written(tmp_path, "b.yaml", RULES.replace("1130000002", "551130000001"))
    assert rejected(capsys, "check", calendar, again) == f"{again}: number 11*****0001 is that of {calendar} too"
    wrong = written(tmp_path, "c.yaml", RULES.replace("8:00", "25:00", 1))
    assert rejected(capsys, "check", calendar, wrong).startswith(f"{wrong}: rules[0].start: ")


def test_a_call_is_explained_by_a_list_of_rules_too(capsys, tmp_path):
    path = written(tmp_path, "a.yaml", RULES)
    status, out, _ = run(capsys, "explain", path, "--at", "2026-12-24T15:00", "--from", "11 99000-0003")
    assert status == 0
    assert out.splitlines() == [
        "A call from 5511*****0003 on Thursday 2026-12-24 15:00 (America/Sao_Paulo):",
        "  >     1  rings 5511*****0001 for 20 s",
        "  >     2  takes a message for d*****@example.com",
        "If nobody picks up: voicemail takes a message after 20 s of ringing.",
    ]
    west = run(capsys, "explain", path, "--at", "2026-12-24T11:30Z", "--timezone", "America/Manaus", "--json")
    assert [step["holds"] for step in json.loads(west[1])["steps"]] == [False, True]
    assert rejected(capsys, "explain", path, "--timezone", "Mars").startswith("--timezone: an IANA name")


def test_a_calendar_has_its_own_timezone(capsys, calendar):
    message = rejected(capsys, "explain", calendar, "--timezone", "America/Manaus")
    assert message == f"--timezone: {calendar} is a calendar, which has its own"


@pytest.mark.parametrize("command", [["rules"], ["draw", "-o", "x.svg"]])
def test_a_command_for_calendars_rejects_a_list_of_rules(capsys, tmp_path, command):
    path = written(tmp_path, "a.yaml", RULES)
    message = rejected(capsys, command[0], path, *command[1:])
    assert message == f"{path}: is a list of rules, and a calendar is needed"
