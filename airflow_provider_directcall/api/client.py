"""The only code that does I/O: :class:`Client` and :class:`AsyncClient`, which differ in ``await`` only."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypedDict, TypeVar

import httpx
import tenacity

from airflow_provider_directcall.api import protocol
from airflow_provider_directcall.api.clock import Clock, current_clock
from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallError
from airflow_provider_directcall.api.methods import request_token
from airflow_provider_directcall.api.pacing import Pacer
from airflow_provider_directcall.api.paging import PageReader
from airflow_provider_directcall.api.redaction import RequestLogFilter
from airflow_provider_directcall.api.requests import Listing
from airflow_provider_directcall.api.tokens import TokenKeeper

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings

T = TypeVar("T")
Row = TypeVar("Row")

log = logging.getLogger(__name__)
logging.getLogger("httpx").addFilter(RequestLogFilter())

#: An idle connection is closed after this long, before common servers close theirs (5 s) under a request.
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2.0)


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """How long a client goes on trying by itself.

    :param attempts: how often at most, the first time included.
    :param seconds: no attempt starts later than this after the first one.
    :param longest_pause: upper bound of one pause in seconds; a longer ``Retry-After`` ends the trying.
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


class _Account:
    """What both clients keep about an account: settings, token, pace, budget. No I/O."""

    def __init__(self, settings: Settings, budget: RetryBudget | None, clock: Clock | None) -> None:
        self.settings = settings
        self._budget = budget or RetryBudget()
        self._clock = clock or current_clock()
        self._tokens = TokenKeeper()
        self._pacer = Pacer(settings.requests_per_second)
        self._backoff = tenacity.wait_random_exponential(multiplier=0.5, max=self._budget.longest_pause)
        if settings.sends_secrets_in_clear:
            log.warning("The connection's host is plain http: the secret, the token and all texts travel in clear.")

    def _retry_options(self) -> _RetryOptions:
        """Describe how a request that starts now is tried again."""
        budget, clock, started = self._budget, self._clock, self._clock.monotonic()

        def wait(state: tenacity.RetryCallState) -> float:
            return max(self._backoff(state), _asked_pause(state))

        def stop(state: tenacity.RetryCallState) -> bool:
            return (
                state.attempt_number >= budget.attempts
                or _asked_pause(state) > budget.longest_pause
                or clock.monotonic() - started + state.upcoming_sleep >= budget.seconds
            )

        return {"retry": _may_repeat, "wait": wait, "stop": stop, "before_sleep": _log_repetition, "reraise": True}

    def _log_done(self, request: Request[T], response: httpx.Response, started: float) -> None:
        level = logging.INFO if request.endpoint.once_only else logging.DEBUG
        elapsed = self._clock.monotonic() - started
        log.log(level, "%s: HTTP %d in %.2f s", request.endpoint_name, response.status_code, elapsed)


class Client(_Account):
    """Talks to Directcall, blocking. Safe to share between threads; a context manager.

    :param settings: the account.
    :param budget: how long to go on trying.
    :param on_token: called with each new access token, so that the caller can keep it out of its logs.
    :param clock: that of the process by default.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        budget: RetryBudget | None = None,
        on_token: Callable[[str], object] = lambda token: None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(settings, budget, clock)
        self._on_token = on_token
        self._renewal = threading.Lock()
        self._turns = threading.Lock()
        self._http = httpx.Client(limits=_LIMITS)

    def send(self, request: Request[T]) -> T:
        """Send a request and read its reply.

        :raises DirectcallError: one of its kinds; see the table of :mod:`.protocol`.
        :raises ValueError: the account lacks what the request needs; nothing was sent.
        """
        retrying = tenacity.Retrying(sleep=self._clock.sleep, **self._retry_options())
        result: T = retrying(self._attempt, request)
        return result

    def check(self, request: Request[T]) -> None:
        """Find out whether a request could be sent, without sending it.

        :raises ValueError: the account lacks what the request needs.
        """
        protocol.build(request, self.settings, token="")

    def rows(self, listing: Listing[Row]) -> Iterator[Row]:
        """Each row of a listing once, fetched page by page as they are asked for."""
        reader = PageReader(listing)
        while (request := reader.next_request()) is not None:
            yield from reader.feed(self.send(request))

    def run(self, lookup: Lookup[T]) -> T:
        """Run a look-up: send each request it yields, read each listing in full, and return its result."""
        with closing(lookup):
            resume = partial(next, lookup)
            while True:
                try:
                    question = resume()
                except StopIteration as end:
                    result: T = end.value
                    return result
                try:
                    answer = list(self.rows(question)) if isinstance(question, Listing) else self.send(question)
                except Exception as error:  # noqa: BLE001 - the look-up decides
                    resume = partial(lookup.throw, error)
                else:
                    resume = partial(lookup.send, answer)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attempt(self, request: Request[T]) -> T:
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
        with self._renewal:
            now = self._clock.monotonic()
            token = self._tokens.current(now)
            return self._renewed_token(now, failures) if token is None else token

    def _renewed_token(self, now: float, failures: int) -> str:
        """A new token; who waited while another one's renewal failed shares that failure."""
        if failure := self._tokens.failed_since(failures):
            raise failure
        try:
            token = self._tokens.store(self.send(request_token(self.settings)), now)
        except DirectcallError as error:
            self._tokens.fail(error)
            raise
        self._on_token(token)
        return token

    def _exchange(self, request: Request[T], token: str | None) -> T:
        built = protocol.build(request, self.settings, token)
        with self._turns:
            delay = self._pacer.delay(self._clock.monotonic())
        if delay:
            self._clock.sleep(delay)
        started = self._clock.monotonic()
        try:
            response = self._http.send(built)
        except httpx.RequestError as error:
            raise protocol.transport_failure(request, self.settings, error) from None
        self._log_done(request, response, started)
        return protocol.read(request, self.settings, response)


async def _ignore_token(token: str) -> None:
    """What happens with a new token where nobody asked for it."""


class AsyncClient(_Account):
    """Talks to Directcall on an event loop; the twin of :class:`Client`, an async context manager.

    Belongs to the loop it is first used on. Parameters as :class:`Client`; ``on_token`` is awaited.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        budget: RetryBudget | None = None,
        on_token: Callable[[str], Awaitable[None]] = _ignore_token,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(settings, budget, clock)
        self._on_token = on_token
        self._renewal = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._http: httpx.AsyncClient | None = None

    async def send(self, request: Request[T]) -> T:
        """Send a request and read its reply; raises as :meth:`Client.send`."""
        retrying = tenacity.AsyncRetrying(sleep=self._clock.sleep_async, **self._retry_options())
        return await retrying(self._attempt, request)

    async def rows(self, listing: Listing[Row]) -> AsyncIterator[Row]:
        """Each row of a listing once, fetched page by page as they are asked for."""
        reader = PageReader(listing)
        while (request := reader.next_request()) is not None:
            for row in reader.feed(await self.send(request)):
                yield row

    async def run(self, lookup: Lookup[T]) -> T:
        """Run a look-up, as :meth:`Client.run`."""
        with closing(lookup):
            resume = partial(next, lookup)
            while True:
                try:
                    question = resume()
                except StopIteration as end:
                    result: T = end.value
                    return result
                try:
                    answer = (
                        [row async for row in self.rows(question)]
                        if isinstance(question, Listing)
                        else await self.send(question)
                    )
                except Exception as error:  # noqa: BLE001 - the look-up decides
                    resume = partial(lookup.throw, error)
                else:
                    resume = partial(lookup.send, answer)

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _attempt(self, request: Request[T]) -> T:
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
        async with self._renewal:
            now = self._clock.monotonic()
            token = self._tokens.current(now)
            return await self._renewed_token(now, failures) if token is None else token

    async def _renewed_token(self, now: float, failures: int) -> str:
        """A new token; who waited while another one's renewal failed shares that failure."""
        if failure := self._tokens.failed_since(failures):
            raise failure
        try:
            token = self._tokens.store(await self.send(request_token(self.settings)), now)
        except DirectcallError as error:
            self._tokens.fail(error)
            raise
        await self._on_token(token)
        return token

    async def _exchange(self, request: Request[T], token: str | None) -> T:
        built = protocol.build(request, self.settings, token)
        delay = self._pacer.delay(self._clock.monotonic())
        if delay:
            await self._clock.sleep_async(delay)
        http = await self._opened()
        started = self._clock.monotonic()
        try:
            response = await http.send(built)
        except httpx.RequestError as error:
            raise protocol.transport_failure(request, self.settings, error) from None
        self._log_done(request, response, started)
        return protocol.read(request, self.settings, response)

    async def _opened(self) -> httpx.AsyncClient:
        """The HTTP client; its SSL context is made in a thread, because loading certificates blocks the loop."""
        async with self._opening:
            if self._http is None:
                context = await asyncio.to_thread(httpx.create_ssl_context)
                self._http = httpx.AsyncClient(limits=_LIMITS, verify=context)
            return self._http


def _may_repeat(state: tenacity.RetryCallState) -> bool:
    """Whether the request that was tried, the only argument of the try, may be tried again."""
    (request,) = state.args
    error = _failure(state)
    return error is not None and protocol.may_repeat(request, error)


def _failure(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _asked_pause(state: tenacity.RetryCallState) -> float:
    """Seconds that the server asked for (``Retry-After``), else 0."""
    error = _failure(state)
    return (error.retry_after or 0.0) if isinstance(error, DirectcallError) else 0.0


def _log_repetition(state: tenacity.RetryCallState) -> None:
    error = _failure(state)
    if isinstance(error, DirectcallError) and state.next_action is not None:
        log.warning("%s; attempt %d, again in %.1f s", error, state.attempt_number, state.next_action.sleep)
