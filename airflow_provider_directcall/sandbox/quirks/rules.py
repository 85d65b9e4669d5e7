"""Quirks of number rules: ``/did/route``, ``/did/save``, ``/did/remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.faults import Fault
from airflow_provider_directcall.sandbox.quirks.answers import always
from airflow_provider_directcall.sandbox.quirks.kinds import Quirk, change_body

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.replies import Json

WRITES: Final = ("did/save", "did/remove")


def _with_unknown_fields(body: Json) -> Json:
    if not isinstance(body, dict):
        return body
    rows = body.get("data")
    return {**body, "servidor": "web3", "data": [_unknown_row(row) for row in rows] if isinstance(rows, list) else rows}


def _unknown_row(row: Json) -> Json:
    if not isinstance(row, dict):
        return row
    data = row.get("data")
    shown = {**data, "cor": "azul"} if isinstance(data, dict) else data
    return {**row, "rotulo": "matriz", "grupo": {"id": "7"}, "data": shown}


RULES: Final[dict[str, Quirk]] = {
    "route_other_numbers": Quirk("/did/route lists the rules of all numbers"),
    "route_empty_first": Quirk(
        "the first /did/route of each number shows no rules",
        faults=(Fault(kind="empty_list", endpoint="did/route", each="did", times=1),),
    ),
    "route_one_write_behind": Quirk("/did/route lacks the last write, as a replica does"),
    "route_unknown_fields": Quirk(
        "/did/route has unknown fields in the envelope, in rules and in their data",
        change_body(_with_unknown_fields),
        ("did/route",),
    ),
    **{kind: always(kind, WRITES) for kind in ("ignored_write", "neighbour_write")},
}
