"""Quirks as a whole: each alone, and any together."""

from __future__ import annotations

import random

import httpx
import pytest

from airflow_provider_directcall.sandbox import QUIRKS, Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.cli import main
from airflow_provider_directcall.sandbox.quirks.answers import TRANSPORT

WINDOW = {"dataInicial": "20200101000000", "dataFinal": "20991231235959", "campos[search]": "s"}
PAIR = {"origem": "551130000001", "destino": "5511990000001"}
REQUESTS = (
    ("POST", "voz/call", {**PAIR, "campos[a]": "é"}),
    ("POST", "sms/send", {**PAIR, "texto": "oi"}),
    ("GET", "voz/status", PAIR),
    ("POST", "extrato/list", WINDOW),
    ("POST", "extrato/list-sms", {**WINDOW, "pagina": "2"}),
    ("POST", "did/route", {"did": "1130000001"}),
    ("POST", "did/save", {"did": "1130000001", "priority": "2", "action": "hangup"}),
    ("POST", "did/remove", {"did": "1130000001", "dpId": "18000"}),
)
SLOW = ("one_byte_a_second", "gzip_bomb")


async def requests(quirks):
    """Every request once, in process; the sandbox's own errors are raised."""
    sandbox = Sandbox(SandboxConfig(speed=0, quirks=frozenset(quirks)))
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        token = sandbox.account.tokens.issue(1000, as_hex=False)
        for verb, path, own in REQUESTS:
            fields = {"access_token": token, **own}
            as_query = {"params": fields} if verb == "GET" else {"data": fields}
            await client.request(verb, f"/{path}", **as_query)
            sandbox.account.clock.advance(30)
    sandbox.close()


@pytest.mark.parametrize("seed", range(20))
async def test_any_quirks_go_together(seed):
    chosen = random.Random(seed)
    names = sorted(QUIRKS.keys() - set(SLOW))
    await requests(chosen.sample(names, chosen.randint(2, len(names) // 2)))


async def test_all_quirks_go_together():
    await requests(QUIRKS.keys() - set(SLOW))
    await requests(name for name in QUIRKS if not name.endswith("_before") and name not in TRANSPORT)


@pytest.mark.parametrize("quirk", QUIRKS)
async def test_each_quirk_alone(quirk):
    if quirk not in SLOW:
        await requests({quirk})


def test_each_quirk_over_http(api):
    for quirk in QUIRKS:
        reply = api.http.post("/_sandbox/settings", json={"quirks": [quirk, "bom"]}).json()
        assert reply["quirks"] == sorted({quirk, "bom"})


def test_quirks_from_the_command_line(monkeypatch):
    started = []
    monkeypatch.setattr("airflow_provider_directcall.sandbox.cli.Sandbox", started.append)
    with pytest.raises(AttributeError):
        main([option for quirk in QUIRKS for option in ("--quirk", quirk)])
    assert started[0].quirks == QUIRKS.keys()


def test_no_quirk_is_on_by_default():
    assert SandboxConfig().quirks == frozenset()
