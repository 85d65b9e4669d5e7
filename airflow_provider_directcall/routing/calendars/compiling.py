"""Compilation of a calendar, which has dates, into rules, which have weekdays and times only.

The rules form four layers of priorities. A layer in front hides those behind it:

| priorities | layer |
|---|---|
| 100-119 | an emergency without end, for every call |
| 1000-7999 | dated exceptions: the rules of Monday from 1000, of Tuesday from 2000, ... of Sunday from 7000 |
| 10000-29999 | the opening hours of the week, for each different time of day |
| 30000-30019 | the closed chain, for every call that no rule in front takes |

Each chain has 20 places. So a change in one layer leaves the priorities of the others as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar, Segment
from airflow_provider_directcall.routing.calendars.chains import LONGEST_CHAIN, Chain, sealed
from airflow_provider_directcall.routing.calendars.hours import minute_of
from airflow_provider_directcall.routing.conditions import WEEKDAYS
from airflow_provider_directcall.routing.rules import NumberRule

LONGEST_HORIZON_DAYS: Final = len(WEEKDAYS)
"""Limit of the horizon: above it a weekday would mean two dates."""

_PLACES_A_CHAIN: Final = LONGEST_CHAIN + 1
_EMERGENCY: Final = range(100, 120)
_DATED: Final = {weekday: range(1000 * weekday, 1000 * (weekday + 1)) for weekday in range(1, len(WEEKDAYS) + 1)}
_HOURS: Final = range(10_000, 30_000)
_CLOSED: Final = range(30_000, 30_020)

_A_MONDAY: Final = date(2024, 1, 1)
_START_OF_DAY, _END_OF_DAY = "00:00", "24:00"
_ALWAYS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class _Run:
    """A part of a day with one chain, possibly for several reasons."""

    begins: str
    ends: str
    chain: Chain


def rules_for(calendar: RoutingCalendar, at: datetime, *, horizon_days: int = 7) -> tuple[NumberRule, ...]:
    """Compile the desired rules from a moment on, in the order in which they are tried.

    They implement the calendar until ``valid_until``. They are the same at every moment of a local day: past parts of
    today stay among them. After ``valid_until`` dated rules would repeat every week, so new ones have to be compiled
    before; a missed day does no harm.

    Directcall's reading of conditions (assumed): weekday and time are compared on their own, with the local date and
    time of the call; the end is excluded; a start after the end is over midnight. So no rule runs over midnight, except
    that an end of ``00:00`` is the end of the day.

    :param at: aware.
    :param horizon_days: local days of the dated part, today included: 1 to 7.
    :raises ValueError: ``at`` has no zone, the horizon is invalid, or the calendar has too many parts.
    """
    today = _first_day(calendar, at, horizon_days)
    rules: list[NumberRule] = []
    if calendar.emergency is not None and calendar.emergency.until is None:
        rules += _placed(_EMERGENCY, [(sealed(calendar.emergency.chain), _ALWAYS)])
        calendar = replace(calendar, emergency=None)
    week = calendar.ordinary_week()
    dated = {day.isoweekday(): day for day in (today + timedelta(days=ahead) for ahead in range(horizon_days))}
    for weekday, day in sorted(dated.items()):
        runs = _exceptional_runs(calendar, week, day)
        rules += _placed(_DATED[weekday], [(run.chain, _conditions({weekday}, run.begins, run.ends)) for run in runs])
    return (*rules, *_ordinary_rules(week))


def valid_until(calendar: RoutingCalendar, at: datetime, *, horizon_days: int = 7) -> datetime:
    """Return the end of validity of the rules of ``rules_for``: the midnight after the last day of the horizon.

    :returns: aware, in the calendar's zone.
    :raises ValueError: as ``rules_for``.
    """
    day = _first_day(calendar, at, horizon_days) + timedelta(days=horizon_days)
    return datetime(day.year, day.month, day.day, tzinfo=calendar.zone)


def _first_day(calendar: RoutingCalendar, at: datetime, horizon_days: int) -> date:
    if not 1 <= horizon_days <= LONGEST_HORIZON_DAYS:
        raise ValueError(f"horizon_days: 1 to {LONGEST_HORIZON_DAYS} is needed, not {horizon_days}")
    return calendar.local(at).date()


def _ordinary_rules(week: RoutingCalendar) -> list[NumberRule]:
    """Compile the opening hours, and behind them the closed chain for all other times."""
    opened, closed = sealed(week.open), sealed(week.closed)
    weekdays: dict[tuple[str, str], set[int]] = {}
    for weekday in range(1, len(WEEKDAYS) + 1):
        segments = week.segments(_A_MONDAY + timedelta(days=weekday - 1))
        for run in _runs(segment for segment in segments if segment.decision.chain != closed):
            weekdays.setdefault((run.begins, run.ends), set()).add(weekday)
    contents = [(opened, _conditions(days, *times)) for times, days in sorted(weekdays.items(), key=lambda one: one[0])]
    rules = _placed(_HOURS, contents)
    always_open = any(not conditions for _, conditions in contents)
    return rules if always_open else [*rules, *_placed(_CLOSED, [(closed, _ALWAYS)])]


def _exceptional_runs(calendar: RoutingCalendar, week: RoutingCalendar, day: date) -> list[_Run]:
    """Return the parts of a day in which another chain is tried than in an ordinary week."""
    ordinary = week.segments(day)
    return _runs(segment for segment in calendar.segments(day) if _differs(segment, ordinary))


def _differs(segment: Segment, ordinary: Iterable[Segment]) -> bool:
    begins, ends = minute_of(segment.begins), minute_of(segment.ends)
    at_that_time = (one for one in ordinary if minute_of(one.begins) < ends and begins < minute_of(one.ends))
    return any(one.decision.chain != segment.decision.chain for one in at_that_time)


def _runs(segments: Iterable[Segment]) -> list[_Run]:
    """Join adjacent segments with the same chain."""
    runs: list[_Run] = []
    for segment in segments:
        last = runs[-1] if runs else None
        if last is not None and last.ends == segment.begins and last.chain == segment.decision.chain:
            runs[-1] = replace(last, ends=segment.ends)
        else:
            runs.append(_Run(segment.begins, segment.ends, segment.decision.chain))
    return runs


def _conditions(weekdays: set[int], begins: str, ends: str) -> Mapping[str, str]:
    """Return the conditions of a rule; those that always hold are left out."""
    days = {"weekdays": ",".join(str(day) for day in sorted(weekdays))} if len(weekdays) < len(WEEKDAYS) else {}
    all_day = (begins, ends) == (_START_OF_DAY, _END_OF_DAY)
    hours = {} if all_day else {"start": begins, "end": _START_OF_DAY if ends == _END_OF_DAY else ends}
    return days | hours


def _placed(places: range, contents: Iterable[tuple[Chain, Mapping[str, str]]]) -> list[NumberRule]:
    return list(_in_places(places, contents))


def _in_places(places: range, contents: Iterable[tuple[Chain, Mapping[str, str]]]) -> Iterator[NumberRule]:
    for index, (chain, conditions) in enumerate(contents):
        first = places.start + index * _PLACES_A_CHAIN
        if first not in places:
            raise ValueError(f"calendar: too many parts, the priorities from {places.start} are used up")
        for offset, rule in enumerate(chain):
            yield replace(
                rule,
                priority=first + offset,
                weekdays=conditions.get("weekdays"),
                start=conditions.get("start"),
                end=conditions.get("end"),
            )
