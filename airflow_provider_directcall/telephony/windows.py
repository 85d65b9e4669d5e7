"""Calling windows: the hours in which a number may be called or texted, on the clock of the called number.

Not legal advice. A preset is a named policy with its source; whether it applies to a campaign is its owner's decision.
There is no federal law of calling hours in Brazil.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from airflow_provider_directcall.telephony.holidays import CUSTOMARY_DAYS, BrazilianCalendar, OptionalDay

Weekday: TypeAlias = int
"""From 0, Monday, to 6, Sunday."""

NOON: Final = time(12)
_MIDNIGHT: Final = time(0)
_DAYS_AHEAD: Final = 366
_WEEKDAYS: Final = range(5)
_SATURDAY: Final = 5


class Located(Protocol):
    """Where a number is: an :class:`~airflow_provider_directcall.telephony.areas.Area`, or a place of its own."""

    @property
    def timezones(self) -> tuple[str, ...]:
        """IANA names; every one of them counts."""
        ...

    @property
    def state(self) -> str | None:
        """Two letters, whose holidays count; None for those of the country only."""
        ...


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of one day: from its first moment up to, and without, its last. Midnight as the end is the day's end.

    :raises ValueError: the span is empty.
    """

    begin: time
    end: time

    def __post_init__(self) -> None:
        """Reject an empty span."""
        if self.end != _MIDNIGHT and self.begin >= self.end:
            raise ValueError(f"hours: {self.begin:%H:%M} to {self.end:%H:%M} is empty; split a span at midnight")

    def overlap(self, other: Hours) -> Hours | None:
        """Return the span that both have in common, or None."""
        begin = max(self.begin, other.begin)
        end = min((each.end for each in (self, other) if each.end != _MIDNIGHT), default=_MIDNIGHT)
        return Hours(begin, end) if end == _MIDNIGHT or begin < end else None

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the first moment and the end on a day, in UTC."""
        last_day = day + timedelta(days=1) if self.end == _MIDNIGHT else day
        begin = datetime.combine(day, self.begin, zone)
        return begin.astimezone(UTC), datetime.combine(last_day, self.end, zone).astimezone(UTC)


#: Optional days with a half day of work in many places: what is left of the day.
PART_DAYS: Final[Mapping[OptionalDay | date, Hours]] = MappingProxyType(
    {
        OptionalDay.ASH_WEDNESDAY: Hours(NOON, _MIDNIGHT),
        OptionalDay.CHRISTMAS_EVE: Hours(_MIDNIGHT, NOON),
        OptionalDay.NEW_YEARS_EVE: Hours(_MIDNIGHT, NOON),
    }
)


@dataclass(frozen=True)
class Window:
    """A policy: the hours of each weekday, without holidays.

    A number of an area with several time zones is inside only where all of them are. What cannot be placed on a map,
    such as an international number, needs a zone of its own.

    :param name: for reports.
    :param hours: weekday (0 = Monday) -> its spans; a weekday that is missing is closed.
    :param keeps_holidays: closed on national holidays and on those of the called number's state.
    :param optional_days: optional days that count as holidays; those of ``part_days`` that do not are half days.
    :param part_days: optional days and dates of which only some hours are left.
    :param own_dates: further closed days, date -> name.
    :param source: where the policy was read, and when.
    :raises ValueError: a weekday is not from 0 to 6, or an own date has no name.
    """

    name: str
    hours: Mapping[Weekday, tuple[Hours, ...]] = field(hash=False)
    keeps_holidays: bool = True
    optional_days: frozenset[OptionalDay] = CUSTOMARY_DAYS
    part_days: Mapping[OptionalDay | date, Hours] = field(default_factory=lambda: dict(PART_DAYS), hash=False)
    own_dates: Mapping[date, str] = field(default_factory=dict, hash=False)
    source: str = ""

    def __post_init__(self) -> None:
        """Reject weekdays that do not exist."""
        unknown = sorted(set(self.hours) - set(range(7)))
        if unknown:
            raise ValueError(f"hours: weekdays are numbered from 0, Monday, to 6, Sunday, not {unknown[0]}")
        self.calendar(None)

    def calendar(self, state: str | None) -> BrazilianCalendar:
        """Return the holidays of a state, or the national ones."""
        return BrazilianCalendar(state, self.optional_days, self.own_dates)

    def holiday(self, day: date, state: str | None) -> str | None:
        """Return the name of the holiday or own date on which the window is closed, or None."""
        return self.calendar(state).holiday(day) if self.keeps_holidays else self.own_dates.get(day)

    def openings(self, day: date, state: str | None) -> list[Hours]:
        """Return the spans of a day on a clock in that state."""
        if self.holiday(day, state) is not None:
            return []
        left = self._part_day(day)
        spans = sorted(self.hours.get(day.weekday(), ()), key=lambda span: span.begin)
        return spans if left is None else [common for span in spans if (common := span.overlap(left)) is not None]

    def is_open(self, moment: datetime, area: Located) -> bool:
        """Whether a number of that area may be called at an aware moment."""
        return self.next_opening(moment, area) == moment

    def next_opening(self, moment: datetime, area: Located) -> datetime | None:
        """Return the first moment from an aware one on, at which a number of that area may be called.

        None where the window does not open within a year.
        """
        return self.next_opening_at(moment, area.timezones, area.state)

    def next_opening_at(self, moment: datetime, timezones: Iterable[str], state: str | None) -> datetime | None:
        """Return the first moment at which the window is open in all of the zones; see :meth:`next_opening`."""
        zones = [ZoneInfo(name) for name in timezones]
        latest = moment + timedelta(days=_DAYS_AHEAD)
        while moment <= latest:
            openings = [self._next_in(zone, moment, state) for zone in zones]
            if None in openings:
                return None
            last = max(opening for opening in openings if opening is not None)
            if last == moment:
                return moment
            moment = last
        return None

    def closes_at(self, moment: datetime, area: Located) -> datetime | None:
        """Return the end of the opening in which a moment is, or None when the window is closed then."""
        if not self.is_open(moment, area):
            return None
        return min(self._end_in(ZoneInfo(name), moment, area.state) for name in area.timezones)

    def _part_day(self, day: date) -> Hours | None:
        if day in self.part_days:
            return self.part_days[day]
        return self.part_days.get(optional) if (optional := _optional_days(day.year).get(day)) is not None else None

    def _spans(self, zone: ZoneInfo, moment: datetime, state: str | None) -> Iterable[tuple[datetime, datetime]]:
        """Yield the spans that end after a moment, in order, adjacent ones joined."""
        first = moment.astimezone(zone).date()
        joined: tuple[datetime, datetime] | None = None
        for ahead in range(_DAYS_AHEAD + 1):
            day = first + timedelta(days=ahead)
            for begin, end in (span.on(day, zone) for span in self.openings(day, state)):
                if joined is not None and begin <= joined[1]:
                    joined = (joined[0], max(end, joined[1]))
                    continue
                if joined is not None and joined[1] > moment:
                    yield joined
                joined = (begin, end)
        if joined is not None and joined[1] > moment:
            yield joined

    def _next_in(self, zone: ZoneInfo, moment: datetime, state: str | None) -> datetime | None:
        begin = next((begin for begin, _ in self._spans(zone, moment, state)), None)
        return None if begin is None else max(begin, moment)

    def _end_in(self, zone: ZoneInfo, moment: datetime, state: str | None) -> datetime:
        return next(end for begin, end in self._spans(zone, moment, state) if begin <= moment)


@lru_cache(maxsize=64)
def _optional_days(year: int) -> Mapping[date, OptionalDay]:
    """Return the optional days of a year."""
    day, found = date(year, 1, 1), {}
    none = BrazilianCalendar(optional_days=False)
    calendars = {each: BrazilianCalendar(optional_days=frozenset({each})) for each in OptionalDay if each in PART_DAYS}
    while day.year == year:
        for each, calendar in calendars.items():
            if calendar.holiday(day) is not None and none.holiday(day) is None:
                found[day] = each
        day += timedelta(days=1)
    return found


def _weekdays(begin: int, end: int, **saturday: int) -> dict[Weekday, tuple[Hours, ...]]:
    hours: dict[Weekday, tuple[Hours, ...]] = dict.fromkeys(_WEEKDAYS, (Hours(time(begin), time(end)),))
    if saturday:
        hours[_SATURDAY] = (Hours(time(saturday["since"]), time(saturday["until"])),)
    return hours


#: The policies by name. ``strict`` is open only when every other one is.
PRESETS: Final[Mapping[str, Window]] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Window("strict", _weekdays(9, 18), source="the hours that all other presets have in common"),
            Window(
                "sart",
                _weekdays(9, 21, since=10, until=16),
                source="offers of telecom companies, their code of conduct of 2019; teletime 25/09/2019, read Nov 2026",
            ),
            Window(
                "rj",
                _weekdays(8, 18),
                source="telemarketing in Rio de Janeiro, Lei 7.853/2018, upheld by the STF (ADI 5962); "
                "telesintese 02/2021, read Nov 2026",
            ),
            Window(
                "sp-collection",
                _weekdays(8, 20, since=8, until=14),
                source="collection in São Paulo, Lei 15.426/2014; secondary sources, read Nov 2026",
            ),
            Window(
                "es",
                _weekdays(8, 19),
                source="telemarketing and collection in Espírito Santo, Lei 10.626/2017; jornalfato, read Nov 2026",
            ),
            Window(
                "ce",
                _weekdays(8, 18),
                source="Ceará, SMS too, Lei 16.836/2019; olagoa, read Nov 2026",
            ),
        )
    }
)


def window_named(name: str) -> Window:
    """Return a preset.

    :raises ValueError: there is none of this name; the text lists all.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"window: {name!r} is no preset; known: {', '.join(PRESETS)}, or your own Window") from None
