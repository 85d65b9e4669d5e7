"""Take parts of a rate that is shared through Redis, and print when they were taken. Started by :mod:`.rates`."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.campaigns.pacing import AccountPace, Pace
from airflow_provider_directcall.campaigns.redis_bucket import RedisAddress, RedisBucket

_AT_ONCE = 20
#: Parts of the messages, in turn.
_PARTS = (1, 2, 1, 3)


async def taken(port: int, name: str, per_second: float, seconds: float) -> list[tuple[float, int]]:
    """Return moments and parts of messages that left in so many seconds."""
    clock = Clock()
    bucket = RedisBucket(RedisAddress({"host": "127.0.0.1", "port": port}), name, per_second)
    pace = AccountPace(bucket, per_second, Pace(per_second / 2, clock), clock)
    ends = clock.monotonic() + seconds
    left: list[tuple[float, int]] = []

    async def send(parts: int) -> None:
        while await pace.turn(parts, within=ends - clock.monotonic()):
            left.append((time.time(), parts))

    await asyncio.gather(*(send(_PARTS[place % len(_PARTS)]) for place in range(_AT_ONCE)))
    await pace.aclose()
    return left


if __name__ == "__main__":
    _, port, name, per_second, seconds = sys.argv
    print(json.dumps(asyncio.run(taken(int(port), name, float(per_second), float(seconds)))))
