from __future__ import annotations

import socket
import threading

import httpx
import pytest

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.routes import ROUTES


def test_stops_without_leaving_a_thread_or_a_port():
    before = threading.active_count()
    with Sandbox(SandboxConfig()).serve() as server:
        port = int(server.url.rpartition(":")[2])
        assert server.url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=server.url) as http:
            assert http.get("/").status_code == 200
    assert threading.active_count() == before
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_server_that_never_started_stops():
    Sandbox(SandboxConfig()).serve().stop()


def test_a_taken_port_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Sandbox(SandboxConfig()).serve(port=taken.getsockname()[1])


def test_missing_counts_are_0(server):
    state = server.state()
    assert state["effects"]["calls_placed"] == state["requests"]["voz/call"] == 0


def test_two_sandboxes_know_nothing_of_each_other(start):
    first, second = start(), start()
    first.call()
    assert second.server.state()["calls"] == []


def test_airflow_reads_the_connection(server):
    from airflow.sdk import Connection

    for connection in (
        Connection.from_uri(server.connection_uri(), conn_id="x"),
        Connection.from_json(server.connection_json(), conn_id="x"),
    ):
        assert connection.conn_type == "directcall"
        assert (connection.login, connection.password) == ("sandbox@example.com", "sandbox-secret")
        assert connection.host == server.url


def test_every_endpoint_asks_for_a_token_or_a_secret(api):
    for endpoint in ROUTES:
        reply = api.http.request(endpoint.verbs[0], endpoint.path).json()
        assert reply.get("error") == "invalid_token" or reply.get("access_token") is False or reply["codigo"] == "006"


def test_replies_come_at_once(api):
    # A reply in two packets on a connection with Nagle's algorithm takes 40 ms.
    import time

    began = time.monotonic()
    for _ in range(50):
        api.post("/did/list")
    assert time.monotonic() - began < 1.5
