"""One request and what may go wrong with its connection: the ASGI side of the faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from airflow_provider_directcall.sandbox.requests import RequestContext

TRANSPORT_KEY: Final = "directcall_transport"
"""Where the server's protocol leaves the connection's transport in the ASGI ``state``."""


@dataclass(frozen=True, slots=True)
class CapturedReply:
    """A reply that has not been sent yet."""

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
        """Answer with a body of our own."""
        named = {"content-type": content_type, **{name.replace("_", "-"): text for name, text in headers.items()}}
        await self.send(
            CapturedReply(http_status, [(name.encode(), text.encode()) for name, text in named.items()], body)
        )

    async def send(self, reply: CapturedReply) -> None:
        """Send a reply, with the length of its body as it is now."""
        headers = [(name, value) for name, value in reply.headers if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await self._send({"type": "http.response.start", "status": reply.http_status, "headers": headers})
        await self._send({"type": "http.response.body", "body": reply.body})

    async def cut(self) -> None:
        """Close the TCP connection without a byte of an answer."""
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
        """Wait until the client has closed the connection, at most so long; whether it has."""
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
    """The whole body of a request, None when the client went away before its end."""
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
    """A ``receive`` that gives a body that was read before, and then whatever the connection gives."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


class ReplyCapture:
    """A ``send`` that keeps the reply for the faults that come after the effect."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._chunks: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Take one ASGI message."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._chunks.append(message.get("body", b""))

    def reply(self) -> CapturedReply:
        """The reply that was taken."""
        return CapturedReply(self._start["status"], list(self._start["headers"]), b"".join(self._chunks))
