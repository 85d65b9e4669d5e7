"""Kills: by a user who has ended the task, or by the platform while Airflow still wants it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.runtime.kills import KillGuard
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, SMS, both_ways, each_kind, with_and_without_a_store
from ..airflow_world.lost_answers import lose_answer, time_out_while_waiting
from ..airflow_world.world import LONG_CALL, PERSON, UNHANGABLE, Killed, Run, stored

while_it = pytest.mark.parametrize("reconciles", [False, True], ids=["waits", "reconciles"])


def hung_up(world):
    """Return for each call whether it was hung up."""
    return [call["hung_up_at"] is not None for call in world.sandbox.state()["calls"]]


def signal(run, world, *, task_state, dies=None):
    """Send the signal at the first rest; the process goes on, unless it dies at a point or ``afterwards``."""

    def handle():
        world.while_waiting = lambda: None
        world.task_state = task_state
        world.process.dies = dies
        run.task.on_kill()
        if dies == "afterwards":
            raise Killed

    world.while_waiting = handle


def kill(run, world, task):
    """Run a task that a user ends at its first rest."""
    signal(run, world, task_state="failed", dies="afterwards")
    with pytest.raises(Killed):
        run.start(task)


def kill_deferred(run, world, task, task_state="failed"):
    """Run a task, and end it while it is deferred."""
    run.start(task)
    world.task_state = task_state
    trigger = stored(run.deferred.trigger)
    trigger.task_instance = run.ti
    asyncio.run(trigger.on_kill())


# Ended by a user


@pytest.mark.parametrize(("dies", "is_hung_up"), [("before voz/end", False), ("after voz/end", True)])
def test_kill_is_recorded_only_after_the_hang_up(run, world, dies, is_hung_up):
    """SIGKILL comes some seconds after SIGTERM, and may come in between."""
    signal(run, world, task_state="failed", dies=dies)
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True, retries=1))
    assert run.store.record["phase"] == "sent"
    assert hung_up(world) == [is_hung_up]
    world.task_state = "running"
    run.retry()
    result = run.to_the_end(CALL.task(LONG_CALL, waits=True, retries=1))
    assert CALL.sent(world) == [result["callerid"]]
    assert result["outcome"] == ("cancelled" if is_hung_up else "answered")


@pytest.mark.parametrize("kind", [CALL, SMS], ids=lambda kind: kind.name)
def test_kill_while_waiting_is_recorded_and_the_retry_sends_again(run, world, kind):
    later = world.now() + timedelta(hours=1) if kind is not CALL else None
    task = kind.task(LONG_CALL, waits=True, retries=1, **kind.at(later))
    kill(run, world, task)
    assert run.store.record["phase"] == "stopped"
    assert hung_up(world) == ([True] if kind is CALL else [])
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)[1:]


@while_it
def test_kill_hangs_up_and_the_task_may_go_on(run, world, reconciles):
    if reconciles:
        lose_answer(world, CALL)
    signal(run, world, task_state="failed")
    run.start(CALL.task(LONG_CALL, waits=True))
    assert hung_up(world) == [True]


def test_kill_twice_while_waiting_hangs_up_once(run, world):
    """The second hang-up would end another call between the two numbers."""

    def kill():
        world.task_state = "failed"
        run.task.on_kill()

    world.while_waiting = kill
    run.start(CALL.task(UNHANGABLE, waits=True))
    assert len(world.pauses) > 1
    assert world.requests["voz/end"] == 1


def test_kill_at_the_first_moment_of_a_rest_hangs_up(run, world, monkeypatch):
    lose_answer(world, CALL)

    def assign_and_kill(self, name, value):
        object.__setattr__(self, name, value)
        if name == "_resting" and value and world.task_state == "running":
            world.task_state = "failed"
            self.on_kill()

    monkeypatch.setattr(KillGuard, "__setattr__", assign_and_kill, raising=False)
    run.start(CALL.task(LONG_CALL))
    assert world.requests["voz/end"] == 1


def test_kill_of_a_scheduled_call_that_was_dialled_hangs_up(run, world):
    task = CALL.task(LONG_CALL, waits=True, schedule_at=world.now() + timedelta(seconds=60), poll_interval=100)

    def kill_when_dialled():
        if len(world.pauses) == 2:
            world.task_state = "failed"
            run.task.on_kill()

    world.while_waiting = kill_when_dialled
    run.start(task)
    assert hung_up(world) == [True]


def test_kill_while_reconciling_hangs_up_and_is_recorded(run, world):
    lose_answer(world, CALL)
    kill(run, world, CALL.task(LONG_CALL, retries=1))
    assert hung_up(world) == [True]
    assert run.store.record["phase"] == "stopped"


def test_kill_while_reconciling_a_scheduled_call_leaves_other_calls_alone(run, world):
    Run(world).start(CALL.task(LONG_CALL))
    lose_answer(world, CALL)
    run.ti.run_id = "another"
    kill(run, world, CALL.task(LONG_CALL, retries=1, schedule_at=world.now() + timedelta(minutes=30)))
    assert "voz/end" not in world.requests
    assert run.store.record["phase"] == "sending", "it will be dialled, so no retry may place another one"


@while_it
def test_kill_during_a_look_acts_at_the_next_rest(run, world, reconciles):
    if reconciles:
        lose_answer(world, CALL)
    hang_ups = []

    def handle():
        world.task_state = "failed"
        run.task.on_kill()
        hang_ups.append(world.requests["voz/end"])

    def rest():
        if hang_ups:
            hang_ups.append(world.requests["voz/end"])
            raise Killed

    world.meets["before extrato/list"] = handle
    world.while_waiting = rest
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True))
    assert hang_ups == [0, 1]
    assert run.store.record["phase"] == "stopped"


def test_kill_during_the_deciding_look_sends_nothing_more(run, world):
    """The look proves absence, and without a rest in between the task would send again."""
    lose_answer(world, CALL, "cut_before")
    begun = world.now()

    def handle():
        world.task_state = "failed"
        run.task.on_kill()

    def arm_for_the_deciding_look():
        if world.now() - begun >= timedelta(seconds=240):
            world.meets["before extrato/list"] = handle

    world.while_waiting = arm_for_the_deciding_look
    with suppress(Exception):  # however it ends: Airflow has ended it already
        run.start(CALL.task(settle_seconds=300, poll_interval=60))
    assert world.task_state == "failed"
    assert CALL.sent(world) == []


@each_kind
def test_kill_before_sending_sends_nothing(run, world, kind, monkeypatch):
    """Airflow's signal comes while the task reads the record of an earlier try; its SIGKILL some seconds later."""
    read = run.store.get

    def read_and_handle(key):
        world.task_state = "failed"
        run.task.on_kill()
        return read(key)

    monkeypatch.setattr(run.store, "get", read_and_handle)
    with suppress(Exception):  # as above
        run.start(kind.task(waits=True))
    assert world.task_state == "failed"
    assert kind.sent(world) == []


def test_kill_before_and_after_the_call_does_nothing(run, world):
    task = CALL.task(waits=True)
    task.on_kill()
    task.execute(run.context)
    task.on_kill()
    assert "voz/end" not in world.requests


def test_kill_of_a_call_that_cannot_be_hung_up_is_logged(run, world, logged):
    signal(run, world, task_state="failed")
    run.start(CALL.task(UNHANGABLE, waits=True))
    assert hung_up(world) == [False]
    assert "Nothing was stopped" in logged()


@pytest.mark.parametrize(("retry_after", "hang_ups"), [(3, 2), (4, 1)])
def test_kill_is_repeated_within_the_seconds_that_airflow_leaves(run, world, retry_after, hang_ups):
    """Airflow ends the process 5 seconds after its signal."""
    world.sandbox.inject(Fault(kind="too_many_requests", endpoint="voz/end", times=1, retry_after=retry_after))
    signal(run, world, task_state="failed")
    run.start(CALL.task(LONG_CALL, waits=True))
    assert world.requests["voz/end"] == hang_ups
    assert hung_up(world) == [hang_ups == 2]


def test_kill_that_cannot_be_recorded_is_logged(run, world, monkeypatch, logged):
    task = CALL.task(LONG_CALL, waits=True, retries=1)
    write = run.store.set

    def refuse(key, value):
        if value["phase"] == "stopped":
            raise RuntimeError(f"PUT http://api/{PERSON}")
        write(key, value)

    monkeypatch.setattr(run.store, "set", refuse)
    kill(run, world, task)
    logs = logged()
    assert "could not be recorded: RuntimeError" in logs
    assert PERSON not in logs
    assert run.store.record["phase"] == "sent"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


@pytest.mark.parametrize(("task_state", "is_hung_up"), [("failed", True), ("success", True), (None, False)])
def test_kill_while_the_triggerer_reconciles_hangs_up(run, world, task_state, is_hung_up):
    lose_answer(world, CALL)
    kill_deferred(run, world, CALL.task(LONG_CALL, deferrable=True), task_state)
    assert hung_up(world) == [is_hung_up]


def test_kill_while_the_triggerer_reconciles_a_scheduled_call_leaves_other_calls_alone(run, world):
    Run(world).start(CALL.task(LONG_CALL))
    lose_answer(world, CALL)
    run.ti.run_id = "another"
    kill_deferred(run, world, CALL.task(LONG_CALL, deferrable=True, schedule_at="2090-01-01T10:00:00-03:00"))
    assert "voz/end" not in world.requests


def test_kill_cancels_a_scheduled_message(run, world):
    signal(run, world, task_state="failed")
    result = run.start(SMS.task(waits=True, send_at=world.now() + timedelta(hours=1)))
    assert result["state"] == "cancelled"
    assert world.requests["sms/remove"] == 1


def test_kill_does_not_disturb_a_message_that_left(run, world):
    signal(run, world, task_state="failed")
    handle = world.while_waiting
    world.while_waiting = lambda: (world.sandbox.advance(2), handle())
    assert run.start(SMS.task(waits=True))["state"] == "delivered"


# Ended by Airflow


def test_execution_timeout_while_waiting_hangs_up_and_is_final(run, world):
    time_out_while_waiting(world)
    with pytest.raises(AirflowFailException, match="AirflowTaskTimeout"):
        run.start(CALL.task(LONG_CALL, waits=True))
    assert hung_up(world) == [True]


def test_execution_timeout_after_sending_hangs_up_without_waiting(run, world, monkeypatch):
    def time_out(key, value):
        raise AirflowTaskTimeout("Timeout")

    monkeypatch.setattr(run.ti, "xcom_push", time_out)
    with pytest.raises(AirflowFailException):
        run.start(CALL.task(LONG_CALL))
    assert world.requests["voz/end"] == 1


# Not ended


@with_and_without_a_store
@while_it
def test_signal_while_airflow_wants_the_task_leaves_the_call_alone(world, remembers, reconciles):
    run = Run(world, remembers=remembers)
    if reconciles:
        lose_answer(world, CALL)
    signal(run, world, task_state="running")
    result = run.start(CALL.task(LONG_CALL, waits=True))
    assert result["outcome"] == "answered"
    assert hung_up(world) == [False]


def test_clear_while_waiting_leaves_the_call_to_the_next_try(run, world):
    signal(run, world, task_state=None, dies="afterwards")
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True))
    assert run.store.record["phase"] == "sent"
    world.task_state = "running"
    run.retry()
    assert run.start(CALL.task(LONG_CALL, waits=True))["outcome"] == "answered"
    assert hung_up(world) == [False]


@each_kind
@both_ways
@pytest.mark.parametrize("waits", [False, True], ids=["sends", "waits"])
def test_clear_of_a_try_that_ends_nevertheless_sends_nothing(run, world, kind, deferrable, waits):
    """On Airflow 3.4, such a try has a minute to end, and its Clear raises ``max_tries`` as one afterwards does."""
    task = kind.task(waits=waits, deferrable=deferrable)
    world.task_state = "restarting"
    first = run.to_the_end(task)
    world.task_state = "running"
    run.clear()
    assert run.to_the_end(task)["callerid"] == first["callerid"]
    run.clear()
    second = run.to_the_end(task)
    assert kind.sent(world) == [first["callerid"], second["callerid"]], "the second Clear is of a finished task"


@while_it
def test_clear_while_running_that_empties_the_store_leaves_the_call_to_the_next_try(run, world, reconciles):
    """The call is over by the time of the next try, which would take it for one to be made once more."""
    if reconciles:
        lose_answer(world, CALL)
    signal(run, world, task_state="restarting", dies="afterwards")
    handle = world.while_waiting
    world.while_waiting = lambda: (run.store.kept.clear(), handle())
    with pytest.raises(Killed):
        run.start(CALL.task(LONG_CALL, waits=True))
    world.task_state = "running"
    world.sandbox.advance(3600)
    run.clear()
    assert run.start(CALL.task(LONG_CALL, waits=True))["outcome"] == "answered"
    assert hung_up(world) == [False]


def test_clear_while_waiting_without_store_hangs_up(run_without_store, world):
    """The next try would place the call again."""
    signal(run_without_store, world, task_state=None, dies="afterwards")
    with pytest.raises(Killed):
        run_without_store.start(CALL.task(LONG_CALL, waits=True))
    assert hung_up(world) == [True]
