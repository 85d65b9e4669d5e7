"""Rules from Python and from mappings, and their validation."""

from __future__ import annotations

from datetime import UTC, time

import pytest

from airflow_provider_directcall.routing.rule_parsing import rule_from
from airflow_provider_directcall.routing.rules import Forward, HangUp, PlaySound, Voicemail

PHONE = "5511990000077"


def forward(**fields):
    return {"action": "forward", "to": PHONE, "priority": 1, **fields}


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({}, "action has to be one of forward, sound, voicemail, hangup, not None"),
        ({"action": "fwd"}, "not 'fwd'"),
        (["forward"], "a mapping or a rule is needed, not \\['forward'\\]"),
        ({"action": "forward", "priority": 1}, "to: is missing"),
        ({"action": "voicemail"}, "priority: is missing\n- email: is missing"),
        (
            forward(phone=PHONE),
            r"phone: is not known here; known: action, end, priority, record, sources, st",
        ),
        (forward(to="123"), "to: is too short"),
        (forward(to="08000000001"), "to: non-geographic numbers are not allowed"),
        (forward(priority=0), "priority: input should be greater than or equal to 1, not 0"),
        (forward(priority="1"), "priority: input should be a valid integer, not "),
        (forward(priority=True), "priority: input should be a valid integer, not "),
        (forward(wait_seconds=0), "wait_seconds: input should be greater than or equal to 1, not 0"),
        (forward(wait_seconds=601), "wait_seconds"),
        (forward(wait_seconds=1.5), "wait_seconds"),
        (forward(record="s"), "record: input should be a valid boolean, not 's'"),
        (forward(weekdays=[]), "weekdays: at least one day"),
        (forward(weekdays=""), "weekdays: 1 "),
        (forward(weekdays=0), "weekdays: 1 "),
        (forward(weekdays="8"), "weekdays: 1 "),
        (forward(weekdays="segunda"), "not 'segunda'"),
        (forward(weekdays=1.5), "weekdays: 1 .*not .1.5."),
        (forward(weekdays={"mon": 1}), "weekdays: one value or a list"),
        (forward(sources=[None]), "sources: one value or a list"),
        (forward(weekdays="5-1"), "weekdays: '5-1' runs backwards"),
        (forward(start="08:00"), "start, end: both"),
        (forward(end="08:00"), "start, end: both"),
        (forward(start="08:00", end="8:00"), "start, end: they are the same"),
        (forward(start="8", end="9"), "start: a time of day"),
        (forward(start=1080, end="9:00"), "start: a time of day"),
        (forward(start="8:00", end="24:00"), "end: a time of day"),
        (forward(start=time(8, 0, 30), end="9:00"), "start: .* without seconds"),
        (forward(start=time(8, tzinfo=UTC), end="9:00"), "start: .* without seconds and zone"),
        (forward(sources=[]), "sources: at least one"),
        (forward(sources=" ; "), "sources: at least one"),
        (forward(sources=[PHONE, "123"]), "sources: is too short"),
        ({"action": "sound", "sound_id": "7", "priority": 1}, "sound_id: input should be a valid integer, not '7'"),
        (
            {"action": "sound", "sound_id": 7, "moment": "middle", "priority": 1},
            "moment: .* 'start' or 'end', not 'middle'",
        ),
        ({"action": "voicemail", "email": "a@b", "priority": 1}, "email: an address"),
        ({"action": "voicemail", "email": None, "priority": 1}, "email: input should be a valid string, not None"),
    ],
)
def test_rule_validation_names_the_field(rule, named):
    with pytest.raises(ValueError, match=named):
        rule_from(rule)


@pytest.mark.parametrize("name", ["to", "sources", "weekdays", "start", "priority", "wait_seconds", "action", "email"])
@pytest.mark.parametrize("value", ["5511990000077123", 5511990000077123, 5511990000077.5], ids=["text", "int", "float"])
def test_rule_validation_shows_no_number(name, value):
    wrong = forward(**({"end": "8:00"} if name == "start" else {})) | {name: value}
    with pytest.raises(ValueError, match=name) as caught:
        rule_from(wrong)
    assert "990000077" not in str(caught.value)


def test_a_long_wrong_value_is_cut_in_the_error():
    with pytest.raises(ValueError, match=r"x\.\.\. \(the"):
        rule_from({"action": "x" * 1000})


@pytest.mark.parametrize(
    ("mapping", "rule"),
    [
        (forward(record=True, weekdays="1-5"), Forward(to=PHONE, priority=1, record=True, weekdays="1-5")),
        ({"action": "sound", "sound_id": 7, "priority": 2}, PlaySound(sound_id=7, priority=2)),
        ({"action": "voicemail", "email": "a@b.example", "priority": 3}, Voicemail(email="a@b.example", priority=3)),
        ({"action": "hangup", "priority": 4}, HangUp(priority=4)),
        (HangUp(priority=4), HangUp(priority=4)),
    ],
)
def test_a_mapping_is_the_same_as_the_rule(mapping, rule):
    assert rule_from(mapping) == rule


def test_numbers_are_not_in_the_repr():
    assert "990000077" not in repr(Forward(to=PHONE, sources=PHONE, priority=1))


def test_a_number_may_be_an_int_as_native_templates_make_it():
    assert Forward(to=int(PHONE), sources=int(PHONE), priority=1).to_wire().data == {
        "phone": PHONE,
        "wait": 30,
        "source": PHONE,
    }


@pytest.mark.parametrize("rule", [Voicemail(email="desk@example.com", priority=1), rule_from(forward(sources=PHONE))])
def test_rule_repr_holds_no_personal_data(rule):
    assert "desk@" not in repr(rule)
    assert PHONE not in repr(rule)
