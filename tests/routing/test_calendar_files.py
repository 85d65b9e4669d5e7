from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from airflow_provider_directcall.routing.calendars.files import calendar_from, calendar_schema, load_calendar
from airflow_provider_directcall.routing.validation import CalendarError

from .calendar_specs import Doc, documents
from .schema_cases import STRAY, assert_agreement, assert_one_mistake_is_judged_alike, inside, places

PATIENT = settings(deadline=None, max_examples=100)  # the first holiday that is looked up loads the library behind it
SCHEMA = Draft202012Validator(calendar_schema())

YAML = """\
# The shop's line.
did: 1130000001
open:
  - {action: forward, to: 5511990000001, wait_seconds: 20}
  - &mail {action: voicemail, email: desk@example.com}
closed: [*mail]
hours:
  - weekdays: mon-fri
    start: 18:00
    end: 22:30
holidays:
  state: SP
  own_dates:
    2026-01-26: Aniversário
part_days:
  - {day: 2026-12-24, from: 12:00}
overrides:
  - name: Black Friday
    begins: 2026-11-27
    ends: 2026-11-27 23:00
    as: open
emergency: ~
"""
SMALL: Doc = {
    "did": "1130000001",
    "open": [{"action": "hangup"}],
    "closed": [{"action": "hangup"}],
    "hours": [],
}
FULL: Doc = {
    "$schema": "routing-calendar.json",
    "did": "1130000001",
    "timezone": "America/Sao_Paulo",
    "open": [
        {"action": "sound", "sound_id": 3, "moment": "start"},
        {"action": "forward", "to": "5511990000001", "wait_seconds": 20, "record": True, "sources": ["5511990000002"]},
    ],
    "closed": [{"action": "voicemail", "email": "desk@example.com", "sources": "5511990000003"}, {"action": "hangup"}],
    "holiday": [{"action": "hangup", "sources": None}],
    "hours": [{"weekdays": "1-5", "start": "08:00", "end": "24:00"}, {"weekdays": ["sat", 7]}],
    "holidays": {"state": "RJ", "optional_days": ["carnival"], "own_dates": {"2026-03-01": "Aniversário"}},
    "part_days": [{"day": "ash_wednesday", "until": "12:00"}, {"day": "Natal", "from": "12:00"}],
    "overrides": [
        {"name": "Sale", "begins": "2026-11-27", "ends": "2026-11-28", "as": "open"},
        {
            "name": "Fair",
            "begins": "2026-10-27T08:00",
            "ends": "2026-10-27T18:00-03:00",
            "chain": [{"action": "hangup"}],
        },
    ],
    "emergency": {"chain": [{"action": "hangup"}], "until": "2026-03-01T10:00:00-03:00", "reason": "fire"},
}


def problems(text: str | Path) -> tuple[str, ...]:
    with pytest.raises(CalendarError) as caught:
        load_calendar(text)
    return caught.value.problems


def is_taken(doc: object) -> bool:
    try:
        calendar_from(doc)
    except CalendarError:
        return False
    return True


class TestReading:
    def test_plain_texts_of_yaml_stay_texts(self):
        calendar = load_calendar(YAML)
        assert (calendar.hours[0].start, calendar.hours[0].end) == ("18:00", "22:30")
        assert calendar.part_days[0].day == date(2026, 12, 24)
        assert calendar.holidays is not None
        assert calendar.holidays.own_dates == {date(2026, 1, 26): "Aniversário"}
        assert [rule.to_wire().action for rule in (*calendar.open, *calendar.closed)] == [
            "fwd",
            "voicemail",
            "voicemail",
        ]
        assert calendar.open[0].to_wire().data["phone"] == "5511990000001"

    @pytest.mark.parametrize("number", ["04130000001", "041 30000001", "+55 41 3000-0001", "4130000001"])
    def test_a_number_of_yaml_is_its_digits(self, number):
        assert load_calendar(YAML.replace("1130000001", number)).did == "4130000001"

    def test_a_merge_key_can_be_overruled(self):
        text = YAML.replace(
            "overrides:", "overrides:\n  - &x {name: Fair, begins: 2026-10-01, ends: 2026-10-01, as: open}"
        )
        text = text.replace("emergency: ~", "  - {<<: *x, begins: 2026-10-03, ends: 2026-10-03}")
        assert [override.begins for override in load_calendar(text).overrides][::2] == [
            date(2026, 10, 1),
            date(2026, 10, 3),
        ]

    @pytest.mark.parametrize("name", ["line.json", "line.JSON", "line.yaml", "line.yml"])
    @pytest.mark.parametrize("kind", [Path, str])
    def test_a_file_is_json_or_yaml_by_its_name(self, tmp_path, name, kind):
        text = json.dumps(FULL) if name.lower().endswith("json") else YAML
        file = tmp_path / name
        file.write_text("\ufeff" + text, encoding="utf-8")
        assert load_calendar(kind(file)) == load_calendar(text)

    def test_json_and_yaml_of_one_document_are_one_calendar(self):
        assert load_calendar(json.dumps(FULL)) == load_calendar(yaml.safe_dump(FULL)) == calendar_from(FULL)

    def test_a_calendar_is_itself(self):
        calendar = load_calendar(YAML)
        assert calendar_from(calendar) is calendar

    def test_a_file_that_is_not_there_is_an_error_of_the_system(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            load_calendar(tmp_path / "none.yaml")

    def test_a_file_in_another_encoding_is_rejected_by_its_name(self, tmp_path):
        file = tmp_path / "line.yaml"
        file.write_bytes("name: Aniversário".encode("latin-1"))
        assert problems(file) == ("file: line.yaml is no text in UTF-8",)


class TestRejecting:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "calendar: a mapping is needed, not None"),
            ("- a\n", "calendar: a mapping is needed, not ['a']"),
            ("did: 1\ndid: 2\n", "file: is no YAML in line 2, column 1: did is repeated"),
            ("did: 1\n1: 2\n", "file: is no YAML in line 2, column 1: a key has to be a text"),
            ("? [a]\n: 2\n", "file: is no YAML in line 1, column 3: a key has to be a text"),
            ("did: [1\n", "file: is no YAML in line 2, column 1: expected"),
            ("did: *x\n", "file: is no YAML in line 1, column 6: found undefined alias"),
            (
                "did: !!python/name:os.system x\n",
                "file: is no YAML in line 1, column 6: could not determine a constructor",
            ),
            ("did: 1\n---\ndid: 2\n", "file: is no YAML in line 2, column 1: but found another document"),
            ("did: \x00\n", "file: is no YAML: ReaderError"),
            ("did: !!timestamp x\n", "file: is no YAML in line 1, column 6: could not determine a constructor"),
            ("did: !!int x\n", "file: is no YAML: ValueError"),
            ("did: !!bool x\n", "file: is no YAML: KeyError"),
            ("a: " + "[" * 5000 + "\n", "file: is no YAML: RecursionError"),
            ('{"did": }', "file: is no JSON in line 1, column 9: Expecting value"),
            ('{"did": 1, "did": 2}', "file: 'did' is repeated in one mapping"),
            ('{"did":' + "[" * 200_000, "file: is no JSON that can be read: it is nested too deep"),
        ],
    )
    def test_an_invalid_document_is_rejected_with_its_place(self, text, problem):
        (found,) = problems(text)
        assert found.startswith(problem)

    def test_all_problems_are_reported_at_once_each_with_its_path(self):
        text = json.dumps(
            {
                "did": "1130000001",
                "opne": [],
                "closed": [{"action": "forward", "to": "5511990000001", "wait": 3}],
                "hours": [{"weekdays": 1, "start": "25:00", "end": "9:00"}, {"weekday": 1}],
                "overrides": [
                    SALE,
                    SALE | {"ends": None, "as": "shut"},
                    {"name": "x", "begins": "2026-01-01", "as": "open"},
                ],
                "part_days": [{"day": "Natal"}],
                "emergency": {"chain": []},
            }
        )
        assert [problem.partition(":")[0] for problem in problems(text)] == [
            "open",
            "closed[0].wait",
            "hours[0].start",
            "hours[1].weekdays",
            "hours[1].weekday",
            "part_days[0].from, until",
            "overrides[1].ends",
            "overrides[1].as",
            "overrides[2].ends",
            "emergency.chain",
            "opne",
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "did: 55119900000011\n",
            "did: *5511990000001\n",
            "5511990000001: 1\n'5511990000001': 2\n",
            '{"5511990000001": 1, "5511990000001": 2}',
            '{"did": "5511990000001"',
            "overrides: [{name: '5511990000001', ends: '5511990000001', as: 5511990000001}]\n",
            "hours: ['5511990000001', {weekdays: 5511990000001, start: '5511990000001'}]\n",
            "open: [{action: forward, to: [5511990000001]}, {action: 5511990000001}]\n",
            "open: [{action: hangup, '5511990000001': 1}]\n",
            "holidays: {state: '5511990000001', own_dates: {'5511990000001': x}}\n",
            "timezone: '5511990000001'\n",
            "part_days: [{day: '5511990000001', until: '12:00'}]\n",
        ],
    )
    def test_no_error_shows_a_number_in_full(self, text):
        assert "99000000" not in " ".join(problems(text))


SALE: Doc = {"name": "Sale", "begins": "2026-11-27", "ends": "2026-11-27", "as": "open"}


class TestSchema:
    def test_it_is_a_schema_of_its_draft(self):
        Draft202012Validator.check_schema(calendar_schema())
        assert calendar_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"

    @pytest.mark.parametrize("doc", [SMALL, FULL, SMALL | {"holiday": None, "holidays": None, "emergency": None}])
    def test_a_good_document_is_good_for_both(self, doc):
        assert is_taken(doc)
        assert SCHEMA.is_valid(doc)

    @PATIENT
    @given(documents())
    def test_the_schema_accepts_all_that_the_loader_accepts(self, made):
        assert is_taken(made[0])
        assert SCHEMA.is_valid(made[0])

    @pytest.mark.parametrize("path", list(places(FULL)), ids=lambda path: ".".join(map(str, path)))
    def test_one_stray_value_or_missing_or_unknown_key_is_judged_alike(self, path):
        assert_one_mistake_is_judged_alike(calendar_from, SCHEMA, FULL, path)

    @PATIENT
    @given(documents(), st.data())
    def test_two_mistakes_in_any_document_are_judged_alike(self, made, data):
        doc = copy.deepcopy(made[0])
        for _ in range(2):
            path = data.draw(st.sampled_from(list(places(doc))))
            inside(doc, path[:-1])[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(STRAY)))
        assert_agreement(calendar_from, SCHEMA, doc, (), None)
