"""Recognize what spreadsheets and data frames make of phone numbers.

``1199000001.0`` read as digits is ``11990000010``, a number of somebody else. So these forms are never read as a
number, not even where all digits happen to be there.
"""

from __future__ import annotations

import re
from typing import Final

_READ_AS_TEXT: Final = "read the column as text"
_DECIMAL_NUMBER: Final = "is a decimal number, whose decimals would become digits"
DECIMAL_NUMBER: Final = f"{_DECIMAL_NUMBER}: {_READ_AS_TEXT}"
"""The rule that every float breaks."""

#: Form -> the rule that it breaks; the first that matches counts.
_FORMS: Final = tuple(
    (re.compile(pattern, re.ASCII | re.IGNORECASE), f"{rule}: {_READ_AS_TEXT}")
    for pattern, rule in (
        (r"[=@].*", "is a spreadsheet's formula"),
        (r"['\u2018\u2019`].*", "begins with a spreadsheet's apostrophe"),
        (r"#.*", "is a spreadsheet's error"),
        (r"nan|nat|<na>|[+-]?inf(?:inity)?", "is the empty or invalid cell of a data frame"),
        (r"[+-]?\d+(?:[.,]\d*)?e[+-]?\d+", "is in scientific notation, which has lost digits"),
        (r"[-\u2212]\d.*", "is a negative number"),
        # Eight or nine digits after the only dot follow an area code (11.990000001); a comma may separate a list.
        (r"[.,]\d.*|\+?\d+(?:[.,]\d{1,7}|\.\d{10,})", _DECIMAL_NUMBER),
        (r"(?s:.*)\d{5}[.,]\d{1,3}", "ends with decimals, which would become digits"),
        (r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})+(?:[.,]\d+)?", "has separators of thousands"),
    )
)


def spreadsheet_form(text: str) -> str | None:
    """Return the rule that a spreadsheet's form of a number breaks, or None for any other text."""
    stripped = text.strip()
    return next((rule for form, rule in _FORMS if form.fullmatch(stripped)), None)
