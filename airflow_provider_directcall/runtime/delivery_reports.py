"""What a person is told about a request: its ids, and why nobody can say whether it took effect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final

from airflow_provider_directcall.delivery.matching import CLOCKS_APART
from airflow_provider_directcall.delivery.record import Record

#: What Directcall calls what it accepted -> what a person reads. They are XComs too, before any waiting.
ID_NAMES: Final = {"callerid": "callerid", "schedule_id": "schedule"}


def unknown_text(
    record: Record, reason: str, *, what: str, until: datetime, zone: tzinfo, whereabouts: str, remembers: bool
) -> str:
    """That it may be out, and what to do now: where to look, between when, and what follows from what one sees.

    :param reason: why nobody can say.
    :param what: what was to be sent, and to whom, numbers masked.
    :param until: the present; the window begins with the record's own time.
    :param zone: of the account, in which its statement's times are.
    :param whereabouts: where a person looks for it.
    :param remembers: whether a cleared task will look for it.
    """
    window = (record.since - CLOCKS_APART, until + CLOCKS_APART)
    first, last = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S%z}" for moment in window)
    clear = "it sends again, unless it finds it then" if remembers else "it sends again, without looking"
    return (
        f"The {what} may be out, and nobody can say (airflow_key {record.key}). Nothing is sent again by itself. Look "
        f"for it in {whereabouts} between {first} and {last}; a call stands there only after its end, what is "
        f"scheduled only after its time. If it is there, mark the task as success. If it is surely not, clear the "
        f"task: {clear}. What is known: {reason}"
    )


def changed_target_text(record: Record, whereabouts: str) -> str:
    """That an earlier try sent to others: neither its result nor a look for it would mean what it seems to mean."""
    return (
        f"The recipients or the account are not those of an earlier try (airflow_key {record.key}, phase "
        f"{record.phase}), and that one may have reached somebody; nothing is sent. A template, a mapped value or "
        f"the connection has changed since. See {whereabouts}; then clear the task to send to these"
    )


def named(ids: Mapping[str, str]) -> str:
    """The ids of what was sent as a person reads them."""
    return ", ".join(f"{word} {ids[key]}" for key, word in ID_NAMES.items() if key in ids)
