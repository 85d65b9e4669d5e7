"""Tries without a record of the earlier ones: emptied by a Clear (Airflow 3.4), purged, or never written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.delivery.keys import TaskIdentity, delivery_key
from airflow_provider_directcall.hooks.directcall import DirectcallHook

from ..airflow_world.kinds import CALL, both_ways, each_kind, each_message, with_and_without_a_store
from ..airflow_world.lost_answers import lose_answer, remove_statement
from ..airflow_world.world import LONG_CALL, ORIGIN, PERSON, Run

SETTLE = timedelta(seconds=300)
sends_and_waits = pytest.mark.parametrize("waits", [False, True], ids=["sends", "waits"])

# A retry


@each_kind
@both_ways
def test_retry_after_a_crash_before_the_record_sends_what_is_absent(run, world, kind, deferrable):
    task = kind.task(deferrable=deferrable, retries=1)
    run.crash(task, "before write 1")
    run.retry()
    before = world.now()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)
    assert world.now() - before >= SETTLE


@each_kind
@both_ways
@pytest.mark.parametrize("point", ["after {path}", "after write 2", "after write 3"])
def test_retry_finds_what_was_sent_without_its_record(run, world, kind, deferrable, point):
    task = kind.task(waits=True, retries=3)
    run.crash(task, point.format(path=kind.path))
    run.store.kept.clear()
    run.retry()
    run.crash(task, "read")
    run.retry()
    result = run.to_the_end(kind.task(waits=True, deferrable=deferrable, retries=3))
    assert [result["callerid"]] == kind.sent(world)


@each_kind
def test_retry_without_record_and_statement_sends_nothing(run, world, kind):
    task = kind.task(retries=1)
    run.to_the_end(task)
    remove_statement(world, kind)
    run.store.kept.clear()
    run.retry()
    with pytest.raises(AirflowFailException, match="there is no record of the earlier tries"):
        run.to_the_end(task)
    assert len(kind.sent(world)) == 1


@each_kind
def test_retry_with_fewer_retries_in_the_dag_is_no_clear(run, world, kind):
    run.max_tries = 1
    run.crash(kind.task(retries=1), f"after {kind.path}")
    run.retry()
    assert [run.to_the_end(kind.task(retries=0))["callerid"]] == kind.sent(world)


# A Clear that empties the store


@each_kind
@both_ways
@sends_and_waits
def test_clear_that_empties_the_store_sends_a_finished_task_once_more(run, world, kind, deferrable, waits):
    task = kind.task(waits=waits, deferrable=deferrable)
    results = [run.to_the_end(task)]
    for _ in range(2):
        world.sandbox.advance(3600)
        run.clear(keeps_state=False)
        before = world.now()
        results.append(run.to_the_end(task))
        assert waits or world.now() - before < SETTLE, "what is there needs no proof of absence"
    assert [result["callerid"] for result in results] == kind.sent(world)
    assert len(set(kind.keys(world))) == 3


@each_kind
@pytest.mark.parametrize("keeps_state", [True, False])
def test_clear_of_one_whose_time_is_over_says_that_nothing_was_sent_since(run, world, kind, keeps_state):
    task = kind.task(**kind.at(world.now() + timedelta(minutes=30)))
    run.to_the_end(task)
    world.sandbox.advance(3600)
    run.clear(keeps_state=keeps_state)
    with pytest.raises(AirflowFailException, match="is past; nothing was sent since the task was cleared"):
        run.to_the_end(task)
    assert len(kind.sent(world)) == 1


@each_kind
@both_ways
def test_retry_after_such_a_clear_finds_the_new_one(run, world, kind, deferrable):
    task = kind.task(retries=1, deferrable=deferrable)
    run.to_the_end(task)
    world.sandbox.advance(3600)
    run.clear(keeps_state=False)
    lose_answer(world, kind)
    result = run.to_the_end(task)
    run.store.kept.clear()
    run.retry()
    assert run.to_the_end(task)["callerid"] == result["callerid"] == kind.sent(world)[1]
    assert len(kind.sent(world)) == 2


@both_ways
def test_such_a_clear_of_a_call_in_progress_goes_on_with_it(run, world, deferrable):
    task = CALL.task(LONG_CALL, waits=True, deferrable=deferrable)
    run.crash(task, "after write 2")
    run.clear(keeps_state=False)
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


@each_message
def test_such_a_clear_of_a_message_on_its_way_goes_on_with_it(run, world, kind):
    task = kind.task(waits=True)
    run.crash(task, "after write 2")
    run.clear(keeps_state=False)
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_such_a_clear_of_a_lost_request_finds_its_late_row(run, world, kind, deferrable):
    world.sandbox.configure(statement_delay=200)
    task = kind.task(deferrable=deferrable)
    run.crash(task, f"after {kind.path}")
    run.clear(keeps_state=False)
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_such_a_clear_of_what_was_never_sent_sends_it(run, world, kind, deferrable):
    task = kind.task(deferrable=deferrable)
    run.crash(task, f"before {kind.path}")
    run.clear(keeps_state=False)
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
def test_such_a_clear_without_a_statement_sends_nothing_until_one_that_keeps_the_state(run, world, kind):
    task = kind.task()
    first = run.to_the_end(task)
    remove_statement(world, kind)
    for _ in range(2):
        run.clear(keeps_state=False)
        with pytest.raises(AirflowFailException, match="keep the task's state"):
            run.to_the_end(task)
    assert kind.sent(world) == [first["callerid"]]
    run.clear()
    second = run.to_the_end(task)
    assert kind.sent(world) == [first["callerid"], second["callerid"]]


@both_ways
def test_such_a_clear_after_retries_takes_the_newest_generation(run, world, deferrable):
    """Two calls of earlier tries are in the statement; the last one counts, and the next key is new."""
    task = CALL.task(CALL.unreachable, waits=True, fail_on="busy", deferrable=deferrable, retries=1)
    for _ in range(2):
        with pytest.raises(Exception, match="busy"):
            run.to_the_end(task)
        run.retry()
    run.ti.try_number -= 1
    run.clear(keeps_state=False)
    with pytest.raises(Exception, match="busy"):
        run.to_the_end(task)
    assert len(set(CALL.keys(world))) == len(CALL.sent(world)) == 3


# An upgrade from 0.1.0, whose keys were made without the run's time


@each_kind
@both_ways
@with_and_without_a_store
def test_retry_finds_what_an_earlier_version_sent(world, kind, deferrable, remembers):
    run = Run(world, remembers=remembers)
    key = delivery_key(TaskIdentity("dag", "run", "task", 1), 0)
    with DirectcallHook() as hook:
        if kind.is_call:
            hook.place_call(ORIGIN, PERSON, tags={"airflow_key": key})
        elif kind.name == "sms":
            hook.send_sms(PERSON, "bom dia", origin=ORIGIN, tags={"airflow_key": key})
        else:
            hook.send_voice_message(PERSON, text="bom dia", origin=ORIGIN, tags={"airflow_key": key})
    run.retry()
    result = run.to_the_end(kind.task(deferrable=deferrable, retries=1))
    assert [result["callerid"]] == kind.sent(world)
    assert result["airflow_key"] == key
