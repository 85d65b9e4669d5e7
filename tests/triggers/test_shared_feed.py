"""Triggers of one event loop share a login and a poll."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.triggers import feeds

from ..airflow_world.trigger_examples import completed, delivered, place, send, tagged
from ..airflow_world.world import stored


def contact(number):
    return f"C-{number}-x"


async def first(trigger):
    """The event of a trigger, as the triggerer stores it."""
    events = [event async for event in trigger.run()]
    await trigger.cleanup()
    assert len(events) == 1, "it fires once"
    return json.loads(json.dumps(events[0].payload))


def fire_all(triggers, meanwhile=None):
    async def run():
        work = [] if meanwhile is None else [asyncio.ensure_future(meanwhile())]
        found = await asyncio.gather(*(first(stored(trigger)) for trigger in triggers))
        await asyncio.gather(*work)
        return found

    return asyncio.run(asyncio.wait_for(run(), 60))


def waiting(world, number=30, **changes):
    deadline = (world.now() + timedelta(minutes=20)).isoformat()
    return [tagged(world, tags={"contact": contact(each)}, deadline=deadline, **changes) for each in range(number)]


def test_thirty_triggers_share_one_login_and_one_poll(world):
    triggers = waiting(world)
    for number in range(5):
        place(world, tags={"contact": contact(number)})
    logins = world.requests["request_token"]
    begin = world.now()
    events = fire_all(triggers)
    assert [event["status"] for event in events] == ["found"] * 5 + ["timeout"] * 25
    assert world.requests["request_token"] - logins == 1
    polls = (world.now() - begin) / timedelta(seconds=15)
    assert world.requests["extrato/list"] < polls * 1.2 + 25, "one an interval, and a last question of a few"


def test_other_waits_of_the_connection_share_the_login(world):
    callerid, logins = send(world), world.requests["request_token"]
    place(world, tags={"contact": contact(0)})
    events = fire_all([delivered(world, callerid), *waiting(world, 1)])
    assert {event["status"] for event in events} == {"done", "found"}
    assert world.requests["request_token"] - logins == 2, "one for the call, one for both triggers"


def test_ends_of_calls_share_the_poll(world):
    world.sandbox.configure(statement_delay=240)
    ids = [place(world).callerid for _ in range(6)]
    asked = world.requests["extrato/list"]
    events = fire_all([completed(world, callerid=callerid) for callerid in ids])
    assert [(event["status"], event["callerid"]) for event in events] == [("done", callerid) for callerid in ids]
    polls = 240 / 15
    assert world.requests["extrato/list"] - asked < polls * len(ids) / 2, "each alone asks once an interval"


def test_a_wrong_secret_ends_all_and_the_next_trigger_logs_in_anew(world, connect):
    connect(password="wrong")
    assert {event["status"] for event in fire_all(waiting(world, 10))} == {"error"}
    connect()
    place(world, tags={"contact": contact(0)})
    assert fire_all(waiting(world, 1))[0]["status"] == "found"


def test_two_minutes_of_errors_end_no_wait(world):
    for number in range(30):
        place(world, tags={"contact": contact(number)})
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list", times=12))
    assert {event["status"] for event in fire_all(waiting(world))} == {"found"}


def test_the_waits_outlive_the_poll(world):
    """Whatever ends the poll's task, another one goes on."""
    world.sandbox.configure(statement_delay=240)
    for number in range(30):
        place(world, tags={"contact": contact(number)})

    async def kill_the_polls():
        for _ in range(3):
            await asyncio.sleep(0.05)
            for shared in feeds._SHARED[asyncio.get_running_loop()].values():
                for runner in shared.feeds.values():
                    if runner._driver is not None:
                        runner._driver.cancel()

    assert {event["status"] for event in fire_all(waiting(world), kill_the_polls)} == {"found"}


@pytest.mark.parametrize("number", [1, 10])
def test_a_look_that_breaks_ends_its_wait(world, monkeypatch, number):
    def broken(*arguments):
        raise RuntimeError("broken")
        yield

    monkeypatch.setattr("airflow_provider_directcall.statement.tagged_calls.TaggedCalls.look", broken)
    monkeypatch.setattr("airflow_provider_directcall.statement.feed.read_statement", broken)
    events = fire_all(waiting(world, number))
    assert {event["status"] for event in events} == {"error"}
    assert "broken" in events[0]["error"]


def test_a_feed_that_breaks_ends_its_waits(world, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("broken")

    monkeypatch.setattr("airflow_provider_directcall.statement.feed.Feed.next_question", broken)
    assert {event["status"] for event in fire_all(waiting(world, 10))} == {"error"}
