"""The trigger that waits for a reply."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, Event
from airflow_provider_directcall.triggers.polling import PollingArguments, WaitingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.statement.message_search import SentMessageId
    from airflow_provider_directcall.statement.replies import Reply, ReplySearch, ReplyWait
    from airflow_provider_directcall.triggers.feeds import SharedConnection

T = TypeVar("T")
U = TypeVar("U")


class ReplyTrigger(WaitingTrigger):
    """Fires when a reply gives an answer.

    The event is ``{"status": "found", "answer": <its name>, "received_at": <ISO text>}``. With a pattern, the answer
    are words of the reply: it is not in the event, and the task reads it again. A time-out says how many ``others``
    gave no answer, and whether the statement of messages has shown a recipient (``is_shown``).

    :param since: ISO text with a zone: replies, or the message, from this second on.
    :param origin: digits of the number from which it comes.
    :param message: the message that it answers: ``{"callerid", "key", "recipients", "refused"}``.
    :param answers: name of an answer -> its words.
    :param pattern: a regular expression for the whole text.
    :param destination: only replies to this number or word.
    :param takes_other: whether a reply without a known answer fires too, as ``other``.

    Further parameters as in :class:`~.polling.WaitingTrigger`.
    """

    def __init__(
        self,
        *,
        since: str,
        origin: str | None = None,
        message: dict[str, Any] | None = None,
        answers: dict[str, list[str]] | None = None,
        pattern: str | None = None,
        destination: str | None = None,
        takes_other: bool = False,
        **polling: Unpack[PollingArguments],
    ) -> None:
        super().__init__(**polling)
        self.since = since
        self.origin = origin
        self.message = message
        self.answers = answers
        self.pattern = pattern
        self.destination = destination
        self.takes_other = takes_other

    def about(self) -> Event:
        """Return the beginning of the window."""
        return {"since": self.since}

    @property
    def search(self) -> ReplySearch:
        """The replies."""
        from airflow_provider_directcall.statement.answer_words import Answers
        from airflow_provider_directcall.statement.replies import ReplySearch
        from airflow_provider_directcall.statement.search import CLOCK_SKEW

        since = datetime.fromisoformat(self.since)
        return ReplySearch(
            answers=Answers(self.answers, self.pattern),
            # A message's own row says when it left, by the vendor's clock.
            since=since if self.message is None else since - CLOCK_SKEW,
            destination=self.destination,
            takes_other=self.takes_other,
        )

    async def wait(self, shared: SharedConnection) -> Event:
        """Wait in the feeds of received and sent messages, which all waits of this event loop share."""
        from airflow_provider_directcall.statement.likeness import national
        from airflow_provider_directcall.statement.message_search import SentMessageId
        from airflow_provider_directcall.statement.replies import ReplyWait

        if self.message is not None:
            reply, found = await self._reply_to(SentMessageId(**self.message), shared)
        else:
            reply = ReplyWait(self.search, {national(self.origin or ""): datetime.fromisoformat(self.since)})
            found = await self._reply(shared, reply, self.ready_at())
        if found is None:
            return {"status": TIMEOUT, "others": reply.other_replies if reply else 0, "is_shown": reply is not None}
        answer: Event = {} if self.pattern is not None else {"answer": found.answer}
        return {"status": FOUND, "received_at": found.received_at.isoformat(), **answer}

    async def _reply_to(
        self, message: SentMessageId, shared: SharedConnection
    ) -> tuple[ReplyWait | None, Reply | None]:
        """Wait for a reply from each recipient, as soon as the statement of messages shows it."""
        from airflow_provider_directcall.statement.feed_sources import MESSAGES
        from airflow_provider_directcall.statement.message_search import DeliverySearch
        from airflow_provider_directcall.statement.replies import MessageRecipients, ReplyWait
        from airflow_provider_directcall.triggers.feeds import wait_in_feed

        ready_at = self.ready_at()
        recipients = MessageRecipients(DeliverySearch(since=datetime.fromisoformat(self.since), messages=[message]))
        reply, found = None, None
        asked = await wait_in_feed(shared, MESSAGES, recipients, self.pace(), ready_at)
        while asked is not None and found is None:
            recipients.known = len(asked)
            reply = ReplyWait(self.search, asked)
            replied = self._reply(shared, reply, ready_at)
            if recipients.has_all:
                return reply, await replied
            more = wait_in_feed(shared, MESSAGES, recipients, self.pace(), ready_at)
            found, asked = await _either(replied, more)
        return reply, found

    async def _reply(self, shared: SharedConnection, reply: ReplyWait, ready_at: datetime) -> Reply | None:
        from airflow_provider_directcall.statement.feed_sources import RECEIVED
        from airflow_provider_directcall.triggers.feeds import wait_in_feed

        return await wait_in_feed(shared, RECEIVED, reply, self.pace(), ready_at)


async def _either(
    one: Coroutine[Any, Any, T | None], other: Coroutine[Any, Any, U | None]
) -> tuple[T | None, U | None]:
    """Wait until one of two has a result, or both have ended without any; a result of the first one goes first."""
    first, second = tasks = asyncio.ensure_future(one), asyncio.ensure_future(other)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not first.done() and second.result() is not None:
            return None, second.result()
        found = await first
        return found, await second if found is None else None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
