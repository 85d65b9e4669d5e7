from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
from collections import Counter
from datetime import timedelta

import pytest
import throttled
from throttled.asyncio import MemoryStore, Quota, Rate, Throttled

from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.campaigns.pacing import (
    AccountPace,
    BucketUnavailableError,
    Pace,
    burst_of,
)

RATE = 50


class EventClock(Clock):
    """A clock that moves to the next moment that a coroutine waits for, once none can run."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self._now

    async def sleep_async(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._now + seconds, next(self._order), future))
        await future

    async def run(self, *coroutines):
        everything = asyncio.gather(*coroutines)
        while not everything.done():
            for _ in range(10):
                await asyncio.sleep(0)
            if self._waiting and not everything.done():
                self._now, _, future = heapq.heappop(self._waiting)
                future.set_result(None)
        return await everything


class MemoryBucket:
    """The library's algorithm on its store in memory, by the simulated clock; it can be out of reach."""

    def __init__(self, store: MemoryStore, per_second: float = RATE) -> None:
        quota = Quota(Rate(timedelta(seconds=1000), round(per_second * 1000)), burst_of(per_second))
        self._limiter = Throttled("account", using="gcra", quota=quota, store=store)
        self.is_away = False
        self.set_back = 0.0
        self.asked = 0

    async def take(self, tokens: int) -> float:
        self.asked += 1
        if self.is_away:
            raise BucketUnavailableError("Redis: ConnectionError")
        result = await self._limiter.limit(cost=tokens)
        return result.state.retry_after + self.set_back if result.limited else 0.0

    async def aclose(self) -> None:
        pass


@pytest.fixture
def clock(monkeypatch):
    clock = EventClock()
    monkeypatch.setattr(throttled.utils, "now_mono_f", clock.monotonic)
    random.seed(7)
    return clock


class Process:
    """A worker's process with many requests at once."""

    def __init__(self, clock: EventClock, bucket: MemoryBucket, *, share: float = 5, parts: int = 1) -> None:
        self._clock = clock
        self._parts = parts
        self.pace = AccountPace(bucket, RATE, Pace(share, clock), clock)
        self.left: list[tuple[float, int]] = []

    async def send(self, seconds: float, *, at_once: int = 20) -> None:
        ends = self._clock.monotonic() + seconds

        async def one() -> None:
            while await self.pace.turn(self._parts, within=ends - self._clock.monotonic()):
                self.left.append((self._clock.monotonic(), self._parts))

        await asyncio.gather(*(one() for _ in range(at_once)))

    @property
    def parts(self) -> int:
        return sum(parts for _, parts in self.left)


def busiest_second(*processes: Process) -> int:
    """Return the most parts that left within any second."""
    left = sorted(each for process in processes for each in process.left)
    return max(sum(parts for moment, parts in left if begin <= moment < begin + 1) for begin, _ in left)


async def test_processes_share_the_rate_of_the_account(clock):
    store = MemoryStore()
    processes = [Process(clock, MemoryBucket(store)) for _ in range(4)]
    await clock.run(*(each.send(20) for each in processes))
    assert sum(each.parts for each in processes) == pytest.approx(20 * RATE, rel=0.02)
    assert busiest_second(*processes) <= RATE + burst_of(RATE) + 4 * 2
    assert min(each.parts for each in processes) > 20 * RATE / 4 * 0.7


async def test_long_texts_do_not_starve_beside_short_ones(clock):
    store = MemoryStore()
    short, long = Process(clock, MemoryBucket(store)), Process(clock, MemoryBucket(store), parts=5)
    await clock.run(short.send(20), long.send(20))
    assert long.parts > 0.4 * 20 * RATE


async def test_a_process_alone_gets_the_whole_rate_with_few_questions(clock):
    bucket = MemoryBucket(MemoryStore())
    process = Process(clock, bucket)
    await clock.run(process.send(20))
    assert process.parts == pytest.approx(20 * RATE, rel=0.02)
    assert bucket.asked < 20 * RATE * 1.1


async def test_a_bucket_out_of_reach_leaves_each_process_its_share(clock, caplog):
    bucket = MemoryBucket(MemoryStore())
    process = Process(clock, bucket, share=5)
    bucket.is_away = True
    await clock.run(process.send(14))
    assert process.parts == pytest.approx(14 * 5, abs=2)
    assert bucket.asked == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "not shared: Redis: ConnectionError" in caplog.text


async def test_a_bucket_that_is_back_is_shared_again(clock, caplog):
    caplog.set_level(logging.INFO)
    bucket = MemoryBucket(MemoryStore())
    process = Process(clock, bucket, share=5)
    bucket.is_away = True
    await clock.run(process.send(10))
    bucket.is_away = False
    await clock.run(process.send(20))
    assert process.parts > 10 * RATE
    assert "shared again" in caplog.text


async def test_a_bucket_whose_clock_was_set_back_does_not_stop_a_campaign(clock, caplog):
    bucket = MemoryBucket(MemoryStore())
    process = Process(clock, bucket, share=5)
    await clock.run(process.send(1))
    before = process.parts
    bucket.set_back = 3600
    await clock.run(process.send(10))
    assert 40 < process.parts - before <= 52
    assert "set back" in caplog.text


async def test_a_turn_that_comes_too_late_is_not_taken(clock):
    bucket = MemoryBucket(MemoryStore())
    pace = AccountPace(bucket, RATE, Pace(5, clock), clock)
    began = clock.monotonic()
    assert await clock.run(pace.turn(2 * RATE, within=1)) == [False]
    assert clock.monotonic() - began <= 1.05
    assert await clock.run(pace.turn(RATE, within=0.01)) == [True]


async def test_parts_taken_long_ago_do_not_leave_on_top_of_others(clock):
    pace = AccountPace(MemoryBucket(MemoryStore()), RATE, Pace(5, clock), clock)
    await clock.run(pace.turn(2 * RATE, within=1))
    await clock.run(clock.sleep_async(5))
    assert await clock.run(pace.turn(RATE, within=0.5)) == [False]


async def test_the_pace_of_a_process_waits_no_longer_than_it_may(clock):
    pace = Pace(0.01, clock)
    assert await clock.run(pace.turn(1, within=60)) == [True]
    assert await clock.run(pace.turn(1, within=60)) == [False]
    assert clock.monotonic() == 1060
    assert await clock.run(pace.turn(1, within=60)) == [True]
    assert clock.monotonic() == 1100


async def test_a_rate_below_one_a_second_is_kept(clock):
    bucket = MemoryBucket(MemoryStore(), per_second=0.5)
    pace = AccountPace(bucket, 0.5, Pace(0.5, clock), clock)
    sent = Counter()

    async def one() -> None:
        while await pace.turn(1, within=1100 - clock.monotonic()):
            sent["calls"] += 1

    await clock.run(one())
    assert sent["calls"] == pytest.approx(50, abs=2)
