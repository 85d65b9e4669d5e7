"""When a plan sends: its first and last opening, and who waits for a later one, by which rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self
from zoneinfo import ZoneInfo

import polars as pl

from airflow_provider_directcall.translations.languages import english_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The only one without a window.
OWN_TIME: Final = "the contact's own earliest time"
DEFAULT_ZONE: Final = "America/Sao_Paulo"


def hours_rule(window: str) -> str:
    """Return the rule of the hours of a window."""
    return f"outside of the hours of the window {window}"


def holiday_rule(names: Iterable[str]) -> str:
    """Return the rule of holidays."""
    return f"holiday: {', '.join(names)}"


def zone_name(moment: datetime) -> str:
    """Return the IANA name of an aware moment's zone; UTC where it has none."""
    return getattr(moment.tzinfo, "key", None) or "UTC"


@dataclass(frozen=True)
class PlanTimes:
    """The times of a plan; no contact is in them.

    :ivar zone: IANA name of the zone in which people read them.
    :ivar first: aware; from when on contacts are sent to. None where there are none.
    :ivar last: aware; when the window opens for the last of them. Rates may make their messages later.
    :ivar moved: rule -> contacts that wait by it, and are not sent to at once.
    """

    zone: str = DEFAULT_ZONE
    first: datetime | None = None
    last: datetime | None = None
    moved: Mapping[str, int] = field(default_factory=dict)

    @property
    def tzinfo(self) -> ZoneInfo:
        """The zone."""
        return ZoneInfo(self.zone)

    def summary_lines(self) -> list[str]:
        """Return them for people."""
        if self.first is None or self.last is None:
            return []
        first, last = (english_moment(each.astimezone(self.tzinfo)) for each in (self.first, self.last))
        end = "" if first == last else f", and for the last contacts on {last}"
        moved = sorted(self.moved.items(), key=lambda each: (-each[1], each[0]))
        return [
            f"Sending starts on {first}{end} ({self.zone}).",
            *(f"Moved {count:,} to a later time: {rule}." for rule, count in moved),
        ]

    def as_json(self) -> dict[str, object]:
        """Return them as JSON values."""
        first, last = (each and each.isoformat() for each in (self.first, self.last))
        return {"zone": self.zone, "first": first, "last": last, "moved": dict(self.moved)}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return the times of JSON values."""
        first, last = (fields[name] and datetime.fromisoformat(fields[name]) for name in ("first", "last"))
        return cls(fields["zone"], first, last, fields["moved"])


class OpeningCounts:
    """Collects the times of a plan's accepted contacts."""

    def __init__(self) -> None:
        self._ends: list[datetime] = []
        self._moved: Counter[str] = Counter()

    def add(self, accepted: pl.DataFrame, moved: Mapping[str, int]) -> None:
        """Count a batch.

        :param moved: rule -> contacts.
        """
        if accepted.is_empty():
            return
        first, last = accepted.select(pl.col("opens_at").min(), pl.col("opens_at").max().alias("last")).row(0)
        self._ends = [min([*self._ends, first]), max([*self._ends, last])]
        self._moved.update(moved)

    def times(self, zone: str) -> PlanTimes:
        """Return the times so far."""
        first, last = self._ends or (None, None)
        return PlanTimes(zone, first, last, dict(self._moved))
