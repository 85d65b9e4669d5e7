"""Whether two spellings may be one number: with or without country code, area, prefixes or ninth digit."""

from __future__ import annotations

import re
from typing import Final

#: Digits that every spelling of a Brazilian number keeps.
_LAST_DIGITS: Final = 8
#: More digits are several numbers in one text.
_MOST_DIGITS: Final = 18
#: Two digits of the area, and nine that begin with 9.
_MOBILE: Final = re.compile(r"[1-9]{2}9\d{8}", re.ASCII)
_MARKS: Final = re.compile(r"[\s+().-]")
#: A number that a spreadsheet or a script has written as a decimal.
_DECIMALS: Final = re.compile(r"\.0+\s*$")


def same_number(one: str | None, other: str | None) -> bool:
    """Compare two numbers by their digits, with or without the country code."""
    return one is not None and other is not None and national(one) == national(other)


def same_end(one: str, other: str) -> bool:
    """Whether the last eight digits agree, whatever is before them."""
    return len(one) >= _LAST_DIGITS and one[-_LAST_DIGITS:] == other[-_LAST_DIGITS:]


def ends_alike(one: str, other: str) -> bool:
    """Whether area, where there is one, and the last eight digits agree: without country code or ninth digit."""
    short, asked = national(one), national(other)
    has_area = len(short) > _LAST_DIGITS + 1
    return same_end(short, asked) and (not has_area or short[:2] == asked[:2])


def may_be_same(shown: str | None, number: str) -> bool:
    """Whether a number that somebody else wrote may be ours: False only where it is surely another one.

    A number that is missing, masked or shorter than eight digits may be any. Digits before the last eight are not
    compared: a carrier's prefix may be among them.
    """
    end = end_of(shown)
    return end is None or same_end(end, number)


def end_of(shown: str | None) -> str | None:
    """Return the last eight digits of a number that somebody else wrote; None where it may be any number."""
    digits = _MARKS.sub("", _DECIMALS.sub("", shown or ""))
    is_readable = digits.isascii() and digits.isdigit() and _LAST_DIGITS <= len(digits) <= _MOST_DIGITS
    return digits[-_LAST_DIGITS:] if is_readable else None


def is_mobile(shown: str) -> bool:
    """Whether a number is written as a Brazilian mobile number, which is a person's and never the vendor's own."""
    return _MOBILE.fullmatch(national(shown)) is not None


def national(number: str) -> str:
    """Return the digits of a number without the country code, for look-ups of :func:`same_number`."""
    digits = "".join(char for char in number if char.isdigit())
    return digits.removeprefix("55") if len(digits) > 11 else digits
