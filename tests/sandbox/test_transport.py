"""Transport that misbehaves, as faults and quirks."""

from __future__ import annotations

import time
import zlib

import httpx
import pytest

from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sandbox.answers import TRANSPORT_ANSWERS

PAIR = {"origem": "551130000001", "destino": "5511990000001"}


def calls(api):
    return len(api.server.state()["calls"])


@pytest.mark.parametrize(("side", "effects"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("name", TRANSPORT_ANSWERS)
def test_redirects_and_far_dates(api, name, side, effects):
    api.server.configure(quirks={f"{name}_{side}"})
    reply = api.post("/voz/call", **PAIR)
    assert reply.status_code == int(name[-3:])
    assert reply.headers.get("location") == ("/voz/call" if name.startswith("redirect") else None)
    assert ("100000000000000" in reply.headers.get("retry-after", "")) == name.startswith("far_retry")
    assert calls(api) == effects


def test_a_client_that_follows_a_redirect_calls_twice(api):
    api.server.inject(Fault(kind="redirect_307_after", endpoint="voz/call", times=1))
    api.http.post("/voz/call", data={"access_token": api.token, **PAIR}, follow_redirects=True)
    assert calls(api) == 2


def test_byte_by_byte(api):
    whole = api.post("/did/list").content
    api.server.inject(Fault(kind="one_byte_a_second", endpoint="did/list", seconds=0.001, times=1))
    with api.http.stream("POST", "/did/list", data={"access_token": api.token}) as reply:
        parts = [*reply.iter_raw()]
    assert b"".join(parts) == whole
    assert len(parts) > len(whole) // 4


def test_a_byte_a_second_until_the_client_goes(api):
    api.server.configure(quirks={"one_byte_a_second"})
    began = time.monotonic()
    with api.http.stream("POST", "/voz/call", data={"access_token": api.token, **PAIR}) as reply:
        assert next(reply.iter_raw()) == b"{"
    assert 0.9 <= time.monotonic() - began < 5
    assert calls(api) == 1


def test_a_small_reply_with_600_mb_inside(api):
    api.server.configure(quirks={"gzip_bomb"})
    with api.http.stream("POST", "/voz/call", data={"access_token": api.token, **PAIR}) as reply:
        assert reply.headers["content-encoding"] == "gzip"
        sent = b"".join(reply.iter_raw())
    assert 500_000 < len(sent) < 1_000_000
    unpacker, length, end = zlib.decompressobj(zlib.MAX_WBITS | 16), 0, b""
    for start in range(0, len(sent), 10_000):
        part = unpacker.decompress(sent[start : start + 10_000])
        length, end = length + len(part), (end + part)[-300:]
    assert unpacker.eof
    assert length > 600 * 2**20
    assert end.lstrip().startswith(b'{"api":"voz"')


def test_a_client_that_leaves_a_bomb(api):
    api.server.configure(quirks={"gzip_bomb"})
    with api.http.stream("POST", "/voz/call", data={"access_token": api.token, **PAIR}) as reply:
        next(reply.iter_raw())
    assert calls(api) == 1
    assert api.post("/did/list").json()["status"] == "ok"


def test_the_reply_to_another_request(api):
    statement = api.statement().json()
    api.server.inject(Fault(kind="previous_reply", times=2))
    assert api.post("/voz/call", **PAIR).json() == statement
    late = api.post("/did/list").json()
    assert (late["modulo"], "callerid" in late) == ("chamar", True)
    assert api.post("/did/list").json()["modulo"] == "did-list"
    assert calls(api) == 1


def test_a_new_connection_has_no_reply_of_another_request(api):
    api.server.configure(quirks={"previous_reply"})
    with httpx.Client(base_url=api.server.url) as fresh:
        fields = {"access_token": api.token, **PAIR}
        assert fresh.post("/voz/call", data=fields).json()["modulo"] == "chamar"
        assert fresh.get("/voz/status", params=fields).json()["modulo"] == "chamar"
        assert fresh.get("/voz/status", params=fields).json()["modulo"] == "status"
