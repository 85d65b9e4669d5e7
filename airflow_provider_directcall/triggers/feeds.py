"""Hooks and feeds that the triggers of one event loop share: for each connection one login, and one poll.

Airflow 3.3 can share a stream between triggers. It is not used here: such a stream does not know who listens, so it
cannot cover the oldest wait or find a row that came before a late one; each poll wakes every trigger, and a failed one
ends them all. A feed of the event loop has none of this, and is the same on every Airflow and in ``dag.test()``.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallError, DirectcallReplyError
from airflow_provider_directcall.statement.feed import Feed

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook
    from airflow_provider_directcall.statement.feed_sources import FeedSource
    from airflow_provider_directcall.statement.pace import PollPace
    from airflow_provider_directcall.statement.waits import Question, Wait, WaitResult

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Questions of one feed under way at once.
_AT_ONCE: Final = 8
#: Moments are rounded: one that is as near as this has come.
_TICK: Final = timedelta(milliseconds=1)
#: An error of our own: no question of this feed can be read, so the waits ask by themselves.
_BROKEN: Final = 500


@dataclass
class SharedConnection:
    """The hook and the feeds of one connection."""

    hook: DirectcallAsyncHook
    users: int = 0
    feeds: dict[FeedSource, FeedRunner] = field(default_factory=dict)


_SHARED: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedConnection]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_connection(directcall_conn_id: str) -> AsyncIterator[SharedConnection]:
    """Share a hook with all triggers of this event loop that use the connection; the last one closes it.

    After a failed login, those that come later get a new hook: the connection may have been corrected.
    """
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook

    of_loop = _SHARED.setdefault(asyncio.get_running_loop(), {})
    shared = of_loop.get(directcall_conn_id)
    if shared is None:
        shared = of_loop[directcall_conn_id] = SharedConnection(DirectcallAsyncHook(directcall_conn_id))
    shared.users += 1
    try:
        yield shared
    except (DirectcallAuthError, ValueError):
        _forget(of_loop, directcall_conn_id, shared)
        raise
    finally:
        shared.users -= 1
        if not shared.users:
            _forget(of_loop, directcall_conn_id, shared)
            await shared.hook.close()


def _forget(of_loop: dict[str, SharedConnection], directcall_conn_id: str, shared: SharedConnection) -> None:
    if of_loop.get(directcall_conn_id) is shared:
        del of_loop[directcall_conn_id]


async def wait_in_feed(
    shared: SharedConnection, source: FeedSource, wait: Wait[T], pace: PollPace, ready_at: datetime
) -> T | None:
    """Wait in the feed of a connection; return the result, or None when the deadline has come.

    :param source: what shows its rows.
    :param ready_at: no result before it.
    :raises DirectcallError: the wait was given up.
    """
    runner = shared.feeds.setdefault(source, FeedRunner(shared.hook, source))
    try:
        return await runner.wait(wait, pace, ready_at)
    finally:
        if not runner.waits and shared.feeds.get(source) is runner:
            del shared.feeds[source]
            await runner.stop()


@dataclass(frozen=True)
class _Waiting:
    """A trigger that waits.

    :ivar verdict: is set once.
    :ivar context: of the trigger, so that the log of its own look is in its task's log.
    """

    verdict: asyncio.Future[WaitResult]
    context: contextvars.Context


class FeedRunner:
    """Runs one feed on the event loop: asks its questions and delivers its verdicts."""

    def __init__(self, hook: DirectcallAsyncHook, source: FeedSource) -> None:
        self._hook = hook
        self._feed = Feed(source)
        self._woken = asyncio.Event()
        self._driver: asyncio.Task[None] | None = None
        self.waits: dict[int, _Waiting] = {}

    async def wait(self, wait: Wait[T], pace: PollPace, ready_at: datetime) -> T | None:
        """Wait for the verdict on one wait."""
        await self._hook.client()
        verdict: asyncio.Future[WaitResult] = asyncio.get_running_loop().create_future()
        ticket = self._feed.join(wait, pace, current_clock().now(), ready_at)
        self.waits[ticket] = _Waiting(verdict, contextvars.copy_context())
        self._start()
        try:
            ended = await verdict
        finally:
            del self.waits[ticket]
            self._feed.leave(ticket, current_clock().now())
            self._woken.set()
        if ended.error is not None:
            raise ended.error
        found: T | None = ended.found
        return found

    async def stop(self) -> None:
        """Stop asking."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.cancel()
            await asyncio.wait({driver})

    def _start(self) -> None:
        """Start the driver, or wake it. It outlives the trigger that starts it, so it has a context of its own."""
        self._woken.set()
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive(), context=contextvars.Context())
            self._driver.add_done_callback(self._ended)

    def _ended(self, driver: asyncio.Task[None]) -> None:
        """Start a new driver in place of one that was cancelled; an error of it ends the waits."""
        if driver is not self._driver:
            return
        self._driver = None
        error = None if driver.cancelled() else driver.exception()
        for waiting in self.waits.values():
            if error is not None and not waiting.verdict.done():
                waiting.verdict.set_exception(error)
        if error is None and self.waits and not driver.get_loop().is_closed():
            log.warning("The feed of the statement was cancelled; its waits go on")
            self._start()

    async def _drive(self) -> None:
        asking: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._woken.clear()
                now = current_clock().now() + _TICK
                while len(asking) < _AT_ONCE and (question := self._feed.next_question(now)) is not None:
                    asking.add(self._asked(question))
                next_at = self._feed.next_at(now) if len(asking) < _AT_ONCE else None
                asking = await self._rest(asking, next_at)
        finally:
            for task in asking:
                task.cancel()

    async def _rest(self, asking: set[asyncio.Task[None]], until: datetime | None) -> set[asyncio.Task[None]]:
        """Rest until an answer, a new wait, or a moment; return the questions that are still under way."""
        clock = current_clock()
        rests: list[asyncio.Task[object]] = [asyncio.create_task(self._woken.wait())]
        if until is not None:
            seconds = (until - clock.now()).total_seconds()
            rests.append(asyncio.create_task(clock.sleep_async(max(seconds, 0.0))))
        try:
            await asyncio.wait({*asking, *rests}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for rest in rests:
                rest.cancel()
        return {task for task in asking if not task.done()}

    def _asked(self, question: Question) -> asyncio.Task[None]:
        waiting = self.waits.get(question.ticket) if question.ticket is not None else None
        context = waiting.context if waiting is not None else contextvars.Context()
        return asyncio.create_task(self._ask(question), context=context)

    async def _ask(self, question: Question) -> None:
        clock = current_clock()
        try:
            client = await self._hook.client()
            answer = await client.run(question.lookup)
            for verdicts in self._feed.steps(question, answer, clock.now()):
                self._deliver(verdicts)
                await asyncio.sleep(0)  # thousands of rows would block the loop, which is Airflow's
        except DirectcallError as error:
            if question.ticket is not None:
                log.warning("%s; it will be asked again", error)
            self._deliver(self._feed.failed(question, error, clock.now()))
        except asyncio.CancelledError:
            self._feed.abandoned(question, clock.now())
            self._woken.set()
            raise
        except Exception as error:  # noqa: BLE001 - a trigger that waits for ever would be worse than one that fails
            self._fail(question, error)

    def _deliver(self, verdicts: list[WaitResult]) -> None:
        for verdict in verdicts:
            waiting = self.waits.get(verdict.ticket)
            if waiting is not None and not waiting.verdict.done():
                waiting.verdict.set_result(verdict)

    def _fail(self, question: Question, error: Exception) -> None:
        """End the wait whose own look broke; after a shared read that broke, the waits look by themselves."""
        if question.ticket is not None:
            broken = [question.ticket]
        else:
            log.warning("A shared read of the statement broke (%s); each wait looks by itself", type(error).__name__)
            unreadable = DirectcallReplyError(type(error).__name__, http_status=_BROKEN)
            self._deliver(self._feed.failed(question, unreadable, current_clock().now()))
            broken = [ticket for ticket in self.waits if ticket not in self._feed]
        for ticket in broken:
            waiting = self.waits.get(ticket)
            if waiting is not None and not waiting.verdict.done():
                waiting.verdict.set_exception(error)
