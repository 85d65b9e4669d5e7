"""Whether two rules say the same, however each is written.

A live rule may come from the vendor's panel, with other spellings than ours: ``"12"`` for 12, ``5,1,2``, ``8:00``, an
empty text for a condition that is not set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.conditions import WEEKDAYS, sources, time_of_day, week
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

#: JSON as a form carries it: texts, and objects with texts as keys.
_Plain = str | dict[str, "_Plain"]
#: A rule's data in its one spelling, without what says nothing.
Comparable = Mapping[str, _Plain]

#: Values that mean the same as no value.
_SAME_AS_ABSENT: Final[Mapping[str, str]] = {
    "record": "n",
    "week": ",".join(str(day) for day in range(1, len(WEEKDAYS) + 1)),
}
#: Field -> its one spelling; a ValueError when it has another meaning than ours, and then its text counts.
_SPELLINGS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "phone": lambda text: parse_number(text, allow=ALL_KINDS).digits,
    "wait": lambda text: str(int(text)),
    "soundId": lambda text: str(int(text)),
    "week": week,
    "start": lambda text: time_of_day("start", text),
    "end": lambda text: time_of_day("end", text),
    "source": lambda text: ";".join(sorted(set((sources(text) or "").split(";")))),
}


def same_rule(one: Rule, other: Rule) -> bool:
    """Whether two rules do the same at the same place, whatever their ids."""
    return not differences(one, other)


def differences(one: Rule, other: Rule) -> tuple[str, ...]:
    """Names of the fields in which two rules differ: ``action``, ``priority``, and those of their data."""
    places = [name for name in ("action", "priority") if getattr(one, name) != getattr(other, name)]
    ours, theirs = comparable(one), comparable(other)
    return (*places, *(name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)))


def is_blank(value: Json) -> bool:
    """Whether a value of a rule's data says nothing; a form carries no difference between these."""
    return value is None or value in ("", [], {})


def comparable(rule: Rule) -> Comparable:
    """A rule's data in its one spelling, by which two rules are compared."""
    plain = {name: _spelled(name, _plain(value)) for name, value in rule.data.items()}
    return {name: value for name, value in plain.items() if value and _SAME_AS_ABSENT.get(name) != value}


def _plain(value: Json) -> _Plain:
    if isinstance(value, list):
        return _plain({str(index): item for index, item in enumerate(value)})
    if isinstance(value, dict):
        return {name: plain for name, plain in ((name, _plain(item)) for name, item in value.items()) if plain}
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _spelled(name: str, value: _Plain) -> _Plain:
    spelling = _SPELLINGS.get(name)
    if spelling is None or not value or isinstance(value, dict):
        return value
    try:
        return spelling(value) or value
    except ValueError:
        return value
