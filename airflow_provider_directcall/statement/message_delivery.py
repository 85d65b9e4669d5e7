"""One wait for the delivery of messages: each recipient's state, from the rows of the statement of messages.

A row counts for a message if it shows the message's key, or has the id of its request and shows no other key; or if it
shows every wanted tag. Any other row is never believed, whatever filter has found it. What rows have shown is kept, so
that a read of a part of the window is enough to go on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from airflow_provider_directcall.api.lookups import readable_rows
from airflow_provider_directcall.api.replies import MessageState
from airflow_provider_directcall.statement.calls import CallIdentity
from airflow_provider_directcall.statement.feed_sources import MessageEntry, message_entries
from airflow_provider_directcall.statement.likeness import national
from airflow_provider_directcall.statement.marks import Judgement, Marks
from airflow_provider_directcall.statement.message_search import DeliveryCounts, SentMessageId
from airflow_provider_directcall.statement.ownership import KEY_TAG, SoughtKeys
from airflow_provider_directcall.statement.search import CLOCK_SKEW, StatementSearch
from airflow_provider_directcall.statement.tagged_calls import OtherRows

if TYPE_CHECKING:
    from airflow_provider_directcall.api.errors import DirectcallError
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.api.requests import Listing
    from airflow_provider_directcall.statement.message_search import DeliverySearch

T = TypeVar("T")

#: How far the account's zone, which is inferred, may be from the connection's; and a few minutes between clocks.
_ZONES_APART: Final = timedelta(hours=3, minutes=5)
#: Questions of one look, each for one message; for more messages, one question without a filter.
_MOST_QUESTIONS: Final = 20


class MessageRows(ABC, Generic[T]):
    """A wait that keeps the rows of the messages that are waited for."""

    keeps_rows = True
    ends_with_any_row = False
    is_identified = False

    def __init__(self, search: DeliverySearch) -> None:
        self.others = OtherRows()
        self._search = search
        self._shows_tags = StatementSearch(since=search.since, tags=search.tags).shows_tags
        identified = search.messages
        self._identities = [CallIdentity(each.callerid, each.key, not_before=self.begins_at) for each in identified]
        self._by_id = {_folded(each.callerid): place for place, each in enumerate(identified) if each.callerid}
        self._by_key = {each.key: place for place, each in enumerate(identified) if each.key}
        self._keys = SoughtKeys(self._by_key)
        self._messages = identified or (SentMessageId(recipients=search.recipients),)
        # Of each message, of each recipient: its rows.
        self._shown: list[dict[Hashable, dict[Hashable, MessageEntry]]] = [{} for _ in self._messages]

    @abstractmethod
    def _result(self) -> T | None:
        """Return the result, or None for "not yet"."""

    @abstractmethod
    def _is_pending(self, place: int) -> bool:
        """Whether a message needs further rows."""

    @property
    def begins_at(self) -> datetime:
        """The first second of its window; an id or key proves a row whatever the account's zone makes of its time."""
        return self._search.since - _ZONES_APART if self._search.messages else self._search.since

    @property
    def marks(self) -> Marks:
        """The marks of its rows."""
        if not self._search.messages:
            return Marks(tags=self._search.tags or {})
        return Marks(any_of=[Marks(callerid=each.callerid, key=each.key) for each in self._search.messages])

    def look(self, now: datetime) -> Lookup[T | None]:
        """Look once; what one page shows counts, although the next cannot be read."""
        error: DirectcallError | None = None
        for listing in self._questions(now):
            listed = yield from readable_rows(listing)
            self._note(listed.rows)
            error = listed.error or error
        found = self._result()
        if found is None and error is not None:
            raise error
        return found

    def judge(self, rows: Sequence[StatementRow], now: datetime) -> Judgement[T]:
        """Note the rows of a shared read; no look of its own would say more about them."""
        self._note(rows)
        return Judgement(self._result())

    def _questions(self, now: datetime) -> Iterator[Listing[StatementRow]]:
        window = self.begins_at, max(now, self.begins_at) + CLOCK_SKEW
        pending = [place for place in range(len(self._messages)) if self._is_pending(place)]
        if self._search.tags is not None or len(pending) > _MOST_QUESTIONS:
            yield message_entries(*window, tags=self._search.tags)
            return
        for place in pending:
            message = self._messages[place]
            if message.callerid is not None:
                yield message_entries(*window, callerid=message.callerid)
            if message.key is not None and self._is_pending(place):
                yield message_entries(*window, tags={KEY_TAG: message.key})

    def _note(self, rows: Iterable[StatementRow]) -> None:
        for row in rows:
            if not isinstance(row, MessageEntry):
                continue
            for place in self._messages_of(row):
                recipient = national(row.destination) if row.destination else row.message_id
                kept = self._shown[place].setdefault(recipient, {})
                identity = (row.message_id, row.callerid, row.started_at)
                # A row that has shown a delivery proves it.
                if identity not in kept or kept[identity].state is not MessageState.DELIVERED:
                    kept[identity] = row

    def _messages_of(self, row: MessageEntry) -> set[int]:
        """Return the places of the messages whose row it is; 0 for messages with tags."""
        if self._search.tags is not None:
            is_later = row.started_at is not None and row.started_at >= self._search.since.replace(microsecond=0)
            return {0} if is_later and row.tags and self._shows_tags(row) else set()
        places = {self._by_key[key] for key in self._keys.shown_by(row)}
        if row.callerid and (place := self._by_id.get(_folded(row.callerid))) is not None:
            places.add(place)
        return {place for place in places if self._identities[place].matches(row)}


class MessageDelivery(MessageRows[DeliveryCounts]):
    """The wait for delivery. Its result are the counts, once enough are delivered or can no longer be."""

    @property
    def counts(self) -> DeliveryCounts:
        """The recipients, as far as rows have shown them."""
        ends: Counter[MessageState] = Counter()
        total = 0
        for message, shown in zip(self._messages, self._shown, strict=True):
            ends.update(state for rows in shown.values() if (state := _end_of(rows.values())) is not None)
            total += max(message.recipients, len(shown))
        refused = sum(message.refused for message in self._messages)
        return DeliveryCounts(
            recipients=total + refused,
            delivered=ends[MessageState.DELIVERED],
            failed=ends[MessageState.FAILED],
            cancelled=ends[MessageState.CANCELLED],
            refused=refused,
            pending=total - ends.total(),
        )

    def _is_pending(self, place: int) -> bool:
        shown = self._shown[place]
        is_shown = len(shown) >= self._messages[place].recipients
        return not is_shown or any(_end_of(rows.values()) is None for rows in shown.values())

    def _result(self) -> DeliveryCounts | None:
        counts, share = self.counts, self._search.min_share
        return counts if counts.has(share) or counts.cannot_have(share) else None


def _end_of(rows: Iterable[MessageEntry]) -> MessageState | None:
    """Return the end of a recipient with a row or several; None while one is on its way and none has arrived."""
    ends = {row.state for row in rows}
    if MessageState.DELIVERED in ends:
        return MessageState.DELIVERED
    if not all(state.is_terminal for state in ends):
        return None
    return MessageState.FAILED if MessageState.FAILED in ends else next(iter(ends), None)


def _folded(text: str | None) -> str:
    return (text or "").strip().casefold()
