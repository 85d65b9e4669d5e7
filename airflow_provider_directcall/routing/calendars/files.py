"""Calendars and lists of rules from YAML and JSON: files beside the DAGs, or texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from airflow_provider_directcall.routing.calendars.calendar import Did, RoutingCalendar
from airflow_provider_directcall.routing.conditions import masked_repr
from airflow_provider_directcall.routing.rule_parsing import PlacedRule, rule_from
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.routing.validation import CONFIG, CalendarError, ParsedBy, parse

#: The rules that a file lists: the number, without 55, or None where the file does not say it, and its rules.
ListedRules = tuple[str | None, tuple[NumberRule, ...]]

#: Key for editors; it says nothing of the calendar.
_EDITORS_KEY: Final = "$schema"
_JSON_SUFFIX: Final = ".json"
#: Largest file: thousands of dated exceptions.
_MOST_BYTES: Final = 500_000


class NumberRules(BaseModel):
    """The rules of a number, each with its priority and times."""

    model_config = CONFIG

    did: Did | None = Field(default=None, description="The number, with or without 55.")
    rules: Annotated[
        tuple[Annotated[NumberRule, ParsedBy(rule_from, PlacedRule)], ...],
        Field(min_length=1),
    ] = Field(description="A number without rules answers no call.")


def load_calendar(path_or_text: str | Path) -> RoutingCalendar:
    """Read a calendar from a file or from a text, YAML or JSON.

    A ``Path``, and a str of one line that does not begin with ``{``, name a file: JSON when the name ends in ``.json``,
    YAML otherwise. Any other str is the calendar itself: JSON when it begins with ``{``, YAML otherwise.

    :raises CalendarError: all problems, each with its path such as ``overrides[2].ends``; numbers are masked.
    :raises OSError: the file cannot be read.
    """
    return calendar_from(_content(path_or_text))


def load_rules(path_or_text: str | Path) -> ListedRules:
    """Read the rules of a number, each with its priority and times, from a file or a text as for ``load_calendar``.

    Its keys are ``rules``, a list of mappings as ``rule_from`` takes them, and ``did``, which may be left out.

    :returns: the number without 55, or None, and the rules in the order of the file.
    :raises CalendarError: all problems, each with its path such as ``rules[2].start``; numbers are masked.
    :raises OSError: the file cannot be read.
    """
    return _rules_from(_content(path_or_text))


def load_routing(path_or_text: str | Path) -> RoutingCalendar | ListedRules:
    """Read either kind of file: one with the key ``rules`` is a list of rules, every other one a calendar.

    Errors are those of :func:`load_calendar` and :func:`load_rules`.
    """
    content = _content(path_or_text)
    return _rules_from(content) if isinstance(content, Mapping) and "rules" in content else calendar_from(content)


def calendar_from(value: object) -> RoutingCalendar:
    """Return a calendar as it is, or make it from a mapping with the keys of a file.

    :raises CalendarError: all problems, each with its path.
    """
    if not isinstance(value, (Mapping, RoutingCalendar)):
        raise CalendarError([f"calendar: a mapping is needed, not {masked_repr(value)}"])
    return parse(RoutingCalendar, _without_editors_key(value))


def calendar_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a file with a calendar, for editors and other checks.

    A schema cannot express all rules: the numbering plan, the order of two times, overlaps of overrides.
    """
    return {**_schema(), "$ref": "#/$defs/RoutingCalendar"}


def rules_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a file with the rules of a number; see :func:`calendar_schema`."""
    return {**_schema(), "$ref": "#/$defs/NumberRules"}


def routing_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of either kind of file; see :func:`calendar_schema`."""
    return {
        **_schema(),
        "title": "Routing of a Directcall number",
        "description": "A calendar or a list of rules.",
        "if": {"type": "object", "required": ["rules"]},
        "then": {"$ref": "#/$defs/NumberRules"},
        "else": {"$ref": "#/$defs/RoutingCalendar"},
    }


def _schema() -> dict[str, Any]:
    kinds: list[Any] = [RoutingCalendar, NumberRules]  # pydantic's type names models only
    _, definitions = models_json_schema([(kind, "validation") for kind in kinds])
    for kind in kinds:
        definitions["$defs"][kind.__name__]["properties"][_EDITORS_KEY] = {"description": "For editors; not read."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:airflow-provider-directcall:routing-calendar",
        **definitions,
    }


def names_file(text: str) -> bool:
    """Return whether a text is the name of a file, and not the content itself."""
    return bool(text.strip()) and "\n" not in text and not text.lstrip().startswith("{")


def _rules_from(value: object) -> ListedRules:
    if not isinstance(value, Mapping):
        raise CalendarError([f"rules: a mapping with the key rules is needed, not {masked_repr(value)}"])
    found = parse(NumberRules, _without_editors_key(value))
    return found.did, found.rules


def _without_editors_key(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if name != _EDITORS_KEY}
    return value


def _content(path_or_text: str | Path) -> object:
    from airflow_provider_directcall.routing.calendars.strict_yaml import parse_json, parse_yaml

    if isinstance(path_or_text, Path) or names_file(path_or_text):
        path = Path(path_or_text)
        text, is_json = _read(path), path.suffix.lower() == _JSON_SUFFIX
    else:
        text, is_json = path_or_text, path_or_text.lstrip().startswith("{")
        _check_length(text)
    return parse_json(text) if is_json else parse_yaml(text)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    _check_length(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CalendarError([f"file: {path.name} is no text in UTF-8"]) from None


def _check_length(content: bytes | str) -> None:
    if len(content) > _MOST_BYTES:
        raise CalendarError([f"file: is larger than {_MOST_BYTES // 1000} kB"])
