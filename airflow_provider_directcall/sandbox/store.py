"""The sandbox's records in memory, written through to a SQLite file when there is one."""

from __future__ import annotations

import json
import sqlite3
from collections import UserDict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

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
    from collections.abc import Callable
    from pathlib import Path

    from _typeshed import DataclassInstance

    RecordT = TypeVar("RecordT", bound=DataclassInstance)

ItemT = TypeVar("ItemT")
_UPSERT: Final = "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text"
#: Rows of files that earlier builds wrote -> today's; they change nothing in a file of today.
_MIGRATIONS: Final = (
    "UPDATE record SET kind = 'ReceivedMessageRecord' WHERE kind = 'ReceivedMessage'",
    "UPDATE record SET kind = 'AudioRecord' WHERE kind = 'StoredAudio'",
    "UPDATE record SET kind = 'SoundRecord' WHERE kind = 'StoredSound'",
    "UPDATE record SET kind = 'clock', key = 'anchor' WHERE kind = 'setting' AND key = 'clock'",
    "UPDATE record SET kind = 'last ids', key = substr(key, 6) WHERE kind = 'setting' AND key LIKE 'last %'",
    "INSERT INTO record SELECT old.key, event.key, value FROM record old, json_each(text) event WHERE kind = 'tally'",
    "DELETE FROM record WHERE kind = 'tally'",
)


class Database:
    """A SQLite file with one table of JSON rows, each change committed at once. Without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        if path is None:
            return
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = OFF")
        self.execute("CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, text TEXT, PRIMARY KEY (kind, key))")
        for statement in _MIGRATIONS:
            self.execute(statement)

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write to."""
        return self._connection is not None

    def execute(self, statement: str, *parameters: str) -> list[tuple[str, str]]:
        """Run a statement and return its rows."""
        return [] if self._connection is None else self._connection.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()


class Table(UserDict[str, ItemT]):
    """Items of one kind by key, oldest first; each change goes to the database.

    :param load: builds an item from its JSON value.
    :param dump: the reverse of ``load``.
    """

    def __init__(
        self, database: Database, kind: str, load: Callable[[Any], ItemT], dump: Callable[[ItemT], object]
    ) -> None:
        super().__init__()
        self._database, self._kind, self._dump = database, kind, dump
        rows = database.execute("SELECT key, text FROM record WHERE kind = ? ORDER BY rowid", kind)
        self.data = {key: load(json.loads(text)) for key, text in rows}

    def __setitem__(self, key: str, item: ItemT) -> None:
        self.data[key] = item
        if self._database.is_open:
            self._database.execute(_UPSERT, self._kind, key, json.dumps(self._dump(item)))

    def __delitem__(self, key: str) -> None:
        del self.data[key]
        self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", self._kind, key)


class Counts(Table[int]):
    """Counts of events by name."""

    def __init__(self, database: Database, kind: str) -> None:
        super().__init__(database, kind, int, int)

    def add(self, event: str, count: int = 1) -> None:
        """Count an event."""
        self[event] = self.get(event, 0) + count


class SandboxStore:
    """Everything that the sandbox remembers; a database file brings back the records of an earlier sandbox."""

    def __init__(self, path: Path | None) -> None:
        self._database = Database(path)
        self._open()

    def _open(self) -> None:
        self.calls = self._records(CallRecord)
        self.messages = self._records(MessageRecord)
        self.received = self._records(ReceivedMessageRecord)
        self.numbers = self._records(NumberRecord)
        self.rules = self._records(RuleRecord)
        self.audios = self._records(AudioRecord)
        self.sounds = self._records(SoundRecord)
        self.callbacks = self._records(CallbackRecord)
        self.seeded = self._records(SeededRows)
        self.requests = Counts(self._database, "requests")
        self.effects = Counts(self._database, "effects")
        self.last_ids = Counts(self._database, "last ids")
        self.clock = Table[list[float]](self._database, "clock", list, list)

    def _records(self, record_type: Callable[..., RecordT]) -> Table[RecordT]:
        return Table(self._database, record_type.__name__, lambda fields: record_type(**fields), asdict)

    def clear(self) -> None:
        """Remove everything, from the file too."""
        self._database.execute("DELETE FROM record")
        self._open()

    def close(self) -> None:
        """Close the database file."""
        self._database.close()
