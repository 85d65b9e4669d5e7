"""Writes accepted contacts as chunks: files of about the same size, each of which one task sends."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

from airflow_provider_directcall.campaigns.digests import digest
from airflow_provider_directcall.campaigns.plan_summary import PlanChunk
from airflow_provider_directcall.campaigns.rows_file import FAST

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder


class ChunkWriter:
    """Collects contacts and writes a file as soon as there are enough.

    :param size: contacts in a file; doubled where there would be too many files.
    :param most: files at most.
    """

    def __init__(self, folder: Folder, size: int, most: int) -> None:
        self._folder = folder
        self._size = size
        self._most = most
        self._waiting: list[pl.DataFrame] = []
        self._chunks: list[PlanChunk] = []

    def add(self, contacts: pl.DataFrame) -> None:
        """Take contacts, and write the chunks that are full."""
        self._waiting.append(contacts)
        while self._count() >= self._size:
            self._write_one()

    def finish(self) -> tuple[PlanChunk, ...]:
        """Write the rest, and return all chunks."""
        while self._count():
            self._write_one()
        return tuple(self._chunks)

    def _count(self) -> int:
        return sum(map(len, self._waiting))

    def _write_one(self) -> None:
        if len(self._chunks) == self._most:
            self._merge()
            return
        rows = pl.concat(self._waiting)
        chunk, self._waiting = rows[: self._size], [rows[self._size :]]
        self._chunks.append(self._written(len(self._chunks), chunk))

    def _written(self, number: int, chunk: pl.DataFrame) -> PlanChunk:
        name, content = f"chunks/{number:05}.parquet", parquet(chunk)
        self._folder.write(name, content)
        return PlanChunk(name, len(chunk), int(chunk.get_column("parts").sum()), digest(content))

    def _merge(self) -> None:
        """Double the size of chunks: one file for each two, in the same order."""
        names = [each.name for each in self._chunks]
        pairs = [names[place : place + 2] for place in range(0, len(names), 2)]
        self._chunks = [
            self._written(number, pl.concat([pl.read_parquet(io.BytesIO(self._folder.read(name))) for name in pair]))
            for number, pair in enumerate(pairs)
        ]
        for name in names[len(pairs) :]:
            self._folder.remove(name)
        self._size *= 2


def parquet(rows: pl.DataFrame) -> bytes:
    """Return rows as the content of a Parquet file."""
    content = io.BytesIO()
    rows.write_parquet(content, **FAST)
    return content.getvalue()
