"""Quirks of answers to a send: the faults of the same names, always in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.answers import ANSWERS, CHANGES
from airflow_provider_directcall.sandbox.faults import FAULT_KINDS, Fault
from airflow_provider_directcall.sandbox.quirks.kinds import Quirk

if TYPE_CHECKING:
    from collections.abc import Sequence

SENDS: Final = ("voz/call", "sms/send", "sms/lot-send")


def always(kind: str, endpoints: Sequence[str]) -> Quirk:
    """Return the quirk that is a fault at endpoints, always."""
    return Quirk(FAULT_KINDS[kind].description, faults=tuple(Fault(kind=kind, endpoint=name) for name in endpoints))


SEND_ANSWERS: Final[dict[str, Quirk]] = {
    kind: always(kind, SENDS)
    for name in (*ANSWERS, *CHANGES)
    for kind in (name, f"{name}_before", f"{name}_after")
    if kind in FAULT_KINDS
}
