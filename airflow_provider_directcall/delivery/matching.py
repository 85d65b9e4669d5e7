"""Rows of the statement -> whether a request is among them.

The statement is asked for the rows with the request's key. That a filter by tag works is documented; that rows show
their tags is assumed. A row that shows our key is ours, and one that shows another key is not. A row without tags is
ours only if it goes to our recipient, did not start before our request, and is the only such row. A row that shows our
key proves presence, whatever else is missing in it: without an id, it is followed by its key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.delivery.keys import KEY_TAG

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import CallLeg, MessageRow, StatementRow

    Row = StatementRow | MessageRow

#: How far the vendor's clock may be behind ours.
CLOCKS_APART: Final = timedelta(minutes=5)


class MatchKind(StrEnum):
    """The result of one look."""

    THERE = "there"
    PARTLY_THERE = "partly_there"
    """Some recipients have a row, others have none yet."""
    IN_PROGRESS = "in_progress"
    """No row, and a call between the two parties is in progress: it may be ours."""
    NONE = "none"
    UNPROVEN = "unproven"
    """There are rows, but they show neither whose they are nor the id of ours."""


@dataclass(frozen=True, slots=True)
class Match:
    """One look at the statement.

    :ivar ids: ids of the request, where it is there and its row has one.
    """

    kind: MatchKind
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookupKey:
    """The request to look for.

    :ivar key: its idempotency key.
    :ivar destinations: digits of all recipients.
    :ivar since: aware; when the request was about to leave.
    """

    key: str
    destinations: Collection[str] = field(repr=False)
    since: datetime


def match_call(rows: Iterable[StatementRow], wanted: LookupKey) -> Match:
    """Match a call with the rows that the statement returned for its key."""
    return _match(list(rows), wanted)


def match_message(rows: Iterable[MessageRow], wanted: LookupKey) -> Match:
    """Match a message, which has a row for each recipient, with the rows that the statement returned for its key."""
    listed = list(rows)
    match = _match(listed, wanted)
    if match.kind is MatchKind.THERE and len(own_rows(listed, wanted)) < len(wanted.destinations):
        return Match(MatchKind.PARTLY_THERE, match.ids)
    return match


def match_each(rows: Iterable[MessageRow], wanted: Collection[LookupKey]) -> dict[str, Match]:
    """Match many messages in one pass over the rows of a window: key -> match.

    A row without tags is held against every key, because it could be any of them.
    """
    by_key: dict[str | None, list[MessageRow]] = {}
    for row in rows:
        by_key.setdefault(row.tags.get(KEY_TAG, "") if row.tags else None, []).append(row)
    untagged = by_key.get(None, [])
    return {each.key: match_message([*by_key.get(each.key, []), *untagged], each) for each in wanted}


def match_progress(legs: Collection[CallLeg]) -> Match:
    """Match the call in progress between the two parties, if there is one."""
    return Match(MatchKind.IN_PROGRESS if legs else MatchKind.NONE)


def own_rows(rows: Iterable[MessageRow], wanted: LookupKey) -> list[MessageRow]:
    """Return the rows of one message."""
    return [row for row in rows if _is_ours(row, row.sent_at, wanted)]


def shows_key(row: Row, wanted: LookupKey) -> bool:
    """Whether a row shows our key, and is not that of a deleted run of the same name, which had the same keys."""
    moment = _time_of(row)
    is_in_time = moment is None or moment >= wanted.since - CLOCKS_APART
    return row.tags.get(KEY_TAG) == wanted.key and is_in_time


def _match(rows: list[StatementRow] | list[MessageRow], wanted: LookupKey) -> Match:
    ours = [row for row in rows if _is_ours(row, _time_of(row), wanted)]
    ids = {row.callerid for row in ours if row.callerid is not None}
    proven = [row.callerid for row in ours if row.callerid is not None and row.tags]
    if proven or len(ids) == 1:
        return Match(MatchKind.THERE, {"callerid": proven[0] if proven else ids.pop()})
    if any(row.tags for row in ours):
        return Match(MatchKind.THERE)
    is_unproven = bool(ours) or any(not row.tags or row.tags.get(KEY_TAG) == wanted.key for row in rows)
    return Match(MatchKind.UNPROVEN if is_unproven else MatchKind.NONE)


def _time_of(row: Row) -> datetime | None:
    return row.sent_at if hasattr(row, "sent_at") else row.started_at


def _is_ours(row: Row, moment: datetime | None, wanted: LookupKey) -> bool:
    if row.tags:
        return shows_key(row, wanted)
    # The filter may have been ignored, and earlier calls to the same number been listed as well.
    is_in_time = moment is not None and moment >= wanted.since - CLOCKS_APART
    return is_in_time and any(_same_number(row.destination, one) for one in wanted.destinations)


def _same_number(one: str | None, other: str) -> bool:
    """Compare two numbers, with or without the country code."""
    return one is not None and one.removeprefix("55") == other.removeprefix("55")
