"""Words with which a received text begins, such as "PARE" or "1"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from airflow_provider_directcall.api.words import folded

_WORD: Final = re.compile(r"\w+")
_MOST_CHARACTERS: Final = 140


class ReplyWords:
    """Patterns of received texts: a text matches if it begins with the words of one pattern.

    Case, accents and punctuation do not count: "pare" matches "  PARE!" and "Pare, por favor", not "não pare" or
    "parede".

    :param patterns: each one word or several; none of them matches every text.
    :raises ValueError: a pattern has no word, or more characters than an SMS.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        if isinstance(patterns, str):
            raise ValueError("words: a list of texts is needed, not a text")
        self._patterns = [_parsed(pattern) for pattern in patterns]

    def match(self, text: str) -> bool:
        """Whether a text begins with one of the patterns."""
        words = _words(text)
        return not self._patterns or any(words[: len(pattern)] == pattern for pattern in self._patterns)


def _parsed(pattern: str) -> list[str]:
    words = _words(pattern) if isinstance(pattern, str) else []
    if not words or len(pattern) > _MOST_CHARACTERS:
        raise ValueError(f"words: a text of letters or digits, of up to {_MOST_CHARACTERS} characters, is needed")
    return words


def _words(text: str) -> list[str]:
    return _WORD.findall(folded(text))
