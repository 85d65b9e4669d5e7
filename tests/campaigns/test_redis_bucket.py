"""A rate in a real Redis; skipped where no redis-server is installed."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
import redis as redis_client

from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.campaigns.pacing import BucketUnavailableError
from airflow_provider_directcall.campaigns.redis_bucket import RedisAddress, RedisBucket, bucket_name
from tools.cluster.services import MissingServicesError, check_installed, redis


@pytest.fixture(scope="module")
def server():
    try:
        check_installed(["redis-server"])
    except MissingServicesError as error:
        pytest.skip(str(error))
    with redis() as running:
        yield running


@pytest.fixture
async def bucket(server, request):
    made = []

    def make(per_second: float = 50, name: str = request.node.name) -> RedisBucket:
        made.append(RedisBucket(RedisAddress({"host": "127.0.0.1", "port": server.port}), name, per_second))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


async def test_all_tokens_are_taken_or_none(bucket):
    one = bucket()
    assert await one.take(4) == 0
    pause = await one.take(4)
    assert 0 < pause <= 4 / 50
    assert await one.take(4) <= pause, "a question that was denied takes nothing"


async def test_processes_share_a_bucket_by_its_name(bucket):
    one, same, other = bucket(4), bucket(4), bucket(4, name="other")
    assert await one.take(2) == 0
    assert await same.take(2) > 0
    assert await other.take(2) == 0


async def test_a_closed_bucket_opens_again_in_another_loop(bucket):
    one = bucket()

    async def take_and_close() -> float:
        try:
            return await one.take(1)
        finally:
            await one.aclose()

    assert await take_and_close() == 0
    assert await asyncio.to_thread(asyncio.run, take_and_close()) == 0


async def test_redis_knows_no_account_and_forgets_the_key(server, bucket):
    settings = Settings("me@example.com", "hush", base_url="https://api.example.com")
    name = bucket_name(settings, "parts")
    await bucket(name=name).take(4)
    with redis_client.Redis(port=server.port) as client:
        keys = client.keys("directcall:*parts")
        assert [key.decode() for key in keys] == [f"directcall:v1:gcra:{name}"]
        assert 0 < client.ttl(keys[0]) <= 1
    assert not any(part in name for part in ("me", "hush", "example"))


def test_the_name_of_a_bucket_is_of_the_account():
    one = Settings("me@example.com", "hush")
    assert bucket_name(one, "parts") == bucket_name(Settings("me@example.com", "another secret"), "parts")
    assert bucket_name(one, "parts") != bucket_name(one, "calls")
    assert bucket_name(one, "parts") != bucket_name(Settings("you@example.com", "hush"), "parts")


@pytest.mark.parametrize(("port", "kind"), [(1, "ConnectionError"), ("hung", "TimeoutError")])
async def test_a_redis_out_of_reach_is_an_error_without_its_address(monkeypatch, bucket, server, port, kind):
    monkeypatch.setattr("airflow_provider_directcall.campaigns.redis_bucket._TIMEOUT", 0.5)
    away = RedisBucket(RedisAddress({"host": "127.0.0.1", "port": server.port if port == "hung" else port}), "x", 5)
    if port == "hung":
        os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(BucketUnavailableError) as raised:
            await away.take(1)
    finally:
        if port == "hung":
            os.kill(server.pid, signal.SIGCONT)
        await away.aclose()
    assert str(raised.value) == f"Redis: {kind}"
