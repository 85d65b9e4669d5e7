"""Rows of a CSV file in batches: Polars where the file is well-formed, row by row from where it is not."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.contacts.rows import BAD, RESERVED, ROW, Batch
from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.statement.likeness import end_of

if TYPE_CHECKING:
    import _csv
    from pathlib import Path

_LARGEST_FIELD: Final = 1 << 20


def csv_batches(path: Path, separator: str, size: int) -> Iterator[Batch]:
    """Yield the rows of a UTF-8 file, every column as text.

    :param size: rows in a batch.
    :raises ContactsError: the header is unusable, or a quote never closes.
    """
    header = _header(path, separator)
    done = 0
    try:
        for rows in _fast(path, separator, size, header):
            yield rows
            done = rows.get_column(ROW)[-1]
    except pl.exceptions.PolarsError:
        yield from _careful(path, separator, size, header, done)


def _header(path: Path, separator: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        names = [name.strip() for name in next(csv.reader(file, delimiter=separator), [])]
    if not any(names):
        raise ContactsError("the file has no header with the names of its columns")
    if any(end_of(name) is not None for name in names):
        # A contact would be taken for names of columns: not reached, or reached although suppressed, and logged.
        raise ContactsError("the first line holds a number; it has to name the columns, such as phone;name")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ContactsError(f"the header has a column twice: {', '.join(twice)}")
    reserved = sorted(RESERVED & set(names))
    if reserved:
        raise ContactsError(f"the header has a column named {reserved[0]}, which this package uses itself")
    return [name or f"column {place}" for place, name in enumerate(names, start=1)]


def _fast(path: Path, separator: str, size: int, header: list[str]) -> Iterator[Batch]:
    scan = pl.scan_csv(
        path,
        separator=separator,
        infer_schema=False,
        new_columns=header,
        row_index_name=ROW,
        row_index_offset=1,
    )
    for rows in scan.collect_batches(chunk_size=size, maintain_order=True):
        yield rows.with_columns(pl.col(ROW).cast(pl.Int64), pl.lit(None, pl.String).alias(BAD))


def _careful(path: Path, separator: str, size: int, header: list[str], done: int) -> Iterator[Batch]:
    """Yield the rows after the first ``done``; a row that cannot be read has its reason in the column of bad rows."""
    csv.field_size_limit(_LARGEST_FIELD)
    with path.open(encoding="utf-8", newline="") as file:
        rows = _records(csv.reader(file, delimiter=separator, strict=True), len(header))
        next(rows, None)
        numbered = islice(enumerate(rows, start=1), done, None)
        schema = {ROW: pl.Int64, **dict.fromkeys(header, pl.String), BAD: pl.String}
        while batch := [(number, *fields, bad) for number, (fields, bad) in islice(numbered, size)]:
            yield pl.DataFrame(batch, schema=schema, orient="row")


def _records(reader: _csv.Reader, width: int) -> Iterator[tuple[list[str | None], str | None]]:
    """Yield each record's fields, as many as the header has, and why the record cannot be used."""
    while True:
        begins_at = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                raise ContactsError(f"the quote that opens in line {begins_at} never closes") from None
            yield [None] * width, "the row is no valid CSV"
            continue
        bad = f"the row has {len(fields)} fields, and the header {width}" if len(fields) > width else None
        padded = [field or None for field in fields[:width]]
        yield [*padded, *[None] * (width - len(padded))], bad
