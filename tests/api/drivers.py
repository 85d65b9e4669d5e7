"""One interface to the blocking and the async client, so that each test runs with both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from airflow_provider_directcall.api.client import AsyncClient, Client, RetryBudget
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.lookups import Lookup
from airflow_provider_directcall.api.requests import Listing, Request
from airflow_provider_directcall.api.settings import Settings

T = TypeVar("T")
Row = TypeVar("Row")


class Driver(Protocol):
    """The interface."""

    def send(self, request: Request[T]) -> T: ...

    def together(self, requests: Sequence[Request[T]]) -> list[T | BaseException]:
        """Send all concurrently; return results or errors in order."""

    def rows(self, listing: Listing[Row], limit: int | None = None) -> list[Row]:
        """Return the first ``limit`` rows, or all."""

    def run(self, lookup: Lookup[T]) -> T: ...

    def close(self) -> None: ...


class SyncDriver:
    def __init__(
        self, settings: Settings, clock: Clock, budget: RetryBudget | None, on_token: Callable[[str], object]
    ) -> None:
        self._client = Client(settings, clock=clock, budget=budget, on_token=on_token)

    def send(self, request: Request[T]) -> T:
        return self._client.send(request)

    def together(self, requests: Sequence[Request[T]]) -> list[T | BaseException]:
        with ThreadPoolExecutor(len(requests)) as pool:
            futures = [pool.submit(self._client.send, request) for request in requests]
        return [future.exception() or future.result() for future in futures]

    def rows(self, listing: Listing[Row], limit: int | None = None) -> list[Row]:
        rows = self._client.rows(listing)
        return list(rows) if limit is None else [next(rows) for _ in range(limit)]

    def run(self, lookup: Lookup[T]) -> T:
        return self._client.run(lookup)

    def close(self) -> None:
        self._client.close()


class AsyncDriver:
    def __init__(
        self, settings: Settings, clock: Clock, budget: RetryBudget | None, on_token: Callable[[str], object]
    ) -> None:
        self._runner = asyncio.Runner()

        async def on_token_async(token: str) -> None:
            on_token(token)

        self._client = AsyncClient(settings, clock=clock, budget=budget, on_token=on_token_async)

    def send(self, request: Request[T]) -> T:
        return self._runner.run(self._client.send(request))

    def together(self, requests: Sequence[Request[T]]) -> list[T | BaseException]:
        async def gather() -> list[T | BaseException]:
            return await asyncio.gather(*map(self._client.send, requests), return_exceptions=True)

        return self._runner.run(gather())

    def rows(self, listing: Listing[Row], limit: int | None = None) -> list[Row]:
        async def read() -> list[Row]:
            rows = self._client.rows(listing)
            return [row async for row in rows] if limit is None else [await anext(rows) for _ in range(limit)]

        return self._runner.run(read())

    def run(self, lookup: Lookup[T]) -> T:
        return self._runner.run(self._client.run(lookup))

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()


DRIVERS = {"sync": SyncDriver, "async": AsyncDriver}
