"""The listings that feeds read: calls, sent messages, received messages. All have rows of one form."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from airflow_provider_directcall.api.methods import list_messages, list_statement, received_messages
from airflow_provider_directcall.api.replies import MessageRow, MessageState, ReceivedMessage, StatementRow
from airflow_provider_directcall.api.replies.envelope import Reply
from airflow_provider_directcall.api.requests import Listing, Page, Request

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class FeedSource:
    """What a feed reads.

    :ivar name: identifies it.
    :ivar rows: lists a closed window without a filter.
    :ivar has_filter: whether a wait's own question costs less than the rows of all. Without a filter, even one wait
        shares the read, however long it is.
    :ivar has_doubts: whether a row without tags may be any wait's, so that the vendor's filter has to decide.
    """

    name: str
    rows: Callable[[datetime, datetime], Listing[StatementRow]] = field(compare=False, repr=False)
    has_filter: bool = True
    has_doubts: bool = False


@dataclass(frozen=True, slots=True)
class MessageEntry(StatementRow):
    """A sent message in the form of a row of calls. Its ``outcome`` is the state.

    :ivar message_id: id of this recipient's message.
    :ivar state: the state parsed from the vendor's phrase.
    """

    message_id: str | None
    state: MessageState

    @property
    def key(self) -> Hashable | None:
        """Identity of the row and its state, None without an id."""
        if self.message_id is None and self.callerid is None:
            return None
        return (self.message_id, self.callerid, self.destination, self.state)

    @classmethod
    def of(cls, row: MessageRow) -> MessageEntry:
        """Convert a row of the statement of messages."""
        return cls(
            callerid=row.callerid,
            origin=row.origin,
            destination=row.destination,
            started_at=row.sent_at,
            duration_seconds=None,
            outcome=row.state.value,
            direction=None,
            price_brl=row.price_brl,
            recording_url=None,
            tags=row.tags,
            raw=row.raw,
            message_id=row.message_id,
            state=row.state,
        )


@dataclass(frozen=True, slots=True)
class ReceivedEntry(StatementRow):
    """A received message in the form of a row of calls. It has no id.

    :ivar text: its text.
    """

    text: str = field(repr=False)

    @property
    def key(self) -> Hashable | None:
        """All that there is of it: two equal ones of one second are one."""
        return (self.origin, self.destination, self.started_at, self.text)

    @classmethod
    def of(cls, row: ReceivedMessage) -> ReceivedEntry:
        """Convert a row of the received messages."""
        return cls(
            callerid=None,
            origin=row.origin,
            destination=row.destination,
            started_at=row.received_at,
            duration_seconds=None,
            outcome=None,
            direction=None,
            price_brl=None,
            recording_url=None,
            tags={},
            raw=row.raw,
            text=row.text,
        )


def calls(kind: str | None = None) -> FeedSource:
    """Return the statement of calls of one kind (``tipoFiltro``)."""
    return FeedSource(
        f"calls {kind or ''}".rstrip(),
        lambda since, until: list_statement(since, until, calls=kind),
        has_doubts=True,
    )


def message_entries(
    since: datetime, until: datetime, *, callerid: str | None = None, tags: Mapping[str, str] | None = None
) -> Listing[StatementRow]:
    """List sent messages as entries."""
    return _converted(list_messages(since, until, callerid=callerid, tags=tags), MessageEntry.of)


def received_entries(since: datetime, until: datetime) -> Listing[StatementRow]:
    """List received messages as entries."""
    return _converted(received_messages(since, until), ReceivedEntry.of)


def _converted(listing: Listing[Row], convert: Callable[[Row], StatementRow]) -> Listing[StatementRow]:
    def page(number: int) -> Request[Page[StatementRow]]:
        request = listing.page(number)

        def read(reply: Reply) -> Page[StatementRow]:
            found = request.read(reply)
            return Page(tuple(convert(row) for row in found.rows), found.total_pages)

        return Request(request.endpoint_name, request.params, read)

    return Listing(page, lambda row: row.key)


#: Sent messages.
MESSAGES: Final = FeedSource("messages", message_entries)
#: Received messages.
RECEIVED: Final = FeedSource("received messages", received_entries, has_filter=False)
