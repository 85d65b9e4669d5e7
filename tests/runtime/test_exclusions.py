from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.runtime.campaigns.planning import ExclusionRules
from airflow_provider_directcall.runtime.campaigns.sending import FreshExclusions

NUMBERS = ["5511990000001", "5511990000002"]


class World:
    """A list of numbers, a clock, and the look-up of a send task that stays for hours."""

    def __init__(self, path):
        self.list = path / "stop.csv"
        self.write("11990000001")
        self.now = datetime(2026, 11, 4, 15, tzinfo=UTC)

    def write(self, *numbers):
        self.list.write_text("number\n" + "".join(f"{number}\n" for number in numbers))

    def task(self, suppress):
        hook = SimpleNamespace(settings=SimpleNamespace(zone=UTC))
        return FreshExclusions(ExclusionRules(suppress, (), 0), hook, lambda: self.now, lambda: NUMBERS)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_lists_are_read_again_every_hour_while_a_task_stays(world):
    excluded = world.task(str(world.list))
    assert list(excluded().suppressed) == NUMBERS[:1]
    world.write("11990000001", "11990000002")
    for _ in range(11):
        world.now += timedelta(minutes=5)
        assert list(excluded().suppressed) == NUMBERS[:1]
    world.now += timedelta(minutes=5)
    assert list(excluded().suppressed) == NUMBERS


def test_a_list_that_cannot_be_read_again_stops_the_task(world):
    excluded = world.task(str(world.list))
    excluded()
    world.write("1199000")
    world.now += timedelta(hours=1)
    with pytest.raises(ContactsError, match="the number it means would be reached"):
        excluded()


def test_nothing_is_read_again_where_there_are_no_lists(world, monkeypatch):
    excluded = world.task(None)
    excluded()
    monkeypatch.delattr(ExclusionRules, "read")
    world.now += timedelta(hours=2)
    assert not excluded().suppressed
