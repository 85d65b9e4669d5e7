"""Conditions on the statement's calls, shared by the sensor and its trigger, and windows. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.statement.calls import Call, CallIdentity

#: Outcomes of calls that have no recording (the values of ``CallOutcome``, which is not imported here).
_WITHOUT_TALK: Final = frozenset({"busy", "no_answer", "cancelled", "failed"})
#: How far the vendor's times may be from ours: another clock, or another zone than the connection's (the zone is
#: inferred, not documented). A window that is wider at its open ends costs nothing, and a narrow one would lose calls.
CLOCK_SKEW: Final = timedelta(days=1)


def window_of(since: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return the window in which to look for one request.

    :param since: aware; when it left, by our clock.
    :param now: aware.
    """
    return since - CLOCK_SKEW, now + CLOCK_SKEW


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
    :param callerid: only the call with this id (``callerid``), or with ``airflow_key``.
    :param airflow_key: only the call with this idempotency key, or with ``callerid``.
    :param recorded: only a call whose recording is there, or that was not answered and has none.
    """

    since: datetime
    until: datetime | None = None
    tags: Mapping[str, str] | None = field(default=None, repr=False)
    origin: str | None = field(default=None, repr=False)
    destination: str | None = field(default=None, repr=False)
    outcomes: Collection[str] | None = None
    min_duration: float = 0.0
    calls: str | None = None
    callerid: str | None = None
    airflow_key: str | None = field(default=None, repr=False)
    recorded: bool = False

    @property
    def identity(self) -> CallIdentity | None:
        """The one call that is waited for, or None for any call that meets the conditions."""
        # Here and below: DAG files import this module, and are parsed often.
        from airflow_provider_directcall.statement.calls import CallIdentity

        if self.callerid is None and self.airflow_key is None:
            return None
        return CallIdentity(self.callerid, self.airflow_key, not_before=self.since)

    def window(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return the first and last second to ask for, or None while the window has not begun."""
        if self.until is not None:
            return self.since, self.until
        return (self.since, now + CLOCK_SKEW) if now >= self.since else None

    def accepts(self, call: Call) -> bool:
        """Whether a call meets the conditions, those of the tags aside. A filter of the vendor's may be ignored."""
        from airflow_provider_directcall.api.replies import call_outcome
        from airflow_provider_directcall.statement.likeness import same_number

        numbers = [number for leg in call.legs for number in (leg.origin, leg.destination)]
        return (
            (self.outcomes is None or call.outcome in {call_outcome(outcome) for outcome in self.outcomes})
            and (call.row.duration_seconds or 0) >= self.min_duration
            and (not self.recorded or call.recording_url is not None or call.outcome in _WITHOUT_TALK)
            and all(
                wanted is None or any(same_number(number, wanted) for number in numbers)
                for wanted in (self.origin, self.destination)
            )
        )

    def is_between(self, row: StatementRow) -> bool:
        """Whether a row is from the origin and to the destination, as the vendor's filters compare them."""
        from airflow_provider_directcall.statement.likeness import same_number

        pairs = ((self.origin, row.origin), (self.destination, row.destination))
        return all(wanted is None or same_number(shown, wanted) for wanted, shown in pairs)

    def shows_tags(self, row: StatementRow) -> bool:
        """Whether a row shows every wanted tag, as it is but for blanks around it.

        A value that was cut, or is in another case, could be another's.
        """
        shown = {name.strip(): value.strip() for name, value in row.tags.items()}
        return all(shown.get(name.strip()) == value.strip() for name, value in (self.tags or {}).items())
