"""When a contact may be reached: within its own times, and within the window on the clock of its place."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.places import Place, area_code_of, place_of
from airflow_provider_directcall.campaigns.plan_times import holiday_rule, hours_rule

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.chunks import Contact
    from airflow_provider_directcall.telephony.windows import Window

#: A request that cannot connect is tried again for as long; none leaves after the window has closed.
LAST_MINUTE: Final = timedelta(minutes=1)

_LONGEST_WAIT: Final = timedelta(days=366)


class Openings:
    """When contacts may be reached; the plan and the send task ask the same."""

    def __init__(self, window: Window | None) -> None:
        self._window = window
        self._known: dict[Place, _Spans] = {}
        self._rules: dict[tuple[Place, date, date], str] = {}

    def is_open(self, contact: Contact, now: datetime) -> bool:
        """Whether a request to a contact may leave."""
        return self.next(contact, now) == now

    def next(self, contact: Contact, now: datetime) -> datetime | None:
        """Return the first moment from now on at which a request to a contact may leave; None where there is none."""
        place = place_of(area_code_of(contact.number), contact.zone)
        return self.next_at(place, max(now, contact.opens_at or now), contact.not_after)

    def next_at(self, place: Place | None, moment: datetime, not_after: datetime | None = None) -> datetime | None:
        """Return the first moment from one on at which a place may be reached; None where there is none.

        :param not_after: aware; no request leaves from then on.
        """
        opening = moment if self._window is None else self._opening(place, moment)
        if opening is None or (not_after is not None and opening >= not_after - LAST_MINUTE):
            return None
        return opening

    def moved_by(self, place: Place, moment: datetime, opening: datetime) -> str:
        """Return the rule by which a place is reached at an opening, later than a moment.

        Holidays come first, as they need an explanation more than the hours do.
        """
        assert self._window is not None  # noqa: S101 - for the type checker; it alone moves an opening
        zone = place.zones[0]
        key = (place, moment.astimezone(zone).date(), opening.astimezone(zone).date())
        if key not in self._rules:
            self._rules[key] = self._rule(self._window, *key)
        return self._rules[key]

    @staticmethod
    def _rule(window: Window, place: Place, first: date, last: date) -> str:
        days = (first + timedelta(days=ahead) for ahead in range((last - first).days))
        worked = (day for day in days if day.weekday() in window.hours)
        names = dict.fromkeys(name for day in worked if (name := window.holiday(day, place.state)) is not None)
        return holiday_rule(names) if names else hours_rule(window.name)

    def _opening(self, place: Place | None, moment: datetime) -> datetime | None:
        if place is None:
            return None
        spans = self._known.get(place)
        if spans is None or moment < spans.since:
            spans = self._known[place] = _Spans(moment)
        while not spans.lasts or spans.lasts[-1] <= moment:
            if not self._extend(spans, place, moment):
                return None
        return max(moment, spans.begins[bisect_right(spans.lasts, moment)])

    def _extend(self, spans: _Spans, place: Place, moment: datetime) -> bool:
        """Add the next opening of a place; return whether there is one."""
        assert self._window is not None  # noqa: S101 - for the type checker; asked only with a window
        if spans.until > moment + _LONGEST_WAIT:
            return False
        opening = self._window.next_opening(spans.until, place)
        if opening is None:
            # None within a year of the last one, yet maybe within a year of the moment.
            opening = self._window.next_opening(moment, place)
        if opening is None:
            return False
        closes = self._window.closes_at(opening, place)
        assert closes is not None  # noqa: S101 - for the type checker; it is open
        if opening < closes - LAST_MINUTE:
            spans.begins.append(opening)
            spans.lasts.append(closes - LAST_MINUTE)
        spans.until = closes
        return True


@dataclass
class _Spans:
    """The openings of a place from a moment on.

    :ivar begins: in order.
    :ivar lasts: moment before which a request may leave, for each.
    :ivar until: the openings to here are known.
    """

    since: datetime
    until: datetime = field(init=False)
    begins: list[datetime] = field(default_factory=list)
    lasts: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with none."""
        self.until = self.since
