"""Parts of an SMS, each of which is charged: how many, in which alphabet, and the plain letters that fit into fewer.

Alphabet and lengths are those of 3GPP TS 23.038 and 23.040. Directcall's own length of one SMS is documented: 140
characters, sender and text together; how it counts a character outside the GSM alphabet, and the marks "1/2", "2/2" of
a longer text, is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

#: The default alphabet of GSM 03.38, whose characters take seven bits.
GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Its extension table: each of these takes an escape character as well.
GSM_EXTENSION: Final = "\f^{}\\[~]|€"
#: Characters that a plain one replaces, besides letters with accents.
PLAIN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": ",",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2022": "-",
        "\u00a0": " ",
        "\u202f": " ",
        "\u200b": "",
        "\ufeff": "",
        "\u00ab": '"',
        "\u00bb": '"',
        "`": "'",
        "\u00b4": "'",
        "\t": " ",
    }
)


@dataclass(frozen=True, slots=True)
class Profile:
    """How an operator counts.

    :ivar single: units of a message in one part.
    :ivar part: units of each part of a longer one.
    :ivar wide_single: units of a message in one part, with characters outside the GSM alphabet.
    :ivar wide_part: units of each part of a longer one of these.
    :ivar extended: units of a character of the GSM extension table.
    :ivar astral: units, in a wide message, of a character beyond U+FFFF, such as an emoji.
    :ivar counts_origin: whether the sender's name or number counts as a part of the text.
    """

    name: str
    single: int
    part: int
    wide_single: int
    wide_part: int
    extended: int = 2
    astral: int = 2
    counts_origin: bool = False

    @property
    def has_alphabets(self) -> bool:
        """Whether the alphabet of a text matters: otherwise only its length does."""
        return (self.single, self.part, 1, 1) != (self.wide_single, self.wide_part, self.extended, self.astral)


#: By name. ``directcall`` takes its 140 characters for every text. ``cautious`` takes them for texts within GSM-7, and
#: the lengths of phone networks for others.
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile("directcall", 140, 140, 140, 140, extended=1, astral=1, counts_origin=True),
            Profile("cautious", 140, 140, 70, 67),
            Profile("gsm", 160, 153, 70, 67),
        )
    }
)

_BASIC: Final = frozenset(GSM_BASIC)
_EXTENDED: Final = frozenset(GSM_EXTENSION)
_ALPHABET: Final = _BASIC | _EXTENDED
_ASTRAL: Final = 0x10000
#: The accents of the Latin letters, each a character of its own after a decomposition.
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class SmsParts:
    """The parts of one text, as estimated.

    :ivar count: number of parts.
    :ivar outside: kind of character -> number of characters of the text that GSM-7 lacks.
    """

    count: int
    outside: Counter[str]

    @property
    def encoding(self) -> str:
        """``GSM-7`` or ``UCS-2``."""
        return "UCS-2" if self.outside else "GSM-7"

    def __str__(self) -> str:
        parts = "1 part" if self.count == 1 else f"{self.count} parts"
        if not self.outside:
            return f"{parts} ({self.encoding})"
        number = self.outside.total()
        kinds = ", ".join(kind for kind, _ in self.outside.most_common())
        characters = "1 character" if number == 1 else f"{number} characters"
        return f"{parts} ({self.encoding}, because of {characters} outside GSM-7: {kinds})"


def sms_parts(text: str) -> SmsParts:
    """Estimate the parts of a text, an origin in front of it included, without showing it."""
    outside = Counter(_kind(character) for character in text if character not in _ALPHABET)
    return SmsParts(parts(text, PROFILES["cautious"]), outside)


def is_gsm(text: str) -> bool:
    """Whether every character of a text is in the GSM alphabet or its extension table."""
    return _ALPHABET.issuperset(text)


def plain(text: str) -> str:
    """Return a text with plain letters in place of accented ones, and plain quotes and dashes.

    Characters of other scripts, and emoji, stay.
    """
    replaced = "".join(PLAIN.get(character, character) for character in text)
    decomposed = unicodedata.normalize("NFKD", replaced)
    return _ACCENTS.sub("", decomposed)


def parts(text: str, profile: Profile, *, origin_length: int = 0) -> int:
    """Return the number of parts in which a text is sent, and charged; at least one.

    No character is split over two parts, neither an escaped one nor one of two UTF-16 units.

    :param origin_length: characters of the sender, for a profile that counts them.
    """
    is_wide = not is_gsm(text)
    single, longest = (profile.wide_single, profile.wide_part) if is_wide else (profile.single, profile.part)
    sizes = list(_sizes(text, profile, is_wide=is_wide))
    begins_with = origin_length if profile.counts_origin else 0
    if begins_with + sum(sizes) <= single:
        return 1
    count, used = 1 + begins_with // longest, begins_with % longest
    for size in sizes:
        if used + size > longest:
            count, used = count + 1, 0
        used += size
    return count


def _sizes(text: str, profile: Profile, *, is_wide: bool) -> Iterator[int]:
    for character in text:
        if is_wide:
            yield profile.astral if ord(character) >= _ASTRAL else 1
        else:
            yield profile.extended if character in _EXTENDED else 1


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
