"""Search everything that Airflow keeps, all tables of its database and all logs, for values of contacts.

Contacts are in files only, so no place is excused: neither results of tasks nor rendered fields nor triggers.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools.live_campaigns.people import MARKS

#: The blocks of numbers of all contacts, in any spelling: with or without 55, 0 or area, with or without separators.
_SEPARATOR: Final = rb"(?:[\s().\-]|%20|%28|%29|\\u00a0){0,3}"
_NUMBER: Final = re.compile(
    rb"(?<![0-9.])"
    rb"(?:(?:\+|%2B|00)?55"
    + _SEPARATOR
    + rb")?"
    + rb"(?:0?[1-9][0-9]"
    + _SEPARATOR
    + rb")?"
    + _SEPARATOR.join((*(rb"9", rb"9", rb"0", rb"0", rb"0"), *(4 * (rb"[0-9]",))))
    + rb"(?![0-9])"
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}")
_TOKEN: Final = "token"


@dataclass
class Traces:
    """The result of a search.

    :ivar found: kind and place, never the value -> how often.
    """

    found: Counter[str] = field(default_factory=Counter)
    tables: int = 0
    rows: int = 0
    files: int = 0
    megabytes: float = 0.0

    def __str__(self) -> str:
        """Describe it in a line."""
        places = ", ".join(f"{place} ({times})" for place, times in self.found.most_common()) or "nothing"
        return (
            f"searched {self.tables} tables with {self.rows} rows and {self.files} log files, "
            f"{self.megabytes:.1f} MB in all, for numbers, {', '.join(MARKS)}, tokens: found {places}"
        )


class Searcher:
    """Finds values of contacts in bytes, plain, in base64, or compressed.

    :param secrets: tokens and passwords.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        self._texts = {kind: mark.encode() for kind, mark in MARKS.items()}
        words = sorted(map(re.escape, secrets), key=len, reverse=True)
        self._secrets = re.compile("|".join(words).encode()) if words else None

    def kinds(self, content: bytes) -> set[str]:
        """Return the kinds of values in a content."""
        return set().union(*(self._plain(form) for form in _forms(content)))

    def _plain(self, content: bytes) -> Iterator[str]:
        folded = content.lower()
        yield from (kind for kind, mark in self._texts.items() if mark in folded)
        if _NUMBER.search(content):
            yield "number"
        if self._secrets is not None and self._secrets.search(content):
            yield _TOKEN


def search_home(home: Path, secrets: Collection[str]) -> Traces:
    """Search the database and the logs below an AIRFLOW_HOME.

    :param secrets: tokens and passwords.
    """
    searcher, traces = Searcher(secrets), Traces()
    for path in (*home.glob("*.log"), *(home / "logs").rglob("*")):
        if path.is_file():
            traces.files += 1
            content = path.read_bytes()
            traces.megabytes += len(content) / 1e6
            traces.found.update(f"{kind} in {path.relative_to(home)}" for kind in searcher.kinds(content))
    with closing(sqlite3.connect(f"file:{home / 'airflow.db'}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            traces.tables += 1
            cursor = database.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                traces.rows += 1
                for column, value in zip(columns, row, strict=True):
                    content = value if isinstance(value, bytes) else str(value).encode()
                    traces.megabytes += len(content) / 1e6
                    traces.found.update(f"{kind} in {table}.{column}" for kind in searcher.kinds(content))
    return traces


def check_search(folder: Path, secrets: Collection[str]) -> None:
    """Check that the search finds each kind of value where it is: in the contacts' own files.

    :raises AssertionError: it does not, so that finding nothing elsewhere would prove nothing.
    """
    searcher = Searcher(secrets)
    plain = b"".join(path.read_bytes() for path in folder.glob("*.csv"))
    for content in (plain, zlib.compress(plain), base64.b64encode(plain)):
        missing = {"number", *MARKS} - searcher.kinds(content)
        assert not missing, f"the search does not find {missing}"


def _forms(content: bytes) -> Iterator[bytes]:
    """Yield a content as it is, decompressed, and decoded from base64."""
    yield content
    with suppress(zlib.error):
        yield zlib.decompress(content)
    for match in _BASE64.finditer(content):
        try:
            decoded = base64.b64decode(match[0].translate(_URL_SAFE) + b"=" * (-len(match[0]) % 4))
        except (binascii.Error, ValueError):
            continue
        yield decoded
        try:
            yield zlib.decompress(decoded)
        except zlib.error:
            continue


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
