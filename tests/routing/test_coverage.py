"""Coverage of a week by rules, and descriptions of its gaps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.plans.coverage import Service, Week, serve, unserved

from .line import calls, met
from .rule_sets import live_rules

PHONE = "5511990000011"
EVERY_DAY = "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"


def rule(action="fwd", priority=1, **data):
    return Rule(action, {"phone": PHONE, **data}, priority, "1")


@pytest.mark.parametrize(
    ("live", "reference", "words"),
    [
        ({}, {}, []),
        ({"week": "1,2,3,4,5"}, {}, ["Saturday, Sunday 00:00-24:00 (anybody else)"]),
        ({"start": "08:00", "end": "18:00"}, {}, [f"{EVERY_DAY} 00:00-08:00, 18:00-24:00 (anybody else)"]),
        ({"start": "18:00", "end": "08:00"}, {}, [f"{EVERY_DAY} 08:00-18:00 (anybody else)"]),
        ({"start": "18:00", "end": "00:00"}, {"week": "7"}, ["Sunday 00:00-18:00 (anybody else)"]),
        ({"start": "18:00"}, {"week": "7"}, ["Sunday 00:00-18:00 (anybody else)"]),
        ({"end": "18:00"}, {"week": "7"}, ["Sunday 18:00-24:00 (anybody else)"]),
        ({"start": "08:00", "end": "08:00"}, {}, []),
        ({"source": "5541990000021"}, {"week": "7"}, ["Sunday 00:00-24:00 (anybody else)"]),
        (
            {"week": "1"},
            {"week": "2", "source": "5541990000021;5541990000022"},
            ["Tuesday 00:00-24:00 (2 listed callers)"],
        ),
        ({"week": "1"}, {"week": "feriado"}, ["'feriado' 00:00-24:00 (anybody else)"]),
        ({"week": "1"}, {"week": "2", "start": "cedo", "end": "18:00"}, ["Tuesday cedo-18:00 (anybody else)"]),
        ({"week": "1"}, {"week": {"dia": "2"}}, ["""'{"dia": "2"}' 00:00-24:00 (anybody else)"""]),
    ],
)
def test_unserved_describes_the_gaps(live, reference, words):
    assert unserved([rule(**live)], [rule(**reference)]) == words


def test_unserved_ignores_times_that_only_one_reference_serves():
    assert unserved([], [rule(week="1,2")], [rule(week="2,3")]) == ["Tuesday 00:00-24:00 (anybody else)"]


def test_unserved_without_rules_is_the_whole_week():
    assert unserved([], [rule()]) == [f"{EVERY_DAY} 00:00-24:00 (anybody else)"]


@pytest.mark.parametrize(
    ("action", "data", "service"),
    [
        ("fwd", {}, Service.TAKEN),
        ("voicemail", {}, Service.TAKEN),
        ("ura", {}, Service.TAKEN),
        ("hangup", {}, Service.HANG_UP),
        ("sound", {"moment": "end"}, Service.TAKEN),
        ("sound", {"moment": "start"}, Service.SOUND_ONLY),
        ("sound", {}, Service.SOUND_ONLY),
    ],
)
def test_service_of_a_rule(action, data, service):
    only = rule(action, **data)
    assert Week([only]).place(only).service is service


def test_a_rule_without_a_priority_is_tried_last():
    rules = [rule("hangup", None), rule("fwd", 7)]
    assert Week(rules).served(rules).levels[2]


@settings(max_examples=80, deadline=None)
@given(live_rules())
def test_cells_agree_with_single_calls(rules):
    for call in calls(rules):
        day, minute = str(call.at.isoweekday()), f"{call.at:%H:%M}"
        after = f"{call.at.hour:02}:{call.at.minute + 1:02}"
        alone = Rule("fwd", {"week": day, "start": minute, "end": after, "source": call.source}, 1, "x")
        week = Week([*rules, alone])
        placed = sorted(map(week.place, rules), key=lambda each: each.priority)
        levels = serve(placed, week.place(alone).holds).levels
        assert sum(map(bool, levels)) == met(rules, call)
