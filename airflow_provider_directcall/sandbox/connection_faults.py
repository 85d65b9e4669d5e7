"""The connection of a request, and the ways to break it: the ASGI side of the faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from airflow_provider_directcall.sandbox.requests import RequestContext

TRANSPORT_KEY: Final = "directcall_transport"
"""Key of the connection's transport in the ASGI ``state``."""


@dataclass(frozen=True, slots=True)
class CapturedReply:
    """A reply held back before sending."""

    http_status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class ClientConnection:
    """The connection of one request, whose body has been read in full."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, context: RequestContext) -> None:
        self.context = context
        self._transport = scope["state"].get(TRANSPORT_KEY)
        self._receive = receive
        self._send = send

    async def reply(self, http_status: int, body: bytes, content_type: str, **headers: str) -> None:
        """Send a reply made by a fault."""
        named = {"content-type": content_type, **{name.replace("_", "-"): text for name, text in headers.items()}}
        await self.send(
            CapturedReply(http_status, [(name.encode(), text.encode()) for name, text in named.items()], body)
        )

    async def send(self, reply: CapturedReply) -> None:
        """Send a reply with the actual length of its body."""
        headers = [(name, value) for name, value in reply.headers if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await self._send({"type": "http.response.start", "status": reply.http_status, "headers": headers})
        await self._send({"type": "http.response.body", "body": reply.body})

    async def cut(self) -> None:
        """Close the TCP connection without sending a byte."""
        self._connection().abort()
        await self.wait_until_gone()

    async def cut_in_body(self, reply: CapturedReply) -> None:
        """Send the head and half of the body, then close the connection."""
        await self._send({"type": "http.response.start", "status": reply.http_status, "headers": reply.headers})
        half = reply.body[: len(reply.body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        self._connection().close()
        await self.wait_until_gone()

    async def wait_until_gone(self, seconds: float | None = None) -> bool:
        """Wait until the client closes the connection, at most ``seconds``; return whether it did."""
        try:
            async with asyncio.timeout(seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    continue
        except TimeoutError:
            return False
        return True

    def _connection(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("a connection can be cut only on the sandbox's own server")
        return cast("asyncio.Transport", self._transport)


async def read_body(receive: Receive) -> bytes | None:
    """Read the whole body of a request; None when the client disconnected before its end."""
    chunks: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that yields a body read before, then the messages of the connection."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


class ReplyCapture:
    """A ``send`` that holds the reply back for faults after the effect."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._chunks: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Record one ASGI message."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._chunks.append(message.get("body", b""))

    def reply(self) -> CapturedReply:
        """Return the recorded reply."""
        return CapturedReply(self._start["status"], list(self._start["headers"]), b"".join(self._chunks))
