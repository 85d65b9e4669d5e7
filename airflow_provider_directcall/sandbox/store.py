"""The sandbox's records, in memory, and written through to a journal when there is one."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from airflow_provider_directcall.sandbox.records import (
    AudioRecord,
    CallbackRecord,
    CallRecord,
    MessageRecord,
    NumberRecord,
    ReceivedMessageRecord,
    RuleRecord,
    SoundRecord,
)
from airflow_provider_directcall.sandbox.seeded_rows import SeededRows

if TYPE_CHECKING:
    from pathlib import Path

RecordT = TypeVar(
    "RecordT",
    CallRecord,
    MessageRecord,
    ReceivedMessageRecord,
    NumberRecord,
    RuleRecord,
    AudioRecord,
    SoundRecord,
    CallbackRecord,
    SeededRows,
)


class Journal(Protocol):
    """Where records are written on change, as JSON text."""

    def put(self, kind: str, key: str, text: str) -> None:
        """Keep a record, in place of an older one of the same kind and key."""

    def delete(self, kind: str, key: str) -> None:
        """Forget a record."""

    def clear(self) -> None:
        """Forget everything."""

    def read(self, kind: str) -> Iterator[tuple[str, str]]:
        """Key and text of every record of a kind, oldest first."""

    def close(self) -> None:
        """Let go of the file."""


class MemoryOnly:
    """A journal that keeps nothing."""

    def put(self, kind: str, key: str, text: str) -> None:
        """Keep nothing."""

    def delete(self, kind: str, key: str) -> None:
        """Nothing was kept."""

    def clear(self) -> None:
        """Nothing was kept."""

    def read(self, kind: str) -> Iterator[tuple[str, str]]:
        """Nothing was kept."""
        yield from ()

    def close(self) -> None:
        """There is no file."""


class SQLiteJournal:
    """A journal in a SQLite file: one table of JSON rows. Each change is committed at once."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, text TEXT, PRIMARY KEY (kind, key))"
        )

    def put(self, kind: str, key: str, text: str) -> None:
        """Keep a record, in place of an older one of the same kind and key."""
        self._connection.execute(
            "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", (kind, key, text)
        )

    def delete(self, kind: str, key: str) -> None:
        """Forget a record."""
        self._connection.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))

    def clear(self) -> None:
        """Forget everything."""
        self._connection.execute("DELETE FROM record")

    def read(self, kind: str) -> Iterator[tuple[str, str]]:
        """Key and text of every record of a kind, oldest first."""
        yield from self._connection.execute("SELECT key, text FROM record WHERE kind = ? ORDER BY rowid", (kind,))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class Shelf(MutableMapping[str, RecordT], Generic[RecordT]):
    """Records of one kind by their key, in the order of their making; each change goes to the journal."""

    def __init__(self, record_type: type[RecordT], journal: Journal) -> None:
        self._kind = record_type.__name__
        self._journal = journal
        self._records: dict[str, RecordT] = {
            key: record_type(**json.loads(text)) for key, text in journal.read(self._kind)
        }

    def __getitem__(self, key: str) -> RecordT:
        return self._records[key]

    def __setitem__(self, key: str, record: RecordT) -> None:
        self._records[key] = record
        self._journal.put(self._kind, key, json.dumps(dataclasses.asdict(record)))

    def __delitem__(self, key: str) -> None:
        del self._records[key]
        self._journal.delete(self._kind, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


class Tally:
    """Counts by name, written to the journal on change."""

    def __init__(self, name: str, journal: Journal) -> None:
        self._name = name
        self._journal = journal
        self._counts: Counter[str] = Counter(
            next((json.loads(text) for key, text in journal.read("tally") if key == name), {})
        )

    def add(self, what: str, count: int = 1) -> None:
        """Count something that happened."""
        self._counts[what] += count
        self._journal.put("tally", self._name, json.dumps(self._counts))

    def counts(self) -> Counter[str]:
        """All counts so far; 0 for what never happened."""
        return Counter(self._counts)


class Store:
    """Everything that the sandbox remembers. A journal gives back what an earlier sandbox wrote."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._open()

    def _open(self) -> None:
        self.calls = Shelf(CallRecord, self.journal)
        self.messages = Shelf(MessageRecord, self.journal)
        self.received = Shelf(ReceivedMessageRecord, self.journal)
        self.numbers = Shelf(NumberRecord, self.journal)
        self.rules = Shelf(RuleRecord, self.journal)
        self.audios = Shelf(AudioRecord, self.journal)
        self.sounds = Shelf(SoundRecord, self.journal)
        self.callbacks = Shelf(CallbackRecord, self.journal)
        self.seeded = Shelf(SeededRows, self.journal)
        self.requests = Tally("requests", self.journal)
        self.effects = Tally("effects", self.journal)
        self._settings = dict(self.journal.read("setting"))

    def clear(self) -> None:
        """Forget everything, the journal's rows included."""
        self.journal.clear()
        self._open()

    def read_setting(self, name: str) -> str | None:
        """A setting kept by ``write_setting``."""
        return self._settings.get(name)

    def write_setting(self, name: str, text: str) -> None:
        """Keep a setting over a restart."""
        self._settings[name] = text
        self.journal.put("setting", name, text)
