"""Dates and moments of a calendar: read from text, and as the clocks of a zone show them."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from airflow_provider_directcall.routing.conditions import shown

__all__ = ["DATE", "aware", "date_of", "wall_clock", "whole_minutes"]

DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6})?)?"
_OFFSET: Final = r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_MOMENT: Final = re.compile(f"{DATE.pattern}[T ]{_CLOCK}{_OFFSET}")
_WITH_OFFSET: Final = "a date and time with an offset, such as 2026-11-27T22:00-03:00,"


def date_of(name: str, value: object) -> date:
    """A date from itself or from ``YYYY-MM-DD``.

    :raises ValueError: it is none, or a datetime, whose day depends on its time zone.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not DATE.fullmatch(value.strip()):
        raise ValueError(f"{name}: a date such as 2026-01-25 is needed, not {shown(value)}")
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{name}: there is no day {value.strip()}") from None


def whole_minutes(name: str, value: object) -> date | datetime:
    """A date or a datetime without seconds, from itself or from its ISO text.

    :raises ValueError: it is none, or it has seconds.
    """
    moment = _moment(name, value, "a date such as 2026-11-27, or 2026-11-27T22:00,")
    if isinstance(moment, datetime) and (moment.second or moment.microsecond):
        raise ValueError(f"{name}: whole minutes are needed, as rules have no seconds")
    return moment


def aware(name: str, value: object) -> datetime:
    """A datetime with a zone, from itself or from its ISO text with an offset.

    :raises ValueError: it is none.
    """
    moment = _moment(name, value, _WITH_OFFSET)
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValueError(f"{name}: {_WITH_OFFSET} is needed, not {shown(value)}")
    return moment


def wall_clock(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """What the zone's clocks show, without a zone; a date is its midnight, what has no zone is shown there already."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time())
    shown_there = moment if moment.utcoffset() is None else moment.astimezone(zone)
    # Not a subclass such as Pendulum's, which counts in another way.
    return datetime.combine(date(shown_there.year, shown_there.month, shown_there.day), shown_there.time())


def _moment(name: str, value: object, wanted: str) -> date | datetime:
    if isinstance(value, date):
        return value
    given = value.strip() if isinstance(value, str) else ""
    if DATE.fullmatch(given):
        return date_of(name, given)
    if not _MOMENT.fullmatch(given):
        raise ValueError(f"{name}: {wanted} is needed, not {shown(value)}")
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(f"{name}: there is no moment {given}") from None
