"""Parts in which an SMS is charged: by Directcall's documented length, or as phone networks transmit it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

SmsCounting: TypeAlias = Literal["characters", "network"]

_CHARACTERS: Final = 140
_TWO_BYTES: Final = 0xFFFF
#: One septet each, and two with the escape in front (GSM 03.38).
_ONE: Final = frozenset(
    "\n\r !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
    "\u00a1\u00a3\u00a4\u00a5\u00a7\u00bf\u00c4\u00c5\u00c6\u00c7\u00c9\u00d1\u00d6\u00d8\u00dc\u00df"
    "\u00e0\u00e4\u00e5\u00e6\u00e8\u00e9\u00ec\u00f1\u00f2\u00f6\u00f8\u00f9\u00fc"
    "\u0393\u0394\u0398\u039b\u039e\u03a0\u03a3\u03a6\u03a8\u03a9"
)
_TWO: Final = frozenset("\f[\\]^{|}~\u20ac")


def is_gsm(text: str) -> bool:
    """Return whether all characters of a text are in the GSM alphabet."""
    return _ONE.union(_TWO).issuperset(text)


def charged_parts(text: str, origin: str, counting: SmsCounting) -> int:
    """Return the number of parts of a text.

    :param counting: ``characters``: 140 of sender and text together, which is documented; ``network``: septets of the
        GSM alphabet, or UTF-16 units where a character is not in it, without the sender.
    """
    if counting == "characters":
        return max(1, ceil((len(text) + len(origin)) / _CHARACTERS))
    return len(text_parts(text, origin, counting))


def text_parts(text: str, origin: str, counting: SmsCounting) -> list[str]:
    """Cut a text into its parts; at least one."""
    if counting == "characters":
        # That the sender takes its characters from the first part is assumed.
        whole = origin + text
        cuts = range(0, max(1, len(whole)), _CHARACTERS)
        return [whole[max(cut, len(origin)) : cut + _CHARACTERS] for cut in cuts]
    if is_gsm(text):
        return _cut(text, lambda char: 2 if char in _TWO else 1, 160, 153)
    return _cut(text, lambda char: 2 if ord(char) > _TWO_BYTES else 1, 70, 67)


def _cut(text: str, units: Callable[[str], int], alone: int, longest: int) -> list[str]:
    """Cut a text into parts, never inside a character of two units."""
    if sum(map(units, text)) <= alone:
        return [text]
    parts, left = [""], longest
    for char in text:
        if units(char) > left:
            parts.append("")
            left = longest
        parts[-1] += char
        left -= units(char)
    return parts
