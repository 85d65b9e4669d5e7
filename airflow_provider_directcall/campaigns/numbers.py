"""Numbers of a whole column at once: a vectorised path for the usual spellings, ``parse_number`` for the rest.

Both give the same digits for every text; a property test compares them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.numbers import NumberKind, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterable

_AREA: Final = "(?:" + "|".join(AREAS) + ")"
_FIRST: Final = "(?:9[0-9]{4}|[2-5][0-9]{3})"
#: The usual spellings: 5511990000001, +55 11 99000-0001, (11) 99000-0001, 011 99000 0001, 11 99000.0001. ASCII only:
#: digits of other scripts are left to ``parse_number``, and so is a dot without a separated area, which may be a
#: spreadsheet's decimal point.
_USUAL: Final = rf"^(?:\+?55 ?|0 ?)?(?:{_AREA}{_FIRST}[ -]?|(?:\({_AREA}\) ?|{_AREA}[ -]){_FIRST}[ .-]?)[0-9]{{4}}$"
_NOT_DIGITS: Final = "[^0-9]"
_VALUE: Final = re.compile(r" \(value: [^)]*\)$")

COUNTRY: Final = "55"


def with_numbers(rows: pl.DataFrame, column: str, allow: frozenset[NumberKind]) -> pl.DataFrame:
    """Add the columns ``number``, digits on the wire or null, and ``reason``, why there is none.

    :param rows: with a column of texts.
    :param column: its name.
    :param allow: kinds of numbers that the campaign can reach.
    :raises ValueError: it has the name of a column that is added.
    """
    if column in {"number", "reason"}:
        raise ValueError(f"column: {column!r} is the name of a column that is added; rename it first")
    digits = pl.col(column).str.replace_all(_NOT_DIGITS, "").str.strip_chars_start("0")
    national = pl.when(digits.str.len_bytes() > _NATIONAL_DIGITS).then(digits.str.slice(len(COUNTRY))).otherwise(digits)
    fast = rows.with_columns(number=pl.when(pl.col(column).str.contains(_USUAL)).then(COUNTRY + national))
    if NumberKind.FIXED not in allow:
        is_mobile = pl.col("number").str.len_bytes() == _MOBILE_DIGITS
        fast = fast.with_columns(number=pl.when(is_mobile).then(pl.col("number")))
    slow = fast.get_column("number").is_null()
    parsed = dict(_parsed(fast.filter(slow).get_column(column).unique(), allow))
    texts = pl.col(column)
    found = {text: digits for text, (digits, _) in parsed.items() if digits is not None}
    reasons = {text: reason for text, (_, reason) in parsed.items() if reason is not None}
    return fast.with_columns(
        number=pl.coalesce("number", texts.replace_strict(found, default=None, return_dtype=pl.String)),
        reason=pl.when(pl.col("number").is_null()).then(
            texts.fill_null("").replace_strict(reasons, default=None, return_dtype=pl.String)
        ),
    )


#: At most: area and nine digits.
_NATIONAL_DIGITS: Final = 11
_MOBILE_DIGITS: Final = len(COUNTRY) + _NATIONAL_DIGITS


def _parsed(
    texts: Iterable[str | None], allow: frozenset[NumberKind]
) -> Iterable[tuple[str, tuple[str | None, str | None]]]:
    """Yield each text with its digits, or with the rule that it breaks. No part of a text gets into a reason."""
    for text in texts:
        if text is None or not text.strip():
            yield text or "", (None, "the number is missing")
            continue
        try:
            yield text, (parse_number(text, allow=allow).digits, None)
        except ValueError as error:
            yield text, (None, _VALUE.sub("", str(error).removeprefix("number: ")))
