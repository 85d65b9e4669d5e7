from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import MappingProxyType

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.routing.calendars.calendar import (
    CalendarError,
    Emergency,
    LineState,
    OpeningHours,
    Override,
    RoutingCalendar,
)
from airflow_provider_directcall.routing.calendars.files import calendar_from
from airflow_provider_directcall.routing.rules import Forward, HangUp

from .calendar_cases import DESK, HOLIDAY_SOUND, MAIL, at, made, parts, problems, reason
from .calendar_specs import DAYS, documents, meaning

PATIENT = settings(deadline=None)  # the first holiday that is looked up loads the library behind it


class TestAnyCalendar:
    @PATIENT
    @given(documents(), st.integers(0, DAYS - 1))
    def test_the_parts_of_a_day_cover_it_and_none_could_be_longer(self, made, ahead):
        doc, first = made
        segments = calendar_from(doc).segments(first + timedelta(days=ahead))
        assert (segments[0].begins, segments[-1].ends) == ("00:00", "24:00")
        for one, following in pairwise(segments):
            assert one.begins < one.ends == following.begins
            assert one.decision != following.decision

    @PATIENT
    @given(documents(), st.integers(0, DAYS - 1), st.lists(st.integers(0, 1439), min_size=1, max_size=20))
    def test_decisions_follow_the_document_and_agree_with_segments(self, made, ahead, minutes):
        doc, first = made
        calendar, day = calendar_from(doc), first + timedelta(days=ahead)
        segments = calendar.segments(day)
        until = doc.get("emergency", {}).get("until")
        ends = datetime.fromisoformat(until).astimezone(calendar.zone).replace(tzinfo=None) if until else None
        borders = [60 * int(part.begins[:2]) + int(part.begins[3:]) for part in segments]
        for minute in {*minutes, *borders, *(border - 1 for border in borders if border)}:
            there = datetime.combine(day, time(minute // 60, minute % 60))
            decision = calendar.decision(there.replace(tzinfo=calendar.zone, second=59))
            state, chain = meaning(doc, there, ends)
            assert (decision.state, len(decision.chain) in (len(chain), len(chain) + 1)) == (state, True), there
            assert [rule.to_wire().action for rule in decision.chain][: len(chain)] == [
                {"forward": "fwd"}.get(rule["action"], rule["action"]) for rule in chain
            ]
            assert next(p for p in segments if p.begins <= f"{there:%H:%M}" < p.ends).decision == decision


class TestPrecedence:
    """21 April 2026, Tiradentes, is a Tuesday."""

    MOMENT = at("2026-04-21T10:00")
    SPECIAL = Override("Sale", begins="2026-04-21", ends="2026-04-21", as_="open")
    FIRE = Emergency([Forward(priority=1, to="5511990000009")], reason="fire")

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"emergency": FIRE, "overrides": [SPECIAL]}, "emergency: fire"),
            ({"overrides": [SPECIAL]}, "override: Sale (as open)"),
            ({}, "holiday: Tiradentes"),
            ({"holidays": None}, "open: Tuesday 08:00-18:00"),
            ({"holidays": None, "hours": []}, "closed: no hours on Tuesday"),
            ({"holidays": None, "hours": [OpeningHours(2, "11:00", "12:00")]}, "closed: outside the hours of Tuesday"),
        ],
    )
    def test_the_highest_state_wins_and_is_the_reason(self, changes, expected):
        decision = made(**changes).decision(self.MOMENT)
        assert (decision.reason, decision.state) == (expected, LineState(expected.partition(":")[0]))

    def test_an_emergency_ends_at_its_minute_rounded_up(self):
        calendar = made(emergency=Emergency([DESK], until=at("2026-04-21T10:00:01")))
        assert reason(calendar, "2026-04-21T10:00") == "emergency (until 2026-04-21 10:01)"
        assert reason(calendar, "2026-04-21T10:01") == "holiday: Tiradentes"

    def test_an_emergencys_end_may_come_from_a_clock(self):
        end = at("2026-04-21T10:00:01.841019").isoformat()
        calendar = made(emergency={"chain": [DESK], "until": end})
        assert reason(calendar, "2026-04-21T10:00") == "emergency (until 2026-04-21 10:01)"

    @pytest.mark.parametrize("until", ["soon", "2026-04-21", "2026-04-21T10:00", "2026-04-21T10:00:01.8-0300"])
    def test_an_invalid_end_of_an_emergency_is_reported_with_an_example(self, until):
        (problem,) = problems(emergency={"chain": [DESK], "until": until})
        wanted = "a date and time with an offset, such as 2026-11-27T22:00-03:00"
        assert problem == f"emergency.until: {wanted}, is needed, not {until!r}"

    def test_an_emergencys_end_is_a_moment_in_any_zone(self):
        calendar = made(emergency={"chain": [DESK], "until": "2026-04-21T13:00Z"})
        states = [part[:2] for part in parts(calendar, date(2026, 4, 21))]
        assert states == [("00:00", "10:00"), ("10:00", "24:00")]

    @pytest.mark.parametrize(("name", "rule"), [("open", DESK), ("closed", MAIL), ("holiday", HOLIDAY_SOUND)])
    def test_an_override_borrows_a_states_chain(self, name, rule):
        override = Override("x", begins="2026-04-21", ends="2026-04-21", as_=name)
        assert made(overrides=[override]).decision(self.MOMENT).chain[0] == rule

    def test_an_override_as_a_holiday_without_a_chain_of_holidays_is_closed(self):
        override = Override("x", begins="2026-04-21", ends="2026-04-21", as_="holiday")
        assert made(overrides=[override], holiday=None).decision(self.MOMENT).chain == (MAIL,)

    def test_an_overrides_own_chain_goes_as_it_is(self):
        override = {"name": "x", "begins": "2026-04-21", "ends": "2026-04-21", "chain": [{"action": "hangup"}]}
        assert made(overrides=[override]).decision(self.MOMENT).chain == (HangUp(priority=1),)


class TestOverrides:
    def test_a_date_is_a_whole_day_the_last_one_included(self):
        calendar = made(overrides=[Override("Fair", begins=date(2026, 3, 2), ends=date(2026, 3, 3), as_="closed")])
        covered = [parts(calendar, date(2026, 3, day)) for day in (2, 3)]
        assert covered == [[("00:00", "24:00", "override")]] * 2
        assert parts(calendar, date(2026, 3, 4))[1] == ("08:00", "18:00", "open")

    def test_a_time_is_local_and_the_end_is_excluded(self):
        calendar = made(overrides=[Override("Party", begins="2026-03-02 16:00", ends="2026-03-02T17:00", as_="closed")])
        assert ("16:00", "17:00", "override") in parts(calendar, date(2026, 3, 2))

    def test_a_moment_with_an_offset_is_that_moment(self):
        until = pendulum.datetime(2026, 3, 2, 20, tz="UTC")
        calendar = made(overrides=[Override("Party", begins="2026-03-02T19:00Z", ends=until, as_="closed")])
        assert ("16:00", "17:00", "override") in parts(calendar, date(2026, 3, 2))

    def test_overrides_that_touch_follow_each_other(self):
        day = "2026-03-02T"
        calendar = made(
            overrides=[
                Override("second", begins=f"{day}10:00", ends=f"{day}11:00", as_="closed"),
                Override("first", begins=f"{day}09:00", ends=f"{day}10:00", as_="closed"),
            ]
        )
        assert [reason(calendar, f"{day}{clock}") for clock in ("09:59", "10:00")] == [
            "override: first (as closed)",
            "override: second (as closed)",
        ]

    def test_two_overrides_at_once_are_rejected_with_both_names(self):
        broken, meeting = problems(
            overrides=[
                Override("Fair", begins="2026-03-02", ends="2026-03-04", as_="closed"),
                Override("broken", begins="2026-03-09", ends="2026-03-08", as_="open"),
                Override("Party", begins="2026-03-04T23:59", ends="2026-03-05", as_="open"),
            ]
        )
        assert broken == "overrides[1].ends: it has to be after begins"
        assert meeting.startswith("overrides[2].begins: 'Party' and 'Fair' are both in force at 2026-03-04 23:59; ")

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"as": None}, "overrides[0].chain, as: one of them is needed, and only one"),
            ({"chain": [{"action": "hangup"}]}, "overrides[0].chain, as: one of them is needed, and only one"),
            ({"as": "shut"}, "overrides[0].as: input should be 'open', 'closed' or 'holiday', not 'shut'"),
            ({"begins": "27/11/2026"}, "overrides[0].begins: a date such as 2026-11-27"),
            ({"begins": "2026-11-27T25:00"}, "overrides[0].begins: there is no moment 2026-11-27T25:00"),
            ({"ends": "2026-03-02T10:00:30"}, "overrides[0].ends: whole minutes are needed"),
            ({"name": ""}, "overrides[0].name: a text is needed"),
        ],
    )
    def test_an_override_that_is_invalid_is_rejected(self, changes, problem):
        override = {"name": "x", "begins": "2026-03-01", "ends": "2026-03-02", "as": "open", **changes}
        (found,) = problems(overrides=[override])
        assert found.startswith(problem)


class TestTheWhole:
    def test_an_unknown_field_of_a_chains_rule_lists_the_known_ones(self):
        (problem,) = problems(open=[{"action": "forward", "to": "5511990000001", "wait_second": 20}])
        assert problem == "open[0].wait_second: is not known here; known: action, record, sources, to, wait_seconds"

    def test_all_problems_are_reported_at_once_and_numbers_are_masked(self):
        found = problems(
            open=[{"action": "forward", "to": "5511990000"}],
            closed=5,
            hours="mon",
            timezone="Sao Paulo",
            emergency={"chain": [DESK], "until": "2026-03-01T10:00", "reason": 5511990000001},
        )
        assert [problem.partition(":")[0] for problem in found] == [
            "timezone",
            "open[0].to",
            "closed",
            "hours",
            "emergency.until",
            "emergency.reason",
        ]
        assert "990000" not in " ".join(found)

    @pytest.mark.parametrize("did", [None, True, 1.5, "12"])
    def test_a_number_that_is_none_is_rejected(self, did):
        with pytest.raises(CalendarError, match=r"^did: "):
            RoutingCalendar(did, open=[DESK], closed=[MAIL], hours=[])

    @pytest.mark.parametrize("zone", ["Sao Paulo", "America", "../etc", "", None])
    def test_a_zone_that_is_none_is_rejected(self, zone):
        assert problems(timezone=zone)[0].startswith("timezone: an IANA name such as America/Sao_Paulo")

    def test_the_number_is_kept_without_country_code_and_not_printed(self):
        calendar = RoutingCalendar("+55 11 3000-0001", open=[DESK], closed=[MAIL], hours=[])
        assert calendar.did == "1130000001"
        assert "30000001" not in repr(calendar)
        assert "5511990000001" not in repr(calendar)

    def test_a_moment_without_a_zone_is_rejected(self):
        with pytest.raises(ValueError, match=r"^moment: an aware datetime"):
            made().decision(datetime(2026, 3, 2))

    def test_the_day_is_that_of_the_calendars_zone(self):
        calendar = made(timezone="America/Rio_Branco")
        assert calendar.decision(datetime(2026, 4, 22, 4, 59, tzinfo=UTC)).reason == "holiday: Tiradentes"
        assert calendar.decision(pendulum.datetime(2026, 4, 22, 5, tz="UTC")).state == "closed"

    def test_records_may_be_any_mapping(self):
        emergency = MappingProxyType({"chain": [MappingProxyType({"action": "hangup"})]})
        assert made(emergency=emergency).emergency == Emergency([HangUp(priority=1)])

    def test_a_positional_argument_is_reported_by_its_name(self):
        with pytest.raises(CalendarError, match=r"^3 problems:\n- weekdays: .*\n- start: .*\n- end: "):
            OpeningHours("someday", "25:00", "26:00")

    @pytest.mark.parametrize("arguments", [{}, {"weekdays": 1, "begin": "08:00"}])
    def test_missing_and_unknown_arguments_are_type_errors_as_of_any_class(self, arguments):
        with pytest.raises(TypeError):
            OpeningHours(**arguments)

    def test_it_is_a_value(self):
        calendar = made(overrides=[Override("x", begins="2026-03-01", ends="2026-03-02", as_="open")])
        again = pickle.loads(pickle.dumps(calendar))
        assert again == calendar == made(overrides=calendar.overrides)
        assert calendar != made()
        assert again.decision(at("2026-03-01T10:00")) == calendar.decision(at("2026-03-01T10:00"))

    def test_the_error_survives_pickling(self):
        with pytest.raises(CalendarError) as caught:
            made(hours=5, closed=5)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        assert str(caught.value).startswith("2 problems:\n- closed: ")
