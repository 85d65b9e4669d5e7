from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.compiling import rules_for
from airflow_provider_directcall.routing.calendars.files import calendar_from
from airflow_provider_directcall.routing.explaining.calendar_checks import check_calendar
from airflow_provider_directcall.routing.explaining.checks import Code, Finding, Severity, check_rules
from airflow_provider_directcall.routing.explaining.explain import Ending, explain
from airflow_provider_directcall.routing.rules import Forward, HangUp, NumberRule, PlaySound, Voicemail

from .calendar_cases import DOC as BASE
from .calendar_specs import documents

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2026, 12, 18, 15, 4, tzinfo=SAO_PAULO)
DID, SECOND, THIRD = "1130000001", "1130000002", "1130000003"
CALLER, OTHER_CALLER = "5511990000091", "5511990000092"


def mail(priority: int, **more: Any) -> Voicemail:
    return Voicemail(priority=priority, email="desk@example.com", **more)


def ring(priority: int, to: str = "5511990000001", **more: Any) -> Forward:
    return Forward(priority=priority, to=to, **more)


def check(*rules: Rule | NumberRule, **more: Any) -> tuple[Finding, ...]:
    return check_rules(rules, did=DID, **more)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [str(finding.code) for finding in findings]


def only(findings: tuple[Finding, ...], code: Code) -> Finding:
    """The one finding, of that kind."""
    assert codes(findings) == [code]
    return findings[0]


# Rules of a number.


def test_a_number_without_rules_is_one_gap():
    finding = only(check(), Code.GAP)
    assert finding.severity is Severity.ERROR
    assert str(finding) == (
        "error: rules: no rule holds: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday "
        "00:00-24:00 (anybody else) [gap]"
    )


@pytest.mark.parametrize(
    "rules",
    [
        [ring(1, weekdays="1-5", start="08:00", end="18:00"), mail(2)],
        [Rule(action="queue", data={}, priority=1, rule_id="7"), ring(2), mail(3)],
        [mail(1, sources=[CALLER]), mail(2, start="08:00", end="09:00"), HangUp(priority=3)],
        [ring(1, weekdays="1-5"), HangUp(priority=1, weekdays="6,7"), mail(2)],
    ],
    ids=["usual", "unknown action ends and hides nothing", "hidden for some only", "one priority, never at once"],
)
def test_rules_without_findings(rules):
    assert check(*rules) == ()


def test_a_gap_is_reported_with_its_times_and_without_numbers():
    finding = only(check(mail(1, weekdays="1-6", start="08:00", end="18:00"), mail(2, sources=[CALLER])), Code.GAP)
    assert "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday 00:00-08:00, 18:00-24:00 (anybody else)" in (
        finding.text
    )
    assert "Sunday 00:00-24:00 (anybody else)" in finding.text
    assert "listed" not in finding.text


@pytest.mark.parametrize("rule", [ring(1), PlaySound(priority=1, sound_id=3)])
def test_rules_after_which_none_is_left_are_a_warning(rule):
    finding = only(check(rule), Code.RINGS_OUT)
    assert finding.severity is Severity.WARNING
    assert "nobody answers" in finding.text


def test_a_forward_outside_the_hours_of_the_voicemail_rings_out():
    finding = only(check(ring(1), mail(2, start="08:00", end="18:00")), Code.RINGS_OUT)
    assert "00:00-08:00, 18:00-24:00" in finding.text


def test_an_unreachable_rule_is_an_error_that_names_the_rules_in_front():
    live = Rule(action="voicemail", data={"email": "a@example.com"}, priority=1, rule_id="18000")
    finding = only(check(live, ring(2)), Code.UNREACHABLE)
    assert finding.severity is Severity.ERROR
    assert finding.where == "rule at priority 2"
    assert finding.text == "is never tried: rule 18000 at priority 1 ends every call for which it holds"


def test_a_rule_hidden_by_several_together_is_found():
    rules = [mail(1, weekdays="1-5"), HangUp(priority=2, weekdays="6,7"), ring(3)]
    finding = only(check(*rules), Code.UNREACHABLE)
    assert "rule at priority 1, rule at priority 2 end every call" in finding.text


def test_many_hiding_rules_are_counted():
    rules = [mail(day, weekdays=day) for day in range(1, 8)]
    finding = only(check(*rules, ring(9)), Code.UNREACHABLE)
    assert "rule at priority 4, and 3 more end" in finding.text


def test_two_rules_at_one_priority_that_hold_at_once():
    finding = only(check(ring(1, weekdays="1-5"), HangUp(priority=1, weekdays="5,6"), mail(2)), Code.SAME_PRIORITY)
    assert finding.severity is Severity.ERROR
    assert finding.text.endswith("same priority and holds at the same times: Friday 00:00-24:00 (anybody else)")


def test_the_same_phone_twice_for_the_same_calls():
    finding = only(check(ring(1, weekdays="1-5"), ring(2, weekdays="5-7"), mail(3)), Code.REPEATED)
    assert finding.where == "rule at priority 2"
    assert finding.text == "does the same as rule at priority 1 for the same calls: Friday 00:00-24:00 (anybody else)"


def test_waits_are_summed_for_each_time_apart():
    rules = [
        ring(1, wait_seconds=60, weekdays="1-5"),
        ring(2, "5511990000002", wait_seconds=60, weekdays="6,7"),
        ring(3, "5511990000003", wait_seconds=61, weekdays="7"),
        mail(9),
    ]
    finding = only(check(*rules), Code.LONG_WAIT)
    assert finding.text == (
        "phones ring for up to 121 s (limit 120 s) before the call ends: Sunday 00:00-24:00 (anybody else)"
    )
    assert check(*rules, longest_wait=121) == ()


def test_phones_behind_a_voicemail_are_not_waited_for():
    assert Code.LONG_WAIT not in codes(check(mail(1), ring(2, wait_seconds=600)))


def test_an_unreadable_rule_is_left_out_and_reported():
    odd = Rule(action="fwd", data={"phone": "5511990000001", "week": "seg"}, priority=1, rule_id="5")
    finding = only(check(odd, mail(2)), Code.UNREADABLE)
    assert finding.where == "rule 5 at priority 1"
    assert "'seg', all day" in finding.text


def test_errors_come_first():
    findings = check(ring(1), ring(2), ring(3, "551130000001"))
    assert codes(findings) == ["loop", "repeated", "rings_out"]


# Loops.


def test_a_forward_to_the_number_itself():
    finding = only(check(ring(1, f"55{DID}", weekdays="1"), mail(2)), Code.LOOP)
    assert finding.severity is Severity.ERROR
    assert finding.text == "forwards to itself: 11*****0001 -> 11*****0001, on Monday 00:00-24:00"
    shown = only(check(ring(1, f"55{DID}"), mail(2), include_numbers=True), Code.LOOP)
    assert f"{DID} -> {DID}" in shown.text


def test_a_forward_that_is_never_tried_is_no_loop():
    assert codes(check(mail(1), ring(2, f"55{DID}"))) == ["unreachable"]


def round_trip(**second: Any) -> tuple[Finding, ...]:
    return check(ring(1, f"55{SECOND}"), mail(2), account_rules={f"55{SECOND}": [ring(1, f"55{DID}", **second)]})


def test_round_two_numbers():
    finding = only(round_trip(), Code.LOOP)
    assert "forwards round: 11*****0001 -> 11*****0002 -> 11*****0001" in finding.text


NIGHT, DAY = {"start": "18:00", "end": "08:00"}, {"start": "08:00", "end": "18:00"}


@pytest.mark.parametrize(
    ("rules", "others"),
    [
        ([ring(1, f"55{SECOND}", **NIGHT), mail(2)], [ring(1, f"55{DID}", **DAY), mail(2)]),
        ([mail(1, **NIGHT), ring(2, f"55{SECOND}"), mail(3)], [ring(1, f"55{DID}", **NIGHT), mail(2)]),
        (
            [ring(1, f"55{SECOND}"), mail(2)],
            [
                Rule(action="fwd", data={"phone": f"55{DID}", "week": "seg"}, priority=1),
                Rule(action="fwd", data={"phone": "ip1130000009"}, priority=2),
            ],
        ),
    ],
    ids=["different times", "a night that the number takes itself", "unreadable rules of others are left out"],
)
def test_forwards_that_are_no_loop(rules, others):
    assert check(*rules, account_rules={SECOND: others}) == ()


def test_a_rule_for_some_callers_ends_no_loop_and_may_begin_one():
    ends_for_some = {SECOND: [mail(1, sources=[CALLER]), ring(2, f"55{DID}")]}
    assert codes(check(ring(1, f"55{SECOND}"), mail(2), account_rules=ends_for_some)) == ["loop"]
    assert codes(round_trip(sources=[CALLER])) == ["loop"]


def test_a_loop_of_two_others_into_which_calls_come():
    others = {SECOND: [ring(1, f"55{THIRD}")], THIRD: [ring(1, f"55{SECOND}"), ring(2, "5511990000001")]}
    finding = only(check(ring(1, f"55{SECOND}"), mail(2), account_rules=others), Code.LOOP)
    assert "11*****0002 -> 11*****0003 -> 11*****0002" in finding.text


def test_a_loop_that_two_ways_lead_into_is_found_once():
    others = {SECOND: [ring(1, f"55{THIRD}")], THIRD: [ring(1, f"55{SECOND}")]}
    rules = [ring(1, f"55{SECOND}", weekdays="1"), ring(2, f"55{THIRD}", weekdays="2"), mail(3)]
    finding = only(check(*rules, account_rules=others), Code.LOOP)
    assert finding.text == (
        "forwards round: 11*****0002 -> 11*****0003 -> 11*****0002, on Monday 00:00-24:00; Tuesday 00:00-24:00"
    )


# Findings against explanations.

HOURS = (0, 8, 12, 18, 22)
clock = st.sampled_from([f"{hour:02}:00" for hour in HOURS])
when = st.fixed_dictionaries(
    {},
    optional={
        "weekdays": st.lists(st.integers(1, 7), min_size=1, max_size=6, unique=True),
        "hours": st.tuples(clock, clock).filter(lambda two: two[0] != two[1]),
        "sources": st.lists(st.sampled_from([CALLER, OTHER_CALLER]), min_size=1, max_size=2, unique=True),
    },
)


@st.composite
def number_rules(draw: st.DrawFn) -> list[NumberRule]:
    rules: list[NumberRule] = []
    for priority in range(1, draw(st.integers(1, 5)) + 1):
        conditions = draw(when)
        if "hours" in conditions:
            conditions["start"], conditions["end"] = conditions.pop("hours")
        kind = draw(st.sampled_from([ring, mail]))
        more = {"wait_seconds": draw(st.integers(1, 90))} if kind is ring else {}
        rules.append(kind(priority, **more, **conditions))
    return rules


@given(number_rules())
@settings(deadline=None)
def test_findings_agree_with_calls_at_all_times(rules):
    monday = datetime(2026, 12, 14, tzinfo=SAO_PAULO)
    calls = [
        explain(rules, caller, monday + timedelta(hours=hour), zone=SAO_PAULO)
        for caller in (CALLER, OTHER_CALLER, None)
        for hour in range(7 * 24)
        if hour % 24 in HOURS
    ]
    tried = {rule.priority for call in calls for rule in call.tried}
    found = check(*rules)
    hidden = {f"rule at priority {rule.priority}" for rule in rules if rule.priority not in tried}
    assert {finding.where for finding in found if finding.code is Code.UNREACHABLE} == hidden
    assert (Code.GAP in codes(found)) is any(not call.tried for call in calls)
    rings_out = any(call.tried and call.ending is Ending.NOBODY for call in calls)
    assert (Code.RINGS_OUT in codes(found)) is rings_out
    longest = max(call.waited_seconds for call in calls)
    waits = [finding.text for finding in found if finding.code is Code.LONG_WAIT]
    assert waits == [] if longest <= 120 else f"up to {longest} s" in waits[0]


# Calendars.

ARGUMENTS = ("account_rules", "longest_wait", "emergency_since", "longest_emergency_days", "include_numbers")


def checked(at: datetime = NOW, **changes: Any) -> tuple[Finding, ...]:
    arguments = {name: value for name, value in changes.items() if name in ARGUMENTS}
    keys = {name: value for name, value in changes.items() if name not in ARGUMENTS}
    return check_calendar(calendar_from({**BASE, **keys}), at=at, **arguments)


def test_a_moment_without_a_zone_is_rejected():
    with pytest.raises(ValueError, match=r"^moment: an aware datetime"):
        checked(at=datetime(2026, 12, 18), overrides=[])


def rows(*hours):
    return [{"weekdays": days, "start": start, "end": end} for days, start, end in hours]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"open": [{"action": "forward", "to": "5511990000001"}, {"action": "sound", "sound_id": 3}]},
        {"hours": rows(("1-5", "08:00", "12:00"), ("1-5", "12:00", "18:00"), ("sun", "22:00", "08:00"))},
    ],
    ids=["usual", "a sound at the end of a chain", "hours that touch"],
)
def test_calendars_without_findings(changes):
    assert checked(**changes) == ()


def test_every_chain_is_looked_at_and_named():
    hidden = [{"action": "hangup"}, {"action": "forward", "to": "5511990000001"}]
    findings = checked(
        open=hidden,
        closed=hidden,
        holiday=hidden,
        overrides=[
            {"name": "as", "begins": "2026-12-20", "ends": "2026-12-20", "as": "closed"},
            {"name": "own", "begins": "2026-12-21", "ends": "2026-12-21", "chain": hidden},
        ],
        emergency={"chain": hidden, "until": "2027-01-01T00:00-03:00"},
    )
    assert set(codes(findings)) == {"unreachable"}
    assert [finding.where for finding in findings] == [
        "open[1]",
        "closed[1]",
        "holiday[1]",
        "overrides[1].chain[1]",
        "emergency.chain[1]",
    ]


def test_a_chain_that_rings_out_hangs_up():
    finding = only(checked(open=[{"action": "forward", "to": "5511990000001"}]), Code.RINGS_OUT)
    assert (finding.where, finding.text) == ("open", "when nobody picks up, the call is hung up without a word")


def test_a_chain_for_some_callers_only():
    finding = only(checked(closed=[{**BASE["closed"][0], "sources": [CALLER]}]), Code.RINGS_OUT)
    assert (finding.where, finding.text) == (
        "closed",
        "no rule is for callers who are not listed, so they are hung up",
    )


def test_a_chain_that_rings_the_same_phone_twice_and_too_long():
    desk = {"action": "forward", "to": "5511990000001", "wait_seconds": 80}
    assert codes(checked(open=[desk, desk, *BASE["closed"]])) == ["repeated", "long_wait"]
    assert codes(checked(open=[desk, desk, *BASE["closed"]], longest_wait=160)) == ["repeated"]


@pytest.mark.parametrize(
    ("hours", "times"),
    [
        ([("1-5", "08:00", "12:00"), ("fri", "11:00", "18:00")], "Friday 11:00 to Friday 12:00"),
        ([("sun", "22:00", "06:00"), ("mon", "05:00", "08:00")], "Monday 05:00 to Monday 06:00"),
        ([("mon", "05:00", "08:00"), ("sun", "22:00", "06:00")], "Monday 05:00 to Monday 06:00"),
        ([("sun", "20:00", "24:00"), ("sun", "22:00", "06:00")], "Sunday 22:00 to Sunday 24:00"),
        ([("sun", "22:00", "03:00"), ("sun", "22:00", "06:00")], "Sunday 22:00 to Monday 03:00"),
    ],
)
def test_hours_that_overlap(hours, times):
    finding = only(checked(hours=rows(*hours)), Code.HOURS_OVERLAP)
    assert finding.where == "hours[1]"
    assert finding.text == f"shares time with hours[0], which is open once all the same: {times}"


def test_an_override_that_is_over():
    overrides = [
        {"name": "ring 11 99000-0005", "begins": "2026-12-17T08:00", "ends": "2026-12-18T15:04", "as": "open"},
        {"name": "now", "begins": "2026-12-18T15:04", "ends": "2026-12-18T15:05", "as": "open"},
    ]
    finding = only(checked(overrides=overrides), Code.PAST_OVERRIDE)
    assert (finding.where, finding.text) == ("overrides[0]", "'ring *****05' has ended on 2026-12-18 15:04")
    assert "11 99000-0005" in checked(overrides=overrides, include_numbers=True)[0].text
    assert checked(overrides=overrides, at=NOW - timedelta(minutes=1)) == ()


def test_an_emergency_that_is_over():
    emergency = {"chain": BASE["closed"], "until": "2026-12-18T15:00-03:00"}
    assert only(checked(emergency=emergency), Code.PAST_EMERGENCY).text == "it has ended on 2026-12-18 15:00"
    assert checked(emergency=emergency, at=NOW - timedelta(hours=1)) == ()


def test_an_emergency_without_end():
    emergency = {"chain": BASE["closed"]}
    assert "does not say since when" in only(checked(emergency=emergency), Code.ENDLESS_EMERGENCY).text
    assert checked(emergency=emergency, emergency_since=NOW - timedelta(days=7)) == ()
    old = checked(emergency=emergency, emergency_since=NOW - timedelta(days=7, minutes=1))
    assert "since 2026-12-11 15:03 (limit 7 days)" in only(old, Code.ENDLESS_EMERGENCY).text
    assert checked(emergency=emergency, emergency_since=NOW - timedelta(days=9), longest_emergency_days=9) == ()


def to(did: str) -> dict[str, object]:
    return {"action": "forward", "to": f"55{did}"}


def test_a_chain_that_forwards_to_the_number_itself():
    finding = only(checked(open=[to(DID), *BASE["closed"]]), Code.LOOP)
    assert finding.where == "week from 2026-12-18"
    assert "forwards to itself: 11*****0001" in finding.text


def test_a_loop_that_a_holiday_months_away_makes():
    finding = only(
        checked(
            holiday=[to(SECOND), *BASE["closed"]],
            account_rules={SECOND: [ring(1, f"55{DID}", weekdays="3")]},
        ),
        Code.LOOP,
    )
    assert finding.where == "week from 2027-04-16"  # Tiradentes, the first holiday on a Wednesday
    assert "on Wednesday 00:00-24:00" in finding.text


def test_night_service_by_turns_is_no_loop():
    by_day = {SECOND: [ring(1, f"55{DID}", weekdays="1-5", start="08:00", end="18:00"), mail(2)]}
    assert checked(closed=[to(SECOND), *BASE["closed"]], account_rules=by_day, holidays=None) == ()
    # Christmas is a Friday, when the other number sends its calls here.
    finding = only(checked(closed=[to(SECOND), *BASE["closed"]], account_rules=by_day), Code.LOOP)
    assert finding.where == "week from 2026-12-25"


def test_an_emergency_with_a_loop_and_the_loop_that_it_hides():
    findings = checked(
        open=[to(DID), *BASE["closed"]],
        emergency={"chain": [to(SECOND), *BASE["closed"]]},
        account_rules={SECOND: [ring(1, f"55{DID}")]},
        emergency_since=NOW,
    )
    assert [(finding.code, finding.where) for finding in findings] == [
        (Code.LOOP, "emergency.chain"),
        (Code.LOOP, "week from 2026-12-18"),
    ]


@given(documents())
@settings(deadline=None)
def test_compiled_rules_have_no_gap_and_never_ring_out(case):
    doc, first = case
    calendar = calendar_from(doc)
    rules = rules_for(calendar, datetime(first.year, first.month, first.day, tzinfo=calendar.zone))
    found = set(codes(check_rules(rules, did=calendar.did)))
    assert not found & {Code.GAP, Code.RINGS_OUT, Code.SAME_PRIORITY, Code.LOOP, Code.UNREADABLE}
