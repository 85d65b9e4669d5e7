"""Documents with mistakes, which the loader and the published schema have to judge alike."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from airflow_provider_directcall.routing.validation import CalendarError

#: Values that a mistake may put anywhere.
STRAY = [None, True, 0, 7, -1, 3.5, "", " ", "x", "08:00", "24:00", "2026-03-01", "open", [], ["x"], {}, {"x": 1}]


def places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def inside(doc: Any, path: tuple[object, ...]) -> Any:
    for key in path:
        doc = doc[key]
    return doc


#: Beginnings of the loader's texts about rules that a schema cannot express.
BEYOND_A_SCHEMA = (
    "no holiday of the calendar is called",
    "there is no day",
    "there is no moment",
    "it has to be after",
    "they are the same",
    "is too short",
    "is too long",
    "must hold digits only",
    "is a negative number",
    "is a decimal number",
    "has an area code",
    "has no area code",
    "an IANA name such as",
    "runs backwards",
    "are both in force",
)


def assert_agreement(
    read: Callable[[Any], object], schema: Draft202012Validator, doc: Any, path: tuple[object, ...], stray: object
) -> None:
    """Require one verdict of both, but for problems that a schema cannot express."""
    try:
        read(doc)
    except CalendarError as error:
        if schema.is_valid(doc):
            unsaid = [problem for problem in error.problems if not any(word in problem for word in BEYOND_A_SCHEMA)]
            assert not unsaid, (path, stray)
    else:
        assert schema.is_valid(doc), (path, stray, [one.message for one in schema.iter_errors(doc)])


def assert_one_mistake_is_judged_alike(
    read: Callable[[Any], object], schema: Draft202012Validator, full: Any, path: tuple[object, ...]
) -> None:
    """Put stray values at one place of a good document, leave it out, and add an unknown key to it."""
    *above, last = path
    for stray in STRAY:
        doc = copy.deepcopy(full)
        inside(doc, tuple(above))[last] = stray
        assert_agreement(read, schema, doc, path, stray)
    doc = copy.deepcopy(full)
    del inside(doc, tuple(above))[last]
    assert_agreement(read, schema, doc, path, "(missing)")
    if isinstance(inside(full, path), dict) and last != "own_dates":
        doc = copy.deepcopy(full)
        inside(doc, path)["unknown"] = 1
        assert not schema.is_valid(doc)
        with pytest.raises(CalendarError):
            read(doc)
