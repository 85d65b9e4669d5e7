"""Dates and moments of a calendar: parsed from text, and as wall clock time of a zone."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import PlainValidator, WithJsonSchema

from airflow_provider_directcall.routing.conditions import masked_repr

D = TypeVar("D", bound=date)

_YEARS: Final = range(1900, 3000)
_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_SECONDS: Final = "(?::[0-9]{2}(?:[.][0-9]{1,6})?)?"
_NO_SECONDS: Final = "(?::00(?:[.]0{1,6})?)?"
_OFFSET: Final = "(?:Z|[+-][0-9]{2}:[0-9]{2})"
_MINUTE: Final = f"{_DATE}[T ][0-9]{{2}}:[0-9]{{2}}"
_WITH_OFFSET: Final = "a date and time with an offset, such as 2026-11-27T22:00-03:00,"


def is_date(text: str) -> bool:
    """Return whether a text has the form ``YYYY-MM-DD``."""
    return re.fullmatch(_DATE, text) is not None


def parse_date(value: object) -> date:
    """Return a date, given as such or as ``YYYY-MM-DD``.

    :raises ValueError: it is none, or a datetime, whose day depends on its time zone.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return _near(value)
    if not isinstance(value, str) or not is_date(value.strip()):
        raise ValueError(f"a date such as 2026-01-25 is needed, not {masked_repr(value)}")
    try:
        day = date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"there is no day {value.strip()}") from None
    return _near(day)


def parse_moment(value: object) -> date | datetime:
    """Return a date or a datetime in whole minutes, given as such or as ISO text.

    :raises ValueError: it is neither, or it has seconds.
    """
    moment = _parse(value, "a date such as 2026-11-27, or 2026-11-27T22:00,")
    if isinstance(moment, datetime) and (moment.second or moment.microsecond):
        raise ValueError("whole minutes are needed, as rules have no seconds")
    return moment


def parse_aware(value: object) -> datetime:
    """Return an aware datetime, given as such or as ISO text with an offset.

    :raises ValueError: it is none.
    """
    moment = _parse(value, _WITH_OFFSET)
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValueError(f"{_WITH_OFFSET} is needed, not {masked_repr(value)}")
    return moment


def wall_clock(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """Return a moment as naive local time of a zone; a date is its midnight, a naive datetime is local already."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time())
    local = moment if moment.utcoffset() is None else moment.astimezone(zone)
    # Not a subclass such as Pendulum's, which counts in another way.
    return datetime.combine(date(local.year, local.month, local.day), local.time())


def _parse(value: object, wanted: str) -> date | datetime:
    if isinstance(value, date):
        return _near(value)
    given = value.strip() if isinstance(value, str) else ""
    if is_date(given):
        return parse_date(given)
    if not re.fullmatch(f"{_MINUTE}{_SECONDS}{_OFFSET}?", given):
        raise ValueError(f"{wanted} is needed, not {masked_repr(value)}")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(f"there is no moment {given}") from None
    return _near(moment)


def _near(day: D) -> D:
    """Return a date or datetime; reject one from which no calendar can count on, because dates end."""
    if day.year not in _YEARS:
        raise ValueError(f"a year from {_YEARS.start} to {_YEARS.stop - 1} is needed")
    return day


def _schema(pattern: str, description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": rf"^\s*{pattern}\s*$", "description": description})


Moment = Annotated[
    date | datetime,
    PlainValidator(parse_moment),
    _schema(
        f"(?:{_DATE}|{_MINUTE}{_NO_SECONDS}{_OFFSET}?)",
        "A date, or a date and time in whole minutes; without an offset it is local time.",
    ),
]
AwareMoment = Annotated[
    datetime,
    PlainValidator(parse_aware),
    _schema(_MINUTE + _SECONDS + _OFFSET, "With an offset; it ends by itself then."),
]
