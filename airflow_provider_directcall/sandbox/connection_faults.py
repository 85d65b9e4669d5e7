"""The connection of a request, and the ways to break it: the ASGI side of the faults."""

from __future__ import annotations

import asyncio
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message, Receive, Scope, Send

    from airflow_provider_directcall.sandbox.requests import RequestContext

TRANSPORT_KEY: Final = "directcall_transport"
"""Key of the connection's transport in the ASGI ``state``."""

REPLIES_KEY: Final = "directcall_replies"
"""Key of the list in the ASGI ``state`` that holds the connection's last reply."""
_BLANKS: Final = b" " * 2**20
_BLANKS_COUNT: Final = 600


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
        self._replies: list[CapturedReply] = scope["state"].setdefault(REPLIES_KEY, [])
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

    async def drip(self, reply: CapturedReply, seconds: float) -> None:
        """Send the head, then the body byte by byte, until the client closes the connection."""
        await self._send({"type": "http.response.start", "status": reply.http_status, "headers": reply.headers})
        for byte in reply.body:
            if await self.wait_until_gone(seconds):
                return
            await self._send({"type": "http.response.body", "body": bytes((byte,)), "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def inflate(self, reply: CapturedReply) -> None:
        """Send a reply as gzip, with blanks before it that are compressed as they are sent."""
        left_out = {b"content-length", b"content-encoding"}
        headers = [(name, value) for name, value in reply.headers if name.lower() not in left_out]
        headers.append((b"content-encoding", b"gzip"))
        await self._send({"type": "http.response.start", "status": reply.http_status, "headers": headers})
        for part in _inflated(reply.body):
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
            if await self.wait_until_gone(0):
                return
        await self._send({"type": "http.response.body", "body": b""})

    async def send_previous(self, reply: CapturedReply) -> None:
        """Send the reply to the request before on this connection; the first request gets its own."""
        await self.send(self._replies[-1] if self._replies else reply)
        self._replies[:] = [reply]

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


def _inflated(body: bytes) -> Iterator[bytes]:
    """Compress 600 MB of blanks and a body to gzip; after a full flush the same bytes mean the same blanks again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    blanks = packer.compress(_BLANKS) + packer.flush(zlib.Z_FULL_FLUSH)
    yield b"\x1f\x8b\x08" + bytes(7)
    checksum = 0
    for _ in range(_BLANKS_COUNT):
        checksum = zlib.crc32(_BLANKS, checksum)
        yield blanks
    checksum = zlib.crc32(body, checksum)
    length = len(_BLANKS) * _BLANKS_COUNT + len(body)
    yield packer.compress(body) + packer.flush() + struct.pack("<II", checksum, length % 2**32)


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
