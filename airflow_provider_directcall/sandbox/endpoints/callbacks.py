"""Registration of webhooks. The sandbox stores them and calls none: the vendor's requests to them are not known."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from airflow_provider_directcall.sandbox.records import CallbackRecord
from airflow_provider_directcall.sandbox.replies import ApiError
from airflow_provider_directcall.sandbox.requests import invalid

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.replies import Fields
    from airflow_provider_directcall.sandbox.requests import ApiRequest

Handler: TypeAlias = "Callable[[Account, ApiRequest], Fields]"
Purpose = Literal["call-status", "sms-status", "sms-received"]

_URL: Final = re.compile(r"https?://[^\s/]+(/\S*)?")


def add(purpose: Purpose) -> Handler:
    """Return the handler that registers a URL; its success carries codigo 001, as the vendor shows it."""

    def handler(account: Account, request: ApiRequest) -> Fields:
        url = request.required("url")
        if not _URL.fullmatch(url):
            raise invalid("url")
        record = CallbackRecord(code=secrets.token_hex(20), purpose=purpose, url=url, pin=request.text("pin"))
        account.store.callbacks[record.code] = record
        account.store.effects.add("callbacks_added")
        return {"codigo": "001", "msg": "URL de Callback cadastrada com sucesso.", "code": record.code}

    return handler


def list_all(*purposes: Purpose) -> Handler:
    """Return the handler that lists the URLs of some purposes (the items' names are assumed)."""

    def handler(account: Account, request: ApiRequest) -> Fields:
        records = (record for record in account.store.callbacks.values() if record.purpose in purposes)
        return {"msg": [{"code": record.code, "url": record.url} for record in records]}

    return handler


def remove(*purposes: Purpose) -> Handler:
    """Return the handler that removes a URL by its ``code``."""

    def handler(account: Account, request: ApiRequest) -> Fields:
        record = account.store.callbacks.get(request.required("code"))
        if record is None or record.purpose not in purposes:
            raise ApiError.not_found()
        del account.store.callbacks[record.code]
        account.store.effects.add("callbacks_removed")
        return {}

    return handler
