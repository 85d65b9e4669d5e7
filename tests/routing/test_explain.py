from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.files import calendar_from
from airflow_provider_directcall.routing.explaining.explain import Ending, explain, explain_calendar
from airflow_provider_directcall.routing.plans.coverage import Week
from airflow_provider_directcall.routing.rules import Forward, HangUp, PlaySound, Voicemail
from airflow_provider_directcall.sandbox.incoming_calls import IncomingCall, answer
from airflow_provider_directcall.sandbox.records import RuleRecord

from .calendar_cases import DOC
from .calendar_specs import CALLERS, DAYS, documents, meaning

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
FRIDAY = datetime(2026, 12, 18, 15, 4, tzinfo=SAO_PAULO)
STRANGER = "5511990000099"


def live(action: str, data: dict[str, object], priority: int | None = 1, **more: Any) -> Rule:
    return Rule(action=action, data=data, priority=priority, **more)  # type: ignore[arg-type]


def at(rules: Any, caller: str | None = STRANGER, moment: datetime = FRIDAY) -> Any:
    return explain(rules, caller, moment, zone=SAO_PAULO)


def test_who_is_listed_is_read_as_the_safe_order_reads_it():
    """Explanations and the cells of a plan evaluate rules alike."""
    odd = live("fwd", {"phone": "5511990000001", "source": "11 99000-0091;reception", "start": "8:00", "end": "00:00"})
    week = Week([odd, live("hangup", {"source": "5511990000091"}), live("hangup", {"source": "5511990000092"})])
    listed, other = (week.place(live("hangup", {"source": f"551199000009{n}"})).holds for n in (1, 2))
    assert [bool(week.place(odd).holds & cells) for cells in (listed, other)] == [True, False]
    assert [bool(at([odd], caller=f"551199000009{n}").tried) for n in (1, 2)] == [True, False]


# Invalid arguments.


def test_a_moment_without_a_zone_is_rejected():
    with pytest.raises(ValueError, match=r"^moment: an aware datetime"):
        at([], moment=datetime(2026, 12, 18))


def test_a_caller_who_is_no_number_is_rejected_without_showing_it():
    with pytest.raises(ValueError, match=r"^caller: ") as caught:
        at([], caller="119900000")
    assert "119900000" not in str(caught.value)


def test_without_rules_the_call_is_unanswered():
    explanation = at([])
    assert (explanation.ending, explanation.waited_seconds, explanation.tried) == (Ending.NOBODY, 0, ())
    assert explanation.as_text() == (
        "A call from 5511*****0099 on Friday 2026-12-18 15:04 (America/Sao_Paulo):\nIf nobody picks up: nobody answers."
    )


def test_forwards_alone_leave_the_call_unanswered_after_all_ringing():
    rules = [Forward(priority=1, to="5511990000001", wait_seconds=20), Forward(priority=2, to="5511990000002")]
    explanation = at(rules)
    assert (explanation.ending, explanation.waited_seconds) == (Ending.NOBODY, 50)
    assert explanation.as_text().endswith("If nobody picks up: nobody answers after 50 s of ringing.")


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"week": "seg-sex"}, "weekdays: 'seg-sex' cannot be read, so they are taken not to hold"),
        ({"start": "8h", "end": "18:00"}, "time: '8h' to '18:00' cannot be read, so it is taken not to hold"),
        ({"week": {"from": "1"}}, "weekdays: "),
    ],
)
def test_unreadable_conditions_are_reported(condition, why):
    step = at([live("hangup", condition)]).steps[0]
    assert not step.holds
    assert step.fails[0].startswith(why)


def test_an_unknown_action_takes_the_call_and_its_fields_are_named():
    explanation = at([live("queue", {"size": 3}), live("hangup", {}, 2)])
    assert explanation.ending is Ending.UNKNOWN
    assert explanation.steps[0].remarks == ("fields that are not known here and may be conditions: 'size'",)
    assert "does 'queue', which is not known here" in explanation.as_text()
    assert "1 more rule is not looked at." in explanation.as_text()


def test_unknown_fields_and_the_unexplained_timeout_make_it_less_than_sure():
    step = at([live("hangup", {"nights": "s", "week": "5"}, timeout=30)]).steps[0]
    assert step.holds
    assert step.remarks == ("fields that are not known here and may be conditions: 'nights', 'timeout'",)


def test_rules_at_one_priority_are_tried_as_given_with_a_remark():
    explanation = at([live("voicemail", {"email": "a@example.com"}, rule_id="7"), live("hangup", {}, rule_id="3")])
    assert explanation.tried[0].rule_id == "7"
    assert explanation.steps[0].remarks == (
        "another rule has the same priority; which of them is tried first is not known",
    )
    assert "note: another rule" in explanation.as_text()


def test_a_rule_without_priority_is_the_last():
    explanation = at([live("hangup", {}, None), live("sound", {"soundId": 3}, 900)])
    assert [rule.action for rule in explanation.tried] == ["sound", "hangup"]
    assert "  >     -  hangs up" in explanation.as_text()


@pytest.mark.parametrize("wait", [{}, {"wait": "soon"}])
def test_a_forward_without_a_wait_is_assumed_to_ring_30_seconds(wait):
    explanation = at([live("fwd", {"phone": "5511990000001", **wait})])
    assert explanation.waited_seconds == 30
    assert "for 30 s (assumed: it does not say how long)" in explanation.as_text()


# Why a rule does not hold.


def test_every_failed_condition_is_reported():
    rule = Forward(
        priority=1, to="5511990000001", weekdays="1-4", start="16:00", end="18:00", sources=["5511990000091"]
    )
    assert at([rule]).steps[0].fails == (
        "weekdays: it is Friday, and the rule is for Monday to Thursday",
        "time: 15:04 is not in 16:00-18:00",
        "callers: the number is not among the 1 listed",
    )


def test_a_withheld_number_is_on_no_list():
    rules = [HangUp(priority=1, sources=[STRANGER]), Voicemail(priority=2, email="a@example.com")]
    explanation = at(rules, caller=None)
    assert explanation.ending is Ending.VOICEMAIL
    assert explanation.steps[0].fails == ("callers: the number is withheld, so it is not among the 1 listed",)
    assert explanation.as_text().startswith("A call from a withheld number on ")


def test_callers_that_are_no_numbers_leave_the_others_valid():
    explanation = at([live("hangup", {"source": "office;11990000099"})])
    assert explanation.ending is Ending.HUNG_UP


@pytest.mark.parametrize(
    ("hour", "holds"),
    [(21, False), (22, True), (23, True)],
)
def test_over_midnight_the_weekday_is_that_of_the_call(hour, holds):
    rule = HangUp(priority=1, weekdays="fri", start="22:00", end="06:00")
    assert at([rule], moment=FRIDAY.replace(hour=hour)).steps[0].holds is holds
    # Friday's own early hours, not Saturday's.
    assert at([rule], moment=FRIDAY.replace(hour=3)).steps[0].holds
    assert not at([rule], moment=FRIDAY.replace(hour=3) + timedelta(days=1)).steps[0].holds


def test_the_clock_is_that_of_the_zone():
    explanation = at([HangUp(priority=1, start="15:00", end="16:00")], moment=datetime(2026, 12, 18, 18, 4, tzinfo=UTC))
    assert explanation.steps[0].holds
    assert "15:04 (America/Sao_Paulo)" in explanation.as_text()


# Output.


def test_numbers_and_addresses_are_masked_unless_wanted():
    rules = [
        Forward(priority=1, to="5511990000001", record=True),
        PlaySound(priority=2, sound_id=4, moment="end"),
        Voicemail(priority=3, email="desk@example.com"),
    ]
    explanation = at(rules)
    for shown in (explanation.as_text(), json.dumps(explanation.as_json()), repr(explanation)):
        assert "5511990000001" not in shown
        assert STRANGER not in shown
        assert "desk@" not in shown
    for shown in (explanation.as_text(include_numbers=True), json.dumps(explanation.as_json(include_numbers=True))):
        assert "5511990000001" in shown
        assert STRANGER in shown
    assert "rings 5511*****0001 for 30 s and records the call" in explanation.as_text()
    assert "plays sound 4 and ends the call" in explanation.as_text()
    assert "a sound ends the call after 30 s of ringing" in explanation.as_text()


def test_json_has_every_rule_that_was_looked_at():
    rules = [HangUp(priority=5, weekdays="6"), Voicemail(priority=6, email="a@example.com"), HangUp(priority=7)]
    shown = at(rules).as_json()
    assert [(step["rule"]["priority"], step["holds"]) for step in shown["steps"]] == [(5, False), (6, True)]
    assert (shown["ending"], shown["untried"], shown["waited_seconds"]) == ("voicemail", 1, 0)
    assert shown["moment"] == "2026-12-18T15:04:00-03:00"


# The same, computed by the sandbox, which shares no code with this.

sources = st.lists(st.sampled_from([*CALLERS, STRANGER]), min_size=1, max_size=2, unique=True).map(";".join)
clock = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")
conditions = st.fixed_dictionaries(
    {},
    optional={
        "week": st.lists(st.integers(1, 7), min_size=1, max_size=6, unique=True).map(
            lambda days: ",".join(map(str, sorted(days)))
        ),
        "start": clock,
        "end": clock,
        "source": sources,
    },
)
deeds = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 60)).map(
        lambda two: ("fwd", {"phone": f"551199000000{two[0]}", "wait": two[1]})
    ),
    st.sampled_from(["start", "end"]).map(lambda moment: ("sound", {"soundId": 5, "moment": moment})),
    st.just(("sound", {"soundId": 6})),
    st.just(("voicemail", {"email": "desk@example.com"})),
    st.just(("hangup", {})),
)
live_rules = st.lists(st.tuples(deeds, conditions, st.integers(1, 50)), max_size=7)


@given(live_rules, st.integers(0, 7 * 48 - 1), st.sampled_from([*CALLERS, STRANGER]))
def test_explanations_agree_with_the_sandbox(rules, half_hour, caller):
    named = [
        (str(index), priority, action, {**data, **when}) for index, ((action, data), when, priority) in enumerate(rules)
    ]
    moment = datetime(2026, 12, 14, tzinfo=SAO_PAULO) + timedelta(minutes=30 * half_hour)
    explanation = at([live(action, data, place, rule_id=name) for name, place, action, data in named], caller, moment)
    records = [
        RuleRecord(rule_id=name, did="1130000001", priority=place, action=action, data=data, extra={})
        for name, place, action, data in sorted(named, key=lambda rule: rule[1])
    ]
    phones = [f"551199000000{n}" for n in range(10)]
    call = IncomingCall(source=caller, at=moment.replace(tzinfo=None), unanswered=phones)
    expected = answer(records, call)
    assert [rule.rule_id for rule in explanation.tried] == expected.tried
    assert explanation.waited_seconds == expected.waited
    ended_by = explanation.tried[-1].rule_id if explanation.ending is not Ending.NOBODY else None
    assert ended_by == expected.rule_id
    if ended_by is not None:
        assert {"voicemail": "voicemail", "hangup": "hung_up", "sound": "sound"}[
            str(expected.action)
        ] == explanation.ending


# Calendars.

BASE = {**DOC, "open": DOC["open"][:1]}


@given(documents(), st.integers(0, (DAYS - 7) * 96), st.sampled_from([*CALLERS, STRANGER, None]))
@settings(deadline=None)  # the first look at a year reads its holidays
def test_the_chain_and_the_rules_of_a_calendar_come_to_the_same(case, quarter, caller):
    doc, first = case
    calendar = calendar_from(doc)
    there = datetime(first.year, first.month, first.day) + timedelta(minutes=15 * quarter)
    explained = explain_calendar(calendar, caller, there.replace(tzinfo=calendar.zone))

    def deeds_of(rules: Any) -> list[tuple[str, dict[str, object]]]:
        content = ("week", "start", "end")
        return [(rule.action, {k: v for k, v in rule.data.items() if k not in content}) for rule in rules]

    assert deeds_of(explained.chain.tried) == deeds_of(explained.rules.tried)
    assert explained.chain.ending == explained.rules.ending != Ending.NOBODY
    assert explained.chain.waited_seconds == explained.rules.waited_seconds
    until = (
        datetime.fromisoformat(doc["emergency"]["until"]).astimezone(calendar.zone).replace(tzinfo=None)
        if "until" in doc.get("emergency", {})
        else None
    )
    assert explained.state == meaning(doc, there, until)[0]


@pytest.mark.parametrize(
    ("moment", "state", "reason"),
    [
        ("2026-12-25T10:00", "holiday", "holiday: Natal"),
        ("2026-12-24T10:00", "open", "open: Thursday 08:00-18:00"),
        ("2026-12-24T12:00", "holiday", "holiday: Véspera de Natal (from 12:00)"),
        ("2026-12-26T10:00", "closed", "closed: no hours on Saturday"),
        ("2026-12-28T10:00", "override", "override: Inventory (as closed)"),
    ],
)
def test_the_reason_names_the_holiday_the_override_or_the_hours(moment, state, reason):
    calendar = calendar_from(
        {
            **BASE,
            "part_days": [{"day": "christmas_eve", "from": "12:00"}],
            "overrides": [{"name": "Inventory", "begins": "2026-12-28", "ends": "2026-12-28", "as": "closed"}],
        }
    )
    explained = explain_calendar(calendar, None, datetime.fromisoformat(moment).replace(tzinfo=SAO_PAULO))
    assert (explained.state, explained.reason) == (state, reason)
    assert explained.as_text().splitlines()[1] == f"  {reason}"
    shown = explained.as_json()
    assert (shown["state"], shown["reason"]) == (state, reason)


def test_a_number_in_the_name_of_an_override_is_masked():
    name = "ring 11 99000-0005 today"
    calendar = calendar_from(
        {**BASE, "overrides": [{"name": name, "begins": "2026-12-28", "ends": "2026-12-28", "as": "closed"}]}
    )
    explained = explain_calendar(calendar, STRANGER, datetime(2026, 12, 28, 10, tzinfo=SAO_PAULO))
    for shown in (explained.as_text(), json.dumps(explained.as_json()), repr(explained)):
        assert "99000" not in shown
        assert "1130000001" not in shown
    assert name in explained.as_text(include_numbers=True)
    assert "1130000001" in explained.as_text(include_numbers=True)
