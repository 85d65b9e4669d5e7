"""The people behind some magic numbers, who reply to an SMS: pure functions of the messages and the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.lifecycle import MessagePhase, message_phase, message_times
from airflow_provider_directcall.sandbox.magic_numbers import scenario_of
from airflow_provider_directcall.sandbox.records import ReceivedMessageRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.records import MessageRecord

REPLY_SECONDS: Final = 60
SHORT_NUMBER: Final = "27000"
"""To which they reply; that a reply names a short number is inferred."""


def received_messages(account: Account) -> list[ReceivedMessageRecord]:
    """Return the SMS to the account, with the replies to those that it has sent, by their time."""
    found = [*account.store.received.values(), *replies(account, account.store.messages.values())]
    return sorted(found, key=lambda message: message.received_at)


def expects_reply(message: MessageRecord) -> bool:
    """Return whether the person at a number replies to a message, once it has arrived."""
    return message.kind == "texto" and message.short_number and scenario_of(message.destination).reply is not None


def replies(account: Account, messages: Iterable[MessageRecord]) -> Iterator[ReceivedMessageRecord]:
    """Yield the replies to messages that have come by now."""
    for message in messages:
        reply = scenario_of(message.destination).reply
        if reply is None or not expects_reply(message):
            continue
        received_at = _replied_at(account, message)
        if received_at is not None and received_at <= account.now():
            yield ReceivedMessageRecord(
                received_id=f"reply-{message.message_id}",
                origin=message.destination,
                destination=SHORT_NUMBER,
                text=reply,
                received_at=received_at,
            )


def _replied_at(account: Account, message: MessageRecord) -> float | None:
    """Return when a message is replied to, on the account's clock; None for one that does not arrive."""
    now = account.lifecycle_time(message.starts_at)
    if message_phase(message, now, account.config.zone) != MessagePhase.DELIVERED:
        return None
    delivered_at = message_times(message, account.config.zone).ended_at or message.starts_at
    return message.starts_at + (delivered_at + REPLY_SECONDS - message.starts_at) / account.settings.pace
