"""Comparison of rules, whatever the spelling of their fields.

A live rule may come from the vendor's panel, with other spellings than ours: ``"12"`` for 12, ``5,1,2``, ``8:00``, an
empty text for a condition that is not set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.conditions import (
    WEEKDAYS,
    Comparable,
    FormValue,
    sources,
    time_of_day,
    week,
)
from airflow_provider_directcall.routing.flags import read_flag
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

#: Fields of ``data`` that our rules can have.
OUR_FIELDS: Final = frozenset(
    {"phone", "wait", "record", "soundId", "moment", "email", "week", "start", "end", "source"}
)

#: Values that mean the same as no value.
_SAME_AS_ABSENT: Final[Mapping[str, str]] = {
    "record": "n",
    "week": ",".join(str(day) for day in range(1, len(WEEKDAYS) + 1)),
}
#: Field -> its normalized spelling. A value that raises ValueError is compared as it is.
_NORMALIZERS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "phone": lambda text: parse_number(text, allow=ALL_KINDS).digits,
    "wait": lambda text: str(int(text)),
    "record": lambda text: "s" if read_flag(text) else "n",
    "soundId": lambda text: str(int(text)),
    "week": week,
    "start": lambda text: time_of_day("start", text),
    "end": lambda text: time_of_day("end", text),
    "source": lambda text: ";".join(sorted(set((sources(text) or "").split(";")))),
}
#: Fields of which every text has a meaning: a number or a SIP login, an address, a word.
_ANY_TEXT: Final = frozenset({"phone", "email", "moment"})


def differences(one: Rule, other: Rule) -> tuple[str, ...]:
    """Return the names of the fields in which two rules differ, ids aside: ``action``, ``priority``, those in data."""
    own = [name for name in ("action", "priority") if getattr(one, name) != getattr(other, name)]
    ours, theirs = comparable(one), comparable(other)
    return (*own, *(name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)))


def shows(found: Rule, written: Rule) -> bool:
    """Return whether a rule that was read back is the written one; unknown fields may have come to its data."""
    expected = OUR_FIELDS | written.data.keys() | {"action", "priority"}
    return expected.isdisjoint(differences(found, written))


def same_value(one: Json, other: Json) -> bool:
    """Return whether a form carries both values in the same way."""
    return (_form_value(one) or "") == (_form_value(other) or "")


def not_understood(rule: Rule) -> tuple[str, ...]:
    """Return the names of our fields with values that this package does not understand."""
    return tuple(name for name in sorted(OUR_FIELDS & rule.data.keys()) if not _is_understood(name, rule.data[name]))


def is_blank(value: Json) -> bool:
    """Return whether a value of a rule's data is empty; a form cannot distinguish the empty values."""
    return value is None or value in ("", [], {})


def comparable(rule: Rule) -> Comparable:
    """Return a rule's data in normalized spelling, without empty fields."""
    plain = {name: _normalized(name, _form_value(value)) for name, value in rule.data.items()}
    return {name: value for name, value in plain.items() if value and _SAME_AS_ABSENT.get(name) != value}


def _form_value(value: Json) -> FormValue:
    if isinstance(value, list):
        return _form_value({str(index): item for index, item in enumerate(value)})
    if isinstance(value, dict):
        items = ((name, _form_value(item)) for name, item in value.items())
        return {name: item for name, item in items if item}
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _is_understood(name: str, value: Json) -> bool:
    text = _form_value(value)
    if not text or isinstance(text, dict):
        return not text
    try:
        return name in _ANY_TEXT or bool(_NORMALIZERS[name](text))
    except ValueError:
        return False


def _normalized(name: str, value: FormValue) -> FormValue:
    normalize = _NORMALIZERS.get(name)
    if normalize is None or not value or isinstance(value, dict):
        return value
    try:
        return normalize(value) or value
    except ValueError:
        return value
