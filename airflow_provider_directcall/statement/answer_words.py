"""The answers that people give by SMS: "1", " Sim ", "1.", "1️⃣", "👍🏽" are compared in one form.

No I/O. The rules are data: :class:`Answers` knows the words of each answer, or a pattern.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from airflow_provider_directcall.statement.reply_patterns import ReplyPattern

#: Answers to a question are short; a longer text is cut.
_MOST_CHARACTERS: Final = 700
#: The colours of emoji's skins.
_SKINS: Final = re.compile("[\U0001f3fb-\U0001f3ff]")
#: The answer of a text that is none of the known ones.
OTHER: Final = "other"


def normalized(text: str) -> str:
    """Return a text without case, accents, punctuation and variants of signs, with single blanks.

    Emoji beside words are left out; those of a text without words are kept, each once.
    """
    words, signs = _parts(text)
    return words or " ".join(signs)


class Answers:
    """The answers to a question: words of each, or a pattern.

    :param answers: name of an answer -> its words; a text has to be one of them, apart from case, accents, punctuation
        and emoji beside it.
    :param pattern: a regular expression for the whole :func:`normalized` text, which is cut after 160 characters; the
        answer is its first group, or all.
    :raises ValueError: they cannot be meant; the text names the argument.
    """

    def __init__(self, answers: Mapping[str, Iterable[object] | object] | None, pattern: str | None) -> None:
        if (answers is None) == (pattern is None):
            raise ValueError("answers, pattern: exactly one of them is needed; without any, every reply would match")
        self._names = _by_word(answers) if answers is not None else {}
        self._pattern = ReplyPattern(pattern) if pattern is not None else None

    @property
    def names(self) -> frozenset[str]:
        """The names of the answers; none for a pattern, whose answers are words of the reply."""
        return frozenset(self._names.values())

    def answer_of(self, text: str) -> str | None:
        """Return the answer that a text gives, or None: a text with the words of two answers gives none."""
        words, signs = _parts(text)
        if self._pattern is not None:
            return self._pattern.found_in(words or " ".join(signs))
        if words and words not in self._names:
            return None
        given = {self._names[part] for part in (words, *signs) if part in self._names}
        return given.pop() if len(given) == 1 else None


def _parts(text: str) -> tuple[str, list[str]]:
    """Return the words as one text, and the emoji, each once."""
    plain = unicodedata.normalize("NFKD", _SKINS.sub("", text[:_MOST_CHARACTERS])).casefold()
    tokens = "".join(map(_kept, plain)).split()
    words = [token for token in tokens if not _is_sign(token)]
    return " ".join(words), list(dict.fromkeys(token for token in tokens if _is_sign(token)))


def _kept(char: str) -> str:
    """Return what a character counts for: letters and digits, emoji apart; nothing for marks, a blank for the rest."""
    category = unicodedata.category(char)
    if category[0] == "M" or category == "Cf":
        return ""
    if category == "So":
        return f" {char} "
    return char if category[0] in "LN" else " "


def _is_sign(token: str) -> bool:
    return unicodedata.category(token[0]) == "So"


def words_by_answer(answers: Mapping[str, Iterable[object] | object]) -> dict[str, list[str]]:
    """Return the words of each answer as texts.

    :raises ValueError: they are no words by answer.
    """
    if not isinstance(answers, Mapping) or not answers:
        raise ValueError('answers: words by answer are needed, as in {"yes": ["1", "sim"], "no": ["2", "nao"]}')
    listed = {str(name): _texts(words) for name, words in answers.items()}
    if not all(name.strip() and words for name, words in listed.items()):
        raise ValueError("answers: each needs a name and at least one word")
    return listed


def _texts(words: object) -> list[str]:
    listed = words if isinstance(words, Iterable) and not isinstance(words, str) else [words]
    return [str(word) for word in listed if word is not None]


def _by_word(answers: Mapping[str, Iterable[object] | object]) -> dict[str, str]:
    names: dict[str, str] = {}
    for name, words in words_by_answer(answers).items():
        for plain in map(normalized, words):
            if not plain:
                raise ValueError(f"answers: a word of {name!r} has neither letters, digits nor emoji")
            if names.setdefault(plain, name) != name:
                raise ValueError(f"answers: a word of {name!r} is one of {names[plain]!r} too")
    return names
