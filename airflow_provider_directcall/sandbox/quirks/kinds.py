"""The kinds of quirks: a quirk is data, and each kind applies in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.faults import Fault
    from airflow_provider_directcall.sandbox.replies import ApiReply, Fields, Json
    from airflow_provider_directcall.sandbox.statement_rows import RowFilter

Row: TypeAlias = "dict[str, Json]"
STATEMENTS: Final = ("extrato/list", "extrato/list-recordings", "extrato/list-sms")


@dataclass(frozen=True, slots=True)
class Quirk:
    """An alternative behaviour of the vendor.

    A quirk without any of these functions is a name that is looked up where it applies.
    """

    description: str
    reply: Callable[[ApiReply], ApiReply] | None = None
    """Changes the reply to a success at ``endpoints`` (``app``)."""
    endpoints: tuple[str, ...] = ()
    """Endpoints of ``reply``; empty: all."""
    query: Callable[[RowFilter], RowFilter] | None = None
    """Changes a statement query, or raises an ``ApiError`` (``endpoints.statement``)."""
    tags: Callable[[dict[str, str], int], dict[str, str]] | None = None
    """Returns tags as the account keeps them, by the setting ``tag_characters`` (``account``)."""
    row: Callable[[Row, float], Row] | None = None
    """Changes a statement row, by its age: the seconds since it is due in the statement (``endpoints.statement``)."""
    listed: Callable[[float], bool] | None = None
    """Returns whether a row of this age is in the statement (``account``)."""
    idle: Callable[[list[Json]], Fields] | None = None
    """Returns the reply of ``/voz/status`` without a live call, from the ended ones (``endpoints.calls``)."""
    faults: tuple[Fault, ...] = ()
    """Faults in force while the quirk is on (``account``)."""


def change_body(change: Callable[[Json], Json]) -> Callable[[ApiReply], ApiReply]:
    """Return a function that changes the body of a reply."""
    return lambda reply: replace(reply, body=change(reply.body))


def change_field(name: str, change: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """Return a function that changes one field of a body, where there is one."""
    return lambda body: {**body, name: change(body[name])} if isinstance(body, dict) and name in body else body
