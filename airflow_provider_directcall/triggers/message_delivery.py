"""The trigger that waits for the delivery of messages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, Event
from airflow_provider_directcall.triggers.polling import PollingArguments, WaitingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.statement.message_search import DeliverySearch
    from airflow_provider_directcall.triggers.feeds import SharedConnection


class MessageDeliveryTrigger(WaitingTrigger):
    """Fires when enough recipients have got their messages, or can no longer get them.

    The event has the counts of recipients: ``recipients``, ``delivered``, ``failed``, ``cancelled``, ``refused``,
    ``pending``.

    :param since: ISO text with a zone: messages from this second on.
    :param messages: the messages: ``{"callerid", "key", "recipients", "refused"}`` each.
    :param tags: tags of the messages (``campos``), all of them, in place of ``messages``.
    :param recipients: how many recipients the messages with the tags have, at least.
    :param min_share: the share of recipients that is enough.

    Further parameters as in :class:`~.polling.WaitingTrigger`.
    """

    def __init__(
        self,
        *,
        since: str,
        messages: list[dict[str, Any]] | None = None,
        tags: dict[str, str] | None = None,
        recipients: int = 1,
        min_share: float = 1.0,
        **polling: Unpack[PollingArguments],
    ) -> None:
        super().__init__(**polling)
        self.since = since
        self.messages = messages
        self.tags = tags
        self.recipients = recipients
        self.min_share = min_share

    def about(self) -> Event:
        """Return the beginning of the window."""
        return {"since": self.since}

    @property
    def search(self) -> DeliverySearch:
        """The messages."""
        from airflow_provider_directcall.statement.message_search import DeliverySearch, SentMessageId

        return DeliverySearch(
            since=datetime.fromisoformat(self.since),
            messages=[SentMessageId(**fields) for fields in self.messages or ()],
            tags=self.tags,
            recipients=self.recipients,
            min_share=self.min_share,
        )

    async def wait(self, shared: SharedConnection) -> Event:
        """Wait in the feed of sent messages, which all waits of this event loop share."""
        from airflow_provider_directcall.statement.feed_sources import MESSAGES
        from airflow_provider_directcall.statement.message_delivery import MessageDelivery
        from airflow_provider_directcall.triggers.feeds import wait_in_feed

        delivery = MessageDelivery(self.search)
        found = await wait_in_feed(shared, MESSAGES, delivery, self.pace(), self.ready_at())
        return {"status": TIMEOUT if found is None else FOUND, **(found or delivery.counts).as_json()}
