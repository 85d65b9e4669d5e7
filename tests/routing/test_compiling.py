from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.calendars.compiling import rules_for, valid_until
from airflow_provider_directcall.routing.calendars.files import calendar_from
from airflow_provider_directcall.routing.rules import NumberRule

from .calendar_cases import DOC
from .calendar_specs import CALLERS, DAYS, documents

PATIENT = settings(deadline=None)  # the first holiday that is looked up loads the library behind it
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
STRANGER = "5511990000099"
MOBILE = {"action": "forward", "to": "5511990000002"}
MAIL = DOC["closed"][0]
BASE = {**DOC, "open": DOC["open"][:1]}
MONDAY = datetime(2026, 4, 20, 10, tzinfo=SAO_PAULO)  # the day before Tiradentes


def made(**changes: object) -> RoutingCalendar:
    return calendar_from({**BASE, **changes})


def holds(rule: Rule, there: datetime, caller: str) -> bool:
    """The vendor's reading: each condition on its own, by the local date and time."""
    data: dict[str, Any] = rule.data
    now = f"{there:%H:%M}"
    if "week" in data and str(there.isoweekday()) not in data["week"].split(","):
        return False
    if "source" in data and caller not in data["source"].split(";"):
        return False
    if "start" not in data:
        return True
    if data["start"] < data["end"]:
        return data["start"] <= now < data["end"]
    return now >= data["start"] or now < data["end"]


def takes(rule: Rule) -> bool:
    """Whether no rule is tried after it."""
    return rule.action in {"voicemail", "hangup"} or rule.data.get("moment") == "end"


def tried(rules: tuple[NumberRule, ...], there: datetime, caller: str) -> list[tuple[str, dict[str, object]]]:
    """Return the rules that an unanswered call meets, up to the one that takes it."""
    steps: list[tuple[str, dict[str, object]]] = []
    for rule in sorted((rule.to_wire() for rule in rules), key=lambda rule: rule.priority or 0):
        if holds(rule, there, caller):
            content = {name: value for name, value in rule.data.items() if name not in ("week", "start", "end")}
            steps.append((rule.action, content))
            if takes(rule):
                return steps
    raise AssertionError(f"the call is left to itself after {steps}")


def wire(rules: tuple[NumberRule, ...]) -> list[tuple[int | None, str, dict[str, object]]]:
    return [(rule.priority, rule.action, dict(rule.data)) for rule in (one.to_wire() for one in rules)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[RoutingCalendar, datetime, int]:
    doc, first = draw(documents())
    calendar = calendar_from(doc)
    midnight = datetime(first.year, first.month, first.day, tzinfo=calendar.zone)
    at = midnight + timedelta(minutes=draw(st.integers(0, (DAYS - 7) * 1440)))
    return calendar, at, draw(st.sampled_from([7, 7, 1, 3]))


@PATIENT
@given(cases(), st.data())
def test_rules_implement_the_calendar_until_the_horizon(case, data):
    calendar, at, horizon_days = case
    rules = rules_for(calendar, at, horizon_days=horizon_days)
    minutes = (valid_until(calendar, at, horizon_days=horizon_days) - at) // timedelta(minutes=1)
    # The borders of a day's parts, where mistakes are, and minutes from anywhere.
    days = {(at + timedelta(days=ahead)).date() for ahead in range(horizon_days)}
    borders = {datetime.fromisoformat(f"{day}T{part.begins}") for day in days for part in calendar.segments(day)}
    near = {border + timedelta(minutes=shift) for border in borders for shift in (-1, 0)}
    anywhere = {
        at + timedelta(minutes=minute) for minute in data.draw(st.lists(st.integers(0, minutes - 1), max_size=9))
    }
    moments = anywhere | {moment.replace(tzinfo=calendar.zone) for moment in near}
    for moment in moments:
        if at <= moment < at + timedelta(minutes=minutes):
            chain = calendar.decision(moment).chain
            for caller in (*CALLERS, STRANGER):
                there = moment.replace(tzinfo=None)
                assert tried(rules, there, caller) == tried(chain, there, caller), (moment, caller)


@PATIENT
@given(cases(), st.integers(0, 1439))
def test_a_second_run_on_the_same_day_has_nothing_to_write(case, minute):
    calendar, at, horizon_days = case
    other = at.replace(hour=minute // 60, minute=minute % 60)
    again = rules_for(calendar, other, horizon_days=horizon_days)
    assert wire(again) == wire(rules_for(calendar, at, horizon_days=horizon_days))


@PATIENT
@given(cases())
def test_the_next_day_changes_the_rules_of_the_day_that_is_over_only(case):
    calendar, at, _ = case
    today, tomorrow = (wire(rules_for(calendar, at + timedelta(days=ahead))) for ahead in (0, 1))
    over = range(1000 * at.isoweekday(), 1000 * (at.isoweekday() + 1))
    assert [rule for rule in today if rule[0] not in over] == [rule for rule in tomorrow if rule[0] not in over]


@PATIENT
@given(cases())
def test_dated_rules_leave_the_rules_of_the_week_unchanged(case):
    calendar, at, _ = case
    week = [rule for rule in wire(rules_for(calendar, at)) if (rule[0] or 0) >= 10_000]
    assert week == wire(rules_for(calendar.ordinary_week(), at))


@PATIENT
@given(cases())
def test_no_two_rules_share_a_priority_and_they_come_in_their_order(case):
    priorities = [rule.priority for rule in rules_for(*case[:2])]
    assert priorities == sorted(set(priorities))


def test_an_ordinary_week_is_a_few_rules():
    assert wire(rules_for(made(), datetime(2026, 3, 2, tzinfo=SAO_PAULO))) == [
        (10_000, "fwd", {"phone": "5511990000001", "wait": 30, "week": "1,2,3,4,5", "start": "08:00", "end": "18:00"}),
        (10_001, "hangup", {"week": "1,2,3,4,5", "start": "08:00", "end": "18:00"}),
        (30_000, "voicemail", {"email": "desk@example.com"}),
    ]


def test_a_holiday_is_one_weekday_in_front_of_the_week():
    rules = wire(rules_for(made(), MONDAY))
    assert rules[0] == (2000, "voicemail", {"email": "desk@example.com", "week": "2"})
    assert rules[1:] == wire(rules_for(made(), datetime(2026, 3, 2, tzinfo=SAO_PAULO)))


def test_a_holiday_on_a_day_that_is_closed_anyway_needs_no_rule():
    # 2026-11-15, Proclamação da República, is a Sunday.
    calendar = made(hours=BASE["hours"], holidays={"optional_days": False})
    assert len(rules_for(calendar, datetime(2026, 11, 9, tzinfo=SAO_PAULO))) == 3


def test_an_unanswered_exception_does_not_go_on_into_the_week():
    calendar = made(holiday=[MOBILE])
    at_holiday = datetime(2026, 4, 21, 9)
    assert [step[0] for step in tried(rules_for(calendar, MONDAY), at_holiday, STRANGER)] == ["fwd", "hangup"]


def test_a_chain_for_some_callers_hangs_up_on_the_others():
    calendar = made(holiday=[{**MAIL, "sources": [CALLERS[0]]}])
    rules, at_holiday = rules_for(calendar, MONDAY), datetime(2026, 4, 21, 9)
    assert tried(rules, at_holiday, CALLERS[0])[0][0] == "voicemail"
    assert tried(rules, at_holiday, STRANGER) == [("hangup", {})]


def test_a_line_that_is_always_open_has_no_rules_of_being_closed():
    rules = wire(rules_for(made(open=[{"action": "hangup"}], hours=[{"weekdays": "1-7"}]), MONDAY.replace(month=3)))
    assert rules == [(10_000, "hangup", {})]


def test_a_line_that_is_never_open_has_only_the_closed_chain():
    assert wire(rules_for(made(hours=[]), MONDAY)) == [(30_000, "voicemail", {"email": "desk@example.com"})]


def test_hours_over_midnight_are_split_at_midnight():
    rules = rules_for(
        made(hours=[{"weekdays": "fri", "start": "22:00", "end": "06:00"}]), datetime(2026, 3, 2, tzinfo=UTC)
    )
    opened = [rule.to_wire().data for rule in rules if rule.to_wire().action == "fwd"]
    assert [(data["week"], data["start"], data["end"]) for data in opened] == [
        ("6", "00:00", "06:00"),
        ("5", "22:00", "00:00"),
    ]
    answers = {day: tried(rules, datetime(2026, 3, day, 3), STRANGER)[0][0] for day in (6, 7, 8)}
    assert answers == {6: "voicemail", 7: "fwd", 8: "voicemail"}


def test_an_endless_emergency_goes_before_all_other_rules():
    usual, urgent = made(), made(emergency={"chain": [MOBILE], "reason": "fire"})
    rules = wire(rules_for(urgent, MONDAY))
    assert rules[:2] == [(100, "fwd", {"phone": "5511990000002", "wait": 30}), (101, "hangup", {})]
    assert rules[2:] == wire(rules_for(usual, MONDAY))


def test_an_emergency_with_an_end_ends_by_itself():
    urgent = made(emergency={"chain": [MOBILE], "until": "2026-04-20T15:30:20-03:00"})
    rules = rules_for(urgent, MONDAY)
    phones = [tried(rules, datetime(2026, 4, 20, 15, minute), STRANGER)[0][1]["phone"] for minute in (30, 31)]
    assert phones == ["5511990000002", "5511990000001"]
    later = datetime(2026, 4, 20, 23, tzinfo=SAO_PAULO)
    assert wire(rules_for(urgent, later)) == wire(rules)


def test_today_is_the_calendars_day_not_that_of_the_moment():
    late = datetime(2026, 4, 21, 2, 30, tzinfo=UTC)  # still the 20th in Sao Paulo
    assert valid_until(made(), late, horizon_days=1) == datetime(2026, 4, 21, tzinfo=SAO_PAULO)
    assert len(rules_for(made(), late, horizon_days=1)) == 3
    assert len(rules_for(made(), late, horizon_days=2)) == 4


@pytest.mark.parametrize("days", [0, 8, -1])
def test_a_horizon_in_which_a_weekday_names_no_or_two_dates_is_rejected(days):
    with pytest.raises(ValueError, match=r"^horizon_days: 1 to 7 "):
        rules_for(made(), MONDAY, horizon_days=days)


def test_a_moment_without_a_zone_is_rejected():
    with pytest.raises(ValueError, match=r"^moment: an aware datetime"):
        rules_for(made(), datetime(2026, 4, 20))


def test_a_day_with_more_parts_than_places_is_rejected():
    flicker = [
        {
            "name": f"n{n}",
            "begins": f"2026-04-22T{n // 6:02}:{n % 6}0",
            "ends": f"2026-04-22T{n // 6:02}:{n % 6}5",
            "chain": [MOBILE],
        }
        for n in range(51)
    ]
    assert len(rules_for(made(overrides=flicker[:50]), MONDAY)) == 104
    with pytest.raises(ValueError, match="too many parts, the priorities from 3000"):
        rules_for(made(overrides=flicker), MONDAY)


@pytest.mark.parametrize("day", [datetime(2018, 11, 4), datetime(2019, 2, 16), datetime(2019, 2, 17)])
def test_summer_time_changes_are_read_as_the_clocks_show_them(day):
    """São Paulo's last summer time: midnight left out on 2018-11-04, the last hour of 2019-02-16 came twice."""
    calendar = made(hours=[{"weekdays": "sat,sun", "start": "23:30", "end": "00:30"}], holidays=None)
    start = day.replace(tzinfo=SAO_PAULO)
    rules = rules_for(calendar, start)
    for quarter in range(26 * 4):
        moment = (start.astimezone(UTC) + timedelta(minutes=15 * quarter)).astimezone(SAO_PAULO)
        there = moment.replace(tzinfo=None)
        assert tried(rules, there, STRANGER) == tried(calendar.decision(moment).chain, there, STRANGER)
