"""Yes and no in the spellings that an account may use: ``s``/``n`` (assumed), ``S``, ``1``, true, ``sim``."""

from __future__ import annotations

from typing import Final

from airflow_provider_directcall.api.replies.envelope import Json

#: Yes and no, in lower case.
_WORDS: Final = (
    ("s", "n"),
    ("1", "0"),
    ("true", "false"),
    ("sim", "nao"),
    ("sim", "não"),
    ("y", "n"),
    ("yes", "no"),
    ("on", "off"),
    ("t", "f"),
)
_MEANING: Final = {word: meaning for pair in _WORDS for word, meaning in zip(pair, (True, False), strict=True)}


def read_flag(text: str) -> bool:
    """Return the meaning of a flag's text, upper or lower case.

    :raises ValueError: it is no known spelling.
    """
    meaning = _MEANING.get(text.strip().casefold())
    if meaning is None:
        raise ValueError("a flag in an unknown spelling")
    return meaning


def write_flag(flag: bool, *, like: Json) -> Json:
    """Return a flag in the spelling of another value: its words, its case, its type; ``s`` or ``n`` without one."""
    if isinstance(like, bool):
        return flag
    if isinstance(like, int) and like in (0, 1):
        return int(flag)
    folded = like.strip().casefold() if isinstance(like, str) else ""
    pair = next((pair for pair in _WORDS if folded in pair), _WORDS[0])
    word = pair[0 if flag else 1]
    if not isinstance(like, str) or not like.strip() or like == folded:
        return word
    return word.upper() if like.isupper() else word.capitalize()
