"""Which days are holidays, from a calendar's data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from airflow_provider_directcall.routing.calendars.moments import date_of
from airflow_provider_directcall.routing.calendars.problems import CalendarError, Problems, listed, text
from airflow_provider_directcall.routing.conditions import shown
from airflow_provider_directcall.telephony.holidays import CUSTOMARY_DAYS, BrazilianCalendar, OptionalDay

__all__ = ["holidays_from"]

_KEYS = ("state", "optional_days", "own_dates")


def holidays_from(value: object) -> BrazilianCalendar:
    """A Brazilian calendar from itself or from a mapping with its arguments, dates as ``YYYY-MM-DD``.

    :raises CalendarError: all that is wrong with it.
    """
    if isinstance(value, BrazilianCalendar):
        return value
    if not isinstance(value, Mapping):
        raise CalendarError([f": a mapping or BrazilianCalendar is needed, not {shown(value)}"])
    problems = Problems()
    for name in value:
        if name not in _KEYS:
            problems.add(f"{name}: is not known here; known: {', '.join(_KEYS)}")
    state: str | None = None
    optional_days: bool | frozenset[OptionalDay] = CUSTOMARY_DAYS
    own_dates: dict[date, str] = {}
    with problems.at():
        if value.get("state") is not None:
            state = BrazilianCalendar(text("state", value["state"])).state
    with problems.at():
        if "optional_days" in value:
            optional_days = _optional_days(value["optional_days"])
    with problems.at():
        own_dates = _own_dates(value.get("own_dates", {}))
    problems.tell()
    return BrazilianCalendar(state, optional_days, own_dates)


def _optional_days(value: object) -> bool | frozenset[OptionalDay]:
    if isinstance(value, bool):
        return value
    days = sorted(value) if isinstance(value, (set, frozenset)) else value
    known = [OptionalDay(str(day)) for day in listed("optional_days", days) if day in list(OptionalDay)]
    if len(known) < len(listed("optional_days", days)):
        raise ValueError(f"optional_days: true, false, or a list of these is needed: {', '.join(OptionalDay)}")
    return frozenset(known)


def _own_dates(value: object) -> dict[date, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"own_dates: a mapping of dates to names is needed, not {shown(value)}")
    problems = Problems()
    dates: dict[date, str] = {}
    for day, name in value.items():
        with problems.at("own_dates"):
            dates[date_of(shown(day), day)] = text(str(day), name)
    problems.tell()
    return dates
