"""What the ordinary week does not know: dated overrides, days that are a holiday in part, and an emergency."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from airflow_provider_directcall.routing.calendars.chains import Chain, ChainLike, chain_from
from airflow_provider_directcall.routing.calendars.hours import MINUTES_A_DAY, clock, end_of, minute_of
from airflow_provider_directcall.routing.calendars.moments import DATE, aware, date_of, wall_clock, whole_minutes
from airflow_provider_directcall.routing.calendars.problems import Problems, text
from airflow_provider_directcall.routing.conditions import shown, time_of_day
from airflow_provider_directcall.telephony.holidays import BrazilianCalendar, OptionalDay

__all__ = ["Emergency", "LikeState", "Override", "PartDay", "is_optional_day"]

#: Ordinary states whose chain an override can borrow.
LikeState = Literal["open", "closed", "holiday"]

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, init=False)
class Override:
    """Something dated that goes before holidays and the week.

    It covers exactly the time that it names, which may begin and end within a day.

    - `name`: what people call it.
    - `begins`, `ends`: a date, a datetime, or the text of one (``2026-11-27``, ``2026-11-27T22:00``, with or without an
      offset). A date is a whole day, `ends` included. A datetime is in whole minutes, `ends` excluded; without a zone
      it is local time of the calendar.
    - `chain` or `as_`: its own rules, or those of ``open``, ``closed`` or ``holiday``. In mappings the key is ``as``.

    Raises CalendarError for values that cannot be.
    """

    name: str
    begins: date | datetime
    ends: date | datetime
    chain: Chain | None
    as_: LikeState | None

    def __init__(
        self,
        name: str,
        *,
        begins: date | datetime | str,
        ends: date | datetime | str,
        chain: ChainLike | None = None,
        as_: LikeState | None = None,
    ) -> None:
        problems = Problems()
        with problems.at():
            object.__setattr__(self, "name", text("name", name))
        with problems.at():
            object.__setattr__(self, "begins", whole_minutes("begins", begins))
        with problems.at():
            object.__setattr__(self, "ends", whole_minutes("ends", ends))
        with problems.at():
            object.__setattr__(self, "chain", None if chain is None else chain_from("chain", chain))
        if as_ is not None and as_ not in get_args(LikeState):
            problems.add(f"as: {', '.join(get_args(LikeState))} is needed, not {shown(as_)}")
        if (chain is None) == (as_ is None):
            problems.add("chain, as: one of them is needed, and only one")
        object.__setattr__(self, "as_", as_)
        problems.tell()

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Begin and end, excluded, as the zone's clocks show them (datetimes without a zone).

        :raises ValueError: the end is not after the begin.
        """
        begins, ends = wall_clock(self.begins, zone), wall_clock(self.ends, zone)
        if not isinstance(self.ends, datetime):
            ends += timedelta(days=1)
        if ends <= begins:
            raise ValueError("ends: it has to be after begins")
        return begins, ends


@dataclass(frozen=True, init=False)
class Emergency:
    """What goes before everything, from now on, until it is taken out of the calendar or its time has come.

    - `chain`: what happens to calls.
    - `until`: an aware datetime, or its text with an offset, at which it ends by itself; seconds are rounded up to the
      minute. It counts for every moment before. None: no end.
    - `reason`: why, for the people who read it.

    Raises CalendarError for values that cannot be.
    """

    chain: Chain
    until: datetime | None
    reason: str

    def __init__(self, chain: ChainLike, *, until: datetime | str | None = None, reason: str = "") -> None:
        problems = Problems()
        with problems.at():
            object.__setattr__(self, "chain", chain_from("chain", chain))
        with problems.at():
            object.__setattr__(self, "until", None if until is None else aware("until", until))
        with problems.at():
            object.__setattr__(self, "reason", reason if reason == "" else text("reason", reason))
        problems.tell()

    def ends(self, zone: ZoneInfo) -> datetime | None:
        """The end as the zone's clocks show it, in whole minutes; None when there is none."""
        if self.until is None:
            return None
        end = wall_clock(self.until, zone)
        cut = end.replace(second=0, microsecond=0)
        return end if end == cut else cut + _MINUTE


@dataclass(frozen=True)
class PartDay:
    """A day of which only a part is holiday. The rest follows the week, whatever else the day is.

    - `day`: a date (or its text), an `OptionalDay` (or its text; it need not be among the days that the calendar
      keeps), or the Portuguese name of a holiday, each time it comes.
    - `from_`, `until`: ``HH:MM``, one of them or both; `until` is excluded and may be ``24:00``. In mappings the keys
      are ``from`` and ``until``.

    Raises CalendarError for values that cannot be.
    """

    day: date | OptionalDay | str
    from_: str | time | None = field(default=None, kw_only=True)
    until: str | time | None = field(default=None, kw_only=True)
    begins: int = field(init=False, repr=False, compare=False)
    """First minute of the day that is holiday."""
    ends: int = field(init=False, repr=False, compare=False)
    """Minute at which the holiday ends, excluded."""

    def __post_init__(self) -> None:
        """Check everything, and write it in one way."""
        problems = Problems()
        with problems.at():
            object.__setattr__(self, "day", _day(self.day))
        with problems.at():
            from_, until = time_of_day("from", self.from_), end_of("until", self.until)
            if from_ is None and until is None:
                raise ValueError("from, until: at least one is needed")
            object.__setattr__(self, "begins", minute_of(from_ or "00:00"))
            object.__setattr__(self, "ends", minute_of(until) if until is not None else MINUTES_A_DAY)
            object.__setattr__(self, "from_", from_)
            object.__setattr__(self, "until", until)
            if self.ends <= self.begins:
                raise ValueError("until: it has to be after from")
        problems.tell()

    def __str__(self) -> str:
        """The part of the day, in words."""
        begins = f"from {clock(self.begins)}" if self.from_ is not None else ""
        ends = f"until {clock(self.ends)}" if self.until is not None else ""
        return f"{begins} {ends}".strip()


@lru_cache(maxsize=4096)
def is_optional_day(day: date, which: OptionalDay) -> bool:
    """Whether a day is that optional day, kept or not."""
    only_this = BrazilianCalendar(optional_days=frozenset({which}))
    return only_this.holiday(day) is not None and BrazilianCalendar(optional_days=False).holiday(day) is None


def _day(value: object) -> date | OptionalDay | str:
    if isinstance(value, datetime):
        raise ValueError("day: a date is needed, not a datetime, whose day depends on its time zone")
    if isinstance(value, (date, OptionalDay)):
        return value
    name = text("day", value)
    if name in list(OptionalDay):
        return OptionalDay(name)
    return date_of("day", name) if DATE.fullmatch(name) else name
