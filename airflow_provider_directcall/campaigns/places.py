"""Where a contact is: by the area code of the number, or by a zone of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from airflow_provider_directcall.telephony.areas import AREAS, STATES

_NOWHERE: Final = "Etc/"
_ABROAD: Final = "00"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contact is; every one of the zones counts.

    :ivar timezones: IANA names.
    :ivar state: two letters, whose holidays count; None for those of the country only.
    """

    timezones: tuple[str, ...]
    state: str | None

    @property
    def zones(self) -> tuple[ZoneInfo, ...]:
        """The zones."""
        return tuple(ZoneInfo(name) for name in self.timezones)


def parse_zone(text: str) -> str:
    """Parse a contact's own zone: an IANA name such as ``America/Manaus``, or the letters of a state such as ``AM``.

    :raises ValueError: it is none of these; the text does not show it.
    """
    name = text.strip()
    if name.upper() in STATES:
        return name.upper()
    if "/" in name and not name.startswith(_NOWHERE) and name in _zone_names():
        return name
    raise ValueError("the zone is no IANA name such as America/Manaus, and no state such as AM")


@lru_cache(maxsize=4096)
def place_of(area_code: str | None, zone: str | None) -> Place | None:
    """Return where a contact is, or None where that is not known.

    :param area_code: of the number; None for a number abroad.
    :param zone: its own, of :func:`parse_zone`; it counts in place of that of the area.
    """
    area = AREAS.get(area_code or "")
    if zone in STATES:
        names = [name for each in AREAS.values() if each.state == zone for name in each.timezones]
        return Place(tuple(dict.fromkeys(names)), zone)
    if zone is not None:
        return Place((zone,), area.state if area is not None else None)
    return Place(area.timezones, area.state) if area is not None else None


def area_code_of(number: str) -> str | None:
    """Return the area code of digits on the wire, which follows 55, or ``ip`` of the vendor's own network."""
    return None if number.startswith(_ABROAD) else number[2:4]


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
