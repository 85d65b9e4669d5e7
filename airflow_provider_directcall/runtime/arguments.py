"""Parse arguments as templates render them.

Jinja renders text, whatever the value was: ``true``, ``2026-01-31 10:00:00+00:00``, ``{'id': '7'}``. A value that never
passed a template is returned unchanged; empty text and ``None`` mean "not given". Every ValueError names the argument
and never shows the value, which may hold phone numbers.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from numbers import Number
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import os

    from airflow_provider_directcall.routing.rules import NumberRule

_EMPTY: Final = frozenset({"", "none", "null"})
_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})


def optional_text(value: object) -> str | None:
    """Return a text, or None for an empty one; a number becomes a text."""
    if value is None or (isinstance(value, str) and value.strip().casefold() in _EMPTY):
        return None
    return str(value)


def optional_number(name: str, value: object) -> str | None:
    """Return a phone number as a text, or None for an empty one; a float is rejected while it is still one."""
    from airflow_provider_directcall.telephony.numbers import require_exact

    require_exact(value, argument=name)
    return optional_text(value)


def optional_path(value: str | os.PathLike[str] | None) -> Path | None:
    """Return a path, or None for an empty one."""
    text = optional_text(value)
    return None if text is None else Path(text)


def boolean(name: str, value: object) -> bool:
    """Parse a boolean, or one of the texts true, false, yes, no, 1, 0; empty is false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().casefold()
    if word in _TRUE:
        return True
    if word in _FALSE or word in _EMPTY:
        return False
    raise ValueError(f"{name}: true or false is needed")


def moment(name: str, value: object) -> datetime | None:
    """Parse an aware datetime, or an ISO 8601 text such as ``2026-01-31T10:00:00-03:00``.

    :raises ValueError: the text is no such time, or has no time zone.
    """
    parsed = value if isinstance(value, datetime) else _parse_moment(name, optional_text(value))
    if parsed is not None and parsed.utcoffset() is None:
        raise ValueError(f"{name}: a time zone is needed, as in 2026-01-31T10:00:00-03:00")
    return parsed


def _parse_moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name}: an ISO 8601 time is needed, as in 2026-01-31T10:00:00-03:00") from None


def seconds(name: str, value: object) -> float:
    """Parse seconds, 0 or more, from a timedelta, a number or its text."""
    number = value.total_seconds() if isinstance(value, timedelta) else _number(name, value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{name}: a number of seconds from 0 on is needed")
    return number


def integer(name: str, value: object) -> int | None:
    """Parse a whole number or its text; None for an empty one."""
    if optional_text(value) is None:
        return None
    number = _number(name, value)
    if not number.is_integer():
        raise ValueError(f"{name}: a whole number is needed")
    return int(number)


def _number(name: str, value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise ValueError(f"{name}: a number is needed") from None


def texts(name: str, value: object) -> list[str] | None:
    """Parse several texts; None for an empty value.

    Accepts a list, tuple or set, the text of a JSON or Python list, or items separated by ``;`` or ``,``. Any other
    text is a list of one.
    """
    items = _items(name, value)
    return [str(item) for item in items] if items is not None else None


def _items(name: str, value: object) -> list[object] | None:
    if isinstance(value, str):
        text = optional_text(value)
        value = None if text is None else _split(name, text)
    if value is None:
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        return [*value]
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    raise ValueError(f"{name}: a text or a list of texts is needed, not {type(value).__name__}")


def _split(name: str, text: str) -> object:
    if text.lstrip().startswith("["):
        return literal(name, text)
    if text.lstrip().startswith("(") and isinstance(found := _tuple_in(text), tuple):
        return found
    return [part for part in (part.strip() for part in text.replace(";", ",").split(",")) if part]


def _tuple_in(text: str) -> object:
    """Return the tuple that a text shows; an area code in parentheses is none."""
    try:
        return literal("", text)
    except ValueError:
        return None


def phone_numbers(name: str, value: object) -> list[str] | None:
    """Parse several phone numbers as :func:`texts`; what a spreadsheet made of one is not split at its comma."""
    from airflow_provider_directcall.telephony.numbers import require_exact
    from airflow_provider_directcall.telephony.spreadsheets import spreadsheet_form

    is_one = (isinstance(value, str) and spreadsheet_form(value)) or isinstance(value, Number)
    items = [value] if is_one and not isinstance(value, bool) else _items(name, value)
    for item in items or []:
        if not spreadsheet_form(str(item)):  # else the text says more about what is wrong
            require_exact(item, argument=name)
    return [str(item) for item in items] if items is not None else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'busy'?`` for a word that is misspelt, else nothing."""
    import difflib

    spelled = word.strip().casefold().replace("-", "_").replace(" ", "_")
    close = difflib.get_close_matches(spelled, known, n=1, cutoff=0.7)
    return f"; did you mean '{close[0]}'?" if close else ""


def hours(name: str, value: object) -> tuple[int, int] | None:
    """Parse two whole numbers, separated as in :func:`texts`; None for an empty value."""
    numbers = [integer(name, text) for text in texts(name, value) or []]
    match numbers:
        case []:
            return None
        case [int(first), int(last)]:
            return first, last
    raise ValueError(f"{name}: two hours are needed, the first and the last")


def tags(name: str, value: object) -> dict[str, str] | None:
    """Parse a mapping of texts, or the JSON or Python text of one; numbers become texts.

    :raises ValueError: it is no mapping, or a value is neither text nor number.
    """
    if isinstance(value, str):
        text = optional_text(value)
        value = None if text is None else literal(name, text)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: a mapping of texts is needed, not {type(value).__name__}")
    return {str(key): _tag(name, str(key), item) for key, item in value.items()}


def wanted_tags(name: str, value: object) -> dict[str, str] | None:
    """Parse tags to search for; None for none, which would match everything.

    :raises ValueError: as :func:`tags`, or a value is empty.
    """
    wanted = tags(name, value)
    empty = sorted(key for key, text in (wanted or {}).items() if not text.strip())
    if empty:
        from airflow_provider_directcall.telephony.masking import mask_numbers_in

        raise ValueError(f"{name}: {mask_numbers_in(', '.join(empty))} is empty, and no row would ever match")
    return wanted or None


def share(name: str, value: object) -> float:
    """Parse a share, a number from 0 to 1, or its text."""
    number = _number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name}: a number from 0 to 1 is needed")
    return number


def _tag(name: str, key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        from airflow_provider_directcall.telephony.masking import mask_numbers_in

        raise ValueError(
            f"{name}: the value of {mask_numbers_in(key)!r} has to be a text or a number, not {type(value).__name__}"
        )
    return str(value)


def literal(name: str, text: str) -> object:
    """Parse JSON, or a Python literal: templates render lists and mappings as Python."""
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        try:
            parsed = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError(f"{name}: the text is neither JSON nor a Python literal") from None
    return parsed


#: Fields of a rule that are not texts.
_RULE_FIELDS: Final[Mapping[str, Callable[[str, object], object]]] = MappingProxyType(
    {
        "priority": integer,
        "wait_seconds": integer,
        "sound_id": integer,
        "record": boolean,
        "weekdays": texts,
        "sources": phone_numbers,
    }
)


def number_rule(item: object, *, name: str = "") -> NumberRule:
    """Parse a rule of a number: a rule, a mapping with values as templates render them, or the text of a mapping.

    :param name: of the argument, where the caller does not put it before the error.
    :raises ValueError: it is neither, or not a valid rule.
    """
    from airflow_provider_directcall.routing.rule_parsing import rule_from
    from airflow_provider_directcall.routing.rules import NumberRule

    if isinstance(item, NumberRule):
        return item
    given = literal("rule", item) if isinstance(item, str) else item
    if not isinstance(given, Mapping):
        place = f"{name}: " if name else ""
        raise ValueError(f"{place}a mapping or a rule is needed, not {type(given).__name__}")
    fields = {field: value for field, value in given.items() if optional_text(value) is not None}
    parsed = {
        field: _RULE_FIELDS[field](field, value) if field in _RULE_FIELDS else value for field, value in fields.items()
    }
    return rule_from({field: value for field, value in parsed.items() if value is not None})
