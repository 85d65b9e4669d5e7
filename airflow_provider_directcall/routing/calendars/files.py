"""Calendars from YAML and JSON: files that stand beside the DAGs, or texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.calendars.problems import CalendarError, built
from airflow_provider_directcall.routing.conditions import shown

__all__ = ["calendar_from", "calendar_schema", "load_calendar"]

#: Key that editors look for; it says nothing of the calendar.
_EDITORS_KEY: Final = "$schema"
_JSON_SUFFIX: Final = ".json"


def load_calendar(path_or_text: str | Path) -> RoutingCalendar:
    """Read a calendar from a file or from a text, YAML or JSON.

    A ``Path``, and a str of one line that does not begin with ``{``, name a file: JSON when the name ends in ``.json``,
    YAML otherwise. Any other str is the calendar itself: JSON when it begins with ``{``, YAML otherwise.

    :raises CalendarError: all that is wrong, each with its path such as ``overrides[2].ends``; numbers are masked.
    :raises OSError: the file cannot be read.
    """
    from airflow_provider_directcall.routing.calendars.text import parsed_json, parsed_yaml

    if isinstance(path_or_text, Path) or _names_file(path_or_text):
        path = Path(path_or_text)
        text, is_json = _read(path), path.suffix.lower() == _JSON_SUFFIX
    else:
        text, is_json = path_or_text, path_or_text.lstrip().startswith("{")
    return calendar_from(parsed_json(text) if is_json else parsed_yaml(text))


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
    """The JSON Schema (draft 2020-12) of a file, for editors and other checks.

    A schema cannot say all: whether a phone number can be, a time comes after another, or two overrides meet.
    """
    text = resources.files(__package__).joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, object] = json.loads(text)
    return schema


def _names_file(text: str) -> bool:
    return bool(text.strip()) and "\n" not in text and not text.lstrip().startswith("{")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CalendarError([f"file: {path.name} is no text in UTF-8"]) from None
