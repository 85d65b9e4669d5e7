"""Samples of a plan's texts, and the page that shows them as they will arrive."""

from __future__ import annotations

from html import escape
from string import Template
from typing import Final

import polars as pl

from airflow_provider_directcall.telephony.masking import mask_number

_COLUMNS: Final = ("id", "number", "text", "parts", "opens_at")
_FIRST: Final = 20
_OTHERS: Final = 5


class Samples:
    """The first, the longest and the dearest texts of the accepted contacts."""

    def __init__(self) -> None:
        self._first: list[pl.DataFrame] = []
        self._longest: list[pl.DataFrame] = []
        self._dearest: list[pl.DataFrame] = []

    def add(self, accepted: pl.DataFrame) -> None:
        """Take what is to be shown from a batch."""
        rows = accepted.select(_COLUMNS)
        if sum(map(len, self._first)) < _FIRST:
            self._first.append(rows.head(_FIRST))
        self._longest = [_top([*self._longest, rows], pl.col("text").str.len_chars())]
        self._dearest = [_top([*self._dearest, rows], pl.col("parts"))]

    def page(self, contacts: int, accepted: int) -> str:
        """Return the page: texts in full, numbers masked."""
        samples = {
            "The first texts": pl.concat(self._first).head(_FIRST),
            "The longest texts": pl.concat(self._longest),
            "The dearest texts": pl.concat(self._dearest),
        }
        tables = "\n".join(f"<h2>{title}</h2>\n{_table(rows)}" for title, rows in samples.items())
        return _PAGE.substitute(contacts=contacts, accepted=accepted, tables=tables)


def _top(rows: list[pl.DataFrame], order: pl.Expr) -> pl.DataFrame:
    return pl.concat(rows).top_k(_OTHERS, by=order.fill_null(0))


def _table(rows: pl.DataFrame) -> str:
    lines = []
    for contact, number, text, parts, opens_at in rows.iter_rows():
        cells = (
            contact,
            mask_number(number),
            text or "",
            f"{len(text or '')}",
            f"{parts}",
            f"{opens_at:%d/%m %H:%M} UTC",
        )
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{name}</th>" for name in ("id", "number", "text", "characters", "parts", "not before"))
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{''.join(lines)}</tbody></table>"


_PAGE: Final = Template("""\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Campaign preview</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; max-width: 70em }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #ccc; padding: .4em .6em; text-align: left; vertical-align: top }
td:nth-child(3) { white-space: pre-wrap; overflow-wrap: anywhere; width: 50% }
</style>
<h1>Campaign preview</h1>
<p>$accepted of $contacts contacts are accepted. Texts are as they will be sent: this page is personal.</p>
$tables
</html>
""")
