"""Parsers of single values: times, durations, money, ids, words. Lenient: unreadable values become None."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.replies.envelope import Json

_WIRE_TIME = "%Y-%m-%d %H:%M:%S"
_NO_IDS = frozenset({"", "false", "n/a", "none", "null"})
_DURATION = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{2})", re.ASCII)
_PRICE = re.compile(r"-?\d{1,18}(?:[.,]\d{1,18})?", re.ASCII)


def text_or_none(value: Json) -> str | None:
    """Return a text or a number as a stripped text; None for anything else and for an empty text."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value).strip() or None


def id_or_none(value: Json) -> str | None:
    """Return an id as a text; None also for zeros and for a word such as "null", which stand for no id."""
    text = text_or_none(value)
    return text if text is not None and text.casefold().strip(" 0-") not in _NO_IDS else None


def integer_or_none(value: Json) -> int | None:
    """Parse an integer or a text of digits."""
    text = text_or_none(value)
    return int(text) if text is not None and re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None


def moment_or_none(value: Json, zone: ZoneInfo) -> datetime | None:
    """Parse ``Y-m-d H:i:s`` into an aware datetime in the account's zone."""
    try:
        return datetime.strptime(str(value), _WIRE_TIME).replace(tzinfo=zone)
    except ValueError:
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


def folded(text: str) -> str:
    """Fold a text for comparison: lower case, no accents, single blanks."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(plain.casefold().split())


def tags_of(value: Json) -> Mapping[str, str]:
    """Parse ``campos``: an object of texts, or a list of ``{"campo", "valor"}``; anything else is empty.

    PHP writes an empty map as ``[]``, and a map with the keys 0, 1, 2 and so on as a list of its values.
    """
    if isinstance(value, list):
        pairs = [_tag_of(place, item) for place, item in enumerate(value)]
        return {str(name): _tag_text(item) for name, item in pairs if name is not None}
    if isinstance(value, dict):
        return {key: _tag_text(item) for key, item in value.items()}
    return {}


def _tag_of(place: int, item: Json) -> tuple[Json, Json]:
    return (item.get("campo"), item.get("valor")) if isinstance(item, dict) else (str(place), item)


def _tag_text(value: Json) -> str:
    return "" if value is None else str(value)
