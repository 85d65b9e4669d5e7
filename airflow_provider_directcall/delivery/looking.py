"""Look-ups of one request in a statement: by its key, and among all rows.

The look by key is cheap, and proves presence. It proves no absence: the statement may keep no tags, or filter by them
in a way of its own. Before a request counts as absent, a control look reads all rows of the window without any filter.
An answer without a row proves nothing, since a statement that does not work looks the same: the window is widened until
it has a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from airflow_provider_directcall.api.errors import DirectcallRefused, DirectcallReplyError
from airflow_provider_directcall.api.lookups import readable_rows
from airflow_provider_directcall.api.methods.statement import without_search
from airflow_provider_directcall.delivery.keys import KEY_TAG, member_key
from airflow_provider_directcall.delivery.matching import (
    TIMES_APART,
    UNCLEAR_ROW,
    Match,
    MatchKind,
    unclear_rows,
)
from airflow_provider_directcall.statement.ownership import Owner, owner_of
from airflow_provider_directcall.statement.search import window_of

if TYPE_CHECKING:
    from airflow_provider_directcall.api.errors import DirectcallError
    from airflow_provider_directcall.api.lookups import Listed, Lookup
    from airflow_provider_directcall.api.replies import MessageRow, StatementRow
    from airflow_provider_directcall.api.requests import Listing
    from airflow_provider_directcall.delivery.matching import LookupKey

Row = TypeVar("Row", bound="StatementRow | MessageRow")

#: How old the row may be that shows that a statement answers.
ALIVE: Final = timedelta(days=7)
#: Names of members of no lot: keys that no request has.
NO_MEMBERS: Final = ("control", "second control")

_PROOF: Final = "`directcall-check` shows what this account's statement proves, and what to set in the connection"
SILENT: Final = f"the statement shows no row of the last 7 days, so it is not known to answer. {_PROOF}"
UNCLEAR: Final = f"{UNCLEAR_ROW}. {_PROOF}"
INCOMPLETE: Final = f"the statement cannot be read to its end, so a row may be missing. {_PROOF}"


@dataclass(frozen=True, slots=True)
class StatementLookup(Generic[Row]):
    """The search for one request in a statement.

    :ivar statement: the method that lists it: a window, and the tags to filter by.
    :ivar match: the function of :mod:`~.matching` for its rows.
    :ivar wanted: the request.
    """

    statement: Callable[..., Listing[Row]]
    match: Callable[..., Match]
    wanted: LookupKey

    def find(self, now: datetime) -> Lookup[Match]:
        """Look for the rows with the key."""
        return (yield from self._find(lambda key: self._filtered(key, now)))

    def control(self, now: datetime) -> Lookup[Match]:
        """Look for the request among all rows of its time; ``NONE`` is proof that it is absent.

        :raises DirectcallError: the statement cannot be read to its end.
        """
        until, refusal = now + TIMES_APART, None
        for since, is_wide in ((self.wanted.since - TIMES_APART, False), (self.wanted.since - ALIVE, True)):
            listed = yield from readable_rows(without_search(self.statement(since, until)))
            match = self.match(listed.rows, self.wanted)
            if match.shows_key:
                return match
            if listed.rows:
                require_all(listed)
                # Rows of the narrow window whose times are outside of it have times that cannot be trusted.
                unclear = unclear_rows(listed.rows, self.wanted, trusts_times=is_wide)
                return (yield from self._without_others(unclear, since, until, now))
            refusal = odd_answer(listed) or refusal
        if refusal is not None:
            raise DirectcallReplyError(f"{SILENT}; its answer: {refusal}", endpoint=refusal.endpoint)
        return Match(MatchKind.UNPROVEN, doubt=SILENT)

    def _find(self, filtered: Callable[[str], Listing[Row]]) -> Lookup[Match]:
        """Look with the filter by key; an odd answer counts as one without rows, as neither proves anything."""
        listed = yield from readable_rows(filtered(self.wanted.key))
        match = self.match(listed.rows, self.wanted)
        if match.kind is MatchKind.UNPROVEN and not match.shows_key:
            return (yield from self._with_checked_filter(listed.rows, filtered))
        if match.kind is MatchKind.NONE:
            odd_answer(listed)
        return match

    def _with_checked_filter(self, rows: list[Row], filtered: Callable[[str], Listing[Row]]) -> Lookup[Match]:
        """Match rows that do not show whose they are: they are ours if the same filter finds none with another key.

        One empty answer proves no filter: a limit of requests, or a copy of the statement that is behind, has it too.
        So two other keys have to find none, and ours has to find rows after that.
        """
        for member in NO_MEMBERS:
            others = yield from readable_rows(filtered(member_key(self.wanted.key, member)))
            is_answered = odd_answer(others) is None
            if is_answered and not others.rows:
                continue
            is_others = is_answered and not unclear_rows(rows, self.wanted)
            return Match(MatchKind.NONE) if is_others else Match(MatchKind.UNPROVEN, doubt=UNCLEAR)
        again = yield from readable_rows(filtered(self.wanted.key))
        if odd_answer(again) is None and again.rows:
            return self.match(again.rows, self.wanted, is_filtered=True)
        return Match(MatchKind.UNPROVEN, doubt=UNCLEAR)

    def _without_others(self, unclear: list[Row], since: datetime, until: datetime, now: datetime) -> Lookup[Match]:
        """Match the rows that could be ours: read their tags, if ``campos[search]`` shows them, or find them by key."""
        if not unclear:
            return Match(MatchKind.NONE)
        with_tags = yield from readable_rows(self.statement(since, until))
        match = self.match(with_tags.rows, self.wanted)
        if match.shows_key:
            return match
        others = {row.key for row in with_tags.rows if owner_of(row, self.wanted.key) is Owner.ANOTHER} - {None}
        if all(row.key in others for row in unclear):
            return Match(MatchKind.NONE)
        match = yield from self._find(lambda key: without_search(self._filtered(key, now)))
        return match if match.shows_key else Match(MatchKind.UNPROVEN, doubt=UNCLEAR)

    def _filtered(self, key: str, now: datetime) -> Listing[Row]:
        return self.statement(*window_of(self.wanted.since, now), tags={KEY_TAG: key})


def odd_answer(listed: Listed[Row]) -> DirectcallError | None:
    """Return the error of an answer that is no list, such as "no records found" as a refusal; None without one.

    :raises DirectcallError: there was no answer.
    """
    error = listed.error
    if error is None or (isinstance(error, DirectcallRefused | DirectcallReplyError) and not error.retryable):
        return error
    raise error


def require_all(listed: Listed[Row]) -> None:
    """Raise a :class:`DirectcallError` if a row of the listing may be missing."""
    error = odd_answer(listed)
    if error is not None or not listed.is_complete:
        raise DirectcallReplyError(f"{INCOMPLETE}{f'; its answer: {error}' if error is not None else ''}")
