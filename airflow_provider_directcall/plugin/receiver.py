"""The receiver of Directcall's webhooks: a doorbell.

The content of the vendor's requests is not documented, so none of it is read: a request with the right credentials
means that something may have happened, and the statement says what. That leaves nothing to forge and nothing to store.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from airflow_provider_directcall.assets import Doorbell

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

_QUERY_BYTES: Final = "directcall.query_bytes"


class NotReadyError(Exception):
    """The receiver cannot accept a ring; the text names the setting."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The login and the password of a ring."""

    login: str
    password: str = field(repr=False)

    def match(self, authorization: str) -> bool:
        """Whether a header shows them, in constant time."""
        login, password = _shown(authorization)
        # Both are compared, whatever the first result.
        return hmac.compare_digest(login, self.login.encode()) & hmac.compare_digest(password, self.password.encode())


def _shown(authorization: str) -> tuple[bytes, bytes]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        login, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return login, password


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a request, and of rings in one process.

    :ivar body_bytes: of the body and the query together.
    :ivar body_seconds: for the whole body.
    :ivar rings_per_second: accepted, on average.
    :ivar burst: rings that may come at once.
    :ivar pause: seconds between two events of one doorbell; rings in between share the next event.
    :ivar credentials_seconds: how long credentials are kept.
    :ivar failure_seconds: how long their absence is kept.
    """

    body_bytes: int = 16 * 1024
    body_seconds: float = 10.0
    rings_per_second: float = 50.0
    burst: int = 200
    pause: float = 1.0
    credentials_seconds: float = 60.0
    failure_seconds: float = 10.0


class _Allowance:
    """A token bucket."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = per_second, burst
        self._left, self._at = float(burst), monotonic()

    def take(self) -> bool:
        """Return whether one more is allowed."""
        now = monotonic()
        self._left = min(self._left + (now - self._at) * self._per_second, self._burst)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class _Bell:
    """One doorbell: a ring that comes while an event is written shares the next one, so that none is lost."""

    def __init__(self, write: Callable[[], None], pause: float) -> None:
        self._write, self._pause = write, pause
        self._is_writing = asyncio.Lock()
        self._written_at = float("-inf")
        self._next: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def ring(self) -> None:
        """Return once an event is stored that was written after the ring came."""
        await asyncio.shield(self.ring_soon())

    def ring_soon(self) -> asyncio.Task[None]:
        """Return the task that writes the next event; it goes on by itself."""
        if self._next is None:
            self._next = asyncio.create_task(self._written())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._forget)
        return self._next

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Of a task that is not awaited, asyncio would log the traceback, which holds SQL.
        if not task.cancelled():
            task.exception()

    async def _written(self) -> None:
        async with self._is_writing:
            await asyncio.sleep(max(self._written_at + self._pause - monotonic(), 0.0))
            self._next = None
            try:
                await run_in_threadpool(self._write)
            finally:
                self._written_at = monotonic()


class Receiver:
    """Answers rings.

    :param read_credentials: reads the connection, in a thread.
    :param ring: stores an event, in a thread.
    """

    def __init__(
        self,
        read_credentials: Callable[[], Credentials],
        ring: Callable[[Doorbell, datetime], None],
        limits: Limits | None = None,
    ) -> None:
        self._read_credentials = read_credentials
        self._limits = limits or Limits()
        self._credentials: Credentials | None = None
        self._known_until = float("-inf")
        self._is_reading = asyncio.Lock()
        self._logged = ""
        self._allowance = _Allowance(self._limits.rings_per_second, self._limits.burst)
        self._bells = {kind: _Bell(partial(_ring_now, ring, kind), self._limits.pause) for kind in Doorbell}

    async def credentials(self) -> Credentials | None:
        """Return the credentials; None, and a line in the log, while there are none."""
        if monotonic() < self._known_until:
            return self._credentials
        async with self._is_reading:
            if monotonic() < self._known_until:
                return self._credentials
            self._credentials = None
            try:
                self._credentials = await run_in_threadpool(self._read_credentials)
            except Exception as error:  # noqa: BLE001 - whatever the reason: without credentials the door stays closed
                self._report(error)
            kept = self._limits.failure_seconds if self._credentials is None else self._limits.credentials_seconds
            self._known_until = monotonic() + kept
        return self._credentials

    async def receive(self, kind: Doorbell, request: Request) -> Response:
        """Answer a request: 202 once its event is stored."""
        credentials = await self.credentials()
        if credentials is None:
            return _refusal(503)
        if not credentials.match(request.headers.get("Authorization", "")):
            return _refusal(401, {"WWW-Authenticate": 'Basic realm="directcall"'})
        if not self._allowance.take():
            # Directcall may not ring again. It costs little: all rings until then share the event.
            self._bells[kind].ring_soon()
            return _refusal(429, {"Retry-After": "1"})
        if (
            status := await self._skip_body(request, self._limits.body_bytes - request.scope[_QUERY_BYTES])
        ) is not None:
            return _refusal(status)
        try:
            await self._bells[kind].ring()
        except Exception as error:  # noqa: BLE001 - the vendor may ring again; a traceback would hold SQL
            self._report(error)
            return _refusal(503, {"Retry-After": "60"})
        self._logged = ""
        return Response(status_code=202)

    async def _skip_body(self, request: Request, limit: int) -> int | None:
        """Read and drop the body; return the status of a refusal, or None."""
        declared = request.headers.get("Content-Length", "")
        if limit < 0 or (declared.isdigit() and int(declared) > limit):
            return 413
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for chunk in request.stream():
                    limit -= len(chunk)
                    if limit < 0:
                        return 413
        except TimeoutError:
            return 408
        except ClientDisconnect:
            return 400
        return None

    def _report(self, error: Exception) -> None:
        """Log why the receiver refuses, once for each reason."""
        text = str(error) if isinstance(error, NotReadyError) else type(error).__name__
        if text != self._logged:
            self._logged = text
            log.error("Webhooks of Directcall are refused: %s", text)


class _WithoutQuery:
    """Drops the query of every request, and keeps its size."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[_QUERY_BYTES] = len(scope["query_string"])
            scope["query_string"] = b""
        await self._app(scope, receive, send)


def make_app(receiver: Receiver) -> FastAPI:
    """Return the application: ``/events/call``, ``/events/message``, ``/events/received``."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await receiver.credentials()
        yield

    app = FastAPI(title="Directcall", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    # Access logs print the query after the answer, and a query may hold numbers.
    app.add_middleware(_WithoutQuery)
    for kind in Doorbell:
        app.add_api_route(f"/events/{kind}", _endpoint(receiver, kind), methods=["GET", "POST"])
    return app


def _endpoint(receiver: Receiver, kind: Doorbell) -> Callable[..., object]:
    async def receive(request: Request) -> Response:
        return await receiver.receive(kind, request)

    return receive


def _refusal(status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an answer without content that ends the connection: the rest of the body is not read."""
    return Response(status_code=status, headers={"Connection": "close", **(headers or {})})


def _ring_now(ring: Callable[[Doorbell, datetime], None], kind: Doorbell) -> None:
    ring(kind, datetime.now(UTC))
