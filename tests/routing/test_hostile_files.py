"""Files that never end, or grow without bound: our own errors only, in a bounded time."""

from __future__ import annotations

import time
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from airflow_provider_directcall.routing.calendars.files import load_calendar, load_routing, load_rules
from airflow_provider_directcall.routing.calendars.moments import parse_aware, parse_date, parse_moment
from airflow_provider_directcall.routing.cli import main
from airflow_provider_directcall.routing.rule_parsing import rule_from
from airflow_provider_directcall.routing.validation import CalendarError
from airflow_provider_directcall.runtime.number_rules.desired import desired_rules

LETTERS = "abcdefghijklmnopqrstuvwxyz"
#: Each list holds the one before nine times.
BOMB = "open: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name * 2}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(LETTERS)
)
MERGE_BOMB = "a0: &a0 {k: 1}\n" + "".join(
    f"a{index}: &a{index} {{<<: [{', '.join([f'*a{index - 1}'] * 9)}]}}\n" for index in range(1, 20)
)
YAML = {
    "a list in itself": "did: &x [*x]\n",
    "a mapping in itself": "open: &x\n  a: *x\n",
    "a mapping merged into itself": "open: &x\n  <<: *x\n",
    "aliases of aliases": BOMB,
    "merges of merges": MERGE_BOMB,
    "deep": "did:\n  " + "[" * 5000 + "]" * 5000,
    "a huge number": "did:\n  " + "9" * 5000,
    "a huge file": "did:\n  1 #" + "x" * 600_000,
    "a year too far": "did: x\noverrides:\n  - {name: x, begins: 9999-12-31, ends: 9999-12-31, as: open}\n",
}
JSON = {
    "deep": '{"did": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep, and still JSON": '{"did": ' + "[" * 900 + "]" * 900 + "}",
    "a huge number": '{"did": ' + "9" * 5000 + "}",
    "no number": '{"did": NaN}',
    "infinite": '{"did": 1e999}',
    "many keys": "{" + ",".join(f'"{index}":1' for index in range(40_000)) + "}",
}
TEXTS = {
    **{f"YAML: {name}": text for name, text in YAML.items()},
    **{f"JSON: {name}": text for name, text in JSON.items()},
}


@pytest.fixture(autouse=True)
def _quick():
    began = time.process_time()
    yield
    assert time.process_time() - began < 20


@pytest.mark.parametrize("load", [load_calendar, load_rules, load_routing])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_hostile_text_is_an_error_of_ours(load, text):
    with pytest.raises(CalendarError) as caught:
        load(text)
    assert len(str(caught.value)) < 100_000


@pytest.mark.parametrize("command", ["check", "explain", "rules"])
@pytest.mark.parametrize("name", TEXTS)
def test_the_command_fails_with_one_line(tmp_path, capsys, command, name):
    path = tmp_path / f"file.{name[:4].lower()}"
    path.write_text(TEXTS[name], encoding="utf-8")
    assert main([command, str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_without_end_is_not_read_to_its_end():
    with pytest.raises(CalendarError, match="larger than 500 kB"):
        load_calendar(Path("/dev/zero"))


def test_aliases_of_ordinary_size_stay_possible():
    rules = load_rules("did: '1130000001'\nrules:\n  - &x {action: hangup, priority: 1}\n  - {<<: *x, priority: 2}\n")[
        1
    ]
    assert [rule.priority for rule in rules] == [1, 2]


@pytest.mark.parametrize("parse", [parse_date, parse_moment, parse_aware])
@pytest.mark.parametrize("value", [date.max, date.min, "9999-12-31", "9999-12-31T23:59-03:00", "0001-01-01"])
def test_a_day_at_the_end_of_dates_is_rejected(parse, value):
    with pytest.raises(ValueError, match="is needed"):
        parse(value)


CALENDAR = """
did: '1130000001'
open: [{action: hangup}]
closed: [{action: hangup}]
hours: [{weekdays: 1-5, start: "08:00", end: "18:00"}]
"""
DEEP = "[" * 100_000 + "]" * 100_000
WRONG = {
    "deep rules": {"rules": DEEP, "did": "1130000001"},
    "deep emergency": {"calendar": CALENDAR, "emergency": DEEP},
    "huge horizon": {"calendar": CALENDAR, "horizon_days": "1e300"},
    "infinite horizon": {"calendar": {"did": "1130000001"}, "horizon_days": float("inf")},
    "last moment": {"calendar": "did: '1130000001'\nopen: []\n", "at": "9999-12-31T23:59:59-03:00"},
    "first moment": {"calendar": "did: '1130000001'\nopen: []\n", "at": "0001-01-01T00:00:00+00:00"},
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_a_hostile_argument_is_a_value_error(arguments):
    all_arguments = {"calendar": None, "rules": None, "did": None, "at": None, "horizon_days": 7, "emergency": None}
    now = datetime.fromisoformat("2026-11-23T09:00:00-03:00")
    with pytest.raises(ValueError, match=r"horizon_days|rules|emergency|at:|calendar"):
        desired_rules(**{**all_arguments, **arguments}, now=now, folder=None)


@pytest.mark.parametrize("value", [10**5000, float("inf"), float("nan"), -1], ids=["huge", "inf", "nan", "-1"])
@pytest.mark.parametrize("field", ["priority", "wait_seconds"])
def test_a_hostile_number_in_a_rule_is_a_value_error(field, value):
    with pytest.raises(ValueError, match=field):
        rule_from({"action": "forward", "to": "5511990000001", "priority": 1, field: value})
