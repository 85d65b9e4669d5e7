"""Registration of webhooks. The sandbox keeps them and calls none: what the vendor would send is not known."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from airflow_provider_directcall.sandbox.records import CallbackRecord
from airflow_provider_directcall.sandbox.replies import ApiError, ApiReply, Json, envelope
from airflow_provider_directcall.sandbox.requests import invalid

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.requests import ApiRequest

Handler: TypeAlias = "Callable[[Account, ApiRequest], ApiReply]"
Purpose = Literal["call-status", "sms-status", "sms-received"]

_URL: Final = re.compile(r"https?://[^\s/]+(/\S*)?")


def add(purpose: Purpose, modulo: str) -> Handler:
    """Register a URL. A success carries codigo 001, and api ``sms`` even for calls, as the vendor shows it."""

    def handler(account: Account, request: ApiRequest) -> ApiReply:
        url = request.required("url")
        if not _URL.fullmatch(url):
            raise invalid("url")
        record = CallbackRecord(code=secrets.token_hex(20), purpose=purpose, url=url, pin=request.text("pin"))
        account.store.callbacks[record.code] = record
        account.store.effects.add("callbacks_added")
        text = "URL de Callback cadastrada com sucesso."
        return ApiReply(envelope("sms", modulo, codigo="001", msg=text, code=record.code))

    return handler


def list_all(api: str, purposes: frozenset[Purpose]) -> Handler:
    """List the URLs registered for some purposes (the items' names are assumed)."""

    def handler(account: Account, request: ApiRequest) -> ApiReply:
        rows: list[Json] = [
            {"code": record.code, "url": record.url}
            for record in account.store.callbacks.values()
            if record.purpose in purposes
        ]
        return ApiReply(envelope(api, "list-callback", msg=rows))

    return handler


def remove(api: str, purposes: frozenset[Purpose]) -> Handler:
    """Forget a URL by its ``code``."""

    def handler(account: Account, request: ApiRequest) -> ApiReply:
        record = account.store.callbacks.get(request.required("code"))
        if record is None or record.purpose not in purposes:
            raise ApiError("010", "Identificador nao existe ou foi cancelado anteriormente")
        del account.store.callbacks[record.code]
        account.store.effects.add("callbacks_removed")
        return ApiReply(envelope(api, "remove-callback"))

    return handler
