"""Bounds of a reply: its unpacked size, its time as a whole; and of a look-up."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl

#: Largest replies, unpacked: a page of the statement, and the answer to a once-only request.
READ_BYTES: Final = 8 * 1024 * 1024
ONCE_ONLY_BYTES: Final = 1024 * 1024
#: A whole exchange may take this many times the time-out of each of its parts.
WHOLE_TIMEOUTS: Final = 4
#: A look-up sends no further request after so many rows, about 2.5 kB each in memory, or so many seconds.
LOOKUP_ROWS: Final = 20_000
LOOKUP_SECONDS: Final = 300.0
#: Rows of one listing in a look-up of a campaign's requests, of which a chunk has thousands.
LOT_ROWS: Final = 50_000
#: Rows of all listings of such a look-up: it keeps those of one or two at a time.
LOT_LOOKUP_ROWS: Final = 8 * LOT_ROWS

_GZIP, _ZLIB, _DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class BoundedBody:
    """Collects a body and unpacks it, never more than its limit: a small archive may hold gigabytes.

    :param headers: of the response.
    :param limit: bytes, at most.
    """

    def __init__(self, headers: httpx.Headers, limit: int) -> None:
        self._encoding = headers.get("Content-Encoding", "").strip().lower()
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._unpack: Callable[[bytes, int], bytes] | None = None

    def feed(self, chunk: bytes) -> None:
        """Add a chunk as it came.

        :raises httpx.DecodingError: it cannot be unpacked, or the body is too large.
        """
        room = self._limit - self._size
        if self._encoding not in {"", "identity"}:
            try:
                chunk = self._unpacked(chunk, room + 1)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
        if len(chunk) > room:
            raise httpx.DecodingError(f"the reply is larger than {self._limit >> 20} MiB")
        self._parts.append(chunk)
        self._size += len(chunk)

    def response(self, streamed: httpx.Response) -> httpx.Response:
        """Return the response, read as a whole."""
        # A response of its own would cost as much as half of what we do for a request.
        streamed._content = b"".join(self._parts)  # noqa: SLF001 - as httpx's own read() does
        return streamed

    def _unpacked(self, chunk: bytes, limit: int) -> bytes:
        if self._unpack is not None:
            return self._unpack(chunk, limit)
        if not chunk:
            return b""
        if self._encoding in {"gzip", "x-gzip"}:
            self._unpack = zlib.decompressobj(_GZIP).decompress
        elif self._encoding == "deflate":
            # Some servers leave out zlib's header, whose first byte has an 8 in its lower half.
            self._unpack = zlib.decompressobj(_ZLIB if chunk[0] & 15 == 8 else _DEFLATE).decompress
        else:
            raise httpx.DecodingError("the reply is packed in a way that was not asked for")
        return self._unpack(chunk, limit)


_deadline: ContextVar[float | None] = ContextVar("directcall_deadline", default=None)


class time_limit:  # noqa: N801 - used as a function; a generator takes several times as long to enter
    """End the reading from a :func:`bound_reading` client after so many seconds, in this thread."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = _deadline.set(time.monotonic() + self._seconds)

    def __exit__(self, *exc_info: object) -> None:
        _deadline.reset(self._token)


def bound_reading(client: httpx.Client) -> None:
    """Make a client's reading end within :func:`time_limit`, even if each byte comes in time."""
    # httpcore's pools have a parameter for their backend, httpx's transports have none.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = _Backend()  # noqa: SLF001


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:  # noqa: ANN401 - passed on
        return _Stream(self._inner.connect_tcp(*args, **kwargs))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        deadline = _deadline.get()
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise httpcore.ReadTimeout("the whole reply took too long")
            timeout = left if timeout is None else min(timeout, left)
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        return self._inner.get_extra_info(info)
