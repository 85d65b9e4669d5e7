"""A deferred task wakes within a minute of its moment, whatever the machine's clock does meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_directcall.api.clock import Clock, use_clock
from airflow_provider_directcall.triggers.moments import MomentTrigger

OPENING = datetime(2026, 3, 5, 12, tzinfo=UTC)


class SimulatedClock(Clock):
    """A clock that moves as one sleeps, and by steps of its own while it sleeps."""

    def __init__(self, now: datetime, *steps: float) -> None:
        self._now = now
        self._steps = iter(steps)

    def now(self) -> datetime:
        return self._now

    async def sleep_async(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds + next(self._steps, 0))


@pytest.mark.parametrize("steps", [(), (3600.0,), (-7200.0,), (0.0, -30.0, 86.0, -5000.0)])
@pytest.mark.parametrize("before", [timedelta(0), timedelta(seconds=1), timedelta(hours=15), timedelta(days=5)])
async def test_it_fires_within_a_minute_of_its_moment_and_never_before(before, steps):
    clock = SimulatedClock(OPENING - before, *steps)
    with use_clock(clock):
        assert [event.payload async for event in MomentTrigger(moment=OPENING.isoformat()).run()] == [{"status": "due"}]
    jumped = max((abs(step) for step in steps), default=0)
    assert OPENING <= clock.now() <= OPENING + timedelta(seconds=max(60, jumped))


async def test_a_moment_that_is_over_fires_at_once():
    with use_clock(SimulatedClock(OPENING + timedelta(days=1))):
        assert [event async for event in MomentTrigger(moment=OPENING.isoformat()).run()]
