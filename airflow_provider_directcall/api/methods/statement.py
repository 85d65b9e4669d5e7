"""The statement (``extrato``): calls, recordings, messages, balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from airflow_provider_directcall.api.methods.arguments import SEARCH_TAG, identifier, tag_params, window
from airflow_provider_directcall.api.replies import Balance, MessageRow, StatementRow
from airflow_provider_directcall.api.requests import Listing, Page, Request, TagSearch, Value, listing
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

Row = TypeVar("Row")

_TIME = "%Y%m%d%H%M%S"
_SEARCH: Final = f"campos[{SEARCH_TAG}]"


class CallFilter(StrEnum):
    """Calls of a statement (``tipoFiltro``). The vendor has four options; these words are assumed."""

    PLACED = "realizadas"
    RECEIVED = "recebidas"
    MISSED = "perdidas"
    ALL = "todas"


class MessageKind(StrEnum):
    """Messages of a statement of messages (``tipo``, assumed)."""

    TEXT = "texto"
    VOICE = "voz"


def list_statement(
    since: datetime,
    until: datetime,
    *,
    tags: Mapping[str, str] | None = None,
    origin: str | None = None,
    destination: str | None = None,
    callerid: str | None = None,
    calls: CallFilter | str | None = None,
    all_products: bool = False,
) -> Listing[StatementRow]:
    """List the calls of a closed window (``/extrato/list``), each once, in no particular order.

    A row appears some seconds after its call ended, so a missing row may still appear.

    :param since: aware; the first second (``dataInicial``).
    :param until: aware; the last second, included (``dataFinal``).
    :param tags: only calls that carry all of these (``campos``; that all have to match is assumed).
    :param origin: only calls from this number (``numeroOrigem``).
    :param destination: only calls to this number (``numeroDestino``).
    :param callerid: only this call (the id that ``place_call`` returned).
    :param calls: which calls (``tipoFiltro``); None lists placed ones; any word of the vendor's is accepted.
    :param all_products: calls of all the account's products (``getAllPins``); for an account's administrator.
    :raises ValueError: an argument is wrong; nothing was sent.
    """
    params = _window_params(since, until, origin, destination, callerid)
    if calls is not None:
        params["tipoFiltro"] = identifier("calls", str(calls))
    params["getAllPins"] = "true" if all_products else "false"
    params |= _search_params(tags)
    return listing("list_statement", params, StatementRow.from_fields, lambda row: row.key)


def list_recordings(
    since: datetime,
    until: datetime,
    *,
    tags: Mapping[str, str] | None = None,
    origin: str | None = None,
    destination: str | None = None,
    callerid: str | None = None,
    all_products: bool = False,
) -> Listing[StatementRow]:
    """List the recorded calls of a closed window (``/extrato/list-recordings``); recordings are kept 90 days.

    Parameters as :func:`list_statement`. The filter by tags is documented (``campos``); whether rows show them is not
    known, so ``campos[search]`` is not sent here, and a row without tags proves nothing.
    """
    params = _window_params(since, until, origin, destination, callerid)
    params["getAllPins"] = "true" if all_products else "false"
    params |= tag_params(tags)
    return listing("list_recordings", params, StatementRow.from_fields, lambda row: row.key)


def list_messages(
    since: datetime,
    until: datetime,
    *,
    tags: Mapping[str, str] | None = None,
    origin: str | None = None,
    destination: str | None = None,
    callerid: str | None = None,
    kind: MessageKind | str | None = None,
) -> Listing[MessageRow]:
    """List the messages sent in a closed window. The whole endpoint (``/extrato/list-sms``) is assumed.

    :param callerid: only the messages of one request (the id that ``send_sms`` returned).
    :param kind: texts or voice messages (``tipo``); None lists both. Others as :func:`list_statement`.
    """
    params = _window_params(since, until, origin, destination, callerid)
    if kind is not None:
        params["tipo"] = identifier("kind", str(kind))
    params |= _search_params(tags)
    return listing("list_messages", params, MessageRow.from_fields, lambda row: row.key)


def balance() -> Request[Balance]:
    """Ask for the balance of the account (``/extrato/saldo``). Its reply is known only in XML; JSON is inferred."""
    return Request("balance", {}, Balance.from_reply)


def without_search(listing: Listing[Row]) -> Listing[Row]:
    """Return a listing that asks only what is documented: without ``campos[search]``, whose effect is assumed."""

    def page(number: int) -> Request[Page[Row]]:
        request = listing.page(number)
        return replace(request, params={name: value for name, value in request.params.items() if name != _SEARCH})

    return replace(listing, page=page)


def _window_params(
    since: datetime, until: datetime, origin: str | None, destination: str | None, callerid: str | None
) -> dict[str, Value]:
    first, last = window(since, until, _TIME)
    params: dict[str, Value] = {"dataInicial": first, "dataFinal": last}
    if origin is not None:
        params["numeroOrigem"] = parse_number(origin, argument="origin", allow=ALL_KINDS).digits
    if destination is not None:
        params["numeroDestino"] = parse_number(destination, argument="destination", allow=ALL_KINDS).digits
    if callerid is not None:
        params["callerid"] = identifier("callerid", callerid)
    return params


def _search_params(tags: Mapping[str, str] | None) -> dict[str, Value]:
    return {**tag_params(tags), _SEARCH: TagSearch()}
