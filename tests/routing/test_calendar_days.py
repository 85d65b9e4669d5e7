from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from airflow_provider_directcall.routing.calendars.calendar import (
    OpeningHours,
    PartDay,
)
from airflow_provider_directcall.routing.calendars.chains import sealed
from airflow_provider_directcall.routing.rules import Forward, HangUp, PlaySound, Voicemail
from airflow_provider_directcall.telephony.holidays import BrazilianCalendar, OptionalDay

from .calendar_cases import DESK, HOLIDAY_SOUND, MAIL, MAIL_9, made, parts, problems, reason


class TestChains:
    @pytest.mark.parametrize(
        "last",
        [
            DESK,
            PlaySound(priority=1, sound_id=1),
            Voicemail(priority=1, email="a@example.com", sources="5511990000002"),
        ],
    )
    def test_a_chain_that_may_leave_a_call_ends_with_a_hang_up(self, last):
        assert sealed((last,)) == (last, HangUp(priority=2))

    @pytest.mark.parametrize("last", [MAIL, HOLIDAY_SOUND, HangUp(priority=1)])
    def test_a_chain_that_takes_every_call_stays_as_it_is(self, last):
        assert sealed((last,)) == (last,)

    def test_the_order_of_the_list_is_the_order_of_trying(self):
        chain = made(
            open=[Forward(priority=5, to="5511990000001"), Forward(priority=5, to="5511990000002"), MAIL_9]
        ).open
        assert [rule.priority for rule in chain] == [1, 2, 3]

    def test_priorities_against_the_order_are_rejected(self):
        assert problems(open=[MAIL_9, DESK]) == (
            "open[1].priority: contradicts the order of the list, which is what counts",
        )

    @pytest.mark.parametrize(
        ("rule", "problem"),
        [
            ({"action": "hangup", "priority": 1}, "open[0].priority: the calendar says when, the list in which order"),
            ({"action": "hangup", "start": "08:00"}, "open[0].start: the calendar says when, the list in which order"),
            (HangUp(priority=1, weekdays=1), "open[0].weekdays, start, end: the calendar says when"),
            ({"action": "forward", "to": "551199"}, "open[0].to: is too short for a phone number"),
            ({"action": "forward", "to": 5.5}, "open[0].to: is a decimal number"),
            ({"action": "voicemail", "email": ["a@example.com"]}, "open[0].email: input should be a valid string"),
            ({"action": "forward"}, "open[0].to: is missing"),
            ({"action": "dance"}, "open[0]: action has to be one of"),
            (7, "open[0]: a mapping or a rule is needed"),
        ],
    )
    def test_a_rule_that_is_invalid_is_rejected_with_its_place(self, rule, problem):
        assert problems(open=[rule])[0].startswith(problem)

    @pytest.mark.parametrize(("length", "limit"), [(0, "at least 1 item"), (20, "at most 19 items")])
    def test_a_chain_has_1_to_19_rules(self, length, limit):
        assert problems(open=[DESK] * length) == (f"open: list should have {limit}, not {length}",)

    def test_a_list_of_callers_cannot_be_changed_behind_the_calendars_back(self):
        callers = ["5511990000002"]
        calendar = made(open=[Forward(priority=1, to="5511990000001", sources=callers)])
        callers.append("5511990000003")
        assert calendar.open[0].sources == ("5511990000002",)


class TestHours:
    def test_several_rows_of_a_day_leave_the_break_closed(self):
        calendar = made(hours=[OpeningHours("mon", "08:00", "12:00"), OpeningHours("mon", time(14), "18:00")])
        assert parts(calendar, date(2026, 3, 2)) == [
            ("00:00", "08:00", "closed"),
            ("08:00", "12:00", "open"),
            ("12:00", "14:00", "closed"),
            ("14:00", "18:00", "open"),
            ("18:00", "24:00", "closed"),
        ]

    def test_a_night_belongs_to_the_day_on_which_it_begins(self):
        calendar = made(hours=[OpeningHours("fri", "22:00", "06:00")])
        assert reason(calendar, "2026-03-07T03:00") == "open: Friday 22:00-06:00"
        assert reason(calendar, "2026-03-06T03:00") == "closed: outside the hours of Friday"
        assert reason(calendar, "2026-03-08T03:00") == "closed: no hours on Sunday"

    def test_a_sundays_night_goes_on_on_monday(self):
        calendar = made(hours=[OpeningHours("sun", "22:00", "06:00")])
        assert parts(calendar, date(2026, 3, 2))[0] == ("00:00", "06:00", "open")

    def test_a_night_ends_with_the_day_when_that_ends_as_a_holiday(self):
        calendar = made(hours=[OpeningHours("1-7", "22:00", "06:00")])
        assert reason(calendar, "2026-04-22T03:00") == (
            "closed: Tuesday 22:00-06:00 has ended with the holiday: Tiradentes"
        )
        assert reason(calendar, "2026-04-22T22:00") == "open: Wednesday 22:00-06:00"

    def test_a_night_goes_on_after_a_day_of_which_only_the_morning_was_holiday(self):
        calendar = made(hours=[OpeningHours("1-7", "22:00", "06:00")], part_days=[PartDay("Tiradentes", until="12:00")])
        assert reason(calendar, "2026-04-22T03:00") == "open: Tuesday 22:00-06:00"

    def test_a_holiday_goes_before_the_night_that_has_begun_the_day_before(self):
        calendar = made(hours=[OpeningHours("1-7", "22:00", "06:00")])
        assert reason(calendar, "2026-04-21T03:00") == "holiday: Tiradentes"

    @pytest.mark.parametrize("end", ["24:00", "00:00"])
    def test_hours_to_the_end_of_the_day_say_nothing_of_the_next(self, end):
        calendar = made(hours=[OpeningHours("mon", "18:00", end)])
        assert parts(calendar, date(2026, 3, 2)) == [("00:00", "18:00", "closed"), ("18:00", "24:00", "open")]
        assert parts(calendar, date(2026, 3, 3)) == [("00:00", "24:00", "closed")]

    def test_hours_without_times_are_all_day(self):
        assert parts(made(hours=[{"weekdays": "1-7"}]), date(2026, 3, 2)) == [("00:00", "24:00", "open")]

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            ({"weekdays": 1, "start": "08:00"}, "hours[0].start, end: both are needed, or none"),
            ({"weekdays": 1, "start": "08:00", "end": "08:00"}, "hours[0].start, end: they are the same"),
            ({"weekdays": 1, "start": "24:00", "end": "08:00"}, "hours[0].start: a time of day HH:MM"),
            ({"weekdays": 8, "start": "07:00", "end": "08:00"}, "hours[0].weekdays: 1 (Monday) to 7"),
            ({"weekdays": None}, "hours[0].weekdays: at least one day"),
            ({"start": "07:00", "end": "08:00"}, "hours[0].weekdays: is missing"),
            ("mon", "hours[0]: a mapping is needed, not 'mon'"),
        ],
    )
    def test_a_row_that_is_invalid_is_rejected(self, row, problem):
        assert problems(hours=[row])[0].startswith(problem)


class TestHolidays:
    def test_a_leap_day_can_be_a_holiday(self):
        # Carnival Tuesday of 2028.
        assert reason(made(), "2028-02-29T10:00") == "holiday: Carnaval"
        assert reason(made(holidays={"optional_days": False}), "2028-02-29T10:00") == "open: Tuesday 08:00-18:00"

    def test_a_year_begins_on_a_holiday_and_the_last_day_before_is_none(self):
        assert parts(made(), date(2026, 12, 31))[1] == ("08:00", "18:00", "open")
        assert parts(made(), date(2027, 1, 1)) == [("00:00", "24:00", "holiday")]

    def test_ash_wednesday_until_noon_and_christmas_eve_from_noon(self):
        calendar = made(
            part_days=[
                PartDay(OptionalDay.ASH_WEDNESDAY, until="12:00"),
                PartDay(OptionalDay.CHRISTMAS_EVE, from_=time(12)),
            ]
        )
        assert parts(calendar, date(2026, 2, 18)) == [
            ("00:00", "12:00", "holiday"),
            ("12:00", "18:00", "open"),
            ("18:00", "24:00", "closed"),
        ]
        assert reason(calendar, "2026-02-18T09:00") == "holiday: Quarta-feira de Cinzas (until 12:00)"
        assert parts(calendar, date(2026, 12, 24))[-1] == ("12:00", "24:00", "holiday")
        assert reason(calendar, "2026-12-24T12:00") == "holiday: Véspera de Natal (from 12:00)"
        assert parts(calendar, date(2026, 2, 19))[1] == ("08:00", "18:00", "open")

    def test_of_a_holiday_that_is_one_in_part_only_the_rest_follows_the_week(self):
        calendar = made(part_days=[PartDay("tiradentes", from_="10:00", until="12:00")])
        assert [part for part in parts(calendar, date(2026, 4, 21)) if part[2] == "open"] == [
            ("08:00", "10:00", "open"),
            ("12:00", "18:00", "open"),
        ]

    def test_two_parts_of_one_day_are_both_holiday(self):
        day = date(2026, 3, 2)
        calendar = made(part_days=[PartDay(day, until="09:00"), PartDay(day, from_="17:00")])
        assert [part[:2] for part in parts(calendar, day) if part[2] == "open"] == [("09:00", "17:00")]
        assert reason(calendar, "2026-03-02T08:00") == "holiday: 2026-03-02 (until 09:00)"

    def test_a_part_day_may_name_a_day_of_ones_own(self):
        holidays = BrazilianCalendar(own_dates={date(2026, 1, 26): "Aniversário da loja"})
        calendar = made(holidays=holidays, part_days=[{"day": "aniversário da loja", "until": "12:00"}])
        assert reason(calendar, "2026-01-26T08:00") == "holiday: Aniversário da loja (until 12:00)"
        assert reason(calendar, "2026-01-26T12:00") == "open: Monday 08:00-18:00"

    def test_a_part_day_holds_without_any_other_holidays(self):
        calendar = made(holidays=None, part_days=[PartDay("christmas_eve", from_="12:00")])
        assert parts(calendar, date(2026, 12, 24))[-1] == ("12:00", "24:00", "holiday")
        assert parts(calendar, date(2026, 12, 25))[1] == ("08:00", "18:00", "open")

    def test_a_name_that_no_holiday_has_is_rejected_and_near_ones_are_shown(self):
        (problem,) = problems(part_days=[PartDay("Quarta feira de cinzas", until="12:00")])
        assert problem.startswith(
            "part_days[0].day: no holiday of the calendar is called 'Quarta feira de cinzas'; near:"
        )
        assert "Quarta-feira de Cinzas" in problem

    def test_a_name_that_nothing_is_near_to_is_rejected_without_a_guess(self):
        (problem,) = problems(part_days=[PartDay("zzzz", until="12:00")])
        assert problem == "part_days[0].day: no holiday of the calendar is called 'zzzz'"

    @pytest.mark.parametrize(
        ("part", "problem"),
        [
            ({"day": "2026-03-02"}, "part_days[0].from, until: at least one"),
            ({"day": "2026-03-02", "from": "12:00", "until": "12:00"}, "part_days[0].until: it has to be after from"),
            ({"day": "2026-02-30", "until": "12:00"}, "part_days[0].day: there is no day 2026-02-30"),
            ({"day": datetime(2026, 3, 2, tzinfo=UTC), "until": "12:00"}, "part_days[0].day: a date is needed"),
            ({"day": " ", "until": "12:00"}, "part_days[0].day: a text is needed"),
        ],
    )
    def test_a_part_day_that_is_invalid_is_rejected(self, part, problem):
        assert problems(part_days=[part])[0].startswith(problem)

    @pytest.mark.parametrize(
        ("holidays", "problem"),
        [
            ({"state": "XX"}, "holidays.state: 'XX' is none of the two-letter states"),
            ({"state": ["SP"]}, "holidays.state: a text is needed"),
            ({"optional_days": ["carnaval"]}, "holidays.optional_days: true, false, or a list of these"),
            ({"optional_days": "carnival"}, "holidays.optional_days: a list is needed"),
            ({"own_dates": {"2026-02-30": "x"}}, "holidays.own_dates.2026-02-30: there is no day 2026-02-30"),
            ({"own_dates": {"2026-02-20": " "}}, "holidays.own_dates.2026-02-20: a text is needed"),
            ({"own_dates": ["2026-02-20"]}, "holidays.own_dates: a mapping of dates to names"),
            ({"sate": "SP"}, "holidays.sate: is not known here; known: optional_days, own_dates, state"),
            ("SP", "holidays: a mapping is needed, not 'SP'"),
        ],
    )
    def test_holidays_that_is_invalid_are_rejected(self, holidays, problem):
        assert problems(holidays=holidays)[0].startswith(problem)
