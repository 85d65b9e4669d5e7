"""Protection of the sandbox's own pages from other sites whose names lead to this machine (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from airflow_provider_directcall.sandbox.account import Account

Handler: TypeAlias = "Callable[[Request], Awaitable[Response]]"


def for_own_hosts(account: Account, handler: Handler) -> Handler:
    """Return a handler that answers requests for another host with 403."""

    async def respond(request: Request) -> Response:
        if not has_own_host(account, request):
            return PlainTextResponse("the request is for another host\n", status_code=403)
        return await handler(request)

    return respond


def has_own_host(account: Account, request: Request) -> bool:
    """Return whether Host is an IP address or a name of this machine; a name that a stranger chose may lead here."""
    # An address without a name cannot be rebound to another one, so it proves itself.
    name = _host_name(f"//{request.headers.get('host', '')}")
    if name in {"localhost", *account.config.host_names}:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
