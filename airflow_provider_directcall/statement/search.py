"""Predicates over rows of the statement, shared by the sensor and its trigger. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import StatementRow

#: How far the vendor's times may be from ours: another clock, or another zone than the connection's (the zone is
#: inferred, not documented). A window that is wider at its open ends costs nothing, and a narrow one would lose calls.
CLOCK_SKEW: Final = timedelta(days=1)


def window_of(since: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return the window in which to look for one request.

    :param since: aware; when it left, by our clock.
    :param now: aware.
    """
    return since - CLOCK_SKEW, now + CLOCK_SKEW


class Filters(TypedDict):
    """Arguments of ``list_statement`` besides the window."""

    tags: Mapping[str, str] | None
    origin: str | None
    destination: str | None
    calls: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSearch:
    """Conditions on calls; every one that is given has to hold.

    :param since: aware; calls from this second on.
    :param until: aware; calls up to this second; None leaves the window open.
    :param tags: custom data that the call carries (``campos``).
    :param origin: who called (``numeroOrigem``).
    :param destination: who was called (``numeroDestino``).
    :param outcomes: how the call ended: ``answered``, ``busy``, ``no_answer``, ``cancelled``, ``failed``, or the
        vendor's own words (``status``); None means any.
    :param min_duration: talk time in seconds, at least.
    :param calls: which calls (``tipoFiltro``); None lists placed ones.
    """

    since: datetime
    until: datetime | None = None
    tags: Mapping[str, str] | None = field(default=None, repr=False)
    origin: str | None = field(default=None, repr=False)
    destination: str | None = field(default=None, repr=False)
    outcomes: Collection[str] | None = None
    min_duration: float = 0.0
    calls: str | None = None

    @property
    def filters(self) -> Filters:
        """The conditions that the vendor's own search takes."""
        return {"tags": self.tags, "origin": self.origin, "destination": self.destination, "calls": self.calls}

    def window(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return the first and last second to ask for, or None while the window has not begun."""
        if self.until is not None:
            return self.since, self.until
        return (self.since, now + CLOCK_SKEW) if now >= self.since else None

    def accepts(self, row: StatementRow) -> bool:
        """Whether a row of the reply meets the conditions that the vendor's search does not take."""
        return self._has_outcome(row) and (row.duration_seconds or 0) >= self.min_duration and self._has_tags(row)

    def _has_outcome(self, row: StatementRow) -> bool:
        from airflow_provider_directcall.api.replies import call_outcome

        return self.outcomes is None or row.outcome in {call_outcome(outcome) for outcome in self.outcomes}

    def _has_tags(self, row: StatementRow) -> bool:
        # That several tags all have to match is assumed of the vendor's search, so it is checked where rows show them.
        return all(row.tags.get(name, value).strip() == value.strip() for name, value in (self.tags or {}).items())
