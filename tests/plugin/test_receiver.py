"""The receiver of webhooks, mounted and served as Airflow's API server does."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from airflow_provider_directcall.assets import Doorbell
from airflow_provider_directcall.plugin.receiver import Credentials, Limits, NotReadyError, Receiver, make_app

try:
    from airflow.api_fastapi.common.http_access_log import HttpAccessLogMiddleware
except ImportError:  # Airflow 3.1 has uvicorn's log only
    HttpAccessLogMiddleware = None

LOGIN, PASSWORD = "directcall", "p:a-fictitious-password"
NUMBER = "5511990000001"
CALL, RECEIVED = "/directcall/events/call", "/directcall/events/received"


class Airflow:
    """Credentials and events in memory in place of Airflow's database."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        """Why there are no credentials."""
        self.events: list[tuple[Doorbell, datetime]] = []
        self.error: Exception | None = None
        self.reads = 0

    def read(self) -> Credentials:
        self.reads += 1
        if self.reasons:
            raise NotReadyError(self.reasons[0])
        return Credentials(LOGIN, PASSWORD)

    def ring(self, kind: Doorbell, rung_at: datetime) -> None:
        if self.error is not None:
            raise self.error
        self.events.append((kind, rung_at))


@contextmanager
def served(airflow: Airflow, limits: Limits) -> Iterator[httpx.Client]:
    """Serve the receiver over HTTP, with both access logs: uvicorn's, and Airflow's own."""
    app = FastAPI()
    receiver = make_app(Receiver(airflow.read, airflow.ring, limits))
    app.mount("/directcall", receiver)
    if HttpAccessLogMiddleware is not None:
        app.add_middleware(HttpAccessLogMiddleware)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=True, lifespan="off", loop="asyncio"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def client(airflow: Airflow) -> Iterator[httpx.Client]:
    with served(airflow, Limits(pause=0.0, body_seconds=0.5, failure_seconds=0.0)) as client:
        yield client


def good(client: httpx.Client, verb: str = "POST", path: str = CALL, **options: object) -> httpx.Response:
    return client.request(verb, path, auth=(LOGIN, PASSWORD), **options)


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize("kind", Doorbell)
def test_a_good_ring_is_an_event(client: httpx.Client, airflow: Airflow, verb: str, kind: Doorbell) -> None:
    answer = good(client, verb, f"/directcall/events/{kind}", params={"origem": NUMBER})
    assert (answer.status_code, answer.content) == (202, b"")
    assert [event for event, _ in airflow.events] == [kind]
    assert airflow.events[0][1].tzinfo is not None


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"directcall").decode(),
        "Basic " + base64.b64encode(b"directcall:").decode(),
        "Basic " + base64.b64encode(f"other:{PASSWORD}".encode()).decode(),
        "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD} ".encode()).decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Bearer " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode(),
    ],
)
def test_other_credentials_are_refused(client: httpx.Client, airflow: Airflow, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = client.post(CALL, headers=headers, content=b"x" * 100)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert airflow.events == []


def test_other_verbs_and_paths_are_refused(client: httpx.Client, airflow: Airflow) -> None:
    assert [good(client, verb).status_code for verb in ("HEAD", "PUT", "DELETE", "PATCH")] == [405] * 4
    paths = ("/directcall/events/other", "/directcall/docs", "/directcall/openapi.json", "/directcall/redoc")
    assert [good(client, "GET", path).status_code for path in paths] == [404] * 4
    assert airflow.events == []


def test_a_large_ring_is_refused(client: httpx.Client, airflow: Airflow) -> None:
    assert good(client, content=b"x" * 16 * 1024).status_code == 202
    assert good(client, content=b"x" * (16 * 1024 + 1)).status_code == 413
    assert good(client, content=iter([b"x" * 8192] * 3)).status_code == 413
    assert good(client, params={"texto": "x" * 10_000}, content=b"x" * 10_000).status_code == 413
    assert len(airflow.events) == 1


def test_a_slow_ring_is_ended(client: httpx.Client, airflow: Airflow) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x"
            time.sleep(0.05)

    try:
        status = good(client, content=slowly()).status_code
    except httpx.WriteError:
        # The connection was closed while more was sent.
        status = 408
    assert status == 408
    assert airflow.events == []
    assert good(client).status_code == 202


def test_too_many_rings_are_refused(airflow: Airflow) -> None:
    with served(airflow, Limits(rings_per_second=0.001, burst=3, pause=0.0)) as client:
        assert [client.get(CALL).status_code for _ in range(5)] == [401] * 5
        answers = [good(client) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
    assert answers[-1].headers["Retry-After"] == "1"


def test_rings_that_are_too_many_share_an_event_that_comes_after_them(airflow: Airflow) -> None:
    with served(airflow, Limits(rings_per_second=0.001, burst=1, pause=0.2)) as client:
        assert good(client).status_code == 202
        for _ in range(3):
            last = datetime.now(UTC)
            assert good(client).status_code == 429
        deadline = time.monotonic() + 30
        while airflow.events[-1][1] < last and time.monotonic() < deadline:
            time.sleep(0.05)
    assert airflow.events[-1][1] >= last
    assert len(airflow.events) <= 4


def test_a_ring_that_is_too_many_and_cannot_be_stored_logs_no_traceback(
    airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    airflow.error = RuntimeError(f"INSERT {NUMBER}")
    with served(airflow, Limits(rings_per_second=0.001, burst=0, pause=0.0)) as client:
        assert good(client).status_code == 429
        assert client.post(CALL).status_code == 401
    gc.collect()
    assert NUMBER not in caplog.text


def test_without_credentials_the_door_is_closed(
    client: httpx.Client, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    airflow.reasons = ["connection 'webhooks' ([directcall] webhook_conn_id) has no password"]
    assert good(client).status_code == 503
    assert client.post(CALL, auth=(LOGIN, "")).status_code == 503
    assert caplog.text.count("has no password") == 1
    assert airflow.events == []


async def test_a_missing_password_is_reported_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    airflow = Airflow()
    airflow.reasons = ["no password"]
    app = make_app(Receiver(airflow.read, airflow.ring))
    async with app.router.lifespan_context(app):
        assert [record.levelno for record in caplog.records if "no password" in record.message] == [logging.ERROR]


def test_credentials_are_read_once_a_minute(airflow: Airflow) -> None:
    with served(airflow, Limits(pause=0.0)) as client:
        assert {good(client).status_code for _ in range(5)} == {202}
    assert airflow.reads == 1


def test_a_ring_that_cannot_be_stored_is_not_accepted(
    client: httpx.Client, airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    airflow.error = RuntimeError(f"INSERT {NUMBER}")
    assert good(client).status_code == 503
    assert NUMBER not in caplog.text
    airflow.error = None
    assert good(client).status_code == 202


def test_rings_share_events_and_none_is_lost() -> None:
    """Each accepted ring is followed by an event that was written after it came."""
    airflow = Airflow()

    def write(kind: Doorbell, rung_at: datetime) -> None:
        time.sleep(0.02)
        airflow.ring(kind, rung_at)

    receiver = Receiver(airflow.read, write, Limits(pause=0.0))
    bell = receiver._bells[Doorbell.CALL]

    async def one(delay: float) -> int:
        await asyncio.sleep(delay)
        before = len(airflow.events)
        await bell.ring()
        return len(airflow.events) - before

    async def many() -> list[int]:
        return await asyncio.gather(*(one(number / 1000) for number in range(100)))

    gained = asyncio.run(many())
    assert min(gained) >= 1
    assert 1 < len(airflow.events) < 50


def test_no_log_has_a_part_of_a_ring(
    client: httpx.Client, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="uvicorn"):
        good(client, "GET", params={"origem": NUMBER})
        good(client, "POST", RECEIVED, params={"origem": NUMBER}, data={"texto": NUMBER})
        client.get(CALL, params={"origem": NUMBER})
        good(client, "GET", params={"origem": NUMBER, "x": "x" * 20_000})
        good(client, "PUT", params={"origem": NUMBER})
        good(client, "GET", CALL + "s", params={"origem": NUMBER})
    output = caplog.text + "".join(capfd.readouterr())
    assert CALL in output
    assert NUMBER not in output
    assert PASSWORD not in output
