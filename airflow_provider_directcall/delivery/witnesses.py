"""Short windows of the statement that can be trusted: they show requests that were surely accepted at that time.

A control look reads a window that is hours wider than the time in question, because the zone of the account's times is
inferred. That is too much where an account has many rows an hour. A short window proves as much once it shows, with
their ids and about when they left, requests of the same lot that Directcall has accepted: the statement answers, it
shows such requests, and its times are ours. The filter by the lot has to show them too: then a row of the lot with an
odd time, which the window may miss, has been found by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.delivery.matching import time_of
from airflow_provider_directcall.statement.likeness import same_number

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import MessageRow, StatementRow
    from airflow_provider_directcall.delivery.matching import LookupKey

#: A request leaves so soon after it was about to, and a row's time may be so far from it. The first row time below
#: excludes times without seconds and clocks that differ by little; a time that is an hour off is outside of both.
_LEAVES_WITHIN: Final = timedelta(minutes=2)
_TIMES_DIFFER: Final = timedelta(minutes=1)
#: A request in question may be off by as much as a witness, on either side.
_BEFORE: Final = 2 * _TIMES_DIFFER + _LEAVES_WITHIN
_AFTER: Final = 2 * (_TIMES_DIFFER + _LEAVES_WITHIN)
_LONGEST_SPAN: Final = timedelta(minutes=5)
_FEWEST: Final = 3
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Witness:
    """A request to one number that Directcall has accepted.

    :ivar callerid: its id.
    :ivar number: digits of the recipient.
    :ivar since: aware; when it was about to leave.
    """

    callerid: str
    number: str = field(repr=False)
    since: datetime

    def is_shown_by(self, row: StatementRow | MessageRow) -> bool:
        """Whether a row shows it, with a time that is about its own."""
        moment = time_of(row)
        return (
            row.callerid == self.callerid
            and same_number(row.destination, self.number)
            and moment is not None
            and self.since - _TIMES_DIFFER <= moment <= self.since + _LEAVES_WITHIN + _TIMES_DIFFER
        )


def short_window(
    wanted: Collection[LookupKey], witnesses: Collection[Witness], now: datetime
) -> tuple[datetime, datetime]:
    """Return the window in which the requests and the witnesses are, if the account's times are ours.

    It lasts until now: a request without an answer may have waited somewhere before it was carried out.
    """
    times = [each.since for each in wanted] + [each.since for each in witnesses]
    return min(times) - _BEFORE, max(*times, now) + _AFTER


def near_groups(wanted: Iterable[LookupKey]) -> Iterator[list[LookupKey]]:
    """Yield the requests in groups, each of which left within minutes."""
    group: list[LookupKey] = []
    for each in sorted(wanted, key=lambda each: each.since):
        if group and each.since - group[0].since > _LONGEST_SPAN:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def witnesses_near(witnesses: Iterable[Witness], wanted: Collection[LookupKey]) -> list[Witness]:
    """Return all witnesses that left with the requests, or those soonest before or after them.

    None where they are too few for a proof.
    """
    begin, end = min(each.since for each in wanted), max(each.since for each in wanted)
    apart = {each: max(begin - each.since, each.since - end) for each in witnesses}
    near = sorted((each for each in apart if apart[each] <= _LONGEST_SPAN), key=apart.__getitem__)
    together = sum(apart[each] <= _TIMES_DIFFER for each in near)
    return near[: max(together, _MOST)] if len(near) >= _FEWEST else []


def are_shown(witnesses: Sequence[Witness], rows: Iterable[StatementRow | MessageRow]) -> bool:
    """Whether rows show all the witnesses."""
    by_id: dict[str, list[StatementRow | MessageRow]] = {}
    wanted = {each.callerid for each in witnesses}
    for row in rows:
        if row.callerid in wanted:
            by_id.setdefault(row.callerid, []).append(row)
    return bool(witnesses) and all(
        any(witness.is_shown_by(row) for row in by_id.get(witness.callerid, ())) for witness in witnesses
    )
