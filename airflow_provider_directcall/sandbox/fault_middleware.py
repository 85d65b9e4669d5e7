"""ASGI middleware that counts requests, injects faults and logs one line per request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.requests import Request

from airflow_provider_directcall.sandbox.connection_faults import (
    REPLIES_KEY,
    CapturedReply,
    ClientConnection,
    ReplyCapture,
    read_body,
    replay,
)
from airflow_provider_directcall.sandbox.faults import FAULT_KINDS
from airflow_provider_directcall.sandbox.requests import CONTEXT_KEY, RequestContext, read_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from airflow_provider_directcall.sandbox.faults import After, Change, Fault
    from airflow_provider_directcall.sandbox.php_forms import PhpArray

log = logging.getLogger(__name__)


class FaultMiddleware:
    """Middleware around an app.

    :param endpoints: endpoint names by path; other paths pass unchanged.
    :param draw: returns the faults of a request, by endpoint and fields; called exactly once per request.
    """

    def __init__(
        self, app: ASGIApp, endpoints: Mapping[str, str], draw: Callable[[str, PhpArray], list[Fault]]
    ) -> None:
        self._app = app
        self._endpoints = endpoints
        self._draw = draw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        name = self._endpoints.get(scope["path"])
        context = RequestContext(name or "", scope["path"])
        scope.setdefault("state", {})[CONTEXT_KEY] = context
        if name is None:
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        status = _ReplyRecorder(send, scope["state"].setdefault(REPLIES_KEY, []))
        client = ClientConnection(scope, receive, status, context)
        await self._serve(scope, body, client, receive, status)
        log.info(
            "%s %s -> %s%s%s",
            scope["method"],
            scope["path"],
            status.http_status or "no reply",
            f" {context.summary}" if context.summary else "",
            f" ({', '.join(context.faults)})" if context.faults else "",
        )

    async def _serve(self, scope: Scope, body: bytes, client: ClientConnection, receive: Receive, send: Send) -> None:
        changes: list[Change] = []
        lost: tuple[After, Fault] | None = None
        client.context.fields = await read_fields(Request(scope, replay(body, receive)))
        for fault in self._draw(client.context.endpoint, client.context.fields):
            client.context.faults.append(fault.kind)
            kind = FAULT_KINDS[fault.kind]
            if kind.before is not None and await kind.before(client, fault):
                return
            if kind.change is not None:
                changes.append(kind.change)
            if kind.after is not None and lost is None:
                lost = kind.after, fault
        if lost is None and not changes:
            await self._app(scope, replay(body, receive), send)
            return
        capture = ReplyCapture()
        await self._app(scope, replay(body, receive), capture)
        reply = capture.reply()
        for change in changes:
            reply = change(reply, client.context)
        if lost is None:
            await client.send(reply)
        else:
            hook, fault = lost
            await hook(client, fault, reply)


class _ReplyRecorder:
    """A ``send`` that records the HTTP status for the log, and the connection's last reply unless it is in parts."""

    def __init__(self, send: Send, replies: list[CapturedReply]) -> None:
        self._send = send
        self._replies = replies
        self._headers: list[tuple[bytes, bytes]] = []
        self.http_status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.http_status, self._headers = message["status"], list(message["headers"])
        elif self.http_status is not None and not message.get("more_body", False):
            self._replies[:] = [CapturedReply(self.http_status, self._headers, message.get("body", b""))]
        await self._send(message)
