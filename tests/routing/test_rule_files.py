"""The rules of a number from a file, without a calendar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from airflow_provider_directcall.routing.calendars import (
    CalendarError,
    RoutingCalendar,
    calendar_schema,
    load_routing,
    load_rules,
    routing_schema,
    rules_schema,
)
from airflow_provider_directcall.routing.rule_parsing import rule_from
from airflow_provider_directcall.routing.rules import Forward, HangUp, PlaySound, Voicemail

from .rule_specs import specs
from .schema_cases import assert_one_mistake_is_judged_alike, places

SCHEMA = Draft202012Validator(rules_schema())

YAML = """\
# The rules of the shop's line.
did: 1130000001
rules:
  - {action: forward, to: 5511990000001, wait_seconds: 20, priority: 1, weekdays: mon-fri, start: 8:00, end: 18:00}
  - {action: voicemail, email: desk@example.com, priority: 2, sources: [5511990000002]}
  - {action: sound, sound_id: 7, moment: end, priority: 9}
"""
RULES = (
    Forward(to="5511990000001", wait_seconds=20, priority=1, weekdays="mon-fri", start="8:00", end="18:00"),
    Voicemail(email="desk@example.com", priority=2, sources=("5511990000002",)),
    PlaySound(sound_id=7, moment="end", priority=9),
)
FULL: dict[str, Any] = {
    "$schema": "routing.json",
    "did": "1130000001",
    "rules": [
        {"action": "sound", "sound_id": 3, "moment": "start", "priority": 1, "weekdays": ["sat", 7]},
        {
            "action": "forward",
            "to": "5511990000001",
            "wait_seconds": 20,
            "record": True,
            "sources": ["5511990000002"],
            "priority": 2,
            "weekdays": "1-5",
            "start": "08:00",
            "end": "18:00",
        },
        {"action": "voicemail", "email": "desk@example.com", "priority": 3, "start": None, "end": None},
        {"action": "hangup", "priority": 4, "weekdays": None, "sources": None},
    ],
}
CALENDAR = {"did": "1130000001", "open": [{"action": "hangup"}], "closed": [{"action": "hangup"}], "hours": []}


def read(doc: object) -> object:
    return load_rules(json.dumps(doc)) if isinstance(doc, dict) else load_rules(yaml.safe_dump(doc))


def problems(text: str | Path) -> tuple[str, ...]:
    with pytest.raises(CalendarError) as caught:
        load_rules(text)
    return caught.value.problems


def test_all_problems_are_reported_at_once_each_with_its_path():
    doc = {
        "did": "12",
        "rule": [],
        "rules": [
            {"action": "forward", "to": "5511990000001", "priority": 0},
            {"action": "forward", "to": "5511990000001", "priority": 1, "when": "mon"},
            {"action": "hangup"},
            "hangup",
            {"action": "hangup", "priority": 5, "start": "25:00", "end": "26:00"},
            {"action": "voicemail", "email": 5, "priority": 5},
        ],
    }
    found = problems(json.dumps(doc))
    assert [problem.partition(":")[0] for problem in found] == [
        "did",
        "rules[0].priority",
        "rules[1].when",
        "rules[2].priority",
        "rules[3]",
        "rules[4].start",
        "rules[4].end",
        "rules[5].email",
        "rule",
    ]
    known = "action, end, priority, record, sources, start, to, wait_seconds, weekdays"
    assert found[2] == f"rules[1].when: is not known here; known: {known}"
    assert found[3].endswith("is missing")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "rules: a mapping with the key rules is needed, not None"),
        ("- {action: hangup, priority: 1}\n", "rules: a mapping with the key rules is needed"),
        ("did: 1130000001\n", "rules: is missing"),
        ("rules: []\n", "rules: list should have at least 1 item, not 0"),
        ("rules: {action: hangup}\n", "rules: input should be a valid list, not {'action'"),
        ("rules: [\n", "file: is no YAML in line 2"),
        ('{"rules": 1, "rules": 2}', "file: 'rules' is repeated"),
    ],
)
def test_an_invalid_list_of_rules_is_rejected(text, problem):
    (found,) = problems(text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{action: forward, to: [5511990000001], priority: 1}]\n",
        "did: 55119900000011\nrules: [{action: hangup, priority: 5511990000001}]\n",
        "rules: [{action: hangup, priority: 1, '5511990000001': 1, weekdays: '5511990000001'}]\n",
    ],
)
def test_no_error_shows_a_number_in_full(text):
    assert "99000000" not in " ".join(problems(text))


@pytest.mark.parametrize("name", ["rules.yaml", "rules.json"])
def test_a_file_and_its_text_give_the_number_and_its_rules(tmp_path, name):
    text = YAML if name.endswith("yaml") else json.dumps(yaml.load(YAML, Loader=yaml.BaseLoader) | {"rules": _plain()})
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    for source in (file, str(file), text):
        did, rules = load_rules(source)
        assert (did, [rule.to_wire() for rule in rules]) == ("1130000001", [rule.to_wire() for rule in RULES])


def _plain() -> list[dict[str, object]]:
    common = [{"priority": rule.priority} for rule in RULES]
    return [
        {"action": "forward", "to": 5511990000001, "wait_seconds": 20, "weekdays": "1-5", "start": "08:00"}
        | {"end": "18:00"}
        | common[0],
        {"action": "voicemail", "email": "desk@example.com", "sources": "5511990000002"} | common[1],
        {"action": "sound", "sound_id": 7, "moment": "end"} | common[2],
    ]


def test_the_number_may_be_left_out():
    assert load_rules("rules: [{action: hangup, priority: 1}]\n") == (None, (HangUp(priority=1),))


def test_a_file_is_known_by_its_key():
    assert load_routing(YAML) == load_rules(YAML)
    assert isinstance(load_routing(json.dumps(CALENDAR)), RoutingCalendar)


@settings(max_examples=100, deadline=None)
@given(st.lists(specs(sound_id=5), min_size=1, max_size=3))
def test_a_rule_of_a_file_is_the_rule_of_python(made):
    docs = [_texts(spec.rule) for spec in made]
    doc = json.loads(json.dumps({"rules": docs}))
    _, rules = load_rules(json.dumps(doc))
    assert [rule.to_wire() for rule in rules] == [rule_from(each.rule).to_wire() for each in made]
    assert [(rule.to_wire().action, dict(rule.to_wire().data)) for rule in rules] == [
        (each.action, each.data) for each in made
    ]
    assert SCHEMA.is_valid(doc)


def _texts(rule: dict[str, object]) -> dict[str, object]:
    """As JSON has it: a time is a text, a tuple a list."""
    return {
        name: f"{value:%H:%M}" if name in ("start", "end") and not isinstance(value, str) else value
        for name, value in rule.items()
    }


class TestSchema:
    def test_the_published_schema_takes_both_kinds_of_files(self):
        published = routing_schema()
        Draft202012Validator.check_schema(published)
        both, of_calendars = Draft202012Validator(published), Draft202012Validator(calendar_schema())
        assert both.is_valid(FULL)
        assert both.is_valid(CALENDAR)
        assert SCHEMA.is_valid(FULL)
        assert of_calendars.is_valid(CALENDAR)
        assert not SCHEMA.is_valid(CALENDAR)
        assert not of_calendars.is_valid(FULL)
        assert not both.is_valid(CALENDAR | FULL)

    def test_the_full_document_is_good_for_both(self):
        assert len(load_rules(json.dumps(FULL))[1]) == 4
        assert SCHEMA.is_valid(FULL)

    @pytest.mark.parametrize("path", list(places(FULL)), ids=lambda path: ".".join(map(str, path)))
    def test_one_stray_value_or_missing_or_unknown_key_is_judged_alike(self, path):
        assert_one_mistake_is_judged_alike(read, SCHEMA, FULL, path)
