"""The sandbox over real HTTP: uvicorn in a thread, on a port bound before it starts."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import TYPE_CHECKING, Final, Self, cast
from urllib.parse import quote

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_directcall.sandbox.account import Account
from airflow_provider_directcall.sandbox.app import build_app
from airflow_provider_directcall.sandbox.config import SandboxConfig
from airflow_provider_directcall.sandbox.connection_faults import REPLIES_KEY, TRANSPORT_KEY
from airflow_provider_directcall.sandbox.operations import SandboxOperations
from airflow_provider_directcall.sandbox.routes import ROUTES

if TYPE_CHECKING:
    from types import TracebackType

LOOPBACK: Final = "127.0.0.1"
START_SECONDS: Final = 30
KEEP_ALIVE_SECONDS: Final = 60


class _CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol that gives the application the transport, to cut the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        # uvicorn enables its access log, which has whole URLs, again if the root logger is configured.
        self.access_log = False
        self.app_state = {**self.app_state, TRANSPORT_KEY: transport, REPLIES_KEY: []}


class _Server(uvicorn.Server):
    """uvicorn's server that signals its start, and does not wait for clients to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


class Sandbox:
    """A Directcall of one account. ``Sandbox(config).serve()`` serves it on a port of this machine."""

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        self.account = Account(self.config, [endpoint.name for endpoint in ROUTES])
        self.app = build_app(self.account)

    def serve(self, port: int = 0, host: str = LOOPBACK) -> SandboxServer:
        """Return a server on a port (0 = any free one), for use in a ``with``; ``OSError`` if the port is taken."""
        return SandboxServer(self, _bind(host, port))

    def close(self) -> None:
        """Close the database file."""
        with self.account.lock:
            self.account.close()


def _bind(host: str, port: int) -> socket.socket:
    # asyncio disables Nagle's algorithm only if the protocol is named; with it, each reply takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


class SandboxServer(SandboxOperations):
    """A running sandbox: its address and the operations on it. Usable from any thread."""

    def __init__(self, sandbox: Sandbox, listener: socket.socket) -> None:
        super().__init__(sandbox.account)
        self.sandbox = sandbox
        self._listener = listener
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self._server = _Server(
            uvicorn.Config(
                sandbox.app,
                loop="asyncio",
                http=_CuttableProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._run, name="directcall-sandbox", daemon=True)
        # Waited for instead of the thread: an interrupted join can mistake a running thread for an ended one.
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving; return when requests are answered."""
        self._thread.start()
        if not self._server.up.wait(START_SECONDS):
            raise RuntimeError("the sandbox did not start")

    def stop(self) -> None:
        """Cut all connections, free the port, end the thread, close the database."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._ended.wait()
            self._thread.join()
        self._listener.close()
        self.sandbox.close()

    def wait(self) -> None:
        """Wait until the server stops; Ctrl-C interrupts it."""
        while not self._ended.wait(timeout=0.2):
            pass

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._ended.set()

    def connection_json(self) -> str:
        """Return the Airflow connection to this server as JSON, for an ``AIRFLOW_CONN_...`` variable."""
        config = self.sandbox.config
        return json.dumps(
            {
                "conn_type": "directcall",
                "login": config.client_id,
                "password": config.client_secret,
                "host": self.url,
                "extra": {"default_origin": self._default_origin},
            }
        )

    def connection_uri(self) -> str:
        """Return the Airflow connection to this server as a URI."""
        config = self.sandbox.config
        login, password, host = (quote(text, safe="") for text in (config.client_id, config.client_secret, self.url))
        return f"directcall://{login}:{password}@{host}?default_origin={self._default_origin}"

    @property
    def _default_origin(self) -> str:
        """The account's first number, with country code."""
        return f"55{self.sandbox.config.numbers[0]}"
