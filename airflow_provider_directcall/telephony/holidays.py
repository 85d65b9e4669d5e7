"""Brazilian holidays and business days: national, of a state, optional ones by choice, and the user's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from airflow_provider_directcall.telephony.areas import STATES

if TYPE_CHECKING:
    from collections.abc import Mapping


class OptionalDay(StrEnum):
    """Days that are no public holiday (`ponto facultativo`), yet days off for many."""

    CARNIVAL = "carnival"
    """`Carnaval`, Monday and Tuesday."""
    ASH_WEDNESDAY = "ash_wednesday"
    """`Quarta-feira de Cinzas`, in many places the morning only; here the whole day."""
    CORPUS_CHRISTI = "corpus_christi"
    CIVIL_SERVICE_DAY = "civil_service_day"
    """`Dia do Servidor Público`, 28 October: offices of the state only."""
    CHRISTMAS_EVE = "christmas_eve"
    """`Véspera de Natal`, in many places the afternoon only; here the whole day."""
    NEW_YEARS_EVE = "new_years_eve"
    """`Véspera de Ano-Novo`, in many places the afternoon only; here the whole day."""


CUSTOMARY_DAYS = frozenset({OptionalDay.CARNIVAL, OptionalDay.CORPUS_CHRISTI})
"""The optional days of a calendar by default: most offices close on these (our choice)."""

_WEEKDAYS_A_WEEK = 5


@dataclass(frozen=True)
class BrazilianCalendar:
    """Holidays and business days: Monday to Friday without the holidays.

    - `state`: two letters (UF); its holidays count as well as the national ones. None: national ones only.
    - `optional_days`: the `OptionalDay`s that count as holidays; True for all, False for none.
    - `own_dates`: date -> name, for city holidays and company days. They take precedence.

    Days have no time zone: the caller converts moments into days. Public, state and optional days, and
    their Portuguese names, come from the `holidays` library, which has no holidays of cities.

    Raises ValueError for an unknown state or optional day and for a nameless own date, TypeError for a
    datetime in place of a date: its day depends on a zone, and as a key it would never match.
    """

    state: str | None = None
    optional_days: bool | frozenset[OptionalDay] = CUSTOMARY_DAYS
    own_dates: Mapping[date, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.state is not None and self.state not in STATES:
            raise ValueError(f"state: {self.state!r} is none of the two-letter states of Brazil (UF)")
        if not isinstance(self.optional_days, bool):
            object.__setattr__(self, "optional_days", _known_optional_days(self.optional_days))
        for day, name in self.own_dates.items():
            _require_date(day, "own_dates")
            if not name.strip():
                raise ValueError(f"own_dates: {day.isoformat()} has no name")
        object.__setattr__(self, "own_dates", dict(self.own_dates))

    def holiday(self, day: date) -> str | None:
        """Return the Portuguese name of the day's holiday, or None. An ordinary Sunday is no holiday."""
        _require_date(day, "day")
        return (
            self.own_dates.get(day)
            or _public_holidays(day.year, self.state).get(day)
            or (_optional_holidays(day.year).get(day) if self._keeps(day) else None)
        )

    def is_business_day(self, day: date) -> bool:
        """Return whether the day is from Monday to Friday and no holiday."""
        return self.holiday(day) is None and day.weekday() < _WEEKDAYS_A_WEEK

    def next_business_day(self, day: date) -> date:
        """Return the first business day after the day."""
        following = day + timedelta(days=1)
        while not self.is_business_day(following):
            following += timedelta(days=1)
        return following

    def _keeps(self, day: date) -> bool:
        if isinstance(self.optional_days, bool):
            return self.optional_days
        return _optional_day(day) in self.optional_days


def _known_optional_days(days: frozenset[OptionalDay]) -> frozenset[OptionalDay]:
    try:
        return frozenset(OptionalDay(day) for day in days)
    except ValueError as unknown:
        raise ValueError(f"optional_days: {unknown}; known: {', '.join(OptionalDay)}") from None


def _require_date(day: object, argument: str) -> None:
    if isinstance(day, datetime):
        raise TypeError(f"{argument}: a date is needed, not a datetime, whose day depends on its time zone")
    if not isinstance(day, date):
        raise TypeError(f"{argument}: a date is needed, not {type(day).__name__}")


def _optional_day(day: date) -> OptionalDay | None:
    """Return which optional day a holiday is, if any.

    Matched by month and weekday, not by name: the library has renamed Ash Wednesday before. Carnival is from 2
    February to 9 March, Corpus Christi from 21 May to 24 June.
    """
    match (day.month, day.day):
        case (2 | 3, _):
            return OptionalDay.CARNIVAL if day.isoweekday() < 3 else OptionalDay.ASH_WEDNESDAY
        case (5 | 6, _):
            return OptionalDay.CORPUS_CHRISTI
        case (10, 28):
            return OptionalDay.CIVIL_SERVICE_DAY
        case (12, 24):
            return OptionalDay.CHRISTMAS_EVE
        case (12, 31):
            return OptionalDay.NEW_YEARS_EVE
    return None


@lru_cache(maxsize=128)
def _public_holidays(year: int, state: str | None) -> Mapping[date, str]:
    import holidays

    return dict(holidays.country_holidays("BR", subdiv=state, years=year, language="pt_BR"))


@lru_cache(maxsize=128)
def _optional_holidays(year: int) -> Mapping[date, str]:
    import holidays

    return dict(holidays.country_holidays("BR", years=year, language="pt_BR", categories="optional"))
