"""Tries of a task that differ: a run made again, other recipients, another account, an edited DAG."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallNotSent
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, both_ways, each_kind, each_message, with_and_without_a_store
from ..airflow_world.world import ORIGIN, PERSON, Run

OTHER, THIRD = "5511990000002", "5511990000003"
NUMBERS = (PERSON, OTHER, THIRD, ORIGIN)


# A run that was deleted and made again


def make_again(run, world, *, seconds=0):
    """Return a run with the same id, later: Airflow has forgotten the first one, Directcall has not."""
    world.sandbox.advance(seconds)
    again = Run(world, remembers=run.store is not None)
    assert (again.ti.dag_id, again.ti.run_id) == (run.ti.dag_id, run.ti.run_id)
    return again


@each_kind
@both_ways
@with_and_without_a_store
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
def test_run_made_again_at_once_is_another_run(world, kind, deferrable, remembers, fault):
    run = Run(world, remembers=remembers)
    first = run.to_the_end(kind.task())
    again = make_again(run, world, seconds=2)
    world.sandbox.inject(Fault(kind=fault, endpoint=kind.path, times=1))
    second = again.to_the_end(kind.task(deferrable=deferrable))
    assert kind.sent(world) == [first["callerid"], second["callerid"]]
    assert len(set(kind.keys(world))) == 2


@each_kind
def test_run_made_again_ignores_a_record_that_its_store_has_kept(run, world, kind):
    first = run.to_the_end(kind.task())
    again = make_again(run, world, seconds=2)
    again.store.kept |= run.store.kept
    second = again.to_the_end(kind.task())
    assert kind.sent(world) == [first["callerid"], second["callerid"]]


@each_kind
@both_ways
def test_scheduled_run_made_again_ignores_the_row_of_the_first_one(run, world, kind, deferrable):
    """A scheduled run that is made again has the same keys; only the row's time shows whose it is."""
    first = run.to_the_end(kind.task())
    again = make_again(run, world, seconds=3600)
    again.dag_run.run_after = run.dag_run.run_after
    world.sandbox.inject(Fault(kind="cut_before", endpoint=kind.path, times=1))
    with pytest.raises(AirflowFailException, match=first["airflow_key"]) as caught:
        again.to_the_end(kind.task(deferrable=deferrable))
    assert "outcome is unknown" in str(caught.value)
    assert kind.sent(world) == [first["callerid"]]
    assert "callerid" not in again.ti.xcoms


@each_kind
@both_ways
def test_scheduled_run_made_again_finds_its_own_row(run, world, kind, deferrable):
    first = run.to_the_end(kind.task())
    again = make_again(run, world, seconds=3600)
    again.dag_run.run_after = run.dag_run.run_after
    world.sandbox.inject(Fault(kind="cut_after", endpoint=kind.path, times=1))
    second = again.to_the_end(kind.task(deferrable=deferrable))
    assert kind.sent(world) == [first["callerid"], second["callerid"]]


# Other recipients, or another account


def rejection_text(run, task):
    with pytest.raises(AirflowFailException, match="recipients or the account") as caught:
        run.to_the_end(task)
    text = f"{caught.value!r} {caught.value.__cause__!r}"
    assert not [number for number in NUMBERS if number in text or number[2:] in text]
    return text


@each_kind
@both_ways
@pytest.mark.parametrize("point", ["after {path}", "after write 2"], ids=["sending", "sent"])
def test_retry_with_other_recipients_fails_and_sends_nothing(run, world, kind, deferrable, point):
    run.crash(kind.task(waits=True, retries=3), point.format(path=kind.path))
    for _ in range(2):
        run.retry()
        text = rejection_text(run, kind.task(OTHER, waits=True, deferrable=deferrable, retries=3))
        assert f"airflow_key {kind.keys(world)[0]}" in text
    assert world.requests[kind.path] == 1
    assert not [number for number in NUMBERS for text in run.store.history if number in text]


@each_kind
@pytest.mark.parametrize("point", ["after {path}", "after write 2"], ids=["sending", "sent"])
def test_clear_after_other_recipients_sends_to_them(run, world, kind, point):
    run.crash(kind.task(waits=True, retries=1), point.format(path=kind.path))
    run.retry()
    rejection_text(run, kind.task(OTHER, waits=True, retries=1))
    run.clear()
    result = run.to_the_end(kind.task(OTHER, waits=True, retries=1))
    assert kind.sent(world)[1:] == [result["callerid"]]
    assert len(set(kind.keys(world))) == 2


@each_message
@pytest.mark.parametrize("people", [[PERSON], [PERSON, OTHER, THIRD], [PERSON, THIRD]], ids=["fewer", "more", "others"])
def test_retry_with_more_or_fewer_recipients_fails(run, world, kind, people):
    run.crash(kind.task([PERSON, OTHER], retries=1), "after write 2")
    run.retry()
    rejection_text(run, kind.task(people, retries=1))
    assert world.requests[kind.path] == 1


@each_message
def test_retry_with_recipients_in_another_order_goes_on(run, world, kind):
    run.crash(kind.task([PERSON, OTHER], retries=1), f"after {kind.path}")
    run.retry()
    assert [run.to_the_end(kind.task([OTHER, PERSON], retries=1))["callerid"]] == kind.sent(world)


@each_kind
def test_retry_with_another_account_fails_and_sends_nothing(run, world, kind, connect):
    run.crash(kind.task(retries=1), f"after {kind.path}")
    connect(login="another-account")
    run.retry()
    before = world.requests
    text = rejection_text(run, kind.task(retries=1))
    assert "another-account" not in text
    assert world.requests == before


@each_kind
def test_retry_after_a_refusal_may_send_to_others(run, world, kind):
    with pytest.raises(DirectcallNotSent):
        run.to_the_end(kind.task(kind.refused_for_now, retries=1))
    run.retry()
    assert [run.to_the_end(kind.task(OTHER, retries=1))["callerid"]] == kind.sent(world)


# An edited DAG


@each_kind
@both_ways
@pytest.mark.parametrize("retries", [0, 1])
def test_retry_without_store_and_with_fewer_retries_reconciles(run_without_store, world, kind, deferrable, retries):
    """Lowered by the number of earlier tries, ``retries`` makes the try look like a Clear."""
    run_without_store.crash(kind.task(retries=3), f"after {kind.path}")
    run_without_store.max_tries = 3
    run_without_store.retry()
    result = run_without_store.to_the_end(kind.task(retries=retries, deferrable=deferrable))
    assert kind.sent(world) == [result["callerid"]]


@each_kind
@pytest.mark.parametrize("retries", [0, 5])
def test_retry_with_edited_retries_goes_on(run, world, kind, retries):
    run.crash(kind.task(waits=True, retries=2), "after write 2")
    run.max_tries = 2
    run.retry()
    assert [run.to_the_end(kind.task(waits=True, retries=retries))["callerid"]] == kind.sent(world)


def test_retry_goes_on_with_the_call_although_its_tags_are_wrong_now(run, world):
    run.crash(CALL.task(waits=True, retries=1), "after write 2")
    run.retry()
    result = run.to_the_end(CALL.task(waits=True, retries=1, tags={"flag": True}, record="perhaps"))
    assert [result["callerid"]] == CALL.sent(world)
