"""Whose row of the statement it is, by the idempotency key that it shows.

How rows show their tags is not documented, so a key is recognised in any form of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from airflow_provider_directcall.api.words import folded

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import MessageRow, StatementRow

    Row: TypeAlias = StatementRow | MessageRow

#: The tag (``campos``) that holds a request's idempotency key.
KEY_TAG: Final = "airflow_key"
#: Characters of a key that identify it where the vendor cuts values: 40 bits.
_ENOUGH: Final = 8
_KEY_LENGTH: Final = 16
_KEY_CHARACTERS: Final = re.compile(r"[a-z2-7]+")


class Owner(Enum):
    """Whose row it is, by the key that it shows."""

    OURS = auto()
    ANOTHER = auto()
    """Another request of this package: its whole key is shown."""
    UNCLEAR = auto()


def owner_of(row: Row, key: str) -> Owner:
    """Return whose row it is.

    Our key counts in any field, in any case, with accents or marks around it, and cut to eight characters or more.
    Another's key counts only whole, and only as the value of its tag.
    """
    if any(_resembles(text, key) for text in _texts([dict(row.tags), dict(row.raw)])):
        return Owner.OURS
    return Owner.UNCLEAR if whole_key(row, len(key)) is None else Owner.ANOTHER


class SoughtKeys:
    """Many keys, to be found in rows: the time for a row does not grow with their number.

    :param keys: of eight characters or more.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._by_beginning: dict[str, set[str]] = {}
        for key in keys:
            self.add(key)

    def add(self, key: str) -> None:
        """Look for a further key."""
        self._by_beginning.setdefault(key[:_ENOUGH], set()).add(key)

    def discard(self, key: str) -> None:
        """Look for a key no longer."""
        beginning = self._by_beginning.get(key[:_ENOUGH], set())
        beginning.discard(key)
        if not beginning:
            self._by_beginning.pop(key[:_ENOUGH], None)

    def shown_by(self, row: Row) -> set[str]:
        """Return the keys that a row shows, by the rule of :func:`owner_of`."""
        if not self._by_beginning:
            return set()
        return {key for text in _texts([dict(row.tags), dict(row.raw)]) for key in self._in(_plain(text))}

    def _in(self, plain: str) -> Iterator[str]:
        for place in range(len(plain) - _ENOUGH + 1):
            for key in self._by_beginning.get(plain[place : place + _ENOUGH], ()):
                if key in plain or key.startswith(plain):
                    yield key


def whole_key(row: Row, length: int = _KEY_LENGTH) -> str | None:
    """Return the key that a row shows in full, None for a row without."""
    values = [_plain(value) for name, value in row.tags.items() if _is_key_tag(name)]
    whole = [value for value in values if len(value) == length and _KEY_CHARACTERS.fullmatch(value)]
    return whole[0] if len(whole) == len(values) == 1 else None


@lru_cache(maxsize=256)  # an account has few names of tags, and a statement many rows
def _is_key_tag(name: str) -> bool:
    return _plain(name) == _plain(KEY_TAG)


def _resembles(text: str, key: str) -> bool:
    plain = _plain(text)
    return len(plain) >= min(_ENOUGH, len(key)) and (key in plain or key.startswith(plain))


def _plain(text: str) -> str:
    return "".join(char for char in folded(text) if char.isalnum())


def _texts(values: list[object]) -> Iterator[str]:
    """Yield all texts and names inside JSON values."""
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            pending += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            pending += value
