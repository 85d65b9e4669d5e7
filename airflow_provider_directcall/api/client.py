"""The only code that does I/O: :class:`Client` and :class:`AsyncClient`, which differ in ``await`` only."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypedDict, TypeVar

import httpx
import tenacity

from airflow_provider_directcall.api import protocol
from airflow_provider_directcall.api.bounds import (
    ONCE_ONLY_BYTES,
    READ_BYTES,
    WHOLE_TIMEOUTS,
    BoundedBody,
    bound_reading,
    time_limit,
)
from airflow_provider_directcall.api.clock import Clock, current_clock
from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallError
from airflow_provider_directcall.api.lookups import bounded, drive, drive_async
from airflow_provider_directcall.api.methods import request_token
from airflow_provider_directcall.api.paging import PageReader
from airflow_provider_directcall.api.redaction import RequestLogFilter
from airflow_provider_directcall.api.requests import Listing
from airflow_provider_directcall.api.tokens import TokenCache

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings

T = TypeVar("T")
Row = TypeVar("Row")

log = logging.getLogger(__name__)
logging.getLogger("httpx").addFilter(RequestLogFilter())

#: Idle connections are closed after two seconds, before common servers close theirs (5 s) under a request.
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2.0)


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Limits of a client's own retries.

    :param attempts: number of attempts, the first one included.
    :param seconds: no attempt starts later than this after the first one.
    :param longest_pause: upper bound of one pause in seconds; a longer ``Retry-After`` ends the retries.
    """

    attempts: int = 5
    seconds: float = 60.0
    longest_pause: float = 20.0


class _RetryOptions(TypedDict):
    """Arguments of tenacity's sync and async loops alike."""

    retry: Callable[[tenacity.RetryCallState], bool]
    wait: Callable[[tenacity.RetryCallState], float]
    stop: Callable[[tenacity.RetryCallState], bool]
    before_sleep: Callable[[tenacity.RetryCallState], None]
    reraise: bool


class _BaseClient:
    """State and rules that both clients share. No I/O."""

    def __init__(
        self, settings: Settings, budget: RetryBudget | None, clock: Clock | None, send_log_level: int = logging.INFO
    ) -> None:
        self.settings = settings
        self._send_log_level = send_log_level
        self._budget = budget or RetryBudget()
        self._clock = clock or current_clock()
        self._tokens = TokenCache(self._clock)
        self._turns = threading.Lock()
        self._next_turn = 0.0
        if settings.sends_secrets_in_clear:
            log.warning("The connection's host is plain http: the secret, the token and all texts travel in clear.")

    def check(self, request: Request[T]) -> None:
        """Check that a request can be sent, without sending it.

        :raises ValueError: the account lacks a setting that the request needs.
        """
        protocol.build(request, self.settings, token="")

    def _retry_options(self, request: Request[T]) -> _RetryOptions:
        """Describe the retries of a request that starts now."""
        budget, clock, started = self._budget, self._clock, self._clock.monotonic()
        backoff = tenacity.wait_random_exponential(multiplier=0.5, max=budget.longest_pause)

        def retry(state: tenacity.RetryCallState) -> bool:
            error = _error(state)
            return error is not None and protocol.may_retry(request, error)

        def stop(state: tenacity.RetryCallState) -> bool:
            return (
                state.attempt_number >= budget.attempts
                or _retry_after(state) > budget.longest_pause
                or clock.monotonic() - started + state.upcoming_sleep >= budget.seconds
            )

        return {
            "retry": retry,
            "wait": lambda state: max(backoff(state), _retry_after(state)),
            "stop": stop,
            "before_sleep": _log_retry,
            "reraise": True,
        }

    @contextmanager
    def _naming_connection(self) -> Iterator[None]:
        """Let every error of a request name the connection."""
        try:
            yield
        except DirectcallError as error:
            error.connection = self.settings.name
            raise

    def _pause_before_turn(self) -> float:
        """Take the next turn at the account's pace and return the seconds until then."""
        if self.settings.requests_per_second is None:
            return 0.0
        with self._turns:
            now = self._clock.monotonic()
            turn = max(now, self._next_turn)
            self._next_turn = turn + 1 / self.settings.requests_per_second
            return turn - now

    @property
    def _whole_seconds(self) -> float:
        return WHOLE_TIMEOUTS * self.settings.timeout

    @staticmethod
    def _body(request: Request[T], streamed: httpx.Response) -> BoundedBody:
        return BoundedBody(streamed.headers, ONCE_ONLY_BYTES if request.endpoint.once_only else READ_BYTES)

    def _read(self, request: Request[T], response: httpx.Response, started: float) -> T:
        level = self._send_log_level if request.endpoint.once_only else logging.DEBUG
        elapsed = self._clock.monotonic() - started
        log.log(level, "%s: HTTP %d in %.2f s", request.endpoint_name, response.status_code, elapsed)
        return protocol.read(request, self.settings, response)


class Client(_BaseClient):
    """Blocking client of Directcall. Safe to share between threads; a context manager.

    :param settings: the account.
    :param budget: limits of its retries.
    :param on_token: called with each new access token, so that the caller can mask it in logs.
    :param clock: the process's clock by default.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        budget: RetryBudget | None = None,
        on_token: Callable[[str], object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(settings, budget, clock)
        self._on_token = on_token
        self._renewing = threading.Lock()
        self._http = httpx.Client(limits=_LIMITS)
        bound_reading(self._http)

    def send(self, request: Request[T]) -> T:
        """Send a request and read its reply.

        :raises DirectcallError: one of its kinds; see the table of :mod:`.protocol`.
        :raises ValueError: the account lacks a setting that the request needs; nothing was sent.
        """
        retrying = tenacity.Retrying(sleep=self._clock.sleep, **self._retry_options(request))
        result: T = retrying(self._attempt, request)
        return result

    def rows(self, listing: Listing[Row]) -> Iterator[Row]:
        """Yield each row of a listing once; pages are fetched when they are needed."""
        reader = PageReader(listing)
        while (request := reader.next_request()) is not None:
            yield from reader.feed(self.send(request))

    def run(self, lookup: Lookup[T]) -> T:
        """Run a look-up within its bounds: send each request that it yields, and return its result."""
        return drive(bounded(lookup, self._clock), self.send)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _attempt(self, request: Request[T]) -> T:
        with self._naming_connection():
            if not request.authenticated:
                return self._exchange(request, None)
            token = self._token()
            try:
                return self._exchange(request, token)
            except DirectcallAuthError:
                self._tokens.reject(token)
                return self._exchange(request, self._token())

    def _token(self) -> str:
        failures = self._tokens.failures
        with self._renewing:
            if (token := self._tokens.current(failures)) is None:
                with self._tokens.renewal() as store:
                    token = store(self.send(request_token(self.settings)))
                if self._on_token is not None:
                    self._on_token(token)
            return token

    def _exchange(self, request: Request[T], token: str | None) -> T:
        built = protocol.build(request, self.settings, token)
        if pause := self._pause_before_turn():
            self._clock.sleep(pause)
        started = self._clock.monotonic()
        try:
            with time_limit(self._whole_seconds):
                streamed = self._http.send(built, stream=True)
                body = self._body(request, streamed)
                with closing(streamed):
                    for chunk in streamed.iter_raw():
                        body.feed(chunk)
        except httpx.RequestError as error:
            raise protocol.transport_failure(request, self.settings, error) from None
        return self._read(request, body.response(streamed), started)


class AsyncClient(_BaseClient):
    """Twin of :class:`Client` for an event loop; an async context manager.

    Belongs to the loop it is first used on. Parameters as :class:`Client`; ``on_token`` is awaited.

    :param send_log_level: of the line about each call or message; who sends many reports on all of them together.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        budget: RetryBudget | None = None,
        on_token: Callable[[str], Awaitable[object]] | None = None,
        clock: Clock | None = None,
        send_log_level: int = logging.INFO,
    ) -> None:
        super().__init__(settings, budget, clock, send_log_level)
        self._on_token = on_token
        self._renewing = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._http: httpx.AsyncClient | None = None

    async def send(self, request: Request[T]) -> T:
        """Send a request and read its reply; raises as :meth:`Client.send`."""
        retrying = tenacity.AsyncRetrying(sleep=self._clock.sleep_async, **self._retry_options(request))
        return await retrying(self._attempt, request)

    async def rows(self, listing: Listing[Row]) -> AsyncIterator[Row]:
        """Yield each row of a listing once; pages are fetched when they are needed."""
        reader = PageReader(listing)
        while (request := reader.next_request()) is not None:
            for row in reader.feed(await self.send(request)):
                yield row

    async def run(self, lookup: Lookup[T], *, most_rows: int | None = None) -> T:
        """Run a look-up, as :meth:`Client.run`.

        :param most_rows: it gives up after as many; None for the bound of a look-up of one request.
        """
        return await drive_async(bounded(lookup, self._clock, most_rows), self.send)

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _attempt(self, request: Request[T]) -> T:
        with self._naming_connection():
            if not request.authenticated:
                return await self._exchange(request, None)
            token = await self._token()
            try:
                return await self._exchange(request, token)
            except DirectcallAuthError:
                self._tokens.reject(token)
                return await self._exchange(request, await self._token())

    async def _token(self) -> str:
        failures = self._tokens.failures
        async with self._renewing:
            if (token := self._tokens.current(failures)) is None:
                with self._tokens.renewal() as store:
                    token = store(await self.send(request_token(self.settings)))
                if self._on_token is not None:
                    await self._on_token(token)
            return token

    async def _exchange(self, request: Request[T], token: str | None) -> T:
        built = protocol.build(request, self.settings, token)
        if pause := self._pause_before_turn():
            await self._clock.sleep_async(pause)
        http = await self._opened()
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._whole_seconds):
                streamed = await http.send(built, stream=True)
                body = self._body(request, streamed)
                async with aclosing(streamed):
                    async for chunk in streamed.aiter_raw():
                        body.feed(chunk)
        except TimeoutError:
            late = httpx.ReadTimeout("the whole reply took too long")
            raise protocol.transport_failure(request, self.settings, late) from None
        except httpx.RequestError as error:
            raise protocol.transport_failure(request, self.settings, error) from None
        return self._read(request, body.response(streamed), started)

    async def _opened(self) -> httpx.AsyncClient:
        """Return the HTTP client; its SSL context is made in a thread: loading certificates blocks the loop."""
        async with self._opening:
            if self._http is None:
                context = await asyncio.to_thread(httpx.create_ssl_context)
                self._http = httpx.AsyncClient(limits=_LIMITS, verify=context)
            return self._http


def _error(state: tenacity.RetryCallState) -> DirectcallError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, DirectcallError) else None


def _retry_after(state: tenacity.RetryCallState) -> float:
    """Return the seconds that the server asked to wait (``Retry-After``), else 0."""
    error = _error(state)
    return (error.retry_after if error is not None else None) or 0.0


def _log_retry(state: tenacity.RetryCallState) -> None:
    if state.next_action is not None:
        log.warning("%s; attempt %d, again in %.1f s", _error(state), state.attempt_number, state.next_action.sleep)
