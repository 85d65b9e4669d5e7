"""Rows of the statement -> whether a request is among them.

The statement is asked for the rows with the request's key. That a filter by tag works is documented; that rows show
their tags is assumed. So a row that shows our key is ours, one that shows another is not, and one that shows no tags at
all is ours only if it goes to where our request went. One of ours without an id proves that it is there, and cannot be
followed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.settling import Seen, Sighting

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import CallLeg, MessageRow, StatementRow

    Row = StatementRow | MessageRow

#: The vendor's code for "no call is active between the two" (documented).
NOT_ACTIVE: Final = "003"


def call_sighting(rows: Iterable[StatementRow], key: str, destination: str) -> Sighting:
    """Whether a call is in the statement.

    :param rows: what the statement gave for the key.
    :param destination: digits of the called number.
    """
    return _sighting(list(rows), key, {destination})


def message_sighting(rows: Iterable[MessageRow], key: str, destinations: Collection[str]) -> Sighting:
    """Whether a message is in the statement; it has a row for each recipient.

    :param rows: what the statement gave for the key.
    :param destinations: digits of all recipients.
    """
    found = list(rows)
    sighting = _sighting(found, key, destinations)
    if sighting.seen is Seen.THERE and len(own_rows(found, key, destinations)) < len(destinations):
        return Sighting(Seen.PARTLY_THERE, sighting.ids)
    return sighting


def progress_sighting(legs: Collection[CallLeg]) -> Sighting:
    """What it means that a call between the two parties is, or is not, in progress."""
    return Sighting(Seen.IN_PROGRESS if legs else Seen.NOTHING)


def own_rows(rows: Iterable[MessageRow], key: str, destinations: Collection[str]) -> list[MessageRow]:
    """The rows of one message."""
    return [row for row in rows if _is_ours(row, key, destinations)]


def _sighting(rows: list[StatementRow] | list[MessageRow], key: str, destinations: Collection[str]) -> Sighting:
    ours = next((row for row in rows if row.callerid is not None and _is_ours(row, key, destinations)), None)
    if ours is not None and ours.callerid is not None:
        return Sighting(Seen.THERE, {"callerid": ours.callerid})
    cannot_be_told = any(not row.tags or _is_ours(row, key, destinations) for row in rows)
    return Sighting(Seen.UNPROVEN if cannot_be_told else Seen.NOTHING)


def _is_ours(row: Row, key: str, destinations: Collection[str]) -> bool:
    shown = row.tags.get(KEY_TAG)
    if shown is not None or row.tags:
        return shown == key
    return row.destination is not None and any(_same_number(row.destination, number) for number in destinations)


def _same_number(one: str, other: str) -> bool:
    """Whether two numbers are the same, with or without the country code."""
    return one.removeprefix("55") == other.removeprefix("55") or one == other
