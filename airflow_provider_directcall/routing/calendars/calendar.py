"""What happens to a call into a number, and when: opening hours, holidays, dated overrides, an emergency.

What stands higher in :class:`State` goes first. All times are those that the clocks of the calendar's zone show, as
Directcall's rules have them (assumed: in the account's zone); where a clock change lets an hour come twice, both are
treated alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_directcall.routing.calendars.chains import Chain, ChainLike, chain_from, sealed
from airflow_provider_directcall.routing.calendars.holiday_data import holidays_from
from airflow_provider_directcall.routing.calendars.hours import MINUTES_A_DAY, OpeningHours, clock, weekday_name
from airflow_provider_directcall.routing.calendars.moments import wall_clock
from airflow_provider_directcall.routing.calendars.problems import CalendarError, Problems, built, listed
from airflow_provider_directcall.routing.calendars.special_days import Emergency, Override, PartDay, is_optional_day
from airflow_provider_directcall.routing.conditions import shown
from airflow_provider_directcall.telephony.holidays import BrazilianCalendar, OptionalDay
from airflow_provider_directcall.telephony.numbers import parse_did

__all__ = [
    "CalendarError",
    "Decision",
    "Emergency",
    "OpeningHours",
    "Override",
    "PartDay",
    "RoutingCalendar",
    "Segment",
    "State",
    "did_from",
    "zone_name",
]

#: Years in which the names of holidays are looked up; several, for what the law brings in later.
_SAMPLE_YEARS: Final = (2026, 2030, 2040)
_DAY: Final = timedelta(days=1)

T = TypeVar("T")
Span = tuple[datetime, datetime]


class State(StrEnum):
    """Why calls are treated as they are; what stands first goes first."""

    EMERGENCY = "emergency"
    OVERRIDE = "override"
    HOLIDAY = "holiday"
    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True)
class Decision:
    """What happens to calls at a moment.

    :ivar reason: for people: ``holiday: Tiradentes``, ``closed: outside the hours of Monday``.
    :ivar chain: the rules that are tried in this order. They take every call: where the calendar's chain would leave
        one unanswered, a hang-up stands at the end.
    """

    state: State
    reason: str
    chain: Chain


@dataclass(frozen=True)
class Segment:
    """A part of a day in which nothing changes, ``HH:MM`` each, the end excluded; ``24:00`` is the end of the day."""

    begins: str
    ends: str
    decision: Decision


@dataclass(frozen=True, init=False)
class RoutingCalendar:
    """The calendar of one number.

    Chains are lists of rules, or of mappings, without priorities and times: see ``chains.chain_from``. Everything else
    may come as a mapping with its arguments too.

    - `did`: the number (DID), with or without 55; kept without.
    - `open`, `closed`: chains within and outside the hours.
    - `holiday`: chain of holidays; None: the closed chain.
    - `hours`: rows of `OpeningHours`; where rows overlap, the line is open as long as one holds. Hours over midnight
      end with the day when that day ends as a holiday. Without rows the line is always closed.
    - `holidays`: which days are holidays, from midnight to midnight; None: no day is.
    - `part_days`: days of which only a part is holiday.
    - `overrides`: dated exceptions. Two of them must not be in force at the same time.
    - `emergency`: what goes before all.
    - `timezone`: IANA name; the zone in which the account's rules are read.

    Raises CalendarError, which tells all problems at once.
    """

    did: str = field(repr=False)
    open: Chain
    closed: Chain
    holiday: Chain | None
    hours: tuple[OpeningHours, ...]
    holidays: BrazilianCalendar | None
    part_days: tuple[PartDay, ...]
    overrides: tuple[Override, ...]
    emergency: Emergency | None
    timezone: str
    _spans: tuple[Span, ...] = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        did: str | int,
        *,
        open: ChainLike,  # noqa: A002  # the word for it; nothing is opened here
        closed: ChainLike,
        hours: Sequence[OpeningHours | Mapping[str, object]],
        holiday: ChainLike | None = None,
        holidays: BrazilianCalendar | Mapping[str, object] | None = BrazilianCalendar(),  # noqa: B008  # frozen
        part_days: Sequence[PartDay | Mapping[str, object]] = (),
        overrides: Sequence[Override | Mapping[str, object]] = (),
        emergency: Emergency | Mapping[str, object] | None = None,
        timezone: str = "America/Sao_Paulo",
    ) -> None:
        problems = Problems()
        with problems.at():
            self._set(did=did_from(did))
        for name, chain in (("open", open), ("closed", closed), ("holiday", holiday)):
            with problems.at():
                self._set(**{name: None if chain is None and name == "holiday" else chain_from(name, chain)})
        with problems.at("holidays"):
            self._set(holidays=None if holidays is None else holidays_from(holidays))
        with problems.at("emergency"):
            self._set(emergency=None if emergency is None else built(Emergency, emergency))
        with problems.at():
            self._set(timezone=zone_name(timezone))
        rows = _rows(problems, "hours", OpeningHours, hours)
        parts = _rows(problems, "part_days", PartDay, part_days)
        dated = _rows(problems, "overrides", Override, overrides)
        # What only the parts together show; a part with a problem of its own is not there.
        if hasattr(self, "holidays"):
            _check_names(problems, parts, self._every_holiday)
        spans = _spans_of(problems, dated, self.zone) if hasattr(self, "timezone") else {}
        problems.tell()
        self._set(hours=tuple(rows.values()), part_days=tuple(parts.values()), overrides=tuple(dated.values()))
        self._set(_spans=tuple(spans.values()))

    @property
    def zone(self) -> ZoneInfo:
        """The calendar's time zone."""
        return ZoneInfo(self.timezone)

    def local(self, moment: datetime) -> datetime:
        """What the calendar's clocks show at an aware moment, in whole minutes and without a zone.

        :raises ValueError: the moment has no zone.
        """
        if moment.utcoffset() is None:
            raise ValueError("moment: an aware datetime is needed; without a zone it could be any hour")
        return wall_clock(moment, self.zone).replace(second=0, microsecond=0)

    def decision(self, moment: datetime) -> Decision:
        """What happens to calls at an aware moment.

        :raises ValueError: the moment has no zone.
        """
        there = self.local(moment)
        return self._decide(there.date(), 60 * there.hour + there.minute)

    def segments(self, day: date) -> tuple[Segment, ...]:
        """A whole local day, without gap or overlap, each part as long as it can be."""
        cuts = sorted({0, MINUTES_A_DAY, *(cut for cut in self._cuts(day) if 0 < cut < MINUTES_A_DAY)})
        decisions = [self._decide(day, cut) for cut in cuts[:-1]]
        changes = [index for index, one in enumerate(decisions) if index == 0 or one != decisions[index - 1]]
        ends = [*(cuts[index] for index in changes[1:]), MINUTES_A_DAY]
        return tuple(
            Segment(clock(cuts[index]), clock(end), decisions[index]) for index, end in zip(changes, ends, strict=True)
        )

    def ordinary_week(self) -> RoutingCalendar:
        """The same without anything dated: no holidays, overrides or emergency."""
        return replace(self, holidays=None, part_days=(), overrides=(), emergency=None)

    def _decide(self, day: date, minute: int) -> Decision:
        there = datetime.combine(day, time(minute // 60, minute % 60))
        return (
            self._emergency_at(there)
            or self._override_at(there)
            or self._holiday_at(day, minute)
            or self._week_at(day, minute)
        )

    def _emergency_at(self, there: datetime) -> Decision | None:
        if self.emergency is None:
            return None
        end = self.emergency.ends(self.zone)
        if end is not None and there >= end:
            return None
        reason = f"emergency: {self.emergency.reason}" if self.emergency.reason else "emergency"
        until = f" (until {end:%Y-%m-%d %H:%M})" if end is not None else ""
        return Decision(State.EMERGENCY, reason + until, sealed(self.emergency.chain))

    def _override_at(self, there: datetime) -> Decision | None:
        for override, (begins, ends) in zip(self.overrides, self._spans, strict=True):
            if begins <= there < ends:
                like = f" (as {override.as_})" if override.as_ is not None else ""
                reason = f"override: {override.name}{like}"
                return Decision(State.OVERRIDE, reason, sealed(override.chain or self._chain_like(override.as_)))
        return None

    def _holiday_at(self, day: date, minute: int) -> Decision | None:
        parts = self._parts_of(day)
        holding = next((part for part in parts if part.begins <= minute < part.ends), None)
        if holding is not None:
            reason = f"holiday: {self._every_holiday.holiday(day) or day.isoformat()} ({holding})"
        elif not parts and self.holidays is not None and (name := self.holidays.holiday(day)) is not None:
            reason = f"holiday: {name}"
        else:
            return None
        return Decision(State.HOLIDAY, reason, sealed(self._holiday_chain))

    def _week_at(self, day: date, minute: int) -> Decision:
        weekday, yesterday = day.isoweekday(), day - _DAY
        for row in self.hours:
            if row.holds(weekday, minute):
                return self._open(weekday, row)
        overnight = [row for row in self.hours if row.holds(yesterday.isoweekday(), minute + MINUTES_A_DAY)]
        holiday = self._holiday_at(yesterday, MINUTES_A_DAY - 1) if overnight else None
        if overnight and holiday is None:
            return self._open(yesterday.isoweekday(), overnight[0])
        if holiday is not None:
            why = f"{weekday_name(yesterday.isoweekday())} {overnight[0]} has ended with the {holiday.reason}"
        elif any(weekday in row.days for row in self.hours):
            why = f"outside the hours of {weekday_name(weekday)}"
        else:
            why = f"no hours on {weekday_name(weekday)}"
        return Decision(State.CLOSED, f"closed: {why}", sealed(self.closed))

    def _open(self, weekday: int, row: OpeningHours) -> Decision:
        return Decision(State.OPEN, f"open: {weekday_name(weekday)} {row}", sealed(self.open))

    def _cuts(self, day: date) -> Iterator[int]:
        """Minutes of the day, and maybe some outside of it, at which something may change."""
        weekday, midnight = day.isoweekday(), datetime.combine(day, time())
        for row in self.hours:
            if weekday in row.days:
                yield from (row.begins, row.ends)
            if (weekday - 2) % 7 + 1 in row.days:
                yield row.ends - MINUTES_A_DAY
        for part in self._parts_of(day):
            yield from (part.begins, part.ends)
        ends = self.emergency.ends(self.zone) if self.emergency is not None else None
        for moment in (*(moment for span in self._spans for moment in span), *([ends] if ends is not None else [])):
            yield (moment - midnight) // timedelta(minutes=1)

    @property
    def _holiday_chain(self) -> Chain:
        return self.closed if self.holiday is None else self.holiday

    def _chain_like(self, state: str | None) -> Chain:
        return {"open": self.open, "holiday": self._holiday_chain}.get(state or "", self.closed)

    @property
    def _every_holiday(self) -> BrazilianCalendar:
        """With the optional days that are not kept: a part-day may name them."""
        return replace(self.holidays or BrazilianCalendar(), optional_days=True)

    def _parts_of(self, day: date) -> list[PartDay]:
        return [part for part in self.part_days if self._is_day(part.day, day)]

    def _is_day(self, wanted: date | OptionalDay | str, day: date) -> bool:
        if isinstance(wanted, date):
            return wanted == day
        if isinstance(wanted, OptionalDay):
            return is_optional_day(day, wanted)
        return (self._every_holiday.holiday(day) or "").casefold() == wanted.casefold()

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def did_from(value: object) -> str:
    """A number (DID) of a file, without 55; it may be a whole number too.

    :raises ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"did: a number is needed, not {shown(value)}")
    return parse_did(value)


def zone_name(value: object) -> str:
    """The name of a time zone that there is.

    :raises ValueError: there is none of that name.
    """
    try:
        return ZoneInfo(str(value)).key
    except (KeyError, ValueError, OSError):  # what zoneinfo raises: unknown name, no name at all, name of a folder
        raise ValueError(f"timezone: an IANA name such as America/Sao_Paulo is needed, not {shown(value)}") from None


def _rows(problems: Problems, name: str, kind: type[T], value: object) -> dict[int, T]:
    """Index -> record of each row that has no problem."""
    rows: dict[int, T] = {}
    with problems.at():
        for index, item in enumerate(listed(name, value)):
            with problems.at(f"{name}[{index}]"):
                rows[index] = built(kind, item)
    return rows


def _spans_of(problems: Problems, overrides: dict[int, Override], zone: ZoneInfo) -> dict[int, Span]:
    """Index -> begin and end; an override that has no time, or whose time another one has too, is a problem."""
    spans: dict[int, Span] = {}
    for index, override in overrides.items():
        with problems.at(f"overrides[{index}]"):
            begins, ends = override.span(zone)
            both = next((other for other, span in spans.items() if begins < span[1] and span[0] < ends), None)
            spans[index] = (begins, ends)
            if both is not None:
                raise ValueError(
                    f"begins: {override.name!r} and {overrides[both].name!r} are both in force at "
                    f"{max(begins, spans[both][0]):%Y-%m-%d %H:%M}; their times have to say which one counts"
                )
    return spans


def _check_names(problems: Problems, parts: dict[int, PartDay], holidays: BrazilianCalendar) -> None:
    for index, part in parts.items():
        if not isinstance(part.day, str) or isinstance(part.day, OptionalDay):
            continue
        names = _holiday_names(holidays.state) | set(holidays.own_dates.values())
        if part.day.casefold() not in {name.casefold() for name in names}:
            near = difflib.get_close_matches(part.day, [*names, *OptionalDay], n=3)
            hint = f"; near: {', '.join(near)}" if near else ""
            problems.add(f"part_days[{index}].day: no holiday of the calendar is called {shown(part.day)}{hint}")


@lru_cache(maxsize=32)
def _holiday_names(state: str | None) -> frozenset[str]:
    everything = BrazilianCalendar(state, optional_days=True)
    days = (date(year, 1, 1) + index * _DAY for year in _SAMPLE_YEARS for index in range(365))
    return frozenset(name for day in days if (name := everything.holiday(day)) is not None)
