"""Whether the statement shows enough for a proof that a request is absent: it has to show those that surely arrived.

A listing may be cut without a sign, or be behind: then rows of accepted requests are missing too. And a request to
several contacts that shows rows of some may have reached the others too: an account may show one row of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from airflow_provider_directcall.api.errors import DirectcallReplyError
from airflow_provider_directcall.delivery.matching import Match, MatchKind

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.contact_outcomes import Addressed
    from airflow_provider_directcall.campaigns.errands import ChunkRequests

T = TypeVar("T")

#: Requests that left so long before or after those in doubt are compared with them.
_APART: Final = timedelta(minutes=5)
#: How many of them, and how many of those to several contacts besides.
_COMPARED: Final = 6
_SHARED: Final = 2
_CUT = "the statement does not show requests of that time that were accepted, so that a row may be missing"
_NO_ROW = "a request to several contacts is in the statement, and this contact has no row: it may be one of them"


def compared_with(doubts: Sequence[Addressed], arrived: Iterable[Addressed]) -> list[Addressed]:
    """Return contacts whose requests arrived at the time of those in doubt: of each request its first and last one."""
    begin, end = min(each.since for each in doubts) - _APART, max(each.since for each in doubts) + _APART
    requests: dict[str, list[Addressed]] = {}
    for each in arrived:
        if begin <= each.since <= end:
            requests.setdefault(each.result.ids.get("callerid", each.contact.id), []).append(each)
    by_time = sorted(requests.values(), key=lambda request: request[0].since)
    chosen = _spread(by_time, _COMPARED) + _spread([each for each in by_time if len(each) > 1], _SHARED)
    return list({each.contact.id: each for request in chosen for each in (request[0], request[-1])}.values())


def lists_each_recipient(compared: Iterable[Addressed]) -> bool:
    """Whether two of these contacts, which all have rows, are of one request."""
    ids = [each.result.ids.get("callerid") for each in compared]
    return len(set(ids)) < len(ids)


def with_proof(match: Match, compared: Iterable[Match], *, may_have_arrived: bool) -> Match:
    """Return the match of a request in doubt, without its word of absence where that is not proven.

    :param compared: matches of requests that arrived, in the same look.
    :param may_have_arrived: whether its request may be one that shows a row of another contact.
    """
    if match.kind is not MatchKind.NONE or match.error is not None:
        return match
    if any(each.kind is MatchKind.NONE for each in compared):
        return replace(match, error=DirectcallReplyError(_CUT))
    return Match(MatchKind.UNPROVEN, doubt=_NO_ROW) if may_have_arrived else match


class SharedRequests:
    """The requests to several contacts, and for how many of its contacts each is known to have arrived.

    The log has no names for requests without an answer: contacts of one wave with the same text and tags may be of one.
    """

    def __init__(self, requests: ChunkRequests) -> None:
        self._requests = requests
        self._sizes: Counter[object] = Counter()
        self._signs: dict[tuple[object, str], str | None] = {}
        """Batch and contact -> the request that has arrived, or None for one without an id."""
        self._counts: defaultdict[object, Counter[str | None]] = defaultdict(Counter)
        """Batch -> request -> contacts."""

    def add(self, contacts: Iterable[Addressed]) -> None:
        """Take contacts of which a request has left, or may have left."""
        self._sizes.update(map(self._batch, contacts))

    def note(self, each: Addressed, ids: Mapping[str, str]) -> None:
        """Note that a contact's request has arrived, or may have; its id, where it is known, names the request."""
        batch, own, request = self._batch(each), each.contact.id, ids.get("callerid")
        if (batch, own) in self._signs:
            self._counts[batch][self._signs[batch, own]] -= 1
        self._signs[batch, own] = request
        self._counts[batch][request] += 1

    def may_include(self, each: Addressed, *, lists_each: bool) -> bool:
        """Whether one that has arrived may be this contact's: it has signs of fewer contacts than a request has.

        :param lists_each: whether the statement is known to have a row for each recipient.
        """
        if each.result.sends > 1:
            # The last one was to this contact alone.
            return False
        if "callerid" in each.result.ids:
            # It was answered, without a clear word on this contact.
            return not lists_each
        batch, size = self._batch(each), self._requests.batch_size(each.contact)
        counts = self._counts[batch].copy()
        if (batch, each.contact.id) in self._signs:
            counts[self._signs[batch, each.contact.id]] -= 1
        # Requests without ids are counted together; each of them is whole, or the last one of its batch.
        unnamed, rest = counts.pop(None, 0), self._sizes[batch] % size if lists_each else 0
        if unnamed and not (lists_each and unnamed % size in {0, rest}):
            return True
        return any(count not in {size, rest} for count in counts.values() if count)

    def _batch(self, each: Addressed) -> object:
        return each.since, self._requests.batch_of(each.contact)


def _spread(items: Sequence[T], most: int) -> list[T]:
    """Return so many items at most, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[place * (len(items) - 1) // (most - 1)] for place in range(most)]
