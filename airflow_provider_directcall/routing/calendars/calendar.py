"""Calendar of a number: opening hours, holidays, dated overrides, an emergency.

All times are wall clock time of the calendar's zone, in which Directcall reads the rules (assumed: the account's zone);
where a clock change repeats an hour, both passes are treated alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from airflow_provider_directcall.routing.calendars.chains import Chain, ChainField, ChainLike, sealed
from airflow_provider_directcall.routing.calendars.hours import OpeningHours, weekday_name
from airflow_provider_directcall.routing.calendars.moments import wall_clock
from airflow_provider_directcall.routing.calendars.special_days import (
    Emergency,
    Holidays,
    Override,
    PartDay,
    holidays_from,
    is_optional_day,
)
from airflow_provider_directcall.routing.conditions import MINUTES_A_DAY, clock, masked_repr
from airflow_provider_directcall.routing.validation import CalendarError, ParsedBy, parsed, problems_at, record
from airflow_provider_directcall.telephony.holidays import BrazilianCalendar, OptionalDay
from airflow_provider_directcall.telephony.numbers import parse_did

#: Years in which the names of holidays are looked up; several, as a law may bring in later ones.
_SAMPLE_YEARS: Final = (2026, 2030, 2040)
_DAY: Final = timedelta(days=1)

Span = tuple[datetime, datetime]


class LineState(StrEnum):
    """Reason for a routing decision, highest precedence first."""

    EMERGENCY = "emergency"
    OVERRIDE = "override"
    HOLIDAY = "holiday"
    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True)
class Decision:
    """Routing of the calls at a moment.

    :ivar reason: for people: ``holiday: Tiradentes``, ``closed: outside the hours of Monday``.
    :ivar chain: the rules that are tried in this order. They take every call: where the calendar's chain would leave
        one unanswered, a hang-up follows.
    """

    state: LineState
    reason: str
    chain: Chain


@dataclass(frozen=True)
class Segment:
    """A part of a day without a change, ``HH:MM`` each, the end excluded; ``24:00`` is the end of the day."""

    begins: str
    ends: str
    decision: Decision


def parse_file_did(value: object) -> str:
    """Return a number (DID) without 55, given as a text or a whole number.

    :raises ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):  # a float is rejected with the reason
        raise ValueError(f"a number is needed, not {masked_repr(value)}")
    return parse_did(value)


def parse_zone(value: object) -> str:
    """Return the IANA name of a time zone.

    :raises ValueError: there is no such zone.
    """
    try:
        return ZoneInfo(str(value)).key
    except (KeyError, ValueError, OSError):  # zoneinfo's for an unknown name, no name at all, name of a folder
        raise ValueError(f"an IANA name such as America/Sao_Paulo is needed, not {masked_repr(value)}") from None


Did = Annotated[str, ParsedBy(parse_file_did, str | int)]


@record(description="Routing of the calls into a number. First emergency, then overrides, holidays, closed, open.")
class RoutingCalendar:
    """The calendar of one number.

    The descriptions of the fields document them, and the keys of calendar files. Chains are lists of rules, or of
    mappings, without priorities and times. All other records may be mappings with their arguments too. Where rows of
    `hours` overlap, the line is open as long as one holds; hours over midnight end with the day when that day ends as a
    holiday. Holidays last from midnight to midnight. `did` is kept without 55.

    Raises CalendarError with all problems at once.
    """

    did: Did = Field(repr=False, description="The number, with or without 55.")
    _: KW_ONLY
    timezone: Annotated[str, ParsedBy(parse_zone, str)] = Field(
        default="America/Sao_Paulo", description="IANA name of the zone in which the account's rules are read."
    )
    open: ChainField = Field(description="Within the hours.")
    closed: ChainField = Field(description="Outside the hours.")
    holiday: ChainField | None = Field(default=None, description="On holidays; the closed chain when left out.")
    hours: tuple[Annotated[OpeningHours, parsed(OpeningHours)], ...] = Field(
        description="Opening hours; none means always closed."
    )
    holidays: Annotated[BrazilianCalendar | None, ParsedBy(holidays_from, Holidays | None)] = Field(
        default_factory=BrazilianCalendar,
        description="Which days are holidays; null: none. Left out: the national ones, Carnival and Corpus Christi.",
    )
    part_days: tuple[Annotated[PartDay, parsed(PartDay)], ...] = Field(
        default=(), description="Days of which only a part is holiday."
    )
    overrides: tuple[Annotated[Override, parsed(Override)], ...] = Field(
        default=(), description="Dated exceptions; no two at the same time."
    )
    emergency: Annotated[Emergency, parsed(Emergency)] | None = Field(default=None, description="Goes before all.")

    if TYPE_CHECKING:

        def __init__(
            self,
            did: str | int,
            *,
            open: ChainLike,  # noqa: A002  # the word for it; nothing is opened here
            closed: ChainLike,
            hours: Sequence[OpeningHours | Mapping[str, object]],
            holiday: ChainLike | None = None,
            holidays: BrazilianCalendar | Mapping[str, object] | None = ...,
            part_days: Sequence[PartDay | Mapping[str, object]] = (),
            overrides: Sequence[Override | Mapping[str, object]] = (),
            emergency: Emergency | Mapping[str, object] | None = None,
            timezone: str = "America/Sao_Paulo",
        ) -> None: ...

    @field_validator("part_days")
    @classmethod
    def _check_names(cls, parts: tuple[PartDay, ...], info: ValidationInfo) -> tuple[PartDay, ...]:
        """Reject names that no holiday has; they depend on the holidays, unless those are invalid themselves."""
        if "holidays" in info.data:
            known = _every_holiday(info.data["holidays"])
            names = {*_holiday_names(known.state), *known.own_dates.values()}
            problems = [
                f"[{index}].day: {problem}"
                for index, part in enumerate(parts)
                if type(part.day) is str and (problem := _name_problem(part.day, names))
            ]
            if problems:
                raise CalendarError(problems)
        return parts

    @field_validator("overrides")
    @classmethod
    def _check_overlaps(cls, overrides: tuple[Override, ...], info: ValidationInfo) -> tuple[Override, ...]:
        if "timezone" in info.data:
            _spans_of(overrides, ZoneInfo(info.data["timezone"]))
        return overrides

    @property
    def zone(self) -> ZoneInfo:
        """The calendar's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def _spans(self) -> list[Span]:
        return _spans_of(self.overrides, self.zone)

    def local(self, moment: datetime) -> datetime:
        """Return an aware moment as naive local time of the calendar, in whole minutes.

        :raises ValueError: the moment has no zone.
        """
        if moment.utcoffset() is None:
            raise ValueError("moment: an aware datetime is needed; without a zone it could be any hour")
        return wall_clock(moment, self.zone).replace(second=0, microsecond=0)

    def decision(self, moment: datetime) -> Decision:
        """Return the routing of calls at an aware moment.

        :raises ValueError: the moment has no zone.
        """
        there = self.local(moment)
        return self._decide(there.date(), 60 * there.hour + there.minute)

    def segments(self, day: date) -> tuple[Segment, ...]:
        """Split a whole local day at its changes, without gap or overlap."""
        cuts = sorted({0, MINUTES_A_DAY, *(cut for cut in self._cuts(day) if 0 < cut < MINUTES_A_DAY)})
        decisions = [self._decide(day, cut) for cut in cuts[:-1]]
        changes = [index for index, one in enumerate(decisions) if index == 0 or one != decisions[index - 1]]
        ends = [*(cuts[index] for index in changes[1:]), MINUTES_A_DAY]
        return tuple(
            Segment(clock(cuts[index]), clock(end), decisions[index]) for index, end in zip(changes, ends, strict=True)
        )

    def ordinary_week(self) -> RoutingCalendar:
        """Return the calendar without anything dated: no holidays, overrides or emergency."""
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
        return Decision(LineState.EMERGENCY, reason + until, sealed(self.emergency.chain))

    def _override_at(self, there: datetime) -> Decision | None:
        for override, (begins, ends) in zip(self.overrides, self._spans, strict=True):
            if begins <= there < ends:
                like = f" (as {override.as_})" if override.as_ is not None else ""
                reason = f"override: {override.name}{like}"
                return Decision(LineState.OVERRIDE, reason, sealed(override.chain or self._chain_like(override.as_)))
        return None

    def _holiday_at(self, day: date, minute: int) -> Decision | None:
        parts = self._parts_of(day)
        holding = next((part for part in parts if part.begins <= minute < part.ends), None)
        if holding is not None:
            reason = f"holiday: {_every_holiday(self.holidays).holiday(day) or day.isoformat()} ({holding})"
        elif not parts and self.holidays is not None and (name := self.holidays.holiday(day)) is not None:
            reason = f"holiday: {name}"
        else:
            return None
        return Decision(LineState.HOLIDAY, reason, sealed(self._holiday_chain))

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
        return Decision(LineState.CLOSED, f"closed: {why}", sealed(self.closed))

    def _open(self, weekday: int, row: OpeningHours) -> Decision:
        return Decision(LineState.OPEN, f"open: {weekday_name(weekday)} {row}", sealed(self.open))

    def _cuts(self, day: date) -> Iterator[int]:
        """Yield the minutes of possible changes, some of them outside of the day."""
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

    def _parts_of(self, day: date) -> list[PartDay]:
        return [part for part in self.part_days if self._is_day(part.day, day)]

    def _is_day(self, wanted: date | OptionalDay | str, day: date) -> bool:
        if isinstance(wanted, date):
            return wanted == day
        if isinstance(wanted, OptionalDay):
            return is_optional_day(day, wanted)
        return (_every_holiday(self.holidays).holiday(day) or "").casefold() == wanted.casefold()


def _every_holiday(holidays: BrazilianCalendar | None) -> BrazilianCalendar:
    """Return the holidays with the optional days that are not kept: a part-day may name them."""
    return replace(holidays or BrazilianCalendar(), optional_days=True)


def _spans_of(overrides: Sequence[Override], zone: ZoneInfo) -> list[Span]:
    """Return begin and end of each override.

    :raises CalendarError: an end is not after its begin, or two overrides overlap.
    """
    spans: dict[int, Span] = {}
    problems: list[str] = []
    for index, override in enumerate(overrides):
        try:
            begins, ends = override.span(zone)
        except ValueError as error:
            problems += problems_at(f"[{index}]", error)
            continue
        other = next((other for other, span in spans.items() if begins < span[1] and span[0] < ends), None)
        if other is not None:
            problems.append(
                f"[{index}].begins: {override.name!r} and {overrides[other].name!r} are both in force at "
                f"{max(begins, spans[other][0]):%Y-%m-%d %H:%M}; their times have to say which one counts"
            )
        spans[index] = (begins, ends)
    if problems:
        raise CalendarError(problems)
    return list(spans.values())


def _name_problem(day: str, names: set[str]) -> str | None:
    if day.casefold() in {name.casefold() for name in names}:
        return None
    near = difflib.get_close_matches(day, [*names, *OptionalDay], n=3)
    hint = f"; near: {', '.join(near)}" if near else ""
    return f"no holiday of the calendar is called {masked_repr(day)}{hint}"


@lru_cache(maxsize=32)
def _holiday_names(state: str | None) -> frozenset[str]:
    everything = BrazilianCalendar(state, optional_days=True)
    days = (date(year, 1, 1) + index * _DAY for year in _SAMPLE_YEARS for index in range(365))
    return frozenset(name for day in days if (name := everything.holiday(day)) is not None)
