"""Tasks that are told to end: by a user who has ended them, or by a platform while Airflow still wants them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, each_kind, with_and_without_a_store
from ..airflow_world.world import LONG_CALL, Killed, Run, stored


def hung_up(world):
    """Of each call that was placed, whether somebody has hung it up."""
    return [call["hung_up_at"] is not None for call in world.sandbox.state()["calls"]]


def told_to_end(run, world, *, task_state, dies=None):
    """At the first rest, as a signal handler; the process goes on, unless it dies at a point or ``afterwards``."""

    def tell():
        world.while_waiting = lambda: None
        world.task_state = task_state
        world.process.dies = dies
        run.task.on_kill()
        if dies == "afterwards":
            raise Killed

    world.while_waiting = tell


# Ended by a user


@pytest.mark.parametrize(("dies", "is_hung_up"), [("before voz/end", False), ("after voz/end", True)])
def test_stopped_is_written_only_after_the_hang_up(run, world, dies, is_hung_up):
    """SIGKILL comes some seconds after SIGTERM, and may come in between."""
    told_to_end(run, world, task_state="failed", dies=dies)
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True, retries=1))
    assert run.store.record["phase"] == "sent"
    assert hung_up(world) == [is_hung_up]
    world.task_state = "running"
    run.retry()
    result = run.to_the_end(CALL.task(LONG_CALL, waits=True, retries=1))
    assert CALL.sent(world) == [result["callerid"]]
    assert result["outcome"] == ("cancelled" if is_hung_up else "answered")


def test_after_the_hang_up_stopped_is_written(run, world):
    told_to_end(run, world, task_state="failed", dies="afterwards")
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True))
    assert run.store.record["phase"] == "stopped"
    assert hung_up(world) == [True]


@pytest.mark.parametrize("settles", [False, True], ids=["waits", "settles"])
def test_a_kill_while_a_look_is_in_flight_acts_at_the_next_rest(run, world, settles):
    if settles:
        world.sandbox.inject(Fault(kind="cut_after", endpoint=CALL.path, times=1))
    seen = []

    def tell():
        world.task_state = "failed"
        run.task.on_kill()
        seen.append(world.requests["voz/end"])

    def rest():
        if seen:
            seen.append(world.requests["voz/end"])
            raise Killed

    world.meets["before extrato/list"] = tell
    world.while_waiting = rest
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True))
    assert seen == [0, 1]
    assert run.store.record["phase"] == "stopped"


def test_a_task_that_is_ended_while_it_looks_sends_nothing_more(run, world):
    """The look shows that nothing is there, and without a rest in between the task would send again."""
    world.sandbox.inject(Fault(kind="cut_before", endpoint=CALL.path, times=1))
    begun = world.now()

    def tell():
        world.task_state = "failed"
        run.task.on_kill()

    def tell_in_the_deciding_look():
        if world.now() - begun >= timedelta(seconds=240):
            world.meets["before extrato/list"] = tell

    world.while_waiting = tell_in_the_deciding_look
    with suppress(Exception):  # however it ends: Airflow has ended it already
        run.start(CALL.task(settle_seconds=300, poll_interval=60))
    assert world.task_state == "failed"
    assert CALL.sent(world) == []


@each_kind
def test_a_task_that_is_ended_before_it_has_sent_sends_nothing(run, world, kind, monkeypatch):
    """Airflow's signal comes while the task reads what an earlier try left; its SIGKILL some seconds after that."""
    read = run.store.get

    def told_while_reading(key):
        world.task_state = "failed"
        run.task.on_kill()
        return read(key)

    monkeypatch.setattr(run.store, "get", told_while_reading)
    with suppress(Exception):  # as above
        run.start(kind.task(waits=True))
    assert world.task_state == "failed"
    assert kind.sent(world) == []


@pytest.mark.parametrize(("task_state", "is_hung_up"), [("failed", True), ("success", True), (None, False)])
def test_a_deferrable_call_that_is_looked_for_is_hung_up_when_a_user_ends_its_task(run, world, task_state, is_hung_up):
    world.sandbox.inject(Fault(kind="cut_after", endpoint=CALL.path, times=1))
    run.start(CALL.task(LONG_CALL, deferrable=True))
    world.task_state = task_state
    trigger = stored(run.deferred.trigger)
    trigger.task_instance = run.ti
    asyncio.run(trigger.on_kill())
    assert hung_up(world) == [is_hung_up]


def test_a_deferrable_call_that_is_scheduled_and_looked_for_hangs_up_nobody_else(run, world):
    Run(world).start(CALL.task(LONG_CALL))
    world.sandbox.inject(Fault(kind="cut_after", endpoint=CALL.path, times=1))
    run.ti.run_id = "another"
    run.start(CALL.task(LONG_CALL, deferrable=True, schedule_at="2090-01-01T10:00:00-03:00"))
    world.task_state = "failed"
    trigger = stored(run.deferred.trigger)
    trigger.task_instance = run.ti
    asyncio.run(trigger.on_kill())
    assert "voz/end" not in world.requests


# Not ended


@with_and_without_a_store
@pytest.mark.parametrize("settles", [False, True], ids=["waits", "settles"])
def test_a_signal_while_airflow_still_wants_the_task_leaves_the_call_alone(world, remembers, settles):
    run = Run(world, remembers=remembers)
    if settles:
        world.sandbox.inject(Fault(kind="cut_after", endpoint=CALL.path, times=1))
    told_to_end(run, world, task_state="running")
    result = run.start(CALL.task(LONG_CALL, waits=True))
    assert result["outcome"] == "answered"
    assert hung_up(world) == [False]


def test_a_clear_leaves_the_call_to_the_next_try(run, world):
    told_to_end(run, world, task_state=None, dies="afterwards")
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True))
    assert run.store.record["phase"] == "sent"
    world.task_state = "running"
    run.retry()
    assert run.start(CALL.task(LONG_CALL, waits=True))["outcome"] == "answered"
    assert hung_up(world) == [False]


def test_without_a_store_a_clear_hangs_up_what_the_next_try_would_do_again(run_without_store, world):
    told_to_end(run_without_store, world, task_state=None, dies="afterwards")
    with pytest.raises(Killed):
        run_without_store.start(CALL.task(LONG_CALL, waits=True))
    assert hung_up(world) == [True]
