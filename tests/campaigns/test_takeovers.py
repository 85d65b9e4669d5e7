"""A process that Airflow takes for dead and that lives on, while the next try sends the same chunk."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.campaigns.storage import LocalFolder

from .sending_world import SendingWorld, numbers


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    return SendingWorld(directcall_sandbox, tmp_path / "campaign")


class Sleeping(LocalFolder):
    """Lets another process send the chunk before or after the n-th write of this one."""

    def __init__(self, world: SendingWorld, *, at: int, after: bool) -> None:
        super().__init__(world.path)
        self._world, self._at, self._after = world, at, after
        self.writes = 0
        self.others = None

    def write(self, name, content):
        self.writes += 1
        if self.writes == self._at and not self._after:
            self._wake_other()
        super().write(name, content)
        if self.writes == self._at and self._after:
            self._wake_other()

    def _wake_other(self):
        import asyncio
        import threading

        def run():
            self.others = asyncio.run(self._world.send(wave_size=3))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(2, 7))
async def test_two_live_tries_reach_each_contact_once(world, at, after):
    world.planned(numbers(9))
    sleeping = Sleeping(world, at=at, after=after)
    outcome = await world.send(folder=sleeping, wave_size=3)
    assert sleeping.others.states == {"sent": 9}
    assert world.reached() == dict.fromkeys(numbers(9), 1)
    assert outcome.stopped is None or "another process" in outcome.stopped
    assert (await world.send()).states == {"sent": 9}
    assert world.reached() == dict.fromkeys(numbers(9), 1)


async def test_requests_that_come_late_keep_their_turn_for_the_next_wave(world):
    world.planned(numbers(100))
    outcome = await world.send(parts_per_second=1, wave_size=100)
    assert outcome.states == {"sent": 100}
    assert world.reached() == dict.fromkeys(numbers(100), 1)
    assert len([name for name in world.folder.names("waves/") if name.endswith("intent.json")]) == 2
