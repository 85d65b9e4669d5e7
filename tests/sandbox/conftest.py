"""A sandbox for each test, and a bare HTTP client independent of the package's client."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig

START = datetime(2026, 3, 4, 10, 0, 0, tzinfo=ZoneInfo("America/Sao_Paulo"))  # a Wednesday
ORIGIN = "551130000001"
PERSON = "5511990000001"


class Api:
    """Requests with the token of a logged-in client."""

    def __init__(self, server):
        self.server = server
        self.http = httpx.Client(base_url=server.url, timeout=10)
        self.token = self.login()

    def login(self):
        fields = {"client_id": "sandbox@example.com", "client_secret": "sandbox-secret"}
        return self.http.post("/request_token", data=fields).json()["access_token"]

    def post(self, path, files=None, **fields):
        return self.http.post(path, data={"access_token": self.token, **fields}, files=files)

    def get(self, path, **fields):
        return self.http.get(path, params={"access_token": self.token, **fields})

    def call(self, destination=PERSON, **fields):
        return self.post("/voz/call", origem=ORIGIN, destino=destination, **fields).json()

    def send(self, destination=PERSON, **fields):
        fields = {"origem": "loja", "texto": "bom dia", **fields}
        return self.post("/sms/send", destino=destination, **fields).json()

    def statement(self, path="/extrato/list", **fields):
        window = {"dataInicial": "20200101000000", "dataFinal": "20991231235959", "campos[search]": "s"}
        return self.post(path, **{**window, **fields})

    def rows(self, path="/extrato/list", **fields):
        return self.statement(path, **fields).json()["msg"]

    def close(self):
        self.http.close()


@pytest.fixture
def start():
    """Start sandboxes with settings of a test; by default on a stopped clock."""
    with ExitStack() as stack:

        def starter(**settings):
            server = stack.enter_context(Sandbox(SandboxConfig(**{"speed": 0, "start": START, **settings})).serve())
            api = Api(server)
            stack.callback(api.close)
            return api

        yield starter


@pytest.fixture(scope="session")
def _server():
    with Sandbox(SandboxConfig(speed=0, start=START)).serve() as server:
        yield server


@pytest.fixture
def api(_server):
    """Return a logged-in client of a sandbox whose clock is stopped at ``START``."""
    _server.reset()
    client = Api(_server)
    yield client
    client.close()


@pytest.fixture
def server(api):
    """Return the sandbox of ``api``."""
    return api.server


@pytest.fixture
def origin():
    return ORIGIN


@pytest.fixture
def person():
    return PERSON


@pytest.fixture
def start_time():
    return START
