"""Parsers of single values: times, durations, money, ids, words. Lenient: unreadable values become None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.replies.envelope import Json, UnreadableError, decoded

_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")
_DATES = ("%Y-%m-%d", "%d/%m/%Y")
#: Times outside these years are placeholders, and some of them overflow in other zones.
_YEARS = range(1990, 2200)
_TAG_NAMES = ("campo", "chave", "nome")
#: Words that stand for no id, without the zeros and marks around them.
_NO_IDS = frozenset({"", "false", "inf", "infinity", "n/a", "nan", "nil", "none", "null", "undefined", "unknown"})
_NEGATIVE = re.compile(r"-\d+(?:\.0+)?", re.ASCII)
#: What an id may be: a longer one would not fit into a record, and one with blanks would be a text.
_ID = re.compile(r"[!-~]{1,128}")
#: Beyond this, a float is not one integer.
_LARGEST_FLOAT = 2.0**53
_DURATION = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{2})", re.ASCII)
_PRICE = re.compile(r"-?\d{1,18}(?:[.,]\d{1,18})?", re.ASCII)


def text_or_none(value: Json) -> str | None:
    """Return a text or a number as a stripped text; None for anything else and for an empty text.

    A float that is an integer is one: some servers write numbers and ids as ``5511990000001.0``.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_FLOAT:
        value = int(value)
    return str(value).strip() or None


def is_no_id(text: str) -> bool:
    """Whether a text stands for no id: a zero, a negative number, a word such as "null"."""
    return text.casefold().strip(" 0-.") in _NO_IDS or _NEGATIVE.fullmatch(text) is not None


def id_or_none(value: Json) -> str | None:
    """Return an id as a text; None also for what stands for no id, and for a text that cannot be one."""
    text = text_or_none(value)
    return text if text is not None and _ID.fullmatch(text) and not is_no_id(text) else None


def row_id_or_none(value: Json, *numbers: str | None) -> str | None:
    """Return the id of a row; None also for one of the row's numbers, which is a caller id of the other kind."""
    text = id_or_none(value)
    return None if text is not None and text.lstrip("+") in numbers else text


def integer_or_none(value: Json) -> int | None:
    """Parse an integer or a text of digits."""
    text = text_or_none(value)
    return int(text) if text is not None and re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None


def moment_or_none(value: Json, zone: ZoneInfo) -> datetime | None:
    """Parse ``Y-m-d H:i:s`` or ``d/m/Y H:i:s``, with or without seconds, as aware in the account's zone."""
    return _moment(value, _TIMES, zone)


def _moment(value: Json, patterns: tuple[str, ...], zone: tzinfo) -> datetime | None:
    text = str(value).strip().replace("T", " ")
    for pattern in patterns:
        try:
            moment = datetime.strptime(text, pattern).replace(tzinfo=zone)
        except ValueError:
            continue
        return moment if moment.year in _YEARS else None
    return None


def seconds_or_none(value: Json) -> int | None:
    """Parse ``HH:MM:SS`` (hours may exceed 24), ``MM:SS`` or a number of seconds into seconds."""
    text = text_or_none(value)
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        return integer_or_none(text)
    hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def price_or_none(value: Json) -> Decimal | None:
    """Parse a number, or a text with decimal point or comma, into Decimal (BRL)."""
    text = text_or_none(value)
    return Decimal(text.replace(",", ".")) if text is not None and _PRICE.fullmatch(text) else None


def date_or_none(value: Json) -> date | None:
    """Parse a date as ``Y-m-d`` or ``d/m/Y``, with or without a time."""
    moment = _moment(value, (*_TIMES, *_DATES), UTC)
    return moment.date() if moment is not None else None


def link_or_none(value: Json) -> str | None:
    """Return an http or https address; None for anything else, such as a script."""
    text = text_or_none(value)
    return text if text is not None and re.match(r"https?://[^\s/]", text, re.IGNORECASE) else None


def tags_of(value: Json) -> Mapping[str, str]:
    """Parse ``campos``; anything unreadable is empty.

    Forms: an object of texts, the same as JSON text, a list of pairs, or a list of objects with ``valor`` beside
    ``campo``, ``chave`` or ``nome``. PHP writes an empty map as ``[]``, and a map with the keys 0, 1, 2 as a list.
    """
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            value = decoded(value, "campos")
        except UnreadableError:
            return {}
    if isinstance(value, list):
        pairs = [_tag_of(place, item) for place, item in enumerate(value)]
        return {str(name): _tag_text(item) for name, item in pairs if name is not None}
    if isinstance(value, dict):
        return {key: _tag_text(item) for key, item in value.items()}
    return {}


def _tag_of(place: int, item: Json) -> tuple[Json, Json]:
    if isinstance(item, dict):
        name = next((item[key] for key in _TAG_NAMES if item.get(key) is not None), None)
        return name, item.get("valor")
    if isinstance(item, list):
        return (item[0], item[1]) if len(item) == 2 and text_or_none(item[0]) else (None, None)
    return str(place), item


def _tag_text(value: Json) -> str:
    return "" if value is None else str(value)
