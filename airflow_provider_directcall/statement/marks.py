"""Marks of rows of the statement, and a hash index from them to the waits that a row may concern.

The time for a row does not grow with the number of waits. A mark only says which waits a row may concern; whether it is
the row that is waited for is judged by the wait itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_directcall.statement.likeness import national
from airflow_provider_directcall.statement.ownership import SoughtKeys

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import StatementRow

T = TypeVar("T")

_Mark = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The marks of a wait: one call by its id **or** its key, one of several, else tags **and** numbers.

    :param callerid: the call's id.
    :param key: the call's idempotency key.
    :param tags: tags that a row shows, all of them.
    :param numbers: numbers of its parties, all of them; None for any.
    :param any_of: marks of which any is enough.
    :param any_number: numbers of its parties of which any is enough.
    """

    callerid: str | None = None
    key: str | None = field(default=None, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    numbers: Sequence[str | None] = field(default=(), repr=False)
    any_of: Sequence[Marks] = field(default=(), repr=False)
    any_number: Sequence[str] = field(default=(), repr=False)

    @property
    def alternatives(self) -> list[_Mark]:
        """Marks of which any is enough."""
        marks = [("id", _folded(self.callerid)), ("key", self.key or "")]
        marks += [("number", national(number)) for number in self.any_number]
        further = [mark for other in self.any_of for mark in other.alternatives]
        return list(dict.fromkeys([*(mark for mark in marks if mark[1]), *further]))

    @property
    def together(self) -> list[_Mark]:
        """Marks that a call has all of."""
        tags = [("tag", name.strip(), value.strip()) for name, value in self.tags.items()]
        return [*tags, *(("number", national(number)) for number in self.numbers if number)]


@dataclass(frozen=True, slots=True)
class Judgement(Generic[T]):
    """The judgement of a wait on rows.

    :ivar found: its result, or None.
    :ivar is_doubtful: whether a look of its own has to decide.
    """

    found: T | None = None
    is_doubtful: bool = False


class MarkIndex:
    """The waits, by their marks. A wait is a number."""

    def __init__(self) -> None:
        self._waits: dict[_Mark, set[int]] = {}
        self._places: dict[int, list[_Mark]] = {}
        self._keys = SoughtKeys(())

    def add(self, wait: int, marks: Marks) -> None:
        """Add a wait: under each of its alternatives, or under the mark that is the rarest among waits."""
        places = marks.alternatives or [min(marks.together, key=lambda mark: len(self._waits.get(mark, ())))]
        self._places[wait] = places
        for mark in places:
            self._waits.setdefault(mark, set()).add(wait)
            if mark[0] == "key":
                self._keys.add(mark[1])

    def remove(self, wait: int) -> None:
        """Remove a wait."""
        for mark in self._places.pop(wait, ()):
            self._waits[mark].discard(wait)
            if not self._waits[mark]:
                del self._waits[mark]
                if mark[0] == "key":
                    self._keys.discard(mark[1])

    def add_concerned(self, calls: Iterable[list[StatementRow]], concerned: dict[int, list[StatementRow]]) -> None:
        """Add all rows of calls to each wait whose own the call may be."""
        for legs in calls:
            waits = {wait for leg in legs for mark in self._marks(leg) for wait in self._waits.get(mark, ())}
            for wait in waits:
                concerned.setdefault(wait, []).extend(legs)

    def _marks(self, row: StatementRow) -> Iterator[_Mark]:
        if row.callerid:
            yield ("id", _folded(row.callerid))
        for name, value in row.tags.items():
            yield ("tag", name.strip(), value.strip())
        for number in (row.origin, row.destination):
            if number is not None:
                yield ("number", national(number))
        for key in self._keys.shown_by(row):
            yield ("key", key)


def _folded(text: str | None) -> str:
    return (text or "").strip().casefold()
