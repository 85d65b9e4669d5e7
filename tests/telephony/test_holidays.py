from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta

import holidays
import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.telephony.areas import STATES
from airflow_provider_directcall.telephony.holidays import CUSTOMARY_DAYS, BrazilianCalendar, OptionalDay

CARNIVAL_TUESDAY = date(2026, 2, 17)
ASH_WEDNESDAY = date(2026, 2, 18)
CORPUS_CHRISTI = date(2026, 6, 4)
CIVIL_SERVICE_DAY = date(2026, 10, 28)


@pytest.mark.parametrize("state", ["XX", "rs", "", "São Paulo", "São Paulo Capital"])
def test_an_unknown_state_is_refused(state: str):
    with pytest.raises(ValueError, match=r"^state: .* two-letter states"):
        BrazilianCalendar(state)


@pytest.mark.parametrize("days", [{"carnaval"}, ["easter"], "carnival"])
def test_an_unknown_optional_day_is_refused_and_the_known_ones_are_named(days: object):
    with pytest.raises(ValueError, match=r"^optional_days: .* known: carnival, ash_wednesday, "):
        BrazilianCalendar(optional_days=days)  # type: ignore[arg-type]  # the subject of the test


@pytest.mark.parametrize("name", ["", "  "])
def test_an_own_date_without_a_name_is_refused(name: str):
    with pytest.raises(ValueError, match=r"^own_dates: 2026-03-24 has no name"):
        BrazilianCalendar(own_dates={date(2026, 3, 24): name})


@pytest.mark.parametrize("day", [datetime(2026, 3, 24, tzinfo=UTC), "2026-03-24"])
def test_what_is_no_date_is_refused_instead_of_never_found(day: object):
    with pytest.raises(TypeError, match=r"^own_dates: a date is needed, not "):
        BrazilianCalendar(own_dates={day: "Aniversário"})  # type: ignore[dict-item]  # the subject of the test
    with pytest.raises(TypeError, match=r"^day: a date is needed, not "):
        BrazilianCalendar().holiday(day)  # type: ignore[arg-type]  # the subject of the test


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 1, 1), "Confraternização Universal"),
        (date(2026, 2, 16), "Carnaval"),
        (CARNIVAL_TUESDAY, "Carnaval"),
        (date(2026, 4, 3), "Sexta-feira Santa"),
        (date(2026, 4, 21), "Tiradentes"),
        (CORPUS_CHRISTI, "Corpus Christi"),
        (date(2026, 9, 7), "Independência do Brasil"),
        (date(2026, 11, 15), "Proclamação da República"),  # a Sunday
        (date(2026, 12, 25), "Natal"),
        (date(2027, 2, 9), "Carnaval"),
        (date(2027, 5, 27), "Corpus Christi"),
    ],
)
def test_national_and_customary_days_have_their_portuguese_name(day: date, name: str):
    calendar = BrazilianCalendar()
    assert calendar.holiday(day) == name
    assert not calendar.is_business_day(day)


def test_consciencia_negra_is_national_since_2024():
    assert BrazilianCalendar().holiday(date(2023, 11, 20)) is None
    assert "Consciência Negra" in (BrazilianCalendar().holiday(date(2024, 11, 20)) or "")
    assert "Consciência Negra" in (BrazilianCalendar().holiday(date(2026, 11, 20)) or "")


@pytest.mark.parametrize(
    ("state", "day"),
    [("RS", date(2026, 9, 20)), ("SP", date(2026, 7, 9)), ("BA", date(2026, 7, 2)), ("RJ", date(2026, 4, 23))],
)
def test_a_state_day_counts_in_its_state_only(state: str, day: date):
    assert BrazilianCalendar(state).holiday(day)
    assert not BrazilianCalendar(state).is_business_day(day)
    assert BrazilianCalendar().holiday(day) is None
    assert BrazilianCalendar("PR").holiday(day) is None


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_has_a_calendar_with_the_national_days(state: str):
    assert BrazilianCalendar(state).holiday(date(2026, 9, 7)) == "Independência do Brasil"


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        (False, set()),
        (CUSTOMARY_DAYS, {CARNIVAL_TUESDAY, CORPUS_CHRISTI}),
        (frozenset({OptionalDay.ASH_WEDNESDAY}), {ASH_WEDNESDAY}),
        ({"carnival", "ash_wednesday"}, {CARNIVAL_TUESDAY, ASH_WEDNESDAY}),
        (frozenset({OptionalDay.CIVIL_SERVICE_DAY}), {CIVIL_SERVICE_DAY}),
        (frozenset({OptionalDay.CHRISTMAS_EVE}), {date(2026, 12, 24)}),
        (frozenset({OptionalDay.NEW_YEARS_EVE}), {date(2026, 12, 31)}),
        (
            True,
            {
                CARNIVAL_TUESDAY,
                ASH_WEDNESDAY,
                CORPUS_CHRISTI,
                CIVIL_SERVICE_DAY,
                date(2026, 12, 24),
                date(2026, 12, 31),
            },
        ),
    ],
)
def test_optional_days_count_by_choice(chosen: bool | frozenset[OptionalDay], kept: set[date]):
    calendar = BrazilianCalendar(optional_days=chosen)
    optional = {
        CARNIVAL_TUESDAY,
        ASH_WEDNESDAY,
        CORPUS_CHRISTI,
        CIVIL_SERVICE_DAY,
        date(2026, 12, 24),
        date(2026, 12, 31),
    }
    assert {day for day in optional if calendar.holiday(day)} == kept
    assert {day for day in optional if not calendar.is_business_day(day)} == kept


def test_every_optional_day_that_the_library_knows_can_be_chosen():
    chosen = BrazilianCalendar(optional_days=frozenset(OptionalDay))
    for day, name in holidays.country_holidays(
        "BR", years=range(2000, 2100), language="pt_BR", categories="optional"
    ).items():
        assert chosen.holiday(day), name
    assert {day for day in OptionalDay if _days_of(day, 2026)} == set(OptionalDay)


def _days_of(chosen: OptionalDay, year: int) -> list[date]:
    only = BrazilianCalendar(optional_days=frozenset({chosen}))
    none = BrazilianCalendar(optional_days=False)
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(365))
    return [day for day in days if only.holiday(day) and not none.holiday(day)]


@pytest.mark.parametrize("year", [2008, 2011, 2024, 2026, 2038])
def test_carnival_is_two_days_and_the_wednesday_after_it_one_in_early_and_late_years(year: int):
    monday, tuesday = _days_of(OptionalDay.CARNIVAL, year)
    (wednesday,) = _days_of(OptionalDay.ASH_WEDNESDAY, year)
    (thursday,) = _days_of(OptionalDay.CORPUS_CHRISTI, year)
    assert (tuesday - monday, wednesday - tuesday) == (timedelta(days=1), timedelta(days=1))
    assert [day.isoweekday() for day in (monday, tuesday, wednesday, thursday)] == [1, 2, 3, 4]
    assert thursday - tuesday == timedelta(days=107)


def test_own_dates_count_and_go_before_all_others():
    calendar = BrazilianCalendar(
        "RS", own_dates={date(2026, 3, 26): "Aniversário de Porto Alegre", date(2026, 12, 25): "Recesso"}
    )
    assert calendar.holiday(date(2026, 3, 26)) == "Aniversário de Porto Alegre"
    assert calendar.holiday(date(2026, 12, 25)) == "Recesso"
    assert calendar.holiday(date(2027, 3, 26)) == "Sexta-feira Santa"


def test_own_dates_are_copied():
    dates = {date(2026, 3, 26): "Aniversário"}
    calendar = BrazilianCalendar(own_dates=dates)
    dates.clear()
    assert calendar.holiday(date(2026, 3, 26)) == "Aniversário"


def test_a_plain_weekend_is_no_holiday_and_no_business_day():
    saturday = date(2026, 3, 7)
    for day in (saturday, saturday + timedelta(days=1)):
        assert BrazilianCalendar().holiday(day) is None
        assert not BrazilianCalendar().is_business_day(day)
    assert BrazilianCalendar().is_business_day(saturday - timedelta(days=1))


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (date(2026, 3, 3), date(2026, 3, 4)),
        (date(2026, 3, 6), date(2026, 3, 9)),  # Friday
        (date(2026, 3, 7), date(2026, 3, 9)),  # Saturday
        (date(2026, 2, 13), date(2026, 2, 18)),  # Friday before Carnival
        (date(2026, 12, 31), date(2027, 1, 4)),  # over New Year
        (date(2026, 11, 19), date(2026, 11, 23)),
    ],
)
def test_the_next_business_day_is_after_the_day(day: date, following: date):
    assert BrazilianCalendar().next_business_day(day) == following


@given(st.dates(date(2000, 1, 1), date(2090, 12, 31)), st.sampled_from([None, "RS", "AC"]))
def test_no_business_day_is_skipped(day: date, state: str | None):
    calendar = BrazilianCalendar(state, optional_days=True)
    following = calendar.next_business_day(day)
    assert calendar.is_business_day(following)
    assert not any(calendar.is_business_day(day + timedelta(n)) for n in range(1, (following - day).days))
    assert (following - day).days <= 7


def test_a_pendulum_date_is_a_date():
    assert BrazilianCalendar().holiday(pendulum.date(2026, 2, 17)) == "Carnaval"
    assert BrazilianCalendar(own_dates={pendulum.date(2026, 3, 26): "A"}).holiday(date(2026, 3, 26)) == "A"


def test_calendars_are_values():
    calendar = BrazilianCalendar("RS", own_dates={date(2026, 3, 26): "A"})
    assert pickle.loads(pickle.dumps(calendar)) == calendar
    assert calendar != BrazilianCalendar("RS")
    assert len({calendar, BrazilianCalendar("RS", own_dates={date(2026, 3, 26): "A"})}) == 1
