"""Reads and sends per second of our clients over those of bare httpx, with the same requests and server. Target: 0.9.

Bare httpx sends the same fields with a prefetched token and decodes the JSON. Both sides alternate in short blocks,
each going first every other time, so that changes of the machine's load affect both.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import httpx

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import AsyncClient, Client
from airflow_provider_directcall.api.requests import Request
from airflow_provider_directcall.api.settings import Settings
from bench._sandbox_process import sandbox_process

T = TypeVar("T")

PAIRS, BLOCK, CONCURRENCY = 60, 40, 20
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
READ = methods.list_statement(SINCE, SINCE + timedelta(days=1), tags={"customer": "42"}).page(1)
SEND = methods.send_sms(["5511990000001"], "Bom dia", origin="551130000001", tags={"customer": "42"})


def main() -> None:
    """Print both ratios."""
    with sandbox_process() as settings:
        _compare("reads", settings, READ, "extrato/list")
        _compare("sends", settings, SEND, "sms/send")


def _compare(name: str, settings: Settings, request: Request[T], path: str) -> None:
    url, fields = f"{settings.base_url}/{path}", _fields(settings, request)
    _report(f"sync client, {name}", _sync_ratios(settings, request, url, fields))
    _report(f"async client, {name}", asyncio.run(_async_ratios(settings, request, url, fields)))


def _fields(settings: Settings, request: Request[T]) -> dict[str, str]:
    """Return the form fields of a request, with a token."""
    with Client(settings) as client:
        token = client.send(methods.request_token(settings)).value
    rendered = {
        name: value if isinstance(value, str) else value.render(settings) for name, value in request.params.items()
    }
    params = {name: value for name, value in rendered.items() if value is not None}
    return {"access_token": token, **params, "formato": "JSON"}


def _sync_ratios(settings: Settings, request: Request[T], url: str, fields: dict[str, str]) -> list[float]:
    with Client(settings) as client, httpx.Client() as bare:

        def ours() -> None:
            client.send(request)

        def theirs() -> None:
            bare.post(url, data=fields).raise_for_status().json()

        def block(send: Callable[[], None]) -> float:
            started = time.perf_counter()
            for _ in range(BLOCK):
                send()
            return time.perf_counter() - started

        ratios = []
        for pair in range(PAIRS):
            if pair % 2:
                ours_seconds, theirs_seconds = block(ours), block(theirs)
            else:
                theirs_seconds, ours_seconds = block(theirs), block(ours)
            ratios.append(theirs_seconds / ours_seconds)
        return ratios


async def _async_ratios(settings: Settings, request: Request[T], url: str, fields: dict[str, str]) -> list[float]:
    async with AsyncClient(settings) as client, httpx.AsyncClient() as bare:

        async def ours() -> None:
            await client.send(request)

        async def theirs() -> None:
            (await bare.post(url, data=fields)).raise_for_status().json()

        async def block(send: Callable[[], Awaitable[None]]) -> float:
            async def worker() -> None:
                for _ in range(BLOCK // CONCURRENCY):
                    await send()

            started = time.perf_counter()
            await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
            return time.perf_counter() - started

        ratios = []
        for pair in range(PAIRS):
            if pair % 2:
                ours_seconds, theirs_seconds = await block(ours), await block(theirs)
            else:
                theirs_seconds, ours_seconds = await block(theirs), await block(ours)
            ratios.append(theirs_seconds / ours_seconds)
        return ratios


def _report(name: str, ratios: list[float]) -> None:
    lower, middle, upper = statistics.quantiles(ratios, n=4)
    print(f"{name} per second over bare httpx: {middle:.2f} (quartiles {lower:.2f} and {upper:.2f})")


if __name__ == "__main__":
    main()
