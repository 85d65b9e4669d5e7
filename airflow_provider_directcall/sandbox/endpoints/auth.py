"""Endpoints of access tokens and browser keys."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from airflow_provider_directcall.sandbox.replies import ApiError, ApiReply

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.requests import ApiRequest


def request_token(account: Account, request: ApiRequest) -> ApiReply:
    """Serve ``/request_token``: a token, or ``access_token`` false with a text."""
    if not _known(account, request):
        return ApiReply({"access_token": False, "msg": "Cliente ou senha invalidos"})
    settings = account.settings
    token = account.tokens.issue(settings.token_life, as_hex="hex_token" in settings.quirks)
    account.store.effects.add("tokens_issued")
    return ApiReply({"access_token": token})


def encrypt(account: Account, request: ApiRequest) -> ApiReply:
    """Serve ``/encrypt``: a new browser key each time."""
    if not _known(account, request):
        raise ApiError.bad_credentials()
    if request.text("destino") is not None:
        request.phone("destino", sip=True)
    account.store.effects.add("ciphers_issued")
    return ApiReply({"cipher": secrets.token_urlsafe(18)})


def _known(account: Account, request: ApiRequest) -> bool:
    given = f"{request.text('client_id')}\n{request.text('client_secret')}"
    wanted = f"{account.config.client_id}\n{account.config.client_secret}"
    return hmac.compare_digest(given.encode(), wanted.encode())
