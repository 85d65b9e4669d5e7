"""Look-ups of many requests of one lot, such as a campaign's: a few listings for all of them.

The rules are those of one request (:mod:`~.matching`, :mod:`~.looking`). The rows of a listing are sorted once, by the
keys that they show and the last digits of their numbers, so that the time grows with the rows and the requests, not
with their product.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_directcall.api.bounds import LOT_ROWS
from airflow_provider_directcall.api.errors import DirectcallError, DirectcallReplyError
from airflow_provider_directcall.api.lookups import readable_rows
from airflow_provider_directcall.api.methods.statement import without_search
from airflow_provider_directcall.delivery.keys import LOT_TAG, member_key
from airflow_provider_directcall.delivery.looking import ALIVE, NO_MEMBERS, SILENT, UNCLEAR, odd_answer, require_all
from airflow_provider_directcall.delivery.matching import (
    TIMES_APART,
    LookupKey,
    Match,
    MatchKind,
    conclude,
    is_earlier,
    may_be_leg_to_origin,
    may_be_ours,
)
from airflow_provider_directcall.delivery.witnesses import (
    Witness,
    are_shown,
    near_groups,
    short_window,
    witnesses_near,
)
from airflow_provider_directcall.statement.likeness import end_of, may_be_same, same_number
from airflow_provider_directcall.statement.ownership import SoughtKeys, whole_key
from airflow_provider_directcall.statement.search import window_of

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Listed, Lookup
    from airflow_provider_directcall.api.replies import MessageRow, StatementRow
    from airflow_provider_directcall.api.requests import Listing

Row = TypeVar("Row", bound="StatementRow | MessageRow")


class SortedRows(Generic[Row]):
    """Rows of a listing, sorted for many requests of one lot, each to one number.

    :param wanted: the requests.
    :param is_filtered: whether the rows are surely those of the lot only, so that a row need not show it.
    """

    def __init__(self, rows: Iterable[Row], wanted: Sequence[LookupKey], *, is_filtered: bool = False) -> None:
        self._lots = {each.lot for each in wanted if each.lot is not None}
        self._by_key: dict[str, list[Row]] = {}
        self._of_lot: dict[str | None, list[Row]] = {}
        """Rows of the lot that show no request's own key, by the end of their number."""
        self._nameless: list[Row] = []
        """Rows that show neither a whole key nor the lot."""
        self._named: dict[Hashable, Row] = {}
        """Rows that show a whole key, by their identity."""
        sought = SoughtKeys({each.key for each in wanted} | self._lots)
        for row in rows:
            shown, whole = sought.shown_by(row), whole_key(row)
            if whole is not None and row.key is not None:
                self._named[row.key] = row
            for key in shown - self._lots:
                self._by_key.setdefault(key, []).append(row)
            if whole in self._lots or (whole is None and (is_filtered or not self._lots.isdisjoint(shown))):
                self._of_lot.setdefault(end_of(row.destination), []).append(row)
            elif whole is None:
                self._nameless.append(row)

    def match(self, wanted: LookupKey) -> Match:
        """Match one request: by its key, or by its lot and number."""
        alike = [*self._of_lot.get(_number(wanted)[-8:], ()), *self._of_lot.get(None, ())]
        same = [row for row in alike if same_number(row.destination, _number(wanted))]
        ours = [*self._by_key.get(wanted.key, ()), *same]
        places = set(map(id, ours))
        # Stops after one more than ours.
        has_unclear = any(id(row) not in places for rows in (alike, self._nameless) for row in rows)
        return conclude(ours, wanted, has_unclear=has_unclear)

    def unclear(self, wanted: Sequence[LookupKey], *, trusts_times: bool) -> tuple[list[list[Row]], list[Row]]:
        """Return the rows that could be a request's, for each of those that no row shows; and those of any request.

        :param trusts_times: dismiss a row that began surely earlier.
        """
        earliest = min(wanted, key=lambda each: each.since)
        by_end: dict[str | None, list[Row]] = {}
        of_any: list[Row] = []
        for row in [*self._nameless, *(row for rows in self._of_lot.values() for row in rows)]:
            if trusts_times and is_earlier(row, earliest):
                continue
            end = end_of(row.destination)
            if end is None or may_be_leg_to_origin(row, earliest):
                of_any.append(row)
                continue
            for each in {end, end_of(row.origin)}:
                by_end.setdefault(each, []).append(row)
        of_each = [
            [
                row
                for row in by_end.get(_number(each)[-8:], ())
                if may_be_ours(row, each) and not (trusts_times and is_earlier(row, each))
            ]
            for each in wanted
        ]
        return of_each, of_any

    def are_others(self, rows: Sequence[Row], wanted: LookupKey) -> bool:
        """Whether rows of another listing show here, all of them, that they are another request's."""
        return all(self._is_anothers(self._named.get(row.key), wanted) for row in rows)

    def _is_anothers(self, row: Row | None, wanted: LookupKey) -> bool:
        is_of_lot = row is not None and whole_key(row) in self._lots
        return row is not None and not (is_of_lot and may_be_same(row.destination, _number(wanted)))


def match_each(rows: Iterable[Row], wanted: Sequence[LookupKey], *, is_filtered: bool = False) -> list[Match]:
    """Match many requests of one lot with the rows of a listing, in one pass.

    :param is_filtered: whether the rows are surely those of the lot only.
    :return: a match for each request, in their order.
    """
    sorted_rows = SortedRows(rows, wanted, is_filtered=is_filtered)
    return [sorted_rows.match(each) for each in wanted]


@dataclass(frozen=True, slots=True)
class LotLookup(Generic[Row]):
    """The search for many requests of one lot.

    :ivar statement: the method that lists it: a window, and the tags to filter by.
    :ivar lot: key of the lot, under :data:`~.keys.LOT_TAG`.
    :ivar wanted: the requests, each to one number.
    :ivar witnesses: requests of the lot that Directcall has accepted.
    """

    statement: Callable[..., Listing[Row]]
    lot: str
    wanted: Sequence[LookupKey]
    witnesses: Sequence[Witness] = ()

    def find(self, now: datetime) -> Lookup[list[Match]]:
        """Look for the rows of the lot. A match has an error where the listing ends before its row could show."""
        return (yield from self._find(lambda lot: self._filtered(lot, now)))

    def control(self, now: datetime) -> Lookup[list[Match]]:
        """Look for the requests among all rows of their time; ``NONE`` is proof that one is absent.

        Those that left at the time of witnesses are looked for in a short window; the others in one that is hours
        wider.
        """
        matches: dict[str, Match] = {}
        for group in near_groups(self.wanted):
            for each, match in zip(group, (yield from replace(self, wanted=group).nearby(now)), strict=False):
                matches[each.key] = match
        rest = [each for each in self.wanted if each.key not in matches]
        if rest:
            widely = yield from replace(self, wanted=rest).widely(now)
            matches |= {each.key: match for each, match in zip(rest, widely, strict=True)}
        return [matches[each.key] for each in self.wanted]

    def nearby(self, now: datetime) -> Lookup[list[Match]]:
        """Look in a short window; return no matches where it cannot be trusted."""
        witnesses = witnesses_near(self.witnesses, self.wanted)
        if not witnesses:
            return []
        begin = min(*(each.since for each in self.wanted), *(each.since for each in witnesses))
        of_lot = yield from _read(self.statement(*window_of(begin, now), tags={LOT_TAG: self.lot}))
        if not are_shown(witnesses, of_lot.rows):
            return []
        window = short_window(self.wanted, witnesses, now)
        listed = yield from _read(without_search(self.statement(*window)))
        if listed.error is not None or not listed.is_complete or not are_shown(witnesses, listed.rows):
            return []
        return (yield from self._among(listed, window, now, trusts_times=False))

    def widely(self, now: datetime) -> Lookup[list[Match]]:
        """Look in a window that is hours wider than the requests' time."""
        until, begin, refusal = now + TIMES_APART, min(each.since for each in self.wanted), None
        for since, is_wide in ((begin - TIMES_APART, False), (begin - ALIVE, True)):
            listed = yield from _read(without_search(self.statement(since, until)))
            if listed.rows:
                return (yield from self._among(listed, (since, until), now, trusts_times=is_wide))
            if (error := _failure(listed)) is not None:
                return self._all(Match(MatchKind.NONE, error=error))
            refusal = listed.error or refusal
        if refusal is not None:
            silent = DirectcallReplyError(f"{SILENT}; its answer: {refusal}", endpoint=refusal.endpoint)
            return self._all(Match(MatchKind.NONE, error=silent))
        return self._all(Match(MatchKind.UNPROVEN, doubt=SILENT))

    def _among(
        self, listed: Listed[Row], window: tuple[datetime, datetime], now: datetime, *, trusts_times: bool
    ) -> Lookup[list[Match]]:
        """Match with the rows of a window: first by what they show, then those that no row shows."""
        matches = match_each(listed.rows, self.wanted)
        rest = [each for each, match in zip(self.wanted, matches, strict=True) if not match.shows_key]
        if not rest:
            return matches
        unseen = replace(self, wanted=rest)
        absent = iter((yield from unseen.absence(listed, window, now, trusts_times=trusts_times)))
        return [match if match.shows_key else next(absent) for match in matches]

    def _all(self, match: Match) -> list[Match]:
        return [match for _ in self.wanted]

    def _find(self, filtered: Callable[[str], Listing[Row]]) -> Lookup[list[Match]]:
        listed = yield from _read(filtered(self.lot))
        matches = match_each(listed.rows, self.wanted)
        if any(match.kind is MatchKind.UNPROVEN and not match.shows_key for match in matches):
            checked = yield from self._with_checked_filter(listed.rows, filtered)
            return [match if match.shows_key else other for match, other in zip(matches, checked, strict=True)]
        error = _failure(listed)
        return [match if match.kind is not MatchKind.NONE else replace(match, error=error) for match in matches]

    def _with_checked_filter(self, rows: Sequence[Row], filtered: Callable[[str], Listing[Row]]) -> Lookup[list[Match]]:
        """Match rows that do not show whose they are: they are the lot's if the same filter finds none of other lots.

        As in the look-up of one request, two other keys have to find none, and ours has to find rows after that.
        """
        unclear = Match(MatchKind.UNPROVEN, doubt=UNCLEAR)
        for member in NO_MEMBERS:
            others = yield from _read(filtered(member_key(self.lot, member)))
            if (error := _failure(others)) is not None:
                return self._all(replace(unclear, error=error))
            if others.error is not None:
                return self._all(unclear)
            if others.rows:
                of_each, of_any = SortedRows(rows, self.wanted).unclear(self.wanted, trusts_times=True)
                return [unclear if own or of_any else Match(MatchKind.NONE) for own in of_each]
        again = yield from _read(filtered(self.lot))
        if (error := _failure(again)) is not None:
            return self._all(replace(unclear, error=error))
        if again.error is not None or not again.rows:
            return self._all(unclear)
        return match_each(again.rows, self.wanted, is_filtered=True)

    def absence(
        self, listed: Listed[Row], window: tuple[datetime, datetime], now: datetime, *, trusts_times: bool
    ) -> Lookup[list[Match]]:
        """Match requests that no row shows: those whose rows could be theirs by the tags of these, or by the lot."""
        try:
            require_all(listed)
        except DirectcallError as error:
            return self._all(Match(MatchKind.NONE, error=error))
        # Rows of the narrow window whose times are outside of it have times that cannot be trusted.
        of_each, of_any = SortedRows(listed.rows, self.wanted).unclear(self.wanted, trusts_times=trusts_times)
        if not of_any and not any(of_each):
            return self._all(Match(MatchKind.NONE))
        with_tags = yield from _read(self.statement(*window))
        tagged = SortedRows(with_tags.rows, self.wanted)
        is_clear = tagged.are_others(of_any, self.wanted[0])
        matches = [
            match
            if (match := tagged.match(each)).shows_key
            else Match(MatchKind.NONE if is_clear and tagged.are_others(own, each) else MatchKind.UNPROVEN)
            for own, each in zip(of_each, self.wanted, strict=True)
        ]
        if all(match.kind is not MatchKind.UNPROVEN or match.shows_key for match in matches):
            return matches
        by_lot = yield from self._find(lambda lot: without_search(self._filtered(lot, now)))
        return [
            (found if found.shows_key else Match(MatchKind.UNPROVEN, doubt=UNCLEAR))
            if match.kind is MatchKind.UNPROVEN and not match.shows_key
            else match
            for match, found in zip(matches, by_lot, strict=True)
        ]

    def _filtered(self, lot: str, now: datetime) -> Listing[Row]:
        begin = min(each.since for each in self.wanted)
        return self.statement(*window_of(begin, now), tags={LOT_TAG: lot})


def _read(listing: Listing[Row]) -> Lookup[Listed[Row]]:
    return (yield from readable_rows(listing, at_most=LOT_ROWS))


def _number(wanted: LookupKey) -> str:
    (number,) = wanted.destinations
    return number


def _failure(listed: Listed[Row]) -> DirectcallError | None:
    """Return the error of a listing without an answer; a refusal or an odd answer counts as one without rows."""
    try:
        odd_answer(listed)
    except DirectcallError as error:
        return error
    return None
