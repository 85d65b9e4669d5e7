"""Search an Airflow's logs and database for secrets, tokens, unmasked phone numbers, and texts.

Numbers and texts are accepted in places under the DAG author's control: the DAG's source, its parameters, the return
values of the author's own tasks and rendered template fields, which Airflow itself shows. Numbers are accepted in a
trigger's arguments too, which Airflow encrypts.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

#: Columns under the author's control: the DAG's source and parameters, and rendered fields.
_AUTHORS_COLUMNS = frozenset(
    {
        ("dag_code", "source_code"),
        ("serialized_dag", "data"),
        ("serialized_dag", "data_compressed"),
        ("rendered_task_instance_fields", "rendered_fields"),
    }
)
#: Tables of Airflow 3.4 by the names of earlier ones; its XComs name their task instance, not their task.
_NAMED_BEFORE = {
    "xcom_v1": "xcom",
    "xcom_v2": "xcom",
    "rtif_v1": "rendered_task_instance_fields",
    "rtif_v2": "rendered_task_instance_fields",
}
_NUMBER, _TAG = "phone number", "tag value"
#: Encrypted, unless the search has switched that off to see what is inside.
_ENCRYPTED = frozenset({("trigger", "kwargs", _NUMBER)})
_COUNTRY_DIGITS = 2
_SEPARATOR = rb"[\s().-]{0,3}"
_WORD = re.compile(rb"[\w.-]{16,}")
_JWT = re.compile(rb"eyJ[\w-]{5,}\.(eyJ[\w-]{5,})\.[\w-]{5,}")
#: A claim that Directcall's tokens have and Airflow's own tokens do not.
_DIRECTCALL_CLAIM = b"client_oauth_id"


@dataclass(frozen=True, order=True)
class Leak:
    """A leaked value; names its kind and place, never the value."""

    place: str
    kind: str


@dataclass(frozen=True)
class Search:
    """A search for leaks.

    :param secrets: texts that must not appear anywhere.
    :param tokens: the same, many of them: words of letters, digits, dots, hyphens and underscores, which are looked for
        as a whole.
    :param numbers: phone numbers with country code, digits only, that may appear in the author's places only; ``?`` is
        any digit.
    :param authors_tasks: ids of tasks written by the DAG's author, whose return values are the author's.
    :param texts: parts of messages, in lower case, that may appear in the author's places only.
    :param tags: parts of tag values, in lower case; they may also be in the result of a task, which has a call's tags.
    """

    secrets: Collection[str]
    numbers: Collection[str]
    authors_tasks: Collection[str]
    texts: Collection[str] = ()
    tags: Collection[str] = ()
    tokens: Collection[str] = ()

    def in_home(self, home: Path) -> list[Leak]:
        """Return every leak in the logs and the SQLite database below an AIRFLOW_HOME."""
        return sorted({*self._in_logs(home), *self._in_database(home / "airflow.db")})

    def _in_logs(self, home: Path) -> Iterator[Leak]:
        for path in (*home.glob("*.log"), *(home / "logs").rglob("*")):
            if path.is_file():
                for kind in self._kinds(path.read_bytes(), authors=False):
                    yield Leak(str(path.relative_to(home)), kind)

    def _in_database(self, database: Path) -> Iterator[Leak]:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            instances = connection.execute("SELECT id, task_id FROM task_instance") if "xcom_v2" in tables else ()
            task_ids = {row["id"]: row["task_id"] for row in instances}
            for table in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    yield from self._in_row(table, row, task_ids)
        finally:
            connection.close()

    def _in_row(self, table: str, row: sqlite3.Row, task_ids: Mapping[str, str]) -> Iterator[Leak]:
        names = row.keys()
        # A copy that was kept of a row, which has since been deleted.
        table = table.removeprefix("kept_")
        table = _NAMED_BEFORE.get(table, table)
        is_result = table == "xcom" and row["key"] == "return_value"
        is_authors_result = is_result and _task_id(row, task_ids) in self.authors_tasks
        for name in names:
            value = row[name]
            content = value if isinstance(value, bytes) else str(value).encode()
            authors = is_authors_result or (table, name) in _AUTHORS_COLUMNS
            for kind in self._kinds(content, authors=authors):
                if (table, name, kind) not in _ENCRYPTED and not (is_result and kind == _TAG):
                    yield Leak(f"database: {table}.{name}", kind)

    def _kinds(self, content: bytes, *, authors: bool) -> Iterator[str]:
        if any(secret.encode() in content for secret in self.secrets):
            yield "client secret"
        if self._has_token(content):
            yield "access token"
        if not authors and any(pattern.search(content) for pattern in self._number_patterns):
            yield _NUMBER
        if authors:
            return
        folded = content.lower()
        for kind, texts in (("text", self.texts), (_TAG, self.tags)):
            if any(text.encode() in folded for text in texts):
                yield kind

    def _has_token(self, content: bytes) -> bool:
        if self.tokens and any(word[0].strip(b".-") in self._token_words for word in _WORD.finditer(content)):
            return True
        return any(_DIRECTCALL_CLAIM in _decoded(match[1]) for match in _JWT.finditer(content))

    @cached_property
    def _token_words(self) -> frozenset[bytes]:
        return frozenset(token.encode() for token in self.tokens)

    @cached_property
    def _number_patterns(self) -> list[re.Pattern[bytes]]:
        """Each number with or without its country code, with optional separators between the digits."""
        return [
            re.compile(
                rb"(?<![0-9])(?:%s)?%s(?![0-9])"
                % (_spaced(number[:_COUNTRY_DIGITS]) + _SEPARATOR, _spaced(number[_COUNTRY_DIGITS:]))
            )
            for number in self.numbers
        ]


def _task_id(result: sqlite3.Row, task_ids: Mapping[str, str]) -> str | None:
    return result["task_id"] if "task_id" in result.keys() else task_ids.get(result["task_instance_id"])  # noqa: SIM118


def _spaced(digits: str) -> bytes:
    return _SEPARATOR.join(b"[0-9]" if digit == "?" else digit.encode() for digit in digits)


def _decoded(payload: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
    except (binascii.Error, ValueError):
        return b""
