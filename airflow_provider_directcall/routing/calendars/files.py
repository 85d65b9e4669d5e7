"""Calendars and lists of rules from YAML and JSON: files that stand beside the DAGs, or texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar, did_from
from airflow_provider_directcall.routing.calendars.problems import CalendarError, Problems, built, listed
from airflow_provider_directcall.routing.calendars.rule_items import path_of, rule_of_file
from airflow_provider_directcall.routing.conditions import shown
from airflow_provider_directcall.routing.rules import NumberRule

__all__ = [
    "ListedRules",
    "calendar_from",
    "calendar_schema",
    "load_calendar",
    "load_routing",
    "load_rules",
    "names_file",
    "rules_schema",
]

#: The rules that a file lists: the number, without 55, or None where the file does not say it, and its rules.
ListedRules = tuple[str | None, tuple[NumberRule, ...]]

#: Key that editors look for; it says nothing of the calendar.
_EDITORS_KEY: Final = "$schema"
_JSON_SUFFIX: Final = ".json"
_KEYS_OF_RULES: Final = frozenset({"did", "rules", _EDITORS_KEY})


def load_calendar(path_or_text: str | Path) -> RoutingCalendar:
    """Read a calendar from a file or from a text, YAML or JSON.

    A ``Path``, and a str of one line that does not begin with ``{``, name a file: JSON when the name ends in ``.json``,
    YAML otherwise. Any other str is the calendar itself: JSON when it begins with ``{``, YAML otherwise.

    :raises CalendarError: all that is wrong, each with its path such as ``overrides[2].ends``; numbers are masked.
    :raises OSError: the file cannot be read.
    """
    return calendar_from(_content(path_or_text))


def load_rules(path_or_text: str | Path) -> ListedRules:
    """Read the rules of a number, each with its priority and times, from a file or a text as for ``load_calendar``.

    Its keys are ``rules``, a list of mappings as ``rule_from`` takes them, and ``did``, which may be left out.

    :returns: the number without 55, or None, and the rules in the order of the file.
    :raises CalendarError: all that is wrong, each with its path such as ``rules[2].start``; within one rule it is the
        first. Numbers are masked.
    :raises OSError: the file cannot be read.
    """
    return _rules_from(_content(path_or_text))


def load_routing(path_or_text: str | Path) -> RoutingCalendar | ListedRules:
    """Read whichever it is: what has the key ``rules`` is a list of rules, all else a calendar.

    Errors are those of :func:`load_calendar` and :func:`load_rules`.
    """
    content = _content(path_or_text)
    return _rules_from(content) if isinstance(content, Mapping) and "rules" in content else calendar_from(content)


def calendar_from(value: object) -> RoutingCalendar:
    """A calendar from a mapping with the keys of a file, or from itself.

    :raises CalendarError: all that is wrong, each with its path.
    """
    if isinstance(value, Mapping):
        value = {name: item for name, item in value.items() if name != _EDITORS_KEY}
    elif not isinstance(value, RoutingCalendar):
        raise CalendarError([f"calendar: a mapping is needed, not {shown(value)}"])
    return built(RoutingCalendar, value)


def calendar_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a file with a calendar, for editors and other checks.

    A schema cannot say all: whether a phone number can be, a time comes after another, or two overrides meet.
    """
    return _schema_of("calendar")


def rules_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a file with the rules of a number; see :func:`calendar_schema`."""
    return _schema_of("number_rules")


def _schema_of(definition: str) -> dict[str, object]:
    """The published schema, which takes both kinds of files, for one of them."""
    schema = json.loads(resources.files(__package__).joinpath("schema.json").read_text(encoding="utf-8"))
    kept = ("$schema", "$id", "$defs")
    return {**{name: schema[name] for name in kept}, "$ref": f"#/$defs/{definition}"}


def names_file(text: str) -> bool:
    """Whether a text is the name of a file, and not the content itself."""
    return bool(text.strip()) and "\n" not in text and not text.lstrip().startswith("{")


def _rules_from(value: object) -> ListedRules:
    if not isinstance(value, Mapping):
        raise CalendarError([f"rules: a mapping with the key rules is needed, not {shown(value)}"])
    problems = Problems()
    for name in [name for name in value if name not in _KEYS_OF_RULES]:
        problems.add(f"{name}: is not known here; known: {', '.join(sorted(_KEYS_OF_RULES - {_EDITORS_KEY}))}")
    number, found = None, []
    with problems.at():
        number = None if value.get("did") is None else did_from(value["did"])
    with problems.at():
        items = listed("rules", value.get("rules"))
        if not items:
            raise ValueError("rules: at least one is needed; a number without rules answers nobody")
        for index, item in enumerate(items):
            try:
                found.append(rule_of_file(item))
            except ValueError as error:
                problems.add(f"rules[{index}]{path_of(str(error))}")
    problems.tell()
    return number, tuple(found)


def _content(path_or_text: str | Path) -> object:
    from airflow_provider_directcall.routing.calendars.strict_yaml import parsed_json, parsed_yaml

    if isinstance(path_or_text, Path) or names_file(path_or_text):
        path = Path(path_or_text)
        text, is_json = _read(path), path.suffix.lower() == _JSON_SUFFIX
    else:
        text, is_json = path_or_text, path_or_text.lstrip().startswith("{")
    return parsed_json(text) if is_json else parsed_yaml(text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CalendarError([f"file: {path.name} is no text in UTF-8"]) from None
