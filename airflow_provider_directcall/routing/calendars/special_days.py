"""Exceptions to the ordinary week: holidays, days that are a holiday in part, dated overrides, an emergency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, model_validator

from airflow_provider_directcall.routing.calendars.chains import ChainField, ChainLike
from airflow_provider_directcall.routing.calendars.hours import minute_of
from airflow_provider_directcall.routing.calendars.moments import (
    AwareMoment,
    Moment,
    is_date,
    parse_date,
    wall_clock,
)
from airflow_provider_directcall.routing.conditions import MINUTES_A_DAY, clock, masked_repr
from airflow_provider_directcall.routing.validation import (
    CONFIG,
    CalendarError,
    EndTime,
    ParsedBy,
    Text,
    Time,
    parse,
    record,
    text,
)
from airflow_provider_directcall.telephony.areas import STATES
from airflow_provider_directcall.telephony.holidays import CUSTOMARY_DAYS, BrazilianCalendar, OptionalDay

#: Ordinary states whose chain an override can borrow.
LikeState = Literal["open", "closed", "holiday"]

_MINUTE: Final = timedelta(minutes=1)


@record(
    oneOf=[
        {"required": ["chain"], "properties": {"chain": {"type": "array"}}},
        {"required": ["as"], "properties": {"as": {"type": "string"}}},
    ],
    description="A dated exception. A date as its end is included, a time excluded.",
)
class Override:
    """A dated exception that goes before holidays and the week.

    It covers exactly the time between its ends, which may lie within a day.

    - `name`: for the people who read it.
    - `begins`, `ends`: a date, a datetime, or the text of one (``2026-11-27``, ``2026-11-27T22:00``, with or without an
      offset). A date is a whole day, `ends` included. A datetime is in whole minutes, `ends` excluded; without a zone
      it is local time of the calendar.
    - `chain` or `as_`: its own rules, or those of ``open``, ``closed`` or ``holiday``. In mappings the key is ``as``.

    Raises CalendarError for invalid values.
    """

    name: Text
    begins: Moment = Field(kw_only=True)
    ends: Moment = Field(kw_only=True)
    chain: ChainField | None = Field(default=None, kw_only=True)
    as_: LikeState | None = Field(default=None, kw_only=True, alias="as")

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str,
            *,
            begins: date | datetime | str,
            ends: date | datetime | str,
            chain: ChainLike | None = None,
            as_: LikeState | None = None,
        ) -> None: ...

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.chain is None) == (self.as_ is None):
            raise ValueError("chain, as: one of them is needed, and only one")
        return self

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return begin and end, excluded, as naive local times of a zone.

        :raises ValueError: the end is not after the begin.
        """
        begins, ends = wall_clock(self.begins, zone), wall_clock(self.ends, zone)
        if not isinstance(self.ends, datetime):
            ends += timedelta(days=1)
        if ends <= begins:
            raise ValueError("ends: it has to be after begins")
        return begins, ends


@record(description="Goes before all.")
class Emergency:
    """A chain that goes before everything, until it is taken out of the calendar or its end has come.

    - `chain`: the rules for every call.
    - `until`: an aware datetime, or its text with an offset, at which it ends by itself; seconds are rounded up to the
      minute. It counts for every moment before. None: no end.
    - `reason`: why, for the people who read it.

    Raises CalendarError for invalid values.
    """

    chain: ChainField
    until: AwareMoment | None = Field(default=None, kw_only=True)
    reason: Annotated[
        str,
        PlainValidator(lambda value: value if value == "" else text(value)),
        WithJsonSchema({"type": "string", "pattern": r"^$|\S"}),
    ] = Field(default="", kw_only=True)

    if TYPE_CHECKING:

        def __init__(self, chain: ChainLike, *, until: datetime | str | None = None, reason: str = "") -> None: ...

    def ends(self, zone: ZoneInfo) -> datetime | None:
        """Return the end as naive local time of a zone, in whole minutes; None when there is none."""
        if self.until is None:
            return None
        end = wall_clock(self.until, zone)
        cut = end.replace(second=0, microsecond=0)
        return end if end == cut else cut + _MINUTE


def _day(value: object) -> date | OptionalDay | str:
    if isinstance(value, datetime):
        raise ValueError("a date is needed, not a datetime, whose day depends on its time zone")
    if isinstance(value, (date, OptionalDay)):
        return value
    name = text(value)
    if name in list(OptionalDay):
        return OptionalDay(name)
    return parse_date(name) if is_date(name) else name


@record(
    description="A day of which only a part is holiday. `day` is a date, an optional day such as christmas_eve, or the "
    "Portuguese name of a holiday.",
    anyOf=[{"required": [name], "properties": {name: {"type": "string"}}} for name in ("from", "until")],
)
class PartDay:
    """A day of which only a part is holiday. The rest follows the week, whatever else the day is.

    - `day`: a date (or its text), an `OptionalDay` (or its text; it need not be among the days that the calendar
      keeps), or the Portuguese name of a holiday, each time it comes.
    - `from_`, `until`: ``HH:MM``, one of them or both; `until` is excluded and may be ``24:00``. In mappings the keys
      are ``from`` and ``until``.

    Raises CalendarError for invalid values.
    """

    day: Annotated[date | OptionalDay | str, PlainValidator(_day), WithJsonSchema({"type": "string", "pattern": r"\S"})]
    from_: Time | None = Field(default=None, kw_only=True, alias="from")
    until: EndTime | None = Field(default=None, kw_only=True)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.from_ is None and self.until is None:
            raise ValueError("from, until: at least one is needed")
        if self.ends <= self.begins:
            raise ValueError("until: it has to be after from")
        return self

    @cached_property
    def begins(self) -> int:
        """First minute of the day that is holiday."""
        return minute_of(str(self.from_ or "00:00"))

    @cached_property
    def ends(self) -> int:
        """Minute at which the holiday ends, excluded."""
        return MINUTES_A_DAY if self.until is None else minute_of(str(self.until))

    def __str__(self) -> str:
        """Return the part of the day in words."""
        begins = f"from {clock(self.begins)}" if self.from_ is not None else ""
        ends = f"until {clock(self.ends)}" if self.until is not None else ""
        return f"{begins} {ends}".strip()


@lru_cache(maxsize=4096)
def is_optional_day(day: date, which: OptionalDay) -> bool:
    """Return whether a day is that optional day, kept or not."""
    only_this = BrazilianCalendar(optional_days=frozenset({which}))
    return only_this.holiday(day) is not None and BrazilianCalendar(optional_days=False).holiday(day) is None


def _state(value: object) -> str | None:
    return None if value is None else BrazilianCalendar(text(value)).state


def _optional_days(value: object) -> bool | frozenset[OptionalDay]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError(f"a list is needed, not {masked_repr(value)}")
    if any(day not in list(OptionalDay) for day in value):
        raise ValueError(f"true, false, or a list of these is needed: {', '.join(OptionalDay)}")
    return frozenset(OptionalDay(day) for day in value)


def _own_dates(value: object) -> dict[date, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"a mapping of dates to names is needed, not {masked_repr(value)}")
    dates: dict[date, str] = {}
    problems: list[str] = []
    for day, name in value.items():
        try:
            dates[parse_date(day)] = text(name)
        except ValueError as error:
            problems.append(f"{day}: {error}")
    if problems:
        raise CalendarError(problems)
    return dates


class Holidays(BaseModel):
    """Which days are holidays, as a mapping."""

    model_config = CONFIG

    state: Annotated[str | None, PlainValidator(_state), WithJsonSchema({"enum": [*sorted(STATES), None]})] = Field(
        default=None, description="Two letters (UF): its holidays count too."
    )
    optional_days: Annotated[
        bool | frozenset[OptionalDay],
        ParsedBy(_optional_days, bool | list[OptionalDay]),
    ] = Field(
        default_factory=lambda: CUSTOMARY_DAYS, description="Days off that are no public holidays (ponto facultativo)."
    )
    own_dates: Annotated[
        dict[date, str],
        PlainValidator(_own_dates),
        WithJsonSchema(
            {
                "type": "object",
                "propertyNames": {"pattern": r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$"},
                "additionalProperties": {"type": "string", "pattern": r"\S"},
            }
        ),
    ] = Field(default={}, description="Date to name: holidays of a city, days of the company.")


def holidays_from(value: object) -> BrazilianCalendar | None:
    """Return a Brazilian calendar as it is, or make it from a mapping with its arguments, dates as ``YYYY-MM-DD``.

    :raises CalendarError: all problems of the mapping.
    """
    if value is None or isinstance(value, BrazilianCalendar):
        return value
    given = parse(Holidays, value)
    return BrazilianCalendar(given.state, given.optional_days, given.own_dates)
