"""When and for whom a live rule holds, in which order rules are tried, and what of it cannot be read.

All of it is assumed of the vendor (the reference's section 13.6). Whoever plans, explains or checks rules reads them
here, so that what is safe and what is told of it cannot part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol, TypeVar

from airflow_provider_directcall.routing.comparison import Comparable
from airflow_provider_directcall.routing.conditions import MINUTES_A_DAY, WEEKDAYS
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

__all__ = ["CONDITIONS", "EVERY_DAY", "Conditions", "conditions_of", "field_text", "in_order"]

CONDITIONS: Final = frozenset({"week", "start", "end", "source"})
"""Fields of ``data`` that say when a rule holds; the others say what it does."""
EVERY_DAY: Final = frozenset(range(1, len(WEEKDAYS) + 1))
"""All ISO weekdays."""
_WEEK: Final = re.compile(r"[1-7](,[1-7])*", re.ASCII)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Conditions:
    """When and for whom a rule holds. Fields that are unknown here are no conditions.

    :ivar days: ISO weekdays; where they cannot be read, their text.
    :ivar hours: begin and end in minutes of the day, the end excluded; an end that is not after the begin is over
        midnight; all day is 0 and 1440. Where they cannot be read, their text.
    :ivar callers: digits of the callers for whom the rule is; None for everybody. What is no number stays as it is, and
        is nobody's.
    """

    days: frozenset[int] | str
    hours: tuple[int, int] | str
    callers: frozenset[str] | None = field(repr=False)

    @property
    def is_readable(self) -> bool:
        """Whether weekdays and times can be read."""
        return not isinstance(self.days, str) and not isinstance(self.hours, str)


def conditions_of(data: Comparable) -> Conditions:
    """When and for whom a rule holds.

    :param data: the rule's data in its one spelling.
    """
    week, source = field_text(data, "week"), field_text(data, "source")
    return Conditions(
        days=_days(week),
        hours=_hours(field_text(data, "start"), field_text(data, "end")),
        callers=frozenset(_digits(each) for each in source.split(";") if each) if source else None,
    )


def field_text(data: Comparable, name: str) -> str:
    """A field of a rule's data as one text; empty when it is not set."""
    value = data.get(name, "")
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


class _HasPriority(Protocol):
    @property
    def priority(self) -> float | None: ...


_Placed = TypeVar("_Placed", bound=_HasPriority)


def in_order(rules: Iterable[_Placed]) -> list[_Placed]:
    """Rules in the order of trying: from the lowest priority; one without a priority is the last."""
    return sorted(rules, key=lambda rule: inf if rule.priority is None else rule.priority)


def _days(week: str) -> frozenset[int] | str:
    if not week:
        return EVERY_DAY
    return frozenset(map(int, week.split(","))) if _WEEK.fullmatch(week) else week


def _hours(start: str, end: str) -> tuple[int, int] | str:
    begins, ends = _minute(start, 0), _minute(end, MINUTES_A_DAY)
    if begins is None or ends is None:
        return f"{start}-{end}"
    return (0, MINUTES_A_DAY) if begins == ends else (begins, ends)


def _minute(text: str, default: int) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None if text else default
    return int(match[1]) * 60 + int(match[2])


def _digits(caller: str) -> str:
    try:
        return parse_number(caller, allow=ALL_KINDS).digits
    except ValueError:
        return caller
