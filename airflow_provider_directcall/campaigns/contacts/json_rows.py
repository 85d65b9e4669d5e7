"""Rows of a file of JSON lines in batches; a line that is no object has its reason in the column of bad rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from airflow_provider_directcall.campaigns.contacts.rows import BAD, RESERVED, ROW, Batch
from airflow_provider_directcall.campaigns.errors import ContactsError

if TYPE_CHECKING:
    from pathlib import Path

Record = tuple[int, Mapping[str, object], str | None]


def json_batches(path: Path, size: int) -> Iterator[Batch]:
    """Yield the rows of a UTF-8 file, every value as text; the first batch decides on the columns.

    :param size: rows in a batch.
    :raises ContactsError: no line has a column.
    """
    with path.open(encoding="utf-8", newline="\n") as file:
        records = _records(file)
        columns: list[str] | None = None
        while batch := list(islice(records, size)):
            if columns is None:
                columns = _columns(batch)
            yield _frame(batch, columns)


def _records(lines: Iterator[str]) -> Iterator[Record]:
    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        try:
            # Numbers as they are written: as floats, long ones would become other ones.
            value = json.loads(line, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            yield number, {}, "the line is no valid JSON"
            continue
        if not isinstance(value, dict):
            yield number, {}, "the line is no object"
            continue
        nested = sorted(name for name, each in value.items() if isinstance(each, dict | list))
        yield number, value, f"{nested[0]} holds more than one value" if nested else None


def _columns(batch: list[Record]) -> list[str]:
    columns = list(dict.fromkeys(name for _, record, _ in batch for name in record if name not in RESERVED))
    if not columns:
        raise ContactsError("no line of the file is an object with a column")
    return columns


def _frame(batch: list[Record], columns: list[str]) -> Batch:
    texts = {name: [_text(record.get(name)) for _, record, _ in batch] for name in columns}
    return pl.DataFrame(
        {ROW: [number for number, _, _ in batch], **texts, BAD: [bad for _, _, bad in batch]},
        schema={ROW: pl.Int64, **dict.fromkeys(columns, pl.String), BAD: pl.String},
    )


def _text(value: object) -> str | None:
    match value:
        case None | dict() | list():
            return None
        case bool():
            return str(value).lower()
    return str(value)
