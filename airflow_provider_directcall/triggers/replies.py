"""The trigger that waits for a reply."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, Event
from airflow_provider_directcall.triggers.polling import PollingArguments, WaitingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.statement.replies import Asked, ReplySearch
    from airflow_provider_directcall.triggers.feeds import SharedConnection


class ReplyTrigger(WaitingTrigger):
    """Fires when a reply gives an answer.

    The event is ``{"status": "found", "answer": <its name>, "received_at": <ISO text>}``. With a pattern, the answer
    are words of the reply: it is not in the event, and the task reads it again.

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
        """Wait in the feed of received messages, which all waits of this event loop share."""
        from airflow_provider_directcall.statement.feed_sources import RECEIVED
        from airflow_provider_directcall.statement.replies import ReplyWait
        from airflow_provider_directcall.triggers.feeds import wait_in_feed

        asked = await self._asked(shared)
        if asked is None:
            return {"status": TIMEOUT, "others": 0}
        reply = ReplyWait(self.search, asked)
        found = await wait_in_feed(shared, RECEIVED, reply, self.pace(), self.ready_at())
        if found is None:
            return {"status": TIMEOUT, "others": reply.other_replies}
        answer: Event = {} if self.pattern is not None else {"answer": found.answer}
        return {"status": FOUND, "received_at": found.received_at.isoformat(), **answer}

    async def _asked(self, shared: SharedConnection) -> Asked | None:
        """Return who was asked; of a message, as its rows in the statement of messages show it."""
        from airflow_provider_directcall.statement.feed_sources import MESSAGES
        from airflow_provider_directcall.statement.likeness import national
        from airflow_provider_directcall.statement.message_search import DeliverySearch, SentMessageId
        from airflow_provider_directcall.statement.replies import MessageRecipients
        from airflow_provider_directcall.triggers.feeds import wait_in_feed

        since = datetime.fromisoformat(self.since)
        if self.message is None:
            return {national(self.origin or ""): since}
        search = DeliverySearch(since=since, messages=[SentMessageId(**self.message)])
        return await wait_in_feed(shared, MESSAGES, MessageRecipients(search), self.pace(), self.ready_at())
