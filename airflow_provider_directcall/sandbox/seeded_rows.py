"""Made-up rows of both statements: row *n* is computed when it is read, so a million of them use no memory.

Each field of a row follows from its number, and most filters invert to row numbers; the rest is filtered once and
cached.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.records import MessageRecord
from airflow_provider_directcall.sandbox.statement_rows import CallRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_directcall.sandbox.statement_rows import RowFilter

_ROW_NUMBER: Final = "{n}"
_OUTCOMES: Final = (
    ("atendida", 30),
    ("atendida", 65),
    ("nao atendida", 0),
    ("atendida", 4),
    ("ocupado", 0),
    ("atendida", 190),
    ("falha", 0),
)
_RECORDED_EVERY: Final = 4
_DESTINATIONS: Final = 100
_KINDS: Final = ("calls", "messages")
#: Ids of made-up messages, far from those of real ones.
_FIRST_MESSAGE_ID: Final = 10**9
_BLOCK_SIZE: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededRows:
    """``count`` placed calls, or SMS, from ``first_at`` on, ``step_seconds`` apart.

    A value in ``tags`` may hold ``{n}`` once, the row's number: ``{"contact": "c{n}"}``.
    """

    block: int
    count: int
    first_at: float
    step_seconds: float = 1.0
    origin: str = "551130000001"
    tags: dict[str, str] = field(default_factory=dict)
    kind: str = "calls"

    def __post_init__(self) -> None:
        """Reject numbers that make no rows with a ``ValueError``."""
        if self.count < 1 or self.step_seconds <= 0:
            raise ValueError("count and step_seconds must be positive")
        if self.kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(_KINDS)}")
        if any(pattern.count(_ROW_NUMBER) > 1 for pattern in self.tags.values()):
            raise ValueError("a tag may hold {n} once")

    def row(self, number: int) -> CallRow:
        """Return the row of a number, 0 first."""
        outcome, talk_seconds = _OUTCOMES[number % len(_OUTCOMES)]
        return CallRow(
            callerid=self.callerid(number),
            origin=self.origin,
            destination=f"55119900000{number % _DESTINATIONS:02d}",
            starts_at=self.first_at + number * self.step_seconds,
            outcome=outcome,
            talk_seconds=talk_seconds,
            received=False,
            recorded=_is_recorded(number),
            tags={key: pattern.replace(_ROW_NUMBER, str(number)) for key, pattern in self.tags.items()},
        )

    def messages(self) -> Iterator[MessageRecord]:
        """Yield the messages of a block of messages."""
        for number in range(self.count):
            row = self.row(number)
            yield MessageRecord(
                message_id=_FIRST_MESSAGE_ID + self.block * _BLOCK_SIZE + number,
                callerid=row.callerid,
                origin=row.origin,
                destination=row.destination,
                kind="texto",
                text="",
                accepted_at=row.starts_at,
                starts_at=row.starts_at,
                sms_outcome="entregue",
                voice_answered_on=None,
                tags=row.tags,
            )

    def callerid(self, number: int) -> str:
        """Return the UUID of a row."""
        return f"{self.block:08x}-0000-4000-8000-{number:012x}"

    def number_of(self, callerid: str) -> int | None:
        """Return the row number of a UUID, None if it is not of this block."""
        match = re.fullmatch(rf"{self.block:08x}-0000-4000-8000-([0-9a-f]{{12}})", callerid)
        number = int(match[1], 16) if match else self.count
        return number if number < self.count else None

    def matching(self, query: RowFilter) -> Sequence[int]:
        """Return the numbers of the rows that match a query, ascending."""
        if query.origin not in {None, self.origin}:
            return ()
        candidates: Sequence[int] = self._window(query.since, query.until)
        exact = {self._tagged(key, value) for key, value in query.tags}
        if query.callerid is not None:
            exact.add(self.number_of(query.callerid))
        for wanted in exact - {_ANY_ROW}:
            candidates = (wanted,) if wanted is not None and wanted in candidates else ()
        if query.destination is None and not query.recorded_only:
            return candidates
        return self._scan(candidates, query)

    def _window(self, since: float, until: float) -> range:
        # The wire has whole seconds: a row that starts within the last second of the window is inside.
        first = max(0, ceil((since - self.first_at) / self.step_seconds))
        last = min(self.count, ceil((until + 1 - self.first_at) / self.step_seconds))
        return range(first, max(first, last))

    def _tagged(self, key: str, value: str) -> int | None:
        """Return the one row with a tag's value, None for no row, ``_ANY_ROW`` if the tag is the same in all rows."""
        pattern = self.tags.get(key)
        if pattern is None:
            return None
        if _ROW_NUMBER not in pattern:
            return _ANY_ROW if value == pattern else None
        before, _, after = pattern.partition(_ROW_NUMBER)
        number = value[len(before) : len(value) - len(after)]
        if not re.fullmatch("0|[1-9][0-9]{0,11}", number) or pattern.replace(_ROW_NUMBER, number) != value:
            return None
        return int(number)

    def _scan(self, candidates: Sequence[int], query: RowFilter) -> Sequence[int]:
        if isinstance(candidates, range):
            return _scan_range(candidates, query.destination, query.recorded_only)
        return tuple(number for number in candidates if _wanted(number, query.destination, query.recorded_only))


_ANY_ROW: Final = -1


def _is_recorded(number: int) -> bool:
    return number % _RECORDED_EVERY == 0 and _OUTCOMES[number % len(_OUTCOMES)][1] > 0


def _wanted(number: int, destination: str | None, recorded_only: bool) -> bool:
    if destination is not None and destination != f"55119900000{number % _DESTINATIONS:02d}":
        return False
    return _is_recorded(number) or not recorded_only


@lru_cache(maxsize=8)
def _scan_range(candidates: range, destination: str | None, recorded_only: bool) -> Sequence[int]:
    return tuple(number for number in candidates if _wanted(number, destination, recorded_only))
