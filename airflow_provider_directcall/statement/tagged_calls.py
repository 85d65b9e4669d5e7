"""One wait for calls of the statement that meet the conditions of a search, look by look.

A call counts if its rows show every wanted tag. Where the rows show no tags at all, they count only while the vendor's
filter by tags is proven to work: with a value that no call has, with the beginning of the wanted one, and with each tag
in turn, it finds nothing, before and after which it finds rows. A filter that is ignored, finds calls with any of the
tags, or with values that begin like the wanted ones fails that proof. It is asked for once a wait.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.lookups import first, readable_rows
from airflow_provider_directcall.api.methods import list_statement
from airflow_provider_directcall.statement.calls import calls_of, find_call
from airflow_provider_directcall.statement.marks import Judgement, Marks
from airflow_provider_directcall.statement.search import CLOCK_SKEW
from airflow_provider_directcall.telephony.masking import mask_numbers_in

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.api.requests import Listing
    from airflow_provider_directcall.statement.calls import Call, CallIdentity
    from airflow_provider_directcall.statement.search import StatementSearch

log = logging.getLogger(__name__)

_Window = tuple[datetime, datetime]
_UNKNOWN_VALUE_BYTES: Final = 8


class TagFilter(StrEnum):
    """What is known of the vendor's filter by tags."""

    UNTESTED = "untested"
    WORKS = "works"
    UNPROVEN = "unproven"


_CONSEQUENCES: Final[Mapping[TagFilter, str]] = {
    TagFilter.WORKS: "The filter by tags works, so the rows that it finds count.",
    TagFilter.UNPROVEN: "The filter by tags is not proven to work, so these rows do not count.",
}


@dataclass(frozen=True, slots=True)
class OtherRows:
    """Rows of a window that were not waited for.

    :ivar tagged: rows with other tags.
    :ivar untagged: rows without readable tags.
    :ivar unmet: rows with the wanted tags that do not meet the other conditions.
    """

    tagged: int = 0
    untagged: int = 0
    unmet: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.tagged + self.untagged + self.unmet


class TaggedCalls:
    """The calls that are waited for.

    :param search: the conditions.
    :param min_calls: how many calls are enough.
    :param tag_filter: what an earlier look of the same wait has found out.
    """

    keeps_rows = False

    def __init__(self, search: StatementSearch, min_calls: int, tag_filter: TagFilter = TagFilter.UNTESTED) -> None:
        self.tag_filter = tag_filter
        self.others = OtherRows()
        """Rows that the last look has found beside the wanted calls."""
        self._search = search
        self._min_calls = min_calls
        self._last = ""

    def look(self, now: datetime) -> Lookup[list[Call] | None]:
        """Look once; return the calls once they are enough.

        What one page shows counts, although the next cannot be read.
        """
        window = self._search.window(now)
        if window is None:
            return None
        identity = self._search.identity
        found = yield from (self._tagged(window) if identity is None else self._identified(identity, window))
        return found if len(found) >= self._min_calls else None

    # In a shared read, see :mod:`~.feed`

    @property
    def begins_at(self) -> datetime:
        """The first second of its window."""
        return self._search.since

    @property
    def is_identified(self) -> bool:
        """Whether it is for one call, which is recognised in a window of its own."""
        return self._search.identity is not None

    @property
    def ends_with_any_row(self) -> bool:
        """Whether one call is enough, without a condition on its outcome, duration or recording."""
        search = self._search
        return self._min_calls == 1 and not (search.outcomes or search.min_duration or search.recorded)

    @property
    def marks(self) -> Marks:
        """The marks of its rows."""
        search = self._search
        if search.identity is not None:
            return Marks(callerid=search.callerid, key=search.airflow_key)
        return Marks(tags=search.tags or {}, numbers=(search.origin, search.destination))

    def judge(self, rows: Sequence[StatementRow], now: datetime) -> Judgement[list[Call]]:
        """Judge the rows of a read that had no filter, as :meth:`look` judges those that the vendor's filters find.

        Only calls beyond doubt are found here; in doubt, a look of its own decides.
        """
        window, search = self._search.window(now), self._search
        if search.identity is not None or window is None:
            return Judgement(is_doubtful=search.identity is not None)
        since, until = (moment.replace(microsecond=0) for moment in window)
        inside = [row for row in rows if row.started_at is not None and since <= row.started_at <= until]
        meant = [row for row in inside if search.is_between(row)]
        calls = self._wanted(meant)
        met = sum(leg in inside for call in calls for leg in call.legs)
        self.others = replace(self.others, unmet=len(inside) - met)
        if len(calls) >= self._min_calls:
            return Judgement(calls)
        is_doubtful = len(inside) < len(rows) or len(self._wanted(inside)) >= self._min_calls
        return Judgement(is_doubtful=is_doubtful)

    def _identified(self, identity: CallIdentity, window: _Window) -> Lookup[list[Call]]:
        """Look for the one call. Its id or key proves it, in a window as wide as the account's zone may be wrong."""
        search, (since, until) = self._search, window
        call = yield from find_call(
            identity, (since - CLOCK_SKEW, until), destination=search.destination, calls=search.calls
        )
        if call is None:
            self._note("not in the statement yet")
            return []
        if not search.accepts(call) or not all(search.shows_tags(leg) for leg in call.legs if leg.tags):
            self.others = OtherRows(unmet=len(call.legs))
            self._note("in the statement, and does not meet the other conditions")
            return []
        return [call]

    def _tagged(self, window: _Window) -> Lookup[list[Call]]:
        listed = yield from readable_rows(self._listing(window, self._search.tags))
        without = [row for row in listed.rows if not row.tags]
        showing = [row for row in listed.rows if row.tags and self._search.shows_tags(row)]
        others = len(listed.rows) - len(without) - len(showing)
        calls = self._wanted(listed.rows)
        if without and not showing and not others:
            calls = yield from self._without_tags(without, window)
        if len(calls) < self._min_calls:
            rest = len(showing) - sum(leg in showing for call in calls for leg in call.legs)
            self.others = OtherRows(others, len(without), rest)
            if listed.error is not None:
                raise listed.error
            self._note(
                f"{len(calls)} of {self._min_calls} in the statement; of the other rows that were found, {others} show "
                f"other tags, {len(without)} show none, and {rest} do not meet the other conditions"
            )
        return calls

    def _wanted(self, rows: Sequence[StatementRow]) -> list[Call]:
        """Return the calls that show the tags. A leg without tags belongs to the call whose other leg shows them."""
        shown = [row for row in rows if not row.tags or self._search.shows_tags(row)]
        return [call for call in self._accepted(shown) if any(leg.tags for leg in call.legs)]

    def _without_tags(self, rows: list[StatementRow], window: _Window) -> Lookup[list[Call]]:
        """Return the calls of rows that show no tags, where the filter by tags is proven to work."""
        # A row without an outcome is not complete yet; its tags may come as late.
        calls = self._accepted([row for row in rows if row.outcome is not None])
        if len(calls) < self._min_calls:
            return []
        if self.tag_filter is TagFilter.UNTESTED:
            tags = self._search.tags or {}
            self.tag_filter = yield from tested_filter(lambda other: self._listing(window, other), tags)
            if self.tag_filter is not TagFilter.UNTESTED:
                log.warning("The rows of the statement show no readable tags. %s", _CONSEQUENCES[self.tag_filter])
        return calls if self.tag_filter is TagFilter.WORKS else []

    def _listing(self, window: _Window, tags: Mapping[str, str] | None) -> Listing[StatementRow]:
        search = self._search
        return list_statement(
            *window, tags=tags, origin=search.origin, destination=search.destination, calls=search.calls
        )

    def _accepted(self, rows: list[StatementRow]) -> list[Call]:
        return [call for call in calls_of(rows, self._search.destination) if self._search.accepts(call)]

    def _note(self, seen: str) -> None:
        """Log what a look has seen, when it is something new. Names of tags are logged, their values are not."""
        if seen == self._last:
            return
        self._last = seen
        search = self._search
        names = ", ".join(sorted(search.tags or {}))
        wanted = f"Calls with the tags {mask_numbers_in(names)}" if search.identity is None else "The task's call"
        until = f" until {search.until.isoformat()}" if search.until is not None else ""
        log.info("%s since %s%s: %s.", wanted, search.since.isoformat(), until, seen)


def tested_filter(
    listing: Callable[[Mapping[str, str]], Listing[StatementRow]], wanted: Mapping[str, str]
) -> Lookup[TagFilter]:
    """Test the filter by tags with values for which it has to find nothing, between two looks that find rows.

    :param listing: tags -> the question with the filter by these; that by ``wanted`` has just found rows.
    """
    for tags in _control_tags(wanted):
        if tags is None or (yield from first(listing(tags), _any_row)) is not None:
            return TagFilter.UNPROVEN
    row = yield from first(listing(wanted), _any_row)
    return TagFilter.WORKS if row is not None else TagFilter.UNTESTED


def _control_tags(tags: Mapping[str, str]) -> Iterator[dict[str, str] | None]:
    """Yield tags that no call should have; None where a value has no beginning to test.

    One tag at a time is changed: a filter that takes calls with any of the tags finds those with the others.
    """
    for name, value in tags.items():
        beginning = value.strip()[:-1].strip()
        yield {**tags, name: secrets.token_hex(_UNKNOWN_VALUE_BYTES)}
        yield {**tags, name: beginning} if beginning else None


def _any_row(row: StatementRow) -> bool:
    return True
