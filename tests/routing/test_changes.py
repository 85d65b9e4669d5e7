"""Changes by one desired rule: the live rule to change, its new fields, and equal spellings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.errors import DirectcallRuleError
from airflow_provider_directcall.routing.comparison import differences
from airflow_provider_directcall.routing.plans.changes import plan_change
from airflow_provider_directcall.routing.rules import Forward, HangUp, Voicemail

from .number import RULE_ID

PHONE = "5511990000077"
FORWARD = Forward(to=PHONE, wait_seconds=20, priority=1)


def live(rule_id="1", *, priority=1, action="fwd", **data):
    return Rule(action=action, data=data, priority=priority, rule_id=rule_id)


def test_an_unknown_id_names_those_there_are():
    with pytest.raises(DirectcallRuleError, match=r"no rule '9'; its rules are: 1, 2"):
        plan_change([live("1"), live("2")], FORWARD, "9")


def test_a_number_without_rules_says_so():
    with pytest.raises(DirectcallRuleError, match="its rules are: none"):
        plan_change([], FORWARD, "9")


def test_several_rules_at_the_priority_are_named_and_none_is_chosen():
    with pytest.raises(DirectcallRuleError, match="several rules have priority 1: 1, 3; name one with rule_id"):
        plan_change([live("1"), live("2", priority=2), live("3")], FORWARD)


def test_an_id_chooses_among_several_at_a_priority():
    change = plan_change([live("1"), live("3")], FORWARD, "3")
    assert change.after.rule_id == "3"


def test_no_rule_at_the_priority_means_a_new_one():
    change = plan_change([live(priority=2)], FORWARD)
    assert (change.before, change.after.rule_id, change.is_needed) == (None, None, True)
    assert change.fields == ("phone", "wait")


def test_an_id_can_be_moved_to_another_priority():
    change = plan_change([live(priority=7, phone=PHONE, wait=20)], FORWARD, "1")
    assert (change.fields, change.after.priority) == (("priority",), 1)


def test_change_drops_our_other_fields_and_keeps_unknown_ones():
    before = live(phone=PHONE, wait=5, record="s", week="1", start="08:00", end="09:00", source=PHONE, fila={"a": [1]})
    change = plan_change([before], Voicemail(email="a@example.com", priority=1))
    assert change.after.data == {"fila": {"a": [1]}, "email": "a@example.com"}
    assert change.fields == ("action", "email", "end", "phone", "record", "source", "start", "wait", "week")


def test_change_empties_the_old_fields_when_no_data_is_left():
    change = plan_change([live(phone=PHONE, week="1", record="")], HangUp(priority=1))
    assert change.after.data == {"phone": "", "week": "", "record": ""}


def test_change_is_not_needed_when_fields_are_empty_already():
    assert not plan_change([live(action="hangup", phone="", week=None)], HangUp(priority=1)).is_needed


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("wait", 12, "12"),
        ("wait", "012", 12),
        ("soundId", "150", 150),
        ("phone", "5511990000077", "+55 (11) 99000-0077"),
        ("phone", "551130000001", 1130000001),
        ("record", "n", None),
        ("record", "n", ""),
        ("week", "1,2,5", "5,1,2"),
        ("week", "1,2,3,4,5,6,7", None),
        ("week", "", None),
        ("start", "8:00", "08:00:00"),
        ("end", "08:00", "8:00"),
        ("source", "5511990000001;5511990000002", "11990000002;11990000001"),
        ("novo", True, "true"),
        ("novo", False, "false"),
        ("novo", [1, None, "b"], {"0": "1", "2": "b"}),
        ("novo", {"a": {"b": None}}, None),
        ("novo", 1.5, "1.5"),
    ],
)
def test_spellings_of_the_same(name, one, other):
    assert not differences(live(**{name: one}), live(**{name: other}))


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("wait", 12, 13),
        ("wait", "soon", "later"),
        ("phone", "5511990000077", "5511990000078"),
        ("phone", "login7", None),
        ("phone", {"a": "b"}, {"a": "c"}),
        ("record", "s", "n"),
        ("week", "1,2", "1"),
        ("week", "feriado", "1"),
        ("start", "08:00", "08:00:30"),
        ("source", "5511990000001;5511990000002", "5511990000001"),
        ("email", "a@example.com", "b@example.com"),
        ("novo", 0, None),
        ("novo", False, None),
        ("novo", [1, 2], [2, 1]),
    ],
)
def test_differences_are_named(name, one, other):
    assert differences(live(**{name: one}), live(**{name: other})) == (name,)
    assert differences(live(**{name: other}), live(**{name: one})) == (name,)


def test_the_place_and_the_action_count_and_the_id_does_not():
    assert differences(live("1"), live("2", priority=2, action="hangup")) == ("action", "priority")
    assert not differences(live("1"), live("2"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)  # the first number that is read loads the library behind it
@given(st.dictionaries(st.sampled_from(["phone", "wait", "week", "start", "source", "soundId", "novo"]), json_values))
def test_any_live_rule_equals_itself_and_a_change_keeps_unknown_fields(data):
    before = live(**data)
    assert not differences(before, live(**data))
    try:
        change = plan_change([before], FORWARD)
    except DirectcallRuleError as error:
        if "values that are not understood and would be lost" not in str(error):
            raise
        return
    assert ("novo" in change.after.data) == ("novo" in data)
    assert change.after.data.get("novo") == data.get("novo")


def test_the_change_of_the_first_rule_is_found_over_http(number):
    assert number.plan(action="hangup", priority=1).after.rule_id == RULE_ID
