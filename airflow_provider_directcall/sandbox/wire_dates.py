"""The API's three formats of a moment, all in local time without a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A PHP ``date()`` format: its letters, the shape of its text, and the same for ``strptime``."""

    php: str
    shape: re.Pattern[str]
    python: str


COMPACT: Final = DateFormat("YmdHis", re.compile(r"[0-9]{14}"), "%Y%m%d%H%M%S")
"""Statements: ``dataInicial``, ``dataFinal``."""
DASHES: Final = DateFormat("d-m-Y-H-i-s", re.compile(r"[0-9]{2}-[0-9]{2}-[0-9]{4}(-[0-9]{2}){3}"), "%d-%m-%Y-%H-%M-%S")
"""``cron``, and the dates of the older /sms/received."""
READABLE: Final = DateFormat(
    "Y-m-d H:i:s", re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"), "%Y-%m-%d %H:%M:%S"
)
"""/sms/recebimento, and every moment in a reply."""


def read_moment(text: str, form: DateFormat, zone: ZoneInfo) -> float:
    """Parse a local time to seconds since the epoch; ``ValueError`` for another form or an invalid date."""
    if not form.shape.fullmatch(text):
        raise ValueError(f"not in the form {form.php}")
    return datetime.strptime(text, form.python).replace(tzinfo=zone).timestamp()


def write_moment(moment: float, zone: ZoneInfo) -> str:
    """Format a moment as replies show it, cut to the second."""
    return local(moment, zone).strftime(READABLE.python)


def local(moment: float, zone: ZoneInfo) -> datetime:
    """Return the aware local datetime of seconds since the epoch."""
    return datetime.fromtimestamp(moment, zone)


def write_duration(seconds: float) -> str:
    """Format a duration as ``HH:MM:SS``; hours may exceed 99."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}"
