"""Rows of a database query in batches, every value as text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

import polars as pl

from airflow_provider_directcall.campaigns.contacts.reading import BATCH_ROWS, ContactFile
from airflow_provider_directcall.campaigns.contacts.rows import BAD, FILE, RESERVED, ROW, Batch
from airflow_provider_directcall.campaigns.errors import ContactsError

#: The form of a :class:`ContactFile` that is a query.
QUERY: Final = "query"


class Cursor(Protocol):
    """The part of a DB-API cursor that is read."""

    @property
    def description(self) -> Sequence[Sequence[object]] | None:
        """One entry for each column, its name first; some drivers know them after the first fetch only."""
        ...

    def fetchmany(self, size: int) -> Sequence[Sequence[object]]:
        """Return the next rows."""
        ...


@dataclass
class QueryRows:
    """The rows of a query.

    :param name: of the source, for the reasons of rejected rows.
    :param opened: runs the query and returns its cursor.
    :param version: changes with the query, not with its rows.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Cursor]] = field(repr=False)
    batch_rows: int = BATCH_ROWS
    read: list[ContactFile] = field(default_factory=list)
    version: str = ""

    def batches(self) -> Iterator[Batch]:
        """Yield the rows.

        :raises ContactsError: the query has no usable columns.
        """
        digest, done = hashlib.blake2b(digest_size=16), 0
        with self.opened() as cursor:
            rows = cursor.fetchmany(self.batch_rows)
            columns = self._columns(cursor)
            while rows:
                texts = [[_text(value) for value in row] for row in rows]
                digest.update(repr(texts).encode())
                batch = pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String), orient="row")
                yield batch.select(
                    pl.int_range(done + 1, done + len(texts) + 1, dtype=pl.Int64).alias(ROW),
                    pl.all(),
                    pl.lit(None, pl.String).alias(BAD),
                    pl.lit(self.name).alias(FILE),
                )
                done += len(texts)
                rows = cursor.fetchmany(self.batch_rows)
        self.read.append(ContactFile(self.name, QUERY, digest.hexdigest(), version=self.version))

    def _columns(self, cursor: Cursor) -> list[str]:
        columns = [str(each[0]) for each in cursor.description or ()]
        if not columns:
            raise ContactsError(f"{self.name}: the query returns no columns")
        if len(set(columns)) < len(columns):
            raise ContactsError(f"{self.name}: the query returns a column twice; name them with AS")
        if reserved := RESERVED & set(columns):
            raise ContactsError(f"{self.name}: the column {min(reserved)} has a name that this package uses itself")
        return columns


def _text(value: object) -> str | None:
    match value:
        case None | str():
            return value
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", errors="replace")
        case bool():
            return str(value).lower()
    return str(value)
