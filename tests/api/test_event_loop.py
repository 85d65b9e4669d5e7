"""The async client does not block its event loop."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.client import AsyncClient
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.sandbox import Fault, SandboxServer

CARRIER = m.lookup_carrier("5511990000001")


@pytest.fixture
def settings(directcall_sandbox: SandboxServer) -> Settings:
    return Settings("sandbox@example.com", "sandbox-secret", base_url=directcall_sandbox.url)


async def test_certificates_are_loaded_in_another_thread(settings, monkeypatch) -> None:
    threads: list[threading.Thread] = []
    make = ssl.create_default_context

    def recorded(*args: object, **kwargs: object) -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return make(*args, **kwargs)

    monkeypatch.setattr(ssl, "create_default_context", recorded)
    client = AsyncClient(settings)
    assert threads == []
    await asyncio.gather(*(client.send(CARRIER) for _ in range(5)))
    await client.close()
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_slow_answers_are_waited_for_side_by_side(settings, directcall_sandbox) -> None:
    """Thirty replies of 0.4 s each would take 12 s in sequence."""
    directcall_sandbox.inject(Fault(kind="slow", endpoint="portabilidade/consultar", seconds=0.4))
    async with AsyncClient(settings) as client:
        started = time.monotonic()
        await asyncio.gather(*(client.send(CARRIER) for _ in range(30)))
        assert time.monotonic() - started < 6


async def test_a_client_can_be_closed_and_used_again(settings) -> None:
    client = AsyncClient(settings)
    await client.close()
    assert await client.send(CARRIER)
    await client.close()
    assert await client.send(CARRIER)
    await client.close()


async def test_giving_up_waiting_does_not_spoil_the_token_for_others(settings, directcall_sandbox) -> None:
    directcall_sandbox.inject(Fault(kind="slow", endpoint="request_token", seconds=0.3, times=1))
    async with AsyncClient(settings) as client:
        first = asyncio.create_task(client.send(CARRIER))
        second = asyncio.create_task(client.send(CARRIER))
        await asyncio.sleep(0.1)
        first.cancel()
        assert (await second).current
        with pytest.raises(asyncio.CancelledError):
            await first
