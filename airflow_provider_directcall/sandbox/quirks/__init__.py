"""Quirks: alternative behaviours of the vendor, switched on by name; none is on by default.

To add one, add a row to a table of this package and to docs/sandbox.md: ``SandboxConfig``, the command line and the
control endpoint take its name from there. ``kinds`` lists the kinds and where each applies. Quirks apply in the order
of the table, so those of contents come before those of form.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.quirks.answers import SEND_ANSWERS, TRANSPORT
from airflow_provider_directcall.sandbox.quirks.calls import CALLS
from airflow_provider_directcall.sandbox.quirks.forms import FORMS
from airflow_provider_directcall.sandbox.quirks.rules import RULES
from airflow_provider_directcall.sandbox.quirks.statement import STATEMENT

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.faults import Fault
    from airflow_provider_directcall.sandbox.quirks.kinds import Quirk, Row
    from airflow_provider_directcall.sandbox.replies import ApiReply

QUIRKS: Final[dict[str, Quirk]] = {**RULES, **CALLS, **STATEMENT, **FORMS, **SEND_ANSWERS, **TRANSPORT}


@lru_cache(maxsize=1024)
def active(names: frozenset[str]) -> tuple[Quirk, ...]:
    """Return the quirks of these names, in the order of the table."""
    return tuple(quirk for name, quirk in QUIRKS.items() if name in names)


def faults_of(names: frozenset[str]) -> dict[str, tuple[Fault, ...]]:
    """Return the faults of the quirks of these names."""
    return {name: quirk.faults for name, quirk in QUIRKS.items() if name in names and quirk.faults}


def change_reply(reply: ApiReply, endpoint: str, names: frozenset[str]) -> ApiReply:
    """Apply the quirks that are on to the reply to a success."""
    for quirk in active(names):
        if quirk.reply is not None and (not quirk.endpoints or endpoint in quirk.endpoints):
            reply = quirk.reply(reply)
    return reply


def change_row(row: Row, age: float, names: frozenset[str]) -> Row:
    """Apply the quirks that are on to a statement row of an age in seconds."""
    for quirk in active(names):
        if quirk.row is not None:
            row = quirk.row(row, age)
    return row
