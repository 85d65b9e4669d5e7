"""Files of contacts, one after the other, as batches of texts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

import polars as pl

from airflow_provider_directcall.campaigns.contacts.csv_rows import csv_batches
from airflow_provider_directcall.campaigns.contacts.json_rows import json_batches
from airflow_provider_directcall.campaigns.contacts.readable import Readable
from airflow_provider_directcall.campaigns.contacts.rows import BAD, FILE, ROW, Batch
from airflow_provider_directcall.campaigns.contacts.text_form import copy_as_utf8
from airflow_provider_directcall.campaigns.errors import ContactsError

BATCH_ROWS: Final = 25_000
_PRIVATE_FILE: Final = 0o600


class ContactSource(Protocol):
    """Contacts in batches; :attr:`read` lists where they came from once their rows were taken."""

    read: list[ContactFile]

    def batches(self) -> Iterator[Batch]:
        """Yield the rows."""


@dataclass(frozen=True)
class ContactFile:
    """A file that was read, for the summary.

    :ivar form: such as "cp1252, separated by ;".
    :ivar digest: of its bytes.
    :ivar path: where it is; empty where it cannot be read again.
    :ivar version: its size and time of change; of a query, a digest of its text and parameters.
    """

    name: str
    form: str
    digest: str
    path: str = ""
    version: str = ""

    def has_changed(self, path: Readable) -> bool:
        """Whether the file has other content now. One that is gone has not: the plan has its content."""
        try:
            if _version(path) == self.version:
                return False
        except FileNotFoundError:
            return False
        return digest_at(path) not in {None, self.digest}


class ContactFiles:
    """The rows of several files; :attr:`read` lists the files once their rows were taken.

    :param paths: the files, in order.
    :param scratch: an empty private folder of this machine for copies; the caller removes it.
    :param batch_rows: rows in a batch.
    """

    def __init__(self, paths: Sequence[Readable], scratch: Path, batch_rows: int = BATCH_ROWS) -> None:
        self._paths = paths
        self._scratch = scratch
        self._size = batch_rows
        self.read: list[ContactFile] = []

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of all files.

        :raises ContactsError: a file cannot be read; it is named.
        """
        columns: list[str] | None = None
        for path in self._paths:
            copy = self._scratch / f"{len(self.read)}{path.suffix}"
            copy.touch(_PRIVATE_FILE)
            try:
                version = _version(path)
                form, digest, batches = self._opened(path, copy)
                for batch in batches:
                    columns = columns or batch.columns
                    if batch.columns != columns:
                        raise ContactsError("its columns are not those of the first file")
                    yield batch.with_columns(pl.lit(path.name).alias(FILE))
            except (ContactsError, OSError, pl.exceptions.PolarsError) as error:
                raise ContactsError(f"{path.name}: {_reason(error)}") from None
            finally:
                copy.unlink(missing_ok=True)
            self.read.append(ContactFile(path.name, form, digest, str(path), version))

    def _opened(self, path: Readable, copy: Path) -> tuple[str, str, Iterator[Batch]]:
        with path.open("rb") as source:
            if path.suffix in _TABLES:
                return "Parquet", _copy(source, copy), _TABLES[path.suffix](copy, self._size)
            text = copy_as_utf8(source, copy)
        if path.suffix in _JSON_LINES:
            return f"JSON lines, {text.encoding}", text.digest, json_batches(copy, self._size)
        return text.description, text.digest, csv_batches(copy, text.separator, self._size)


def _parquet_batches(path: Path, size: int) -> Iterator[Batch]:
    """Yield the rows of a Parquet file, every column as text."""
    rows = pl.scan_parquet(path, row_index_name=ROW, row_index_offset=1)
    nested = [name for name, kind in rows.collect_schema().items() if kind.is_nested()]
    texts = rows.drop(nested).with_columns(pl.exclude(ROW).cast(pl.String), pl.col(ROW).cast(pl.Int64))
    yield from texts.with_columns(pl.lit(None, pl.String).alias(BAD)).collect_batches(
        chunk_size=size, maintain_order=True
    )


_TABLES: Final[dict[str, Callable[[Path, int], Iterator[Batch]]]] = {".parquet": _parquet_batches}
_JSON_LINES: Final = frozenset({".jsonl", ".ndjson", ".json"})


def digest_at(path: Readable) -> str | None:
    """Return the digest of a file's bytes; None where there is no file."""
    try:
        with path.open("rb") as file:
            return _digest_of(file)
    except FileNotFoundError:
        return None


def _copy(source: IO[bytes], target: Path) -> str:
    with target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    with target.open("rb") as copy:
        return _digest_of(copy)


def _digest_of(file: IO[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _version(path: Readable) -> str:
    status = path.stat()
    return f"{status.st_size}@{status.st_mtime}"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    # Polars quotes values of the file in its errors.
    return str(error) if isinstance(error, ContactsError) else f"it is no valid Parquet file ({type(error).__name__})"
