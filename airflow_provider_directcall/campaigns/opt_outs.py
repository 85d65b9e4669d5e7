"""Replies that ask for no more messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from airflow_provider_directcall.statement.reply_words import ReplyWords
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import ReceivedMessage


def opted_out(messages: Iterable[ReceivedMessage], words: Collection[str]) -> frozenset[str]:
    """Return the digits of all whose replies begin with one of the words; nobody's without words.

    :raises ValueError: a word has neither letters nor digits.
    """
    if not words:
        return frozenset()
    wanted = ReplyWords(list(words))
    return frozenset(
        digits for message in messages if wanted.match(message.text) and (digits := _digits(message.origin)) is not None
    )


def _digits(number: str | None) -> str | None:
    try:
        return parse_number(number, argument="origem", allow=ALL_KINDS).digits
    except ValueError:
        # A word, or nothing: it names no contact.
        return None
