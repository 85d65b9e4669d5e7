"""The pace of requests: parts of messages, or calls, a second, of one process or of all processes of an account."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock

log = logging.getLogger(__name__)

#: Tokens are taken in steps of this share of a second's worth, so that few parts cost few round trips.
_STEP_SECONDS: Final = 0.05
#: The jitter of a bucket without a step in reserve, as a share of a step's time: it costs as much of the rate.
_LOSS: Final = 0.05
#: Parts that were taken and not used are forgotten, else they would leave on top of later ones.
_HELD_SECONDS: Final = 1.0
_SHORTEST_PAUSE: Final = 0.001
#: The bucket of a rate above one a minute asks for no longer pause, unless its clock was set back.
_LONGEST_PAUSE: Final = 120.0
#: So long a bucket that is away is left alone.
_AWAY_SECONDS: Final = 15.0


class BucketUnavailableError(Exception):
    """The bucket cannot be asked; the text names the kind of error only."""


class TokenBucket(Protocol):
    """Tokens that are refilled at a rate, and shared by whoever knows the bucket's name."""

    async def take(self, tokens: int) -> float:
        """Take all of the tokens and return 0, or take none and return the seconds until they are there.

        :raises BucketUnavailableError: it cannot be asked.
        """
        ...

    async def aclose(self) -> None:
        """Close its connections; the next call opens them again."""
        ...


class Pacer(Protocol):
    """Makes requests wait for their turn: within this process, or over all workers of an account."""

    async def turn(self, parts: int, *, within: float) -> bool:
        """Wait until so many parts may leave, at most ``within`` seconds; return whether they may."""
        ...

    async def aclose(self) -> None:
        """Close its connections; the next turn opens them again."""
        ...


class Pace:
    """A pace of this process, without bursts.

    :param parts_per_second: above 0; None does not wait.
    """

    def __init__(self, parts_per_second: float | None, clock: Clock) -> None:
        if parts_per_second is not None and not parts_per_second > 0:
            raise ValueError(f"parts_per_second: a number above 0 is needed, not {parts_per_second!r}")
        self._per_second = parts_per_second
        self._clock = clock
        self._next_turn = 0.0

    async def turn(self, parts: int, *, within: float) -> bool:
        """Wait for the turn, and take as long a time as the parts need."""
        if self._per_second is None:
            return True
        now = self._clock.monotonic()
        turn = max(now, self._next_turn)
        if turn - now > within:
            await self._clock.sleep_async(max(within, 0))
            return False
        self._next_turn = turn + parts / self._per_second
        if turn > now:
            await self._clock.sleep_async(turn - now)
        return True

    async def aclose(self) -> None:
        """Do nothing."""


class AccountPace:
    """A pace that several processes share through a bucket.

    Requests of a process wait in a queue, and its first one takes tokens in small steps of the same size. So no process
    asks for more at once than another, and pauses have jitter, else the process nearest to the bucket would get all
    tokens. While the bucket is away, the process keeps a pace of its own.

    :param bucket: of the account, with :func:`burst_of` tokens at most.
    :param per_second: tokens that it gets in a second.
    :param alone: the pace without it.
    """

    def __init__(self, bucket: TokenBucket, per_second: float, alone: Pacer, clock: Clock) -> None:
        self._bucket = bucket
        self._step = _step_of(per_second)
        step_seconds = self._step / per_second
        self._longest_pause = _LONGEST_PAUSE + 2 * step_seconds
        self._jitter = max(burst_of(per_second) / per_second - step_seconds, step_seconds * _LOSS)
        self._alone = alone
        self._clock = clock
        self._queue = asyncio.Lock()
        self._held = 0
        self._held_until = 0.0
        self._away_until: float | None = None

    async def turn(self, parts: int, *, within: float) -> bool:
        """Wait in this process's queue, then for the bucket."""
        ends = self._clock.monotonic() + within
        async with self._queue:
            if not self._is_away():
                try:
                    return await self._take(parts, ends)
                except BucketUnavailableError as error:
                    self._leave(error)
        return await self._alone.turn(parts, within=ends - self._clock.monotonic())

    async def aclose(self) -> None:
        """Close the bucket's connections."""
        self._queue = asyncio.Lock()  # it belongs to one event loop
        await self._bucket.aclose()

    async def _take(self, parts: int, ends: float) -> bool:
        if self._clock.monotonic() > self._held_until:
            self._held = 0
        while self._held < parts:
            pause = await self._bucket.take(self._step)
            now = self._clock.monotonic()
            if pause > self._longest_pause:
                raise BucketUnavailableError("the clock of the bucket was set back")
            self._return_to_bucket()
            if pause == 0:
                self._held += self._step
                self._held_until = now + _HELD_SECONDS
                continue
            pause += random.uniform(0, self._jitter)  # noqa: S311 - no secret
            await self._clock.sleep_async(max(min(pause, ends - now), _SHORTEST_PAUSE))
            if now + pause > ends:
                return False
        self._held -= parts
        return True

    def _is_away(self) -> bool:
        return self._away_until is not None and self._clock.monotonic() < self._away_until

    def _leave(self, error: BucketUnavailableError) -> None:
        if self._away_until is None:
            log.warning("The account's rate is not shared: %s. This task keeps to its own part of the rate.", error)
        self._away_until = self._clock.monotonic() + _AWAY_SECONDS

    def _return_to_bucket(self) -> None:
        if self._away_until is not None:
            log.info("The account's rate is shared again.")
            self._away_until = None


def burst_of(per_second: float) -> int:
    """Return how many tokens the bucket of a rate holds at most: two steps, or one below two a second."""
    return _step_of(per_second) * (2 if per_second >= 2 else 1)


def _step_of(per_second: float) -> int:
    return max(1, int(per_second * _STEP_SECONDS))
