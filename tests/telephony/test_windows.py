"""Calling windows on the clock of the called number."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.holidays import OptionalDay
from airflow_provider_directcall.telephony.windows import NOON, PRESETS, Hours, Window, window_named

from .window_rules import is_inside

STRICT = PRESETS["strict"]
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NIGHT = Window("night", {day: (Hours(time(0), time(2)), Hours(time(22), time(0))) for day in range(7)})
ALWAYS = Window("always", {day: (Hours(time(0), time(0)),) for day in range(7)}, keeps_holidays=False, part_days={})


def at(text: str, area: str = "11") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(AREAS[area].timezone))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-03-04T08:59:59", False),
        ("2026-03-04T09:00:00", True),
        ("2026-03-04T17:59:59", True),
        ("2026-03-04T18:00:00", False),
        ("2026-03-07T10:00:00", False),  # a Saturday
        ("2026-04-21T10:00:00", False),  # Tiradentes
        ("2026-02-17T10:00:00", False),  # Carnival
        ("2026-02-18T11:59:59", False),  # Ash Wednesday until noon
        ("2026-02-18T12:00:00", True),
        ("2026-12-24T11:59:59", True),
        ("2026-12-24T12:00:00", False),
        ("2026-12-31T12:00:00", False),
    ],
)
def test_strict_hours_in_sao_paulo(moment, is_open):
    assert STRICT.is_open(at(moment), AREAS["11"]) is is_open


@pytest.mark.parametrize(
    ("day", "kind", "opens", "closes"),
    [
        ("2026-01-01", "national", None, None),
        ("2026-02-16", "optional by default: Carnival Monday", None, None),
        ("2026-02-17", "optional by default: Carnival Tuesday", None, None),
        ("2026-02-18", "part of a day: Ash Wednesday", 12, 18),
        ("2026-04-03", "national: Good Friday", None, None),
        ("2026-04-21", "national", None, None),
        ("2026-05-01", "national", None, None),
        ("2026-06-04", "optional by default: Corpus Christi", None, None),
        ("2026-09-07", "national", None, None),
        ("2026-10-12", "national", None, None),
        ("2026-10-28", "optional, not by default: civil service", 9, 18),
        ("2026-11-02", "national", None, None),
        ("2026-11-20", "national since 2024", None, None),
        ("2026-12-24", "part of a day", 9, 12),
        ("2026-12-25", "national", None, None),
        ("2026-12-31", "part of a day", 9, 12),
        ("2026-03-04", "a plain Wednesday", 9, 18),
        ("2026-03-07", "a Saturday", None, None),
        ("2026-03-08", "a Sunday", None, None),
    ],
)
@pytest.mark.parametrize("code", ["11", "92", "65", "68", "91"])
def test_holidays_of_the_country_in_each_zone(day, kind, opens, closes, code):
    area, midnight = AREAS[code], at(f"{day}T00:00:00", code)
    opening = STRICT.next_opening(midnight, area)
    if opens is None:
        assert opening >= midnight + timedelta(days=1), kind
        return
    assert opening == midnight + timedelta(hours=opens), kind
    assert STRICT.closes_at(opening, area) == midnight + timedelta(hours=closes), kind


@pytest.mark.parametrize(
    ("day", "states"),
    [
        ("2026-07-09", "SP"),
        ("2026-04-23", "RJ"),
        ("2026-09-05", "AC AM"),
        ("2026-09-20", "RS"),
        ("2026-07-02", "BA"),
        ("2026-10-11", "MS"),
        ("2026-03-06", "PE"),
        ("2026-07-28", "MA"),
        ("2026-08-15", "CE PA"),
        ("2026-03-25", "CE"),
    ],
)
def test_a_holiday_of_a_state_closes_each_of_its_areas_and_no_other(day, states):
    always = Window("every day", {weekday: (Hours(time(9), time(18)),) for weekday in range(7)})
    open_in = {code for code in AREAS if always.is_open(at(f"{day}T12:00:00", code), AREAS[code])}
    assert open_in == {code for code, area in AREAS.items() if area.state not in states.split()}


@pytest.mark.parametrize("code", sorted(AREAS))
def test_each_area_opens_on_its_own_clock(code):
    area = AREAS[code]
    opening = STRICT.next_opening(at("2026-03-04T03:00:00", code), area)
    clocks = [opening.astimezone(ZoneInfo(name)) for name in area.timezones]
    assert max(clock.time() for clock in clocks) >= time(9) == min(clock.time() for clock in clocks)
    assert {clock.date() for clock in clocks} == {date(2026, 3, 4)}


def test_five_zones_at_one_instant():
    noon = datetime(2026, 3, 4, 12, tzinfo=UTC)  # 09:00 in Brasília
    open_areas = {code for code, area in AREAS.items() if STRICT.is_open(noon, area)}
    assert "11" in open_areas
    assert not open_areas & {"92", "69", "95", "65", "67", "68"}, "an hour or two behind"
    assert STRICT.next_opening(noon, AREAS["92"]) == noon + timedelta(hours=1)
    assert STRICT.next_opening(noon, AREAS["68"]) == noon + timedelta(hours=2)


def test_an_area_of_two_zones_is_open_where_both_are():
    area = AREAS["81"]  # Recife, and Noronha an hour ahead
    assert STRICT.closes_at(at("2026-03-04T16:30:00", "81"), area) == at("2026-03-04T17:00:00", "81")
    assert not STRICT.is_open(at("2026-03-04T17:30:00", "81"), area)


def test_a_state_holiday_closes_its_state_only():
    moment = at("2026-07-09T10:00:00")  # Constitutionalist Revolution, São Paulo
    assert not STRICT.is_open(moment, AREAS["11"])
    assert STRICT.is_open(moment, AREAS["21"])


def test_a_late_start_waits_for_the_next_business_day():
    friday = at("2026-04-17T18:00:00")
    # A weekend, a Monday, and Tiradentes on Tuesday.
    assert STRICT.next_opening(friday - timedelta(seconds=1), AREAS["11"]) == friday - timedelta(seconds=1)
    assert STRICT.next_opening(friday, AREAS["11"]) == at("2026-04-20T09:00:00")
    assert STRICT.next_opening(at("2026-04-20T18:00:00"), AREAS["11"]) == at("2026-04-22T09:00:00")


def test_a_window_over_midnight_is_one_opening():
    assert NIGHT.closes_at(at("2026-03-04T23:00:00"), AREAS["11"]) == at("2026-03-05T02:00:00")
    assert NIGHT.is_open(at("2026-03-05T00:00:00"), AREAS["11"])
    assert ALWAYS.is_open(at("2026-12-25T00:00:00"), AREAS["11"])


def test_a_window_that_never_opens_says_so():
    assert Window("never", {}).next_opening(at("2026-03-04T10:00:00"), AREAS["11"]) is None
    apart = Window("noon", {day: (Hours(time(12), time(12, 30)),) for day in range(7)})
    assert apart.next_opening(at("2026-03-04T10:00:00", "81"), AREAS["81"]) is None, "never at once in both zones"


def test_an_optional_day_by_choice_is_a_whole_holiday():
    window = Window("mine", STRICT.hours, optional_days=frozenset({OptionalDay.ASH_WEDNESDAY}))
    assert not window.is_open(at("2026-02-18T14:00:00"), AREAS["11"])
    assert window.is_open(at("2026-02-17T14:00:00"), AREAS["11"]), "Carnival was not chosen"


def test_own_dates_and_part_days():
    window = Window(
        "mine",
        STRICT.hours,
        own_dates={date(2026, 3, 24): "Aniversário da cidade"},
        part_days={date(2026, 3, 25): Hours(time(0), NOON)},
    )
    assert window.openings(date(2026, 3, 24), "SP") == []
    assert window.openings(date(2026, 3, 25), "SP") == [Hours(time(9), NOON)]


@pytest.mark.parametrize(("begin", "end"), [("10:00", "10:00"), ("18:00", "09:00")])
def test_an_empty_span_is_refused(begin, end):
    with pytest.raises(ValueError, match="is empty; split a span at midnight"):
        Hours(time.fromisoformat(begin), time.fromisoformat(end))


def test_unknown_weekdays_and_presets_are_refused():
    with pytest.raises(ValueError, match="from 0, Monday, to 6, Sunday, not 7"):
        Window("mine", {7: ()})
    with pytest.raises(ValueError, match="'lax' is no preset; known: strict, sart"):
        window_named("lax")


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"strict"}))
@given(
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    code=st.sampled_from(sorted(AREAS)),
)
def test_strict_is_open_only_when_every_preset_is(name, moment, code):
    if STRICT.is_open(moment, AREAS[code]):
        assert PRESETS[name].is_open(moment, AREAS[code])


spans = st.lists(
    st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda pair: pair[0] < pair[1]), max_size=2
).map(lambda pairs: tuple(Hours(time(begin), time(end % 24)) for begin, end in pairs))
windows = st.builds(
    Window,
    name=st.just("drawn"),
    hours=st.dictionaries(st.integers(0, 6), spans, min_size=1),
    keeps_holidays=st.booleans(),
)


@given(
    window=windows,
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    code=st.sampled_from(sorted(AREAS)),
)
def test_a_send_inside_is_inside_by_an_independent_rule(window, moment, code):
    area = AREAS[code]
    inside = all(is_inside(window, moment.astimezone(ZoneInfo(name)), area.state) for name in area.timezones)
    assert window.is_open(moment, area) is inside
    opening = window.next_opening(moment, area)
    if opening is not None:
        assert opening >= moment
        assert window.is_open(opening, area)
        assert opening == moment or not window.is_open(opening - timedelta(microseconds=1), area)
        assert window.closes_at(opening, area) > opening
