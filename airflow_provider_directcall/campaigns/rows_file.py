"""Rows that make one file at the end, kept on the disk of this machine: memory does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Literal, TypedDict

import polars as pl

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder


class _Compression(TypedDict):
    compression: Literal["zstd"]
    compression_level: int
    statistics: bool


#: Of files that are written once and read as a whole.
FAST: Final[_Compression] = {"compression": "zstd", "compression_level": 1, "statistics": False}


class RowsFile:
    """Data frames that make one file.

    :param scratch: a private folder of this machine; the caller removes it.
    :param name: of the pieces in it.
    """

    def __init__(self, scratch: Path, name: str) -> None:
        self._scratch = scratch
        self._name = name
        self._pieces: list[Path] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows. The first give the columns, also where there are none."""
        if len(rows) or not self._pieces:
            piece = self._scratch / f"{self._name}.{len(self._pieces)}.piece"
            rows.write_parquet(piece, **FAST)
            self._pieces.append(piece)

    def write(self, folder: Folder, name: str) -> None:
        """Write all rows as a file whose name ends with one of :data:`WRITERS`."""
        suffix = PurePosixPath(name).suffix
        whole = self._scratch / f"{self._name}{suffix}"
        WRITERS[suffix](pl.scan_parquet(self._pieces), whole)
        folder.write_file(name, whole)
        whole.unlink()


def _write_parquet(rows: pl.LazyFrame, path: Path) -> None:
    rows.sink_parquet(path)


def _write_csv(rows: pl.LazyFrame, path: Path) -> None:
    rows.sink_csv(path)


WRITERS: Final[Mapping[str, Callable[[pl.LazyFrame, Path], None]]] = {".parquet": _write_parquet, ".csv": _write_csv}
