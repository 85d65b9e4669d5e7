"""Opening hours, and the minutes of a day."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from pydantic import model_validator

from airflow_provider_directcall.routing.conditions import MINUTES_A_DAY, WEEKDAYS, clock
from airflow_provider_directcall.routing.validation import BOTH_OR_NONE, EndTime, Time, Weekdays, record


def minute_of(clock_time: str) -> int:
    """Return the minutes since midnight of ``HH:MM``, up to ``24:00``."""
    hour, _, minute = clock_time.partition(":")
    return 60 * int(hour) + int(minute)


def weekday_name(weekday: int) -> str:
    """Return the English name of an ISO weekday (1 Monday to 7 Sunday)."""
    return WEEKDAYS[weekday - 1].capitalize()


@record(
    description="An end before the start is over midnight; the hours belong to the day on which they begin. Without "
    "times: all day.",
    oneOf=BOTH_OR_NONE,
)
class OpeningHours:
    """One row of the opening hours.

    - `weekdays`: ISO numbers (1 Monday to 7 Sunday), English names or their first three letters, one or several, or a
      text such as ``"1-5"`` or ``"mon,wed"``.
    - `start`, `end`: ``HH:MM`` in the calendar's zone, the end excluded. An end before the start is over midnight, and
      the hours belong to the day on which they begin. ``24:00`` is the end of the day. Both left out: all day.

    Raises CalendarError for invalid values.
    """

    weekdays: Weekdays
    start: Time | None = None
    end: EndTime | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("start, end: both are needed, or none")
        if self.start is not None and self.start == self.end:
            raise ValueError("start, end: they are the same; leave both out for all day")
        return self

    @cached_property
    def days(self) -> frozenset[int]:
        """ISO weekdays on which the hours begin."""
        return frozenset(int(day) for day in str(self.weekdays).split(","))

    @cached_property
    def begins(self) -> int:
        """Minute of the day at which they begin."""
        return minute_of(str(self.start or "00:00"))

    @cached_property
    def ends(self) -> int:
        """Minute at which they end, counted from the midnight before their begin: above 1440 it is the next day."""
        ends = minute_of(str(self.end or "24:00"))
        return ends + MINUTES_A_DAY if ends < self.begins else ends

    def __str__(self) -> str:
        """Return the times, such as ``08:00-18:00``."""
        return f"{clock(self.begins)}-{clock(self.ends) if self.ends <= MINUTES_A_DAY else self.end}"

    def holds(self, weekday: int, minute: int) -> bool:
        """Return whether the hours that begin on a weekday hold at a minute counted from that day's midnight."""
        return weekday in self.days and self.begins <= minute < self.ends
