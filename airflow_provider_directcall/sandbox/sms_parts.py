"""Parts in which an SMS is charged: by Directcall's documented length, or as phone networks transmit it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

SmsCounting: TypeAlias = Literal["characters", "network"]

_CHARACTERS: Final = 140
_ESCAPE: Final = "\x1b"
#: One septet each, and two with the escape in front (GSM 03.38).
_ONE: Final = frozenset(
    "\n\r !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
    "\u00a1\u00a3\u00a4\u00a5\u00a7\u00bf\u00c4\u00c5\u00c6\u00c7\u00c9\u00d1\u00d6\u00d8\u00dc\u00df"
    "\u00e0\u00e4\u00e5\u00e6\u00e8\u00e9\u00ec\u00f1\u00f2\u00f6\u00f8\u00f9\u00fc"
    "\u0393\u0394\u0398\u039b\u039e\u03a0\u03a3\u03a6\u03a8\u03a9"
)
_TWO: Final = frozenset("\f[\\]^{|}~\u20ac")


def charged_parts(text: str, origin: str, counting: SmsCounting) -> int:
    """Return the number of parts of a text.

    :param counting: ``characters``: 140 of sender and text together, which is documented; ``network``: septets of the
        GSM alphabet, or UTF-16 units where a character is not in it, without the sender.
    """
    if counting == "characters":
        return max(1, ceil((len(text) + len(origin)) / _CHARACTERS))
    if _ONE.union(_TWO).issuperset(text):
        septets = "".join(_ESCAPE + each if each in _TWO else each for each in text)
        return _cut(septets, 160, 153, first_of_two=lambda unit: unit == _ESCAPE)
    encoded = text.encode("utf-16-be")
    units = "".join(chr(int.from_bytes(encoded[place : place + 2], "big")) for place in range(0, len(encoded), 2))
    return _cut(units, 70, 67, first_of_two=lambda unit: 0xD800 <= ord(unit) < 0xDC00)


def _cut(units: str, alone: int, longest: int, first_of_two: Callable[[str], bool]) -> int:
    """Return into how many parts units are cut, none of them after the first of two that belong together."""
    if len(units) <= alone:
        return 1
    parts = 0
    while units:
        part = units[:longest]
        if len(units) > longest and first_of_two(part[-1]):
            part = part[:-1]
        units = units[len(part) :]
        parts += 1
    return parts
