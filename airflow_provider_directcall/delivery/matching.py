"""Rows of the statement -> whether a request is among them.

The statement is asked for the rows with the request's key. That a filter by tag works is documented; that rows show
their tags is assumed. So a row that shows our key is ours, one that shows another is not, and one that shows no tags at
all is ours only if it goes to where our request went, did not start before it, and there is no second one like it. One
of ours without an id proves that it is there, and cannot be followed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.reconciling import Seen, Sighting

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import CallLeg, MessageRow, StatementRow

    Row = StatementRow | MessageRow

#: The vendor's code for "no call is active between the two" (documented).
NOT_ACTIVE: Final = "003"
#: How far the vendor's clock may be behind ours.
CLOCKS_APART: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for.

    :ivar key: the key that the request carries.
    :ivar destinations: digits of all recipients.
    :ivar since: aware; when the request was about to leave.
    """

    key: str
    destinations: Collection[str] = field(repr=False)
    since: datetime


def call_sighting(rows: Iterable[StatementRow], sought: Sought) -> Sighting:
    """Whether a call is in the statement.

    :param rows: what the statement gave for the key.
    """
    return _sighting(list(rows), sought)


def message_sighting(rows: Iterable[MessageRow], sought: Sought) -> Sighting:
    """Whether a message is in the statement; it has a row for each recipient.

    :param rows: what the statement gave for the key.
    """
    found = list(rows)
    sighting = _sighting(found, sought)
    if sighting.seen is Seen.THERE and len(own_rows(found, sought)) < len(sought.destinations):
        return Sighting(Seen.PARTLY_THERE, sighting.ids)
    return sighting


def progress_sighting(legs: Collection[CallLeg]) -> Sighting:
    """What it means that a call between the two parties is, or is not, in progress."""
    return Sighting(Seen.IN_PROGRESS if legs else Seen.NOTHING)


def own_rows(rows: Iterable[MessageRow], sought: Sought) -> list[MessageRow]:
    """The rows of one message."""
    return [row for row in rows if _is_ours(row, row.sent_at, sought)]


def _sighting(rows: list[StatementRow] | list[MessageRow], sought: Sought) -> Sighting:
    ours = [row for row in rows if _is_ours(row, _time_of(row), sought)]
    ids = {row.callerid for row in ours if row.callerid is not None}
    proven = [row.callerid for row in ours if row.callerid is not None and row.tags]
    if proven or len(ids) == 1:
        return Sighting(Seen.THERE, {"callerid": proven[0] if proven else ids.pop()})
    cannot_be_told = bool(ours) or any(not row.tags or row.tags.get(KEY_TAG) == sought.key for row in rows)
    return Sighting(Seen.UNPROVEN if cannot_be_told else Seen.NOTHING)


def _time_of(row: Row) -> datetime | None:
    return row.sent_at if hasattr(row, "sent_at") else row.started_at


def _is_ours(row: Row, moment: datetime | None, sought: Sought) -> bool:
    shown = row.tags.get(KEY_TAG)
    if shown is not None or row.tags:
        # A run that was deleted and made again has the same keys.
        return shown == sought.key and (moment is None or moment >= sought.since - CLOCKS_APART)
    # The filter may have been ignored: then rows of earlier calls to the same number come as well.
    is_in_time = moment is not None and moment >= sought.since - CLOCKS_APART
    is_there = row.destination is not None and any(_same_number(row.destination, one) for one in sought.destinations)
    return is_in_time and is_there


def _same_number(one: str, other: str) -> bool:
    """Whether two numbers are the same, with or without the country code."""
    return one.removeprefix("55") == other.removeprefix("55") or one == other
