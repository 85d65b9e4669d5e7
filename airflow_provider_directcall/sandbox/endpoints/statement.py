"""Endpoints of the statements of calls, recordings and messages, and of the balance: ``/extrato/...``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import ceil
from typing import TYPE_CHECKING, Final, TypeVar

from airflow_provider_directcall.sandbox.lifecycle import MessagePhase, message_phase, message_times
from airflow_provider_directcall.sandbox.quirks import active, change_row
from airflow_provider_directcall.sandbox.requests import SEARCH_KEYS, invalid
from airflow_provider_directcall.sandbox.statement_rows import (
    KINDS,
    PLACED,
    RowFilter,
    find,
    format_row,
    page_positions,
    seeded,
    shuffled,
)
from airflow_provider_directcall.sandbox.tariff import format_price, message_price
from airflow_provider_directcall.sandbox.wire_dates import COMPACT

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.records import MessageRecord
    from airflow_provider_directcall.sandbox.replies import Fields, Json
    from airflow_provider_directcall.sandbox.requests import ApiRequest

ItemT = TypeVar("ItemT")
_LAST_PAGE = 10**8
BALANCE: Final = "1234.56"


def list_calls(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/extrato/list``: calls placed or received."""
    kind = request.text("tipoFiltro") or PLACED
    if kind not in KINDS:
        raise invalid("tipoFiltro")
    return _call_rows(account, request, _read_query(account, request, recorded_only=False), kind)


def list_recordings(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/extrato/list-recordings``: recorded calls, with a link to each audio."""
    return _call_rows(account, request, _read_query(account, request, recorded_only=True), "todas")


def _call_rows(account: Account, request: ApiRequest, query: RowFilter, kind: str) -> Fields:
    found = find(account, query, kind)
    quirks = account.settings.quirks
    legs = 2 if "leg_rows" in quirks else 1
    count = len(found) * legs
    rows: list[Json] = []
    for position in _positions(account, request, query.page, count):
        row = found.row(position // legs)
        fields = format_row(account, row, request.base_url, with_tags=query.with_tags)
        if legs > 1 and position % legs == 0:
            fields = {**fields, "destino": row.origin, "status": "atendida", "valor": row.origin_leg_price()}
        rows.append(change_row(fields, row.age, quirks))
    return _reply(account, request, rows, count)


def list_messages(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/extrato/list-sms`` (assumed): SMS and voice messages."""
    kind = request.text("tipo")
    if kind not in {None, "texto", "voz"}:
        raise invalid("tipo")
    query = _read_query(account, request, recorded_only=False)
    quirks = account.settings.quirks
    made_up = chain.from_iterable(block.messages() for block in seeded(account, "messages"))
    found = [
        message
        for message in chain(made_up, account.store.messages.values())
        if kind in {None, message.kind}
        and query.matches(message, account.kept_tags(message.tags))
        and _listed(account, message)
    ]
    rows: list[Json] = []
    for position in _positions(account, request, query.page, len(found)):
        message = found[position]
        fields = _message_row(account, message, with_tags=query.with_tags)
        rows.append(change_row(fields, account.statement_age(*_due(account, message)), quirks))
    return _reply(account, request, rows, len(found))


def show_balance(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/extrato/saldo``: an invented balance, the same after every charge. That it is in ``msg`` is assumed."""
    return {"msg": {"moeda": "BRL", "saldo": BALANCE}}


def _read_query(account: Account, request: ApiRequest, *, recorded_only: bool) -> RowFilter:
    tags = request.tags()
    searches = [value for key, value in tags.items() if key in SEARCH_KEYS]
    query = RowFilter(
        since=request.required_moment("dataInicial", COMPACT),
        until=request.required_moment("dataFinal", COMPACT),
        origin=request.text("numeroOrigem"),
        destination=request.text("numeroDestino"),
        callerid=request.text("callerid"),
        recorded_only=recorded_only,
        tags=tuple((key, value) for key, value in tags.items() if key not in SEARCH_KEYS),
        search=searches[0] if searches else None,
        with_tags=any(value != "n" for value in searches),
        page=request.integer("pagina", 1, _LAST_PAGE) or 1,
    )
    for quirk in active(account.settings.quirks):
        if quirk.query is not None:
            query = quirk.query(query)
    return query


def _positions(account: Account, request: ApiRequest, page: int, count: int) -> Sequence[int]:
    size = account.settings.page_size
    order = request.context.page_order
    pages = ceil(count / size)
    if order is not None and page <= pages:
        page = shuffled(pages, order)[page - 1] + 1
    return page_positions(count, page, size, account.settings.statement_shuffle)


def _reply(account: Account, request: ApiRequest, rows: list[Json], count: int) -> Fields:
    if request.context.duplicate_rows:
        rows = [*rows, *rows[: ceil(len(rows) / 2)]]
    return {"msg": rows, "paginas": ceil(count / account.settings.page_size)}


def _listed(account: Account, message: MessageRecord) -> bool:
    cancelled = message.cancelled_at is not None and not account.settings.scheduled_in_statement
    return not cancelled and account.in_statement(*_due(account, message))


def _due(account: Account, message: MessageRecord) -> tuple[str, float, float]:
    """Return the id of a message's row, the message's beginning, and when it counts as sent."""
    row_id = str(message.message_id)
    if account.settings.scheduled_in_statement:
        return row_id, message.accepted_at, message.accepted_at
    return row_id, message.starts_at, message_times(message, account.config.zone).sent_at


def _message_row(account: Account, message: MessageRecord, *, with_tags: bool) -> dict[str, Json]:
    phase: MessagePhase = message_phase(message, account.lifecycle_time(message.starts_at), account.config.zone)
    fields: dict[str, Json] = {
        "origem": message.origin,
        "destino": message.destination,
        "inicio": account.format_moment(message.starts_at),
        "tipo": message.kind,
        "texto": message.text,
        "status": phase.value,
        "callerid": message.callerid,
        "id_mensagem": message.message_id,
        "valor": format_price(message_price(message, phase, account.settings.sms_counting)),
    }
    if with_tags:
        fields["campos"] = {**account.kept_tags(message.tags)}
    return fields
