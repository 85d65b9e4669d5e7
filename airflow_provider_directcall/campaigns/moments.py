"""Parse the times of single contacts, before and after which they must not be reached."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.places import Place

_CLOCK: Final = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,9})?)?"
_OFFSET: Final = r" ?(?P<offset>Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)"
_FORMS: Final = (
    re.compile(rf"(?P<year>20[0-9]{{2}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})(?:[T ]{_CLOCK}(?:{_OFFSET})?)?"),
    re.compile(rf"(?P<day>[0-9]{{1,2}})/(?P<month>[0-9]{{1,2}})/(?P<year>20[0-9]{{2}})(?: {_CLOCK})?"),
)
_FIELDS: Final = ("year", "month", "day", "hour", "minute", "second")
_FORM_NAMES: Final = "2026-03-04, 2026-03-04 09:00, with an offset such as -03:00 or without, or 04/03/2026 09:00"


def parse_moment(text: str, place: Place | None, *, is_end: bool = False) -> datetime:
    """Parse a time in one of the documented forms, and return it in UTC.

    A day alone is its first moment; as an end, the first of the next day. A time without an offset is on the contact's
    own clock; where a place has several zones, the later one begins and the earlier one ends.

    :param place: of the contact; None where it is not known.
    :param is_end: whether the contact must not be reached from then on.
    :raises ValueError: it has another form, or is no single moment; the text does not show it.
    """
    found = next((match for form in _FORMS if (match := form.fullmatch(text.strip()))), None)
    if found is None:
        raise ValueError(f"is not in one of the forms {_FORM_NAMES}")
    fields = found.groupdict()
    year, month, day, hour, minute, second = (int(fields[name] or 0) for name in _FIELDS)
    try:
        clock = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - its zone follows
    except ValueError:
        raise ValueError("is a day or an hour that does not exist") from None
    if is_end and fields["hour"] is None:
        clock += timedelta(days=1)
    if offset := fields.get("offset"):
        return _with_offset(clock, offset)
    if place is None:
        raise ValueError("needs an offset such as -03:00: the zone of a number abroad is not known")
    moments = [_on_clock(clock, zone) for zone in place.zones]
    return min(moments) if is_end else max(moments)


def _with_offset(clock: datetime, offset: str) -> datetime:
    if offset in {"Z", "UTC"}:
        return clock.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[3:].removeprefix(":") or 0)
    if hours > 14 or minutes > 59:
        raise ValueError("has an offset that no zone has")
    ahead = timedelta(hours=hours, minutes=minutes)
    return (clock - ahead if offset[0] == "+" else clock + ahead).replace(tzinfo=UTC)


def _on_clock(clock: datetime, zone: ZoneInfo) -> datetime:
    early, late = (clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early != late:
        raise ValueError("is there twice, or never, on the clock of the contact, which changes then; add an offset")
    return early
