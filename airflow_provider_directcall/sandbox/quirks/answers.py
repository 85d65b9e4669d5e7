"""Quirks of answers to a send and of transport: the faults of the same names, always in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.answers import ANSWERS, CHANGES, TRANSPORT_ANSWERS
from airflow_provider_directcall.sandbox.faults import FAULT_KINDS, Fault
from airflow_provider_directcall.sandbox.quirks.kinds import Quirk

if TYPE_CHECKING:
    from collections.abc import Sequence

SENDS: Final = ("voz/call", "sms/send", "sms/lot-send")


def always(kind: str, endpoints: Sequence[str]) -> Quirk:
    """Return the quirk that is a fault at endpoints, always."""
    return Quirk(FAULT_KINDS[kind].description, faults=tuple(Fault(kind=kind, endpoint=name) for name in endpoints))


_WORK: Final = (*SENDS, "sms/status", "voz/status", "extrato/list", "extrato/list-sms", "did/route")
SEND_ANSWERS: Final[dict[str, Quirk]] = {
    kind: always(kind, SENDS)
    for name in (*ANSWERS, *CHANGES)
    for kind in (name, f"{name}_before", f"{name}_after")
    if kind in FAULT_KINDS
}

TRANSPORT: Final[dict[str, Quirk]] = {
    kind: always(kind, _WORK)
    for kind in (
        "one_byte_a_second",
        "gzip_bomb",
        "previous_reply",
        *(f"{name}_{side}" for name in TRANSPORT_ANSWERS for side in ("before", "after")),
    )
}
