"""Count the parts of an SMS, each of which is charged, without showing its text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Final

#: Characters of one septet (3GPP TS 23.038, the default alphabet).
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Characters of two septets (its extension).
_GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
#: Directcall's own length of one SMS (documented); how the marks "1/2", "2/2" of a longer text count is not known.
_DIRECTCALL: Final = 140
#: UTF-16 units of one SMS, and of each part of a longer one (3GPP TS 23.040), where a carrier takes UCS-2 at all.
_UCS2_ALONE, _UCS2_PART = 70, 67


@dataclass(frozen=True, slots=True)
class SmsParts:
    """The parts of one text, as estimated.

    :ivar count: number of parts.
    :ivar encoding: ``GSM-7`` or ``UCS-2``.
    :ivar outside: kind of character -> number of characters of the text that GSM-7 lacks.
    """

    count: int
    encoding: str
    outside: Counter[str]

    def __str__(self) -> str:
        parts = "1 part" if self.count == 1 else f"{self.count} parts"
        if not self.outside:
            return f"{parts} ({self.encoding})"
        number = self.outside.total()
        kinds = ", ".join(kind for kind, _ in self.outside.most_common())
        characters = "1 character" if number == 1 else f"{number} characters"
        return f"{parts} ({self.encoding}, because of {characters} outside GSM-7: {kinds})"


def sms_parts(text: str) -> SmsParts:
    """Estimate the parts of a text, an origin in front of it included.

    A text within GSM-7 is counted as Directcall does, 140 a part. One character outside turns all of it into UCS-2, as
    phone networks do: 70 UTF-16 units, or 67 in each of several parts. What Directcall does with it is not documented.
    """
    outside = Counter(_kind(character) for character in text if character not in _GSM | _GSM_EXTENSION)
    if outside:
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        return SmsParts(1 if units <= _UCS2_ALONE else -(-units // _UCS2_PART), "UCS-2", outside)
    septets = len(text) + sum(character in _GSM_EXTENSION for character in text)
    return SmsParts(max(1, -(-septets // _DIRECTCALL)), "GSM-7", outside)


def _kind(character: str) -> str:
    """Return the kind of a character, which does not disclose it."""
    match unicodedata.category(character)[0]:
        case "L":
            return "letter"
        case "P":
            return "punctuation"
        case "Z" | "C":
            return "space or invisible"
        case "S" | "M" if ord(character) >= 0x2190:
            return "emoji or symbol"
    return "symbol"
