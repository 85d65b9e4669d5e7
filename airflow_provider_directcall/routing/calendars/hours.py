"""Opening hours, and the minutes of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Final

from airflow_provider_directcall.routing.calendars.problems import Problems
from airflow_provider_directcall.routing.conditions import MINUTES_A_DAY, WEEKDAYS, clock, time_of_day, week

__all__ = ["MINUTES_A_DAY", "OpeningHours", "clock", "end_of", "minute_of", "weekday_name"]

_END_OF_DAY: Final = "24:00"


def minute_of(clock_time: str) -> int:
    """Minutes since midnight of ``HH:MM``, up to ``24:00``."""
    hour, _, minute = clock_time.partition(":")
    return 60 * int(hour) + int(minute)


def end_of(name: str, value: str | time | None) -> str | None:
    """A time of day as ``HH:MM``, or ``24:00`` for the day's end.

    :raises ValueError: it is neither.
    """
    is_end_of_day = isinstance(value, str) and value.strip() == _END_OF_DAY
    return _END_OF_DAY if is_end_of_day else time_of_day(name, value)


def weekday_name(weekday: int) -> str:
    """English name of an ISO weekday (1 Monday to 7 Sunday)."""
    return WEEKDAYS[weekday - 1].capitalize()


@dataclass(frozen=True)
class OpeningHours:
    """One row of the opening hours: on these weekdays, from then until then.

    - `weekdays`: ISO numbers (1 Monday to 7 Sunday), English names or their first three letters, one or several, or a
      text such as ``"1-5"`` or ``"mon,wed"``.
    - `start`, `end`: ``HH:MM`` in the calendar's zone, the end excluded. An end before the start is over midnight, and
      the hours belong to the day on which they begin. ``24:00`` is the end of the day. Both left out: all day.

    Raises ValueError for values that cannot be.
    """

    weekdays: str | int | Sequence[str | int]
    start: str | time | None = None
    end: str | time | None = None
    days: frozenset[int] = field(init=False, repr=False, compare=False)
    """ISO weekdays on which the hours begin."""
    begins: int = field(init=False, repr=False, compare=False)
    """Minute of the day at which they begin."""
    ends: int = field(init=False, repr=False, compare=False)
    """Minute at which they end, counted from the midnight before their begin: above 1440 it is the next day."""

    def __post_init__(self) -> None:
        """Check everything, and write it in one way."""
        problems = Problems()
        with problems.at():
            days = week(self.weekdays)
            if days is None:
                raise ValueError("weekdays: at least one day is needed")
            self._set(weekdays=days, days=frozenset(int(day) for day in days.split(",")))
        with problems.at():
            self._set_times(time_of_day("start", self.start), end_of("end", self.end))
        problems.tell()

    def __str__(self) -> str:
        """The times, as people write them."""
        return f"{clock(self.begins)}-{clock(self.ends) if self.ends <= MINUTES_A_DAY else self.end}"

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether the hours that begin on a weekday hold at a minute counted from that day's midnight."""
        return weekday in self.days and self.begins <= minute < self.ends

    def _set_times(self, start: str | None, end: str | None) -> None:
        if (start is None) != (end is None):
            raise ValueError("start, end: both are needed, or none")
        if start == end and start is not None:
            raise ValueError("start, end: they are the same; leave both out for all day")
        begins, ends = minute_of(start or "00:00"), minute_of(end or _END_OF_DAY)
        over_midnight = MINUTES_A_DAY if ends < begins else 0
        self._set(start=start, end=end, begins=begins, ends=ends + over_midnight)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)
