"""The conditions of a rule (weekdays, hours, callers): parse the user's, read those of a live rule.

All of it is assumed (docs/directcall-api.md, section 13.6). The parsers return None for None, which sets no
condition. Every ValueError names the argument and masks numbers.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from airflow_provider_directcall.telephony.masking import mask_numbers_in
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number
from airflow_provider_directcall.telephony.spreadsheets import spreadsheet_form

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_A_DAY: Final = 24 * 60
CONDITIONS: Final = frozenset({"week", "start", "end", "source"})
"""Fields of ``data`` that are conditions; the others are details of the action."""
EVERY_DAY: Final = frozenset(range(1, len(WEEKDAYS) + 1))
"""All ISO weekdays."""
_BETWEEN_DAYS: Final = re.compile(r"[,;\s]+")
_DASH: Final = re.compile(r"\s*-\s*")
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?", re.ASCII)
_NORMALIZED_WEEK: Final = re.compile(r"[1-7](,[1-7])*", re.ASCII)
_NORMALIZED_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_LONGEST_SHOWN: Final = 40


class _ShortRepr(reprlib.Repr):
    """A repr bounded in time and depth: aliases of YAML can make a small file a huge value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxdict, self.maxlist, self.maxtuple = 4, 8, 8, 8
        self.maxstring = self.maxlong = self.maxother = 200

    def repr_int(self, x: int, level: int) -> str:
        """Return the digits, unless there are too many for Python to write."""
        return repr(x) if x.bit_length() < 1000 else "a huge number"


_SHORT: Final = _ShortRepr()

#: JSON as a form carries it: texts, and objects with texts as keys.
FormValue = str | dict[str, "FormValue"]
#: A rule's data in normalized spelling, without empty fields.
Comparable = Mapping[str, FormValue]


def masked_repr(value: object) -> str:
    """Return a wrong value as an error may quote it: short, numbers masked."""
    text = mask_numbers_in(_SHORT.repr(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def clock(minute: int) -> str:
    """Format minutes since midnight as ``HH:MM``; 1440 is ``24:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def week(value: object) -> str | None:
    """Parse weekdays into ``1,2,3,4,5`` (``week``), in order and each once."""
    if value is None:
        return None
    parts = [
        part for item in _several("weekdays", value) for part in _BETWEEN_DAYS.split(_DASH.sub("-", str(item).strip()))
    ]
    days = sorted({day for part in parts for day in _day_range(part)})
    if not days:
        raise ValueError("weekdays: at least one day is needed; None means every day")
    return ",".join(str(day) for day in days)


def time_of_day(name: str, value: object) -> str | None:
    """Parse a time of day into ``HH:MM`` (``start``, ``end``), in the account's zone."""
    if value is None:
        return None
    # The text of a time shows its seconds and its zone, which the vendor's form cannot hold.
    match = _TIME.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{name}: a time of day HH:MM, without seconds and zone, is needed, not {masked_repr(value)}")
    return f"{int(match[1]):02}:{match[2]}"


def sources(value: str | Sequence[str] | None) -> str | None:
    """Parse callers into digits joined with ``;`` (``source``)."""
    if value is None:
        return None
    if isinstance(value, str) and not spreadsheet_form(value):
        listed: Sequence[object] = re.split(r"[;,]", value)
    else:
        listed = _several("sources", value)
    numbers = [item for item in listed if str(item).strip()]
    if not numbers:
        raise ValueError("sources: at least one number is needed; None means all callers")
    return ";".join(parse_number(number, argument="sources", allow=ALL_KINDS).digits for number in numbers)


@dataclass(frozen=True, slots=True)
class Conditions:
    """When and for which callers a rule applies. Unknown fields are not conditions.

    :ivar days: ISO weekdays; their text when they cannot be parsed.
    :ivar hours: start and end in minutes of the day, the end excluded; an end that is not after the start means over
        midnight; all day is 0 and 1440. Their text when they cannot be parsed.
    :ivar callers: digits of the callers to whom the rule applies; None for all. An entry that is not a number stays as
        it is, and matches no caller.
    """

    days: frozenset[int] | str
    hours: tuple[int, int] | str
    callers: frozenset[str] | None = field(repr=False)

    @property
    def is_readable(self) -> bool:
        """Whether weekdays and times could be parsed."""
        return not isinstance(self.days, str) and not isinstance(self.hours, str)


def conditions_of(data: Comparable) -> Conditions:
    """Read the conditions from a rule's normalized data."""
    week, source = _field_text(data, "week"), _field_text(data, "source")
    return Conditions(
        days=_read_days(week),
        hours=_read_hours(_field_text(data, "start"), _field_text(data, "end")),
        callers=frozenset(_digits(each) for each in source.split(";") if each) if source else None,
    )


def _several(name: str, value: object) -> list[str | int | float]:
    # A float is rejected later, with the reason.
    items = [value] if isinstance(value, (str, int, float)) else value
    if not isinstance(items, (list, tuple, set, frozenset)) or not all(
        isinstance(item, (str, int, float)) for item in items
    ):
        raise ValueError(f"{name}: one value or a list of them is needed, not {masked_repr(value)}")
    return list(items)


def _day_range(part: str) -> range:
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


def _field_text(data: Comparable, name: str) -> str:
    value = data.get(name, "")
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _read_days(week: str) -> frozenset[int] | str:
    if not week:
        return EVERY_DAY
    return frozenset(map(int, week.split(","))) if _NORMALIZED_WEEK.fullmatch(week) else week


def _read_hours(start: str, end: str) -> tuple[int, int] | str:
    begins, ends = _minute(start, 0), _minute(end, MINUTES_A_DAY)
    if begins is None or ends is None:
        return f"{start}-{end}"
    return (0, MINUTES_A_DAY) if begins == ends else (begins, ends)


def _minute(text: str, default: int) -> int | None:
    match = _NORMALIZED_TIME.fullmatch(text)
    if match is None:
        return None if text else default
    return int(match[1]) * 60 + int(match[2])


def _digits(caller: str) -> str:
    try:
        return parse_number(caller, allow=ALL_KINDS).digits
    except ValueError:
        return caller
