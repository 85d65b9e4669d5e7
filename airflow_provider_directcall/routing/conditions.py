"""When and for whom a rule holds, in the vendor's terms (all of it assumed; the reference's section 13.6).

None is no condition where a function takes it, and comes back. Every ValueError names the argument and masks numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from airflow_provider_directcall.telephony.masking import mask_numbers_in
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_A_DAY: Final = 24 * 60
_BETWEEN_DAYS: Final = re.compile(r"[,;\s]+")
_DASH: Final = re.compile(r"\s*-\s*")
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?", re.ASCII)
_LONGEST_SHOWN: Final = 40


def masked_repr(value: object) -> str:
    """A wrong value as an error may show it: short, numbers masked."""
    text = mask_numbers_in(repr(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def clock(minute: int) -> str:
    """``HH:MM`` of the minutes since midnight; 1440 is ``24:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def week(value: object) -> str | None:
    """Weekdays as ``1,2,3,4,5`` (``week``), in order and each once."""
    if value is None:
        return None
    parts = [
        part for item in _several("weekdays", value) for part in _BETWEEN_DAYS.split(_DASH.sub("-", str(item).strip()))
    ]
    days = sorted({day for part in parts for day in _days(part)})
    if not days:
        raise ValueError("weekdays: at least one day is needed; None means every day")
    return ",".join(str(day) for day in days)


def time_of_day(name: str, value: object) -> str | None:
    """A time of day as ``HH:MM`` (``start``, ``end``); the zone is the account's."""
    if value is None:
        return None
    # A time's own text has its seconds and its zone, which the vendor's form has no place for.
    match = _TIME.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{name}: a time of day HH:MM, without seconds and zone, is needed, not {masked_repr(value)}")
    return f"{int(match[1]):02}:{match[2]}"


def sources(value: str | Sequence[str] | None) -> str | None:
    """Callers' digits joined with ``;`` (``source``)."""
    if value is None:
        return None
    listed = re.split(r"[;,]", value) if isinstance(value, str) else _several("sources", value)
    numbers = [item for item in listed if str(item).strip()]
    if not numbers:
        raise ValueError("sources: at least one number is needed; None means everybody")
    return ";".join(parse_number(number, argument="sources", allow=ALL_KINDS).digits for number in numbers)


def _several(name: str, value: object) -> list[str | int]:
    items = [value] if isinstance(value, (str, int)) else value
    if not isinstance(items, (list, tuple, set, frozenset)) or not all(isinstance(item, (str, int)) for item in items):
        raise ValueError(f"{name}: one value or a list of them is needed, not {masked_repr(value)}")
    return list(items)


def _days(part: str) -> range:
    first, dash, last = part.partition("-")
    begin = _day(first)
    end = _day(last) if dash else begin
    if end < begin:
        raise ValueError(f"weekdays: {masked_repr(part)} runs backwards")
    return range(begin, end + 1)


def _day(word: str) -> int:
    folded = word.lower()
    for number, name in enumerate(WEEKDAYS, start=1):
        if folded in {str(number), name, name[:3]}:
            return number
    raise ValueError(f"weekdays: 1 (Monday) to 7 (Sunday) or an English name is needed, not {masked_repr(word)}")
