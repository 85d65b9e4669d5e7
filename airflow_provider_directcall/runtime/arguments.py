"""Arguments as they come out of templates -> typed values.

Jinja gives texts, whatever the template was made of: ``true``, ``2026-01-31 10:00:00+00:00``, ``{'id': '7'}``. A value
that never met a template passes unchanged, and an empty text or ``None`` means: not given. Every ValueError names the
argument and never shows the value, which may hold numbers.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

_NOTHING: Final = frozenset({"", "none", "null"})
_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0"})


def optional_text(value: object) -> str | None:
    """A text, or None where nothing was given; a number becomes a text."""
    if value is None or (isinstance(value, str) and value.strip().casefold() in _NOTHING):
        return None
    return str(value)


def boolean(name: str, value: object) -> bool:
    """True or false from a boolean or one of the texts true, false, yes, no, 1, 0; nothing is false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().casefold()
    if word in _TRUE:
        return True
    if word in _FALSE or word in _NOTHING:
        return False
    raise ValueError(f"{name}: true or false is needed")


def moment(name: str, value: object) -> datetime | None:
    """An aware datetime from one, or from an ISO 8601 text such as ``2026-01-31T10:00:00-03:00``.

    :raises ValueError: the text is no such time, or there is no time zone in it.
    """
    parsed = value if isinstance(value, datetime) else _parsed_moment(name, optional_text(value))
    if parsed is not None and parsed.utcoffset() is None:
        raise ValueError(f"{name}: a time zone is needed, as in 2026-01-31T10:00:00-03:00")
    return parsed


def _parsed_moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name}: an ISO 8601 time is needed, as in 2026-01-31T10:00:00-03:00") from None


def seconds(name: str, value: object) -> float:
    """Seconds, 0 or more, from a timedelta, a number or a text of one."""
    number = value.total_seconds() if isinstance(value, timedelta) else _number(name, value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{name}: a number of seconds from 0 on is needed")
    return number


def integer(name: str, value: object) -> int | None:
    """A whole number from one or from a text of one, or None where nothing was given."""
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
    """Several texts, or None where nothing was given.

    They come from a list, tuple or set, from the text of a JSON or Python list, or from a text with ``;`` or ``,``
    between them; a text without any of these is a list of one.
    """
    if isinstance(value, str):
        text = optional_text(value)
        value = None if text is None else _listed(name, text)
    if value is None:
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        return [str(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return [str(value)]
    raise ValueError(f"{name}: a text or a list of texts is needed, not {type(value).__name__}")


def _listed(name: str, text: str) -> object:
    if text.lstrip().startswith(("[", "(")):
        return literal(name, text)
    return [part for part in (part.strip() for part in text.replace(";", ",").split(",")) if part]


def hours(name: str, value: object) -> tuple[int, int] | None:
    """Two whole numbers, as :func:`texts` finds them, or None where nothing was given."""
    numbers = [integer(name, text) for text in texts(name, value) or []]
    match numbers:
        case []:
            return None
        case [int(first), int(last)]:
            return first, last
    raise ValueError(f"{name}: two hours are needed, the first and the last")


def tags(name: str, value: object) -> dict[str, str] | None:
    """Texts by name: from a mapping, or from the text of a JSON or Python one; numbers become texts.

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


def _tag(name: str, key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        from airflow_provider_directcall.telephony.masking import mask_numbers_in

        raise ValueError(
            f"{name}: the value of {mask_numbers_in(key)!r} has to be a text or a number, not {type(value).__name__}"
        )
    return str(value)


def literal(name: str, text: str) -> object:
    """What JSON or Python source says: a template shows a list or a mapping in Python's way."""
    try:
        parsed: object = json.loads(text)
    except ValueError:
        try:
            parsed = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError(f"{name}: the text is neither JSON nor a Python literal") from None
    return parsed
