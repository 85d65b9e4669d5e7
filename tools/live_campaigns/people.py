"""Invented contacts of a campaign, their files, and the state that a plan must give to each.

Every number is a mobile number 99000-NNNN, and every other value begins with a mark, so that a search recognizes both.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from airflow_provider_directcall.sandbox.magic_numbers import MAGIC_NUMBERS
from airflow_provider_directcall.telephony.areas import AREAS

#: Values of contacts begin with these, in lower case.
MARKS: Final = {"name": "zqnome", "text": "zqcodigo", "tag value": "zqcliente", "id": "zqid"}
#: ``{column}`` of the text and the tag are filled in by the campaign.
PERSONAL_TEXT: Final = "Ola {name}, o seu codigo e {code}. Ate amanha."
SAME_TEXT: Final = "Ola, a loja abre amanha as nove horas."
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
#: Not among them: "no balance" stops a campaign, as it must, and "gateway error" never ends.
_MAGIC: Final = tuple(each.suffix for each in MAGIC_NUMBERS if each.suffix not in {"", "0402", "0500"})
_ALL_MAGIC: Final = frozenset(each.suffix for each in MAGIC_NUMBERS)
#: One contact in so many has each magic number, is a duplicate, is rejected, is suppressed, has opted out.
_ONE_IN: Final = 100
_LONG: Final = 100


@dataclass(frozen=True, slots=True)
class Person:
    """One row of a contacts' file.

    :ivar number: digits, as on the wire.
    :ivar written: the number as in the file.
    :ivar planned: the state that the plan must give it; None: it is accepted.
    """

    id: str
    number: str = field(repr=False)
    written: str = field(repr=False)
    name: str = field(repr=False)
    code: str = field(repr=False)
    customer: str = field(repr=False)
    planned: str | None = None


@dataclass(frozen=True, slots=True)
class People:
    """The contacts of one campaign.

    :ivar rows: in the order of the file.
    """

    rows: Sequence[Person]

    @property
    def accepted(self) -> list[Person]:
        """Those to whom the campaign sends."""
        return [person for person in self.rows if person.planned is None]

    def with_state(self, state: str) -> list[Person]:
        """Return those to whom the plan must give a state."""
        return [person for person in self.rows if person.planned == state]

    def write(self, contacts: Path, suppressed: Path) -> None:
        """Write the contacts' file and the suppression list."""
        _write(contacts, ("id", "phone", "name", "code", "customer"), map(_fields, self.rows))
        _write(suppressed, ("number",), ([person.written] for person in self.with_state("suppressed")))


def invent(accepted: int, dice: random.Random, taken: set[str], *, with_others: bool = True) -> People:
    """Invent the contacts of a campaign.

    :param accepted: how many get a message or a call.
    :param taken: numbers of other campaigns; the new ones are added.
    :param with_others: further rows that the plan must leave out.
    """
    share = max(1, accepted // _ONE_IN)
    magic = [suffix for suffix in _MAGIC for _ in range(min(share, len(AREAS) // 2))] if with_others else []
    suffixes = (magic + [""] * accepted)[:accepted]
    rows = [_person(_number(dice, taken, suffix), dice) for suffix in suffixes]
    if with_others:
        for state in ("suppressed", "opted_out"):
            rows += [_person(_number(dice, taken, ""), dice, state) for _ in range(share)]
        rows += [_person(_number(dice, taken, "")[:-4], dice, "rejected") for _ in range(share)]
        dice.shuffle(rows)
        originals = [person for person in rows[: len(rows) // 2] if person.planned is None]
        rows += [
            _person(person.number, dice, "duplicate") for person in dice.sample(originals, min(share, len(originals)))
        ]
    return People(rows)


def _number(dice: random.Random, taken: set[str], suffix: str) -> str:
    """Return a new number; every suffix without a meaning stands for an ordinary one."""
    while True:
        last = suffix or f"{dice.randrange(10_000):04}"
        number = f"55{dice.choice(tuple(AREAS))}99000{last}"
        if number not in taken and (suffix or last not in _ALL_MAGIC):
            taken.add(number)
            return number


def _person(number: str, dice: random.Random, planned: str | None = None) -> Person:
    def word(kind: str, length: int = 10) -> str:
        return MARKS[kind] + "".join(dice.choices(_LETTERS, k=length))

    # One text in ten has two parts.
    length = _LONG if dice.random() < 0.1 else 10
    name, code = word("name").capitalize(), word("text", length)
    return Person(word("id"), number, _written(number, dice), name, code, word("tag value"), planned)


def _written(number: str, dice: random.Random) -> str:
    area, first, last = number[2:4], number[4:9], number[9:]
    spellings = (
        number,
        number[2:],
        f"+55 {area} {first}-{last}",
        f"({area}) {first}-{last}",
        f"0{area} {first} {last}",
    )
    return dice.choice(spellings)


def _fields(person: Person) -> list[str]:
    return [person.id, person.written, person.name, person.code, person.customer]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
