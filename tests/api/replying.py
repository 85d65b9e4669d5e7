"""Literal replies, parsed by the client's protocol without any I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

import httpx

from airflow_provider_directcall.api import protocol
from airflow_provider_directcall.api.requests import Listing, Request
from airflow_provider_directcall.api.settings import Settings

T = TypeVar("T")
Row = TypeVar("Row")

SETTINGS = Settings("me@example.com", "the-secret-of-the-account", default_origin="551130000001")


A, B = "5511990000001", "551130000001"
UUID = "00000000-0000-4000-8000-000000000000"
HEX = "0123456789abcdef0123456789abcdef01234567"
DAY = datetime(2024, 1, 31, tzinfo=UTC)

SENT = (
    b'{"api":"sms","modulo":"enviar","status":"ok","codigo":"000",'
    b'"msg":"001 - Mensagem enviada com sucessso - CALLER-ID: 10000000000001",'
    b'"destino":["5511990000001"],"callerid":"10000000000001",'
    b'"detalhe":[{"destino":"5511990000001","id_mensagem":10000000000107}],"novo_campo":1}'
)
NEW_RULES = (
    b'{"api":"did","modulo":"did-route","status":"ok","codigo":"000","msg":[],'
    b'"data":[{"dpId":"18000","did":"4130000001","priority":"2","action":"fwd",'
    b'"data":{"phone":"551130000002","wait":12},"timeout":null}]}'
)


def answer(
    request: Request[T],
    body: bytes | object,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    settings: Settings = SETTINGS,
) -> T:
    """Parse a reply to a request: bytes, or anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return protocol.read(request, settings, httpx.Response(status, content=content, headers=headers))


def first_page(listing: Listing[Row], body: bytes | object, settings: Settings = SETTINGS) -> tuple[Row, ...]:
    """Return the rows of a listing's first page."""
    return answer(listing.page(1), body, settings=settings).rows


def ok(**fields: object) -> dict[str, object]:
    """Return an envelope that accepts the request."""
    return {"api": "x", "modulo": "y", "status": "ok", "codigo": "000", **fields}
