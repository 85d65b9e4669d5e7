"""Patterns for replies. They run on texts of other people, in the event loop of all triggers: none may run long.

Python's engine tries one way after the other, and a thread would not help: it holds the interpreter meanwhile. So a
pattern that may have too many ways is rejected beforehand, and texts are cut. The check is meant for slips; it does not
know the flag ``x`` of a pattern.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import Final

#: Characters of a text that a pattern sees: one SMS.
_MOST_CHARACTERS: Final = 160
#: A repeat has up to 160 ways to match, a ``?`` has two. Four repeats take less than a second for the worst of texts.
_REPEAT_COSTS: Final = 6
_MOST_COSTS: Final = 4 * _REPEAT_COSTS
#: A sign with a backslash, a set, the begin and the end of a group, a choice, a repeat, any other sign.
_PARTS: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\??|\)|\||(?:[*+?]|\{(?:\d+|\d*,\d*)\})[+?]?|.", re.DOTALL
)
_EXACT: Final = re.compile(r"\{\d+\}")


class ReplyPattern:
    """A regular expression for a whole text, without case and accents.

    :raises ValueError: it is none, or matches an empty text, or may run long; the text names the argument.
    """

    def __init__(self, pattern: str) -> None:
        plain = "".join(char for char in unicodedata.normalize("NFD", str(pattern)) if not unicodedata.combining(char))
        try:
            self._compiled = re.compile(plain, re.IGNORECASE)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"pattern: it is no regular expression ({error})") from None
        if self._compiled.fullmatch("") is not None:
            raise ValueError("pattern: it matches an empty reply, so that any reply could match")
        _check_costs(plain)

    def found_in(self, text: str) -> str | None:
        """Return the first group that a text fills, or what matches; None when it does not match."""
        found = self._compiled.fullmatch(text[:_MOST_CHARACTERS])
        return next((part for part in (*found.groups(), found[0]) if part), None) if found else None


def _check_costs(pattern: str) -> None:
    """Reject a pattern that may run long.

    :raises ValueError: it repeats a group with repeats or choices, or has too many repeats.
    """
    costs, depth, has_ways, closed_ways = 0, 0, defaultdict[int, bool](bool), False
    for part in _PARTS.findall(pattern):
        is_repeat = part[0] in "*+" or (part[0] == "{" and len(part) > 1)
        if is_repeat and closed_ways:
            raise ValueError("pattern: a group that has repeats or choices is repeated, which may take for ever")
        closed_ways = False
        if part[0] == "(":
            depth += 1
            has_ways[depth] = False
        elif part == ")":
            closed_ways, depth = has_ways[depth], depth - 1
            has_ways[depth] |= closed_ways
        elif part == "|":
            has_ways[depth] = True
        elif (is_repeat and not _EXACT.match(part)) or part[0] == "?":
            has_ways[depth] = True
            costs += _REPEAT_COSTS if is_repeat else 1
    if costs > _MOST_COSTS:
        raise ValueError("pattern: it has more than four repeats, or too many optional parts, and may run long")
