"""Rows of the statement -> whether a request is among them.

Presence needs one sign: a row that shows our key proves it, in whatever form the key is shown and whatever else is
missing in the row; without an id, the request is followed by its key. Absence needs every row accounted for: a row that
shows another key of this package, or started surely earlier, is another's, and so is one to surely another number. Any
other row could be ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from airflow_provider_directcall.statement.likeness import ends_alike, is_mobile, may_be_same
from airflow_provider_directcall.statement.ownership import Owner, owner_of

if TYPE_CHECKING:
    from airflow_provider_directcall.api.errors import DirectcallError
    from airflow_provider_directcall.api.replies import CallLeg, MessageRow, StatementRow

    Row: TypeAlias = StatementRow | MessageRow

AnyRow = TypeVar("AnyRow", bound="StatementRow | MessageRow")

#: How far the vendor's clock may be behind ours.
CLOCKS_APART: Final = timedelta(minutes=5)
#: How far times of the statement may be off: the account's zone is inferred, and Brazil's zones are within this.
TIMES_APART: Final = timedelta(hours=3) + CLOCKS_APART

#: Reasons for which a row proves neither presence nor absence.
UNCLEAR_ROW: Final = (
    "the statement has a row that may be its own: it shows neither whose it is nor that it is another's"
)
EARLIER_ROW: Final = "the statement has a row with its key that began before it was sent, as if of a deleted run"


class MatchKind(StrEnum):
    """The result of one look."""

    THERE = "there"
    PARTLY_THERE = "partly_there"
    """Some recipients have a row, others have none yet."""
    IN_PROGRESS = "in_progress"
    """No row, and a call between the two parties is in progress: it may be ours."""
    NONE = "none"
    UNPROVEN = "unproven"
    """Neither presence nor absence is proven."""


@dataclass(frozen=True, slots=True)
class Match:
    """One look at the statement.

    :ivar ids: ids of the request, where it is there and its row has one.
    :ivar doubt: why nothing is proven.
    :ivar shows_key: whether a row shows our key: nothing may be sent again with it.
    :ivar key: the key that was looked for.
    :ivar error: why the look failed.
    :ivar is_line_unknown: whether no answer said if a call is in progress.
    """

    kind: MatchKind
    ids: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""
    shows_key: bool = False
    key: str = ""
    error: DirectcallError | None = field(default=None, repr=False)
    is_line_unknown: bool = False


@dataclass(frozen=True, slots=True)
class LookupKey:
    """The request to look for.

    :ivar key: its idempotency key.
    :ivar destinations: digits of all recipients.
    :ivar since: aware; when the request was about to leave.
    :ivar origin: digits of a call's origin, which Directcall calls first; None where only the recipients are called.
    :ivar lot: key of the lot that it belongs to, whose other requests are to other numbers: a row that shows this key
        and the number is its own too.
    """

    key: str
    destinations: Collection[str] = field(repr=False)
    since: datetime
    origin: str | None = field(default=None, repr=False)
    lot: str | None = None


def match_call(rows: Iterable[StatementRow], wanted: LookupKey, *, is_filtered: bool = False) -> Match:
    """Match a call with rows of the statement.

    :param is_filtered: whether the rows are surely those with our key only, so that a row need not show it.
    """
    return _match(list(rows), wanted, is_filtered=is_filtered)


def match_message(rows: Iterable[MessageRow], wanted: LookupKey, *, is_filtered: bool = False) -> Match:
    """Match a message, which has a row for each recipient, with rows of the statement, as :func:`match_call`."""
    listed = list(rows)
    match = _match(listed, wanted, is_filtered=is_filtered)
    if match.kind is not MatchKind.THERE:
        return match
    own = [row for row in listed if _is_ours(row, wanted, is_filtered=is_filtered) and _is_in_time(row, wanted)]
    return match if len(own) >= len(wanted.destinations) else Match(MatchKind.PARTLY_THERE, match.ids, shows_key=True)


def match_progress(legs: Collection[CallLeg]) -> Match:
    """Match the call in progress between the two parties, if there is one: a leg that is not known to have ended."""
    return Match(MatchKind.NONE if all(leg.has_ended for leg in legs) else MatchKind.IN_PROGRESS)


def unclear_rows(rows: Iterable[AnyRow], wanted: LookupKey, *, trusts_times: bool = True) -> list[AnyRow]:
    """Return the rows that could be ours and do not show it.

    :param trusts_times: dismiss a row that began surely earlier.
    """
    unclear = [row for row in rows if owner_of(row, wanted.key) is Owner.UNCLEAR]
    return [row for row in unclear if may_be_ours(row, wanted) and not (trusts_times and is_earlier(row, wanted))]


def _match(rows: list[StatementRow] | list[MessageRow], wanted: LookupKey, *, is_filtered: bool) -> Match:
    ours = [row for row in rows if _is_ours(row, wanted, is_filtered=is_filtered)]
    has_unclear = any(owner_of(row, wanted.key) is Owner.UNCLEAR for row in rows)
    return conclude(ours, wanted, has_unclear=has_unclear)


def conclude(ours: Sequence[Row], wanted: LookupKey, *, has_unclear: bool) -> Match:
    """Return the match with sorted rows.

    :param ours: rows that are the request's.
    :param has_unclear: whether another row could be.
    """
    in_time = [row for row in ours if _is_in_time(row, wanted)]
    if in_time:
        ids = [row.callerid for row in in_time if row.callerid is not None]
        return Match(MatchKind.THERE, {"callerid": ids[0]} if ids else {}, shows_key=True)
    if ours:
        return Match(MatchKind.UNPROVEN, doubt=EARLIER_ROW, shows_key=True)
    return Match(MatchKind.UNPROVEN, doubt=UNCLEAR_ROW) if has_unclear else Match(MatchKind.NONE)


def _is_ours(row: Row, wanted: LookupKey, *, is_filtered: bool) -> bool:
    owner = owner_of(row, wanted.key)
    return owner is Owner.OURS or (is_filtered and owner is Owner.UNCLEAR)


def _is_in_time(row: Row, wanted: LookupKey) -> bool:
    moment = time_of(row)
    return moment is None or moment >= wanted.since - CLOCKS_APART


def may_be_ours(row: Row, wanted: LookupKey) -> bool:
    """Whether a row that does not show whose it is could be ours, by its number.

    An account may list a call's leg to its origin, from the same number or from one of the vendor's, or the parties in
    the other order.
    """
    is_swapped = row.origin is not None and any(ends_alike(row.origin, number) for number in wanted.destinations)
    is_to_us = any(may_be_same(row.destination, number) for number in wanted.destinations)
    return is_swapped or is_to_us or may_be_leg_to_origin(row, wanted)


def may_be_leg_to_origin(row: Row, wanted: LookupKey) -> bool:
    """Whether a row could be a call's leg to its origin."""
    from_itself = row.origin is not None and row.origin == row.destination
    to_origin = wanted.origin is not None and may_be_same(row.destination, wanted.origin)
    return from_itself or (to_origin and not is_mobile(row.origin or ""))


def is_earlier(row: Row, wanted: LookupKey) -> bool:
    """Whether a row began surely before our request. A time of midnight may be a date only."""
    moment = time_of(row)
    if moment is not None and moment.time() == time.min:
        moment += timedelta(days=1)
    return moment is not None and moment < wanted.since - TIMES_APART


def time_of(row: Row) -> datetime | None:
    """Return when a row's call or message began, as far as it shows it."""
    return row.sent_at if hasattr(row, "sent_at") else row.started_at
