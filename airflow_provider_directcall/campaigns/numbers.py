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
_TRUNK: Final = "0"


def with_numbers(rows: pl.DataFrame, column: str, allow: frozenset[NumberKind]) -> pl.DataFrame:
    """Add the columns ``number``, digits on the wire or null, and ``reason``, why there is none.

    :param rows: with a column of texts.
    :param column: its name.
    :param allow: kinds of numbers that the campaign can reach.
    :raises ValueError: it has the name of a column that is added.
    """
    if column in {"number", "reason"}:
        raise ValueError(f"column: {column!r} is the name of a column that is added; rename it first")
    digits = pl.when(pl.col(column).str.contains(_USUAL)).then(pl.col(column).str.replace_all(_NOT_DIGITS, ""))
    # Step by step: within one expression, the digits would be computed at each use.
    dialled = rows.with_columns(number=digits).with_columns(pl.col("number").str.strip_prefix(_TRUNK))
    number = pl.col("number")
    has_country = number.str.len_bytes() > _NATIONAL_DIGITS
    fast = dialled.with_columns(number=pl.when(has_country).then(number).otherwise(COUNTRY + number))
    if NumberKind.FIXED not in allow:
        is_mobile = pl.col("number").str.len_bytes() == _MOBILE_DIGITS
        fast = fast.with_columns(number=pl.when(is_mobile).then(pl.col("number")))
    return _with_parsed(fast, column, allow)


def _with_parsed(fast: pl.DataFrame, column: str, allow: frozenset[NumberKind]) -> pl.DataFrame:
    """Parse the texts that have no number yet one by one, each once."""
    numbers = fast.get_column("number")
    slow = numbers.is_null()
    if not slow.any():
        return fast.with_columns(reason=pl.lit(None, pl.String))
    texts = fast.get_column(column).filter(slow).fill_null("")
    parsed = dict(_parsed(texts.unique(), allow))
    digits, reasons = (
        texts.replace_strict(list(parsed), [each[part] for each in parsed.values()], return_dtype=pl.String)
        for part in range(2)
    )
    places = slow.arg_true()
    empty = pl.repeat(None, len(fast), dtype=pl.String, eager=True)
    return fast.with_columns(number=numbers.scatter(places, digits), reason=empty.scatter(places, reasons))


#: At most: area and nine digits.
_NATIONAL_DIGITS: Final = 11
_MOBILE_DIGITS: Final = len(COUNTRY) + _NATIONAL_DIGITS


def _parsed(texts: Iterable[str], allow: frozenset[NumberKind]) -> Iterable[tuple[str, tuple[str | None, str | None]]]:
    """Yield each text with its digits, or with the rule that it breaks. No part of a text gets into a reason."""
    for text in texts:
        if not text.strip():
            yield text, (None, "the number is missing")
            continue
        try:
            yield text, (parse_number(text, allow=allow).digits, None)
        except ValueError as error:
            yield text, (None, _VALUE.sub("", str(error).removeprefix("number: ")))
