"""Statements as files: the rows of a closed window, complete, in a fixed order, the same bytes for the same rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_directcall.api.lookups import readable_rows
from airflow_provider_directcall.api.methods import CallFilter, list_messages, list_statement
from airflow_provider_directcall.api.replies import MessageRow, StatementRow
from airflow_provider_directcall.errors import DirectcallUnavailable

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.requests import Listing

Row = StatementRow | MessageRow
Record = dict[str, "str | int | None"]

_SECOND: Final = timedelta(seconds=1)
#: Reads of a window whose rows move between pages.
_MOST_READS: Final = 5


class StatementKind(StrEnum):
    """Statements that can be exported."""

    CALLS = "calls"
    MESSAGES = "messages"


class FileFormat(StrEnum):
    """Formats of exports; the value is the suffix of the file."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


_COLUMNS: Final[Mapping[StatementKind, tuple[str, ...]]] = MappingProxyType(
    {
        StatementKind.CALLS: (
            "callerid",
            "origin",
            "destination",
            "started_at",
            "duration_seconds",
            "outcome",
            "direction",
            "price_brl",
            "recorded",
            "tags",
        ),
        StatementKind.MESSAGES: (
            "callerid",
            "message_id",
            "origin",
            "destination",
            "sent_at",
            "kind",
            "state",
            "price_brl",
            "tags",
        ),
    }
)
_INTEGERS: Final = frozenset({"duration_seconds", "recorded"})
_LISTINGS: Final[Mapping[StatementKind, Callable[[datetime, datetime], Listing[Any]]]] = MappingProxyType(
    {
        StatementKind.CALLS: lambda since, until: list_statement(since, until, calls=CallFilter.ALL),
        StatementKind.MESSAGES: list_messages,
    }
)


def closed_window(kind: StatementKind, since: datetime, until: datetime) -> Lookup[list[Row]]:
    """Read all rows of a window, ``until`` excluded, so that windows side by side share none.

    A read is believed if no sign shows that a row is missing, or if two in a row have the same rows.

    :raises DirectcallError: a page cannot be read.
    :raises DirectcallUnavailable: the rows moved in each read.
    """
    before: list[tuple[str, ...]] | None = None
    for _ in range(_MOST_READS):
        listed = yield from readable_rows(_LISTINGS[kind](since, until - _SECOND))
        if listed.error is not None:
            raise listed.error
        rows = sorted((row for row in listed.rows if _is_within(row, since, until)), key=_order)
        if listed.is_complete:
            return rows
        # A row without an id may have moved to another page, and be there twice.
        by_text = {_order(row): row for row in rows}
        if list(by_text) == before:
            return list(by_text.values())
        before = list(by_text)
    raise DirectcallUnavailable("the rows of the window move while they are read; none are exported")


def records_of(rows: Sequence[Row], *, include_numbers: bool) -> list[Record]:
    """Return the rows as flat records, without texts and links of recordings."""
    return [_record(row, include_numbers=include_numbers) for row in rows]


def rendered(kind: StatementKind, records: Sequence[Record], form: FileFormat) -> bytes:
    """Return a file of the records.

    :raises ValueError: Parquet needs a library that is not installed.
    """
    columns = _COLUMNS[kind]
    if form is FileFormat.JSON_LINES:
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    if form is FileFormat.CSV:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return text.getvalue().encode()
    return _parquet(columns, records)


def _parquet(columns: Sequence[str], records: Sequence[Record]) -> bytes:
    try:
        import polars as pl
    except ImportError:
        raise ValueError(
            'file_format: Parquet needs polars: pip install "airflow-provider-directcall[campaigns]"'
        ) from None
    types = {name: pl.Int64 if name in _INTEGERS else pl.String for name in columns}
    file = io.BytesIO()
    pl.DataFrame(list(records), schema=types).write_parquet(file)
    return file.getvalue()


def _record(row: Row, *, include_numbers: bool) -> Record:
    shown = row.as_xcom(include_numbers=include_numbers)
    about: Record = {name: value for name, value in shown.items() if not isinstance(value, dict)}
    tags = json.dumps(dict(row.tags), ensure_ascii=False, sort_keys=True)
    if isinstance(row, StatementRow):
        about |= {"direction": row.direction, "recorded": int(row.recording_url is not None), "tags": tags}
        return {name: about[name] for name in _COLUMNS[StatementKind.CALLS]}
    about |= {"origin": _origin(row, include_numbers=include_numbers), "kind": row.kind, "tags": tags}
    return {name: about[name] for name in _COLUMNS[StatementKind.MESSAGES]}


def _origin(row: MessageRow, *, include_numbers: bool) -> str | None:
    from airflow_provider_directcall.telephony.masking import mask_number

    return row.origin if include_numbers or row.origin is None else mask_number(row.origin)


def _moment(row: Row) -> datetime | None:
    return row.started_at if isinstance(row, StatementRow) else row.sent_at


def _is_within(row: Row, since: datetime, until: datetime) -> bool:
    """Whether a row is of the window; one without a time is where Directcall lists it."""
    moment = _moment(row)
    return moment is None or since <= moment < until


def _order(row: Row) -> tuple[str, ...]:
    moment = _moment(row)
    return (moment.isoformat() if moment else "", *_texts(row))


def _texts(row: Row) -> Iterator[str]:
    for name in sorted(row.raw):
        yield f"{name}={row.raw[name]!r}"
