"""Triggers that wait for calls."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_directcall.api.replies import StatementRow
from airflow_provider_directcall.statement.search import StatementSearch

from ..airflow_world.trigger_examples import completed, delivered, kill, place, send, tagged
from ..airflow_world.world import LONG_CALL, PERSON, UNHANGABLE, fire

# Tagged calls


def test_the_event_says_how_many_calls_there_are_and_up_to_when(world):
    for _ in range(2):
        place(world, tags={"contact": "7"})
    world.sandbox.advance(120)
    trigger = tagged(world, until=world.now().isoformat())
    expected = {"status": "found", "calls": 2, "until": trigger.until, "since": trigger.since, "tag_filter": "untested"}
    assert fire(trigger) == expected


def test_fewer_calls_than_wanted_are_not_enough(world):
    place(world, tags={"contact": "7"})
    deadline = (world.now() + timedelta(minutes=5)).isoformat()
    assert fire(tagged(world, min_calls=2, deadline=deadline))["status"] == "timeout"


# Calls


def test_a_call_is_done_when_it_is_in_the_statement(world):
    world.sandbox.configure(statement_delay=300)
    begin, callerid = world.now(), place(world).callerid
    event = fire(completed(world, callerid=callerid))
    assert event["status"] == "done"
    assert event["callerid"] == callerid
    assert world.now() - begin > timedelta(seconds=300)


def test_call_is_found_in_any_zone_of_the_account(world):
    callerid = place(world).callerid
    world.sandbox.advance(120)
    since = (world.now() - timedelta(hours=14)).isoformat()
    assert fire(completed(world, callerid=callerid, since=since))["status"] == "done"


def test_a_scheduled_call_is_followed_until_it_has_an_id_and_an_end(world):
    schedule_id = place(world, schedule_at=world.now() + timedelta(hours=1)).schedule_id
    event = fire(completed(world, schedule_id=schedule_id))
    (made,) = world.sandbox.state()["calls"]
    assert event["status"] == "done"
    assert event["callerid"] == made["callerid"]


def test_schedule_is_not_polled_before_its_time(world):
    at = world.now() + timedelta(hours=20)
    callerid = send(world, send_at=at)
    assert fire(delivered(world, callerid, due_at=at.isoformat()))["status"] == "done"
    assert world.sandbox.state()["requests"]["sms/status"] <= 4


def test_a_kill_hangs_the_call_up(world):
    callerid = place(world, LONG_CALL).callerid
    world.sandbox.advance(10)
    kill(completed(world, callerid=callerid, destination=LONG_CALL))
    assert world.sandbox.state()["calls"][0]["hung_up_at"] is not None


def test_a_kill_that_airflow_cancels_hangs_up_nevertheless(world, monkeypatch):
    """Airflow cancels the trigger once more while it hangs up."""
    trigger = completed(world, callerid=place(world, LONG_CALL).callerid, destination=LONG_CALL)

    async def kill_and_cancel():
        begun, is_cancelled = asyncio.Event(), asyncio.Event()

        async def was_cleared():
            begun.set()
            await is_cancelled.wait()
            return False

        monkeypatch.setattr(trigger, "was_cleared", was_cleared)
        killing = asyncio.ensure_future(trigger.on_kill())
        await begun.wait()
        killing.cancel()
        await asyncio.wait({killing})
        is_cancelled.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(kill_and_cancel())
    assert world.sandbox.state()["calls"][0]["hung_up_at"] is not None


@pytest.mark.parametrize("destination", [PERSON, UNHANGABLE])
def test_kill_of_a_call_that_cannot_be_hung_up_is_logged(world, destination, capfd):
    callerid = place(world, destination).callerid
    world.sandbox.advance(100)
    trigger = completed(world, callerid=callerid, destination=destination)
    kill(trigger)
    logs = "".join(capfd.readouterr())
    assert f"{trigger!r} was not stopped" in logs
    assert destination not in logs


def test_kill_without_network_raises_nothing(world, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    kill(completed(world, callerid="00000000-0000-4000-8000-000000000000"))
    kill(delivered(world, "10000000000001"))


def test_kill_of_a_scheduled_call_is_logged_as_impossible(world, capfd):
    schedule_id = place(world, schedule_at=world.now() + timedelta(hours=1)).schedule_id
    kill(completed(world, schedule_id=schedule_id))
    assert "no way to stop it now" in "".join(capfd.readouterr())
    assert "voz/end" not in world.sandbox.state()["requests"]


# Statements that do not filter


def row(**fields):
    return StatementRow.from_fields({"callerid": "another", "status": "atendida", **fields}, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("shown", "accepted"),
    [
        ({"contact": "7", "campaign": "a"}, True),
        ({"contact": " 7", "campaign": "a "}, True),
        ({"contact": "7", "campaign": "b"}, False),
        ({"contact": "7", "campaign": "A"}, False),
        ({"contact": "7"}, False),
        ({}, False),
    ],
)
def test_tags_are_compared_again_where_the_statement_shows_them(shown, accepted):
    search = StatementSearch(since=datetime(2026, 3, 4, tzinfo=UTC), tags={"contact": "7", "campaign": "a"})
    assert search.shows_tags(row(campos=shown)) is accepted
