"""Reasons why contacts are left out, for their rows, and without what is different for each, for counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.contacts.rows import FILE, ROW
from airflow_provider_directcall.telephony.masking import mask_numbers_in

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.states import ContactState

_ON_LIST: Final = "on suppression list "
_SAME: Final = "same "
_LONGEST_SOURCE: Final = 60
_BRACKETS: Final = str.maketrans("()", "[]")


def on_list(name: str, source: str | None) -> str:
    """Return the reason of an entry of a suppression list.

    :param source: where the list has the entry from, in its own words; numbers in it are masked.
    """
    words = re.sub(r"\s+", " ", mask_numbers_in(source or "")).strip()[:_LONGEST_SOURCE].translate(_BRACKETS)
    return f"{_ON_LIST}{name} ({words})" if words else f"{_ON_LIST}{name}"


def same_as(attribute: str, row: pl.Expr, file: pl.Expr) -> pl.Expr:
    """Return the expression of the reason of a contact that repeats the number, or the id, of an earlier one."""
    return pl.format(f"{_SAME}{attribute} as row {{}} of {{}}", row, file)


def reason_kind(column: str = "reason") -> pl.Expr:
    """Return the expression of reasons without the source of an entry or the place of a row.

    Counts go into logs, XCom and files that are kept, where neither the words of a list nor a line for each contact
    belong.
    """
    reason = pl.col(column)
    return (
        pl.when(reason.str.starts_with(_ON_LIST))
        .then(reason.str.replace(r" \([^()]*\)$", ""))
        .when(reason.str.starts_with(_SAME))
        .then(reason.str.replace(r"(?s) as row [0-9]+ of .*$", " as an earlier row"))
        .otherwise(reason)
        .alias(column)
    )


def left_out(rows: pl.DataFrame, places: pl.Series, state: ContactState, reasons: pl.Series | None) -> pl.DataFrame:
    """Return rows with another state, and a reason, at some places.

    :param places: indexes of the rows.
    :param reasons: of these rows; None for none.
    """
    if not len(places):
        return rows
    # scatter changes a series in its place.
    changed = [rows["state"].clone().scatter(places, state.value)]
    if reasons is not None:
        changed.append(rows["reason"].clone().scatter(places, reasons))
    return rows.with_columns(changed)


class RowPlaces:
    """The files and numbers of rows by their place among all rows, in a few bytes for each file."""

    def __init__(self) -> None:
        self._rows = 0
        self._runs = pl.DataFrame(schema={"begin": pl.Int64, FILE: pl.String, "shift": pl.Int64})

    def add(self, rows: pl.DataFrame) -> int:
        """Take the next rows, and return the place of the first."""
        begin, self._rows = self._rows, self._rows + len(rows)
        place = pl.int_range(begin, self._rows, dtype=pl.Int64)
        placed = rows.select(place.alias("begin"), FILE, (pl.col(ROW) - place).alias("shift"))
        runs = placed.filter(pl.any_horizontal(pl.col(FILE, "shift").ne_missing(pl.col(FILE, "shift").shift(1))))
        if len(self._runs) and len(runs) and self._runs.row(-1)[1:] == runs.row(0)[1:]:
            runs = runs[1:]
        if len(runs):
            self._runs = pl.concat([self._runs, runs])
        return begin

    def of(self, places: pl.Series) -> pl.DataFrame:
        """Return file and number of the rows at places."""
        runs = self._runs[self._runs["begin"].search_sorted(places.cast(pl.Int64), side="right") - 1]
        return runs.select(FILE, (pl.col("shift") + places.cast(pl.Int64)).alias(ROW))
