"""Replies that ask for no more messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import ReceivedMessage

_WORD: Final = re.compile(r"\w+")


def opted_out(messages: Iterable[ReceivedMessage], words: Collection[str]) -> frozenset[str]:
    """Return the digits of all who have replied with one of the words, as the first word of their text."""
    wanted = {plain for word in words if (plain := _first_word(word))}
    return frozenset(
        digits
        for message in messages
        if _first_word(message.text) in wanted and (digits := _digits(message.origin)) is not None
    )


def _first_word(text: str) -> str | None:
    """Return the first word, without accents and case."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    found = _WORD.search(plain.casefold())
    return found[0] if found is not None else None


def _digits(number: str | None) -> str | None:
    try:
        return parse_number(number, argument="origem", allow=ALL_KINDS).digits
    except ValueError:
        # A word, or nothing: it names no contact.
        return None
