"""A token bucket in Redis, with its server's clock. Needs the extra ``redis``."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from throttled.asyncio import Quota, Rate, RateLimiterType, RedisStore, Throttled
from throttled.exceptions import BaseThrottledError

from airflow_provider_directcall.campaigns.pacing import BucketUnavailableError, burst_of

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from airflow_provider_directcall.api.settings import Settings

_PREFIX: Final = "directcall"
#: A rate is whole tokens in so many seconds, so three decimals of it count.
_PERIOD: Final = 1000
#: For connecting and one answer, retries included.
_TIMEOUT: Final = 5.0


@dataclass(frozen=True)
class RedisAddress:
    """How a Redis is reached.

    :param options: arguments of redis-py's connections, such as ``host``, ``port``, ``db``, ``password``.
    """

    options: Mapping[str, Any] = field(repr=False)
    tls: bool = False


class RedisBucket:
    """A bucket of all processes that use the same name on the same Redis.

    One script takes tokens or computes when they are there (GCRA), by the time of Redis: the clocks of workers do not
    matter. A key expires when its bucket is full.

    :param per_second: 0.001 or more.
    """

    def __init__(self, address: RedisAddress, name: str, per_second: float) -> None:
        self._address = address
        self._name = name
        rate = Rate(timedelta(seconds=_PERIOD), max(1, round(per_second * _PERIOD)))
        self._quota = Quota(rate, burst_of(per_second))
        self._store: _Store | None = None
        self._limiter: Throttled | None = None

    async def take(self, tokens: int) -> float:
        """Take tokens.

        :raises BucketUnavailableError: Redis cannot be reached, or has no time for it.
        """
        limiter = self._limiter or self._opened()
        try:
            async with asyncio.timeout(_TIMEOUT):
                result = await limiter.limit(cost=tokens)
        except (BaseThrottledError, OSError) as error:
            # The text of an error may hold the address; the library's own has the cause.
            cause = error.__cause__ if isinstance(error, BaseThrottledError) else error
            raise BucketUnavailableError(f"Redis: {type(cause).__name__}") from None
        return result.state.retry_after if result.limited else 0.0

    async def aclose(self) -> None:
        """Close the connections."""
        store, self._store, self._limiter = self._store, None, None
        if store is not None:
            await store.aclose()

    def _opened(self) -> Throttled:
        """Return the limiter; it connects at its first question, in the event loop of that."""
        scheme = "rediss" if self._address.tls else "redis"
        self._store = _Store(f"{scheme}://", {"CONNECTION_POOL_KWARGS": dict(self._address.options)})
        self._limiter = Throttled(
            self._name, using=RateLimiterType.GCRA.value, quota=self._quota, store=self._store, key_prefix=_PREFIX
        )
        return self._limiter


class _Store(RedisStore):
    async def aclose(self) -> None:
        # The library's protocol of a client leaves out what it does not use itself.
        client = cast("Redis", self._backend.get_client())
        await client.aclose(close_connection_pool=True)


def bucket_name(settings: Settings, unit: str) -> str:
    """Return the name of an account's bucket, without the account's address and id.

    :param unit: of its tokens.
    """
    account = hashlib.blake2b(f"{settings.base_url}\n{settings.client_id}".encode(), digest_size=16)
    return f"{account.hexdigest()}:{unit}"
