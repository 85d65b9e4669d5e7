"""Tries of a task that are not alike: a run made again, other recipients, another account, an edited DAG."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallRefused
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import KINDS, both_ways, each_kind
from ..airflow_world.world import ORIGIN, PERSON, Killed, Run

CALL, SMS, VOICE = KINDS
OTHER, THIRD = "5511990000002", "5511990000003"
NUMBERS = (PERSON, OTHER, THIRD, ORIGIN)


# A run that was deleted and made again


def deleted_and_made_again(run, world):
    """A run with the same id, an hour later: Airflow has forgotten the first one, Directcall has not."""
    world.sandbox.advance(3600)
    again = Run(world, remembers=run.store is not None)
    assert (again.ti.dag_id, again.ti.run_id) == (run.ti.dag_id, run.ti.run_id)
    return again


@each_kind
@both_ways
def test_a_row_that_is_older_than_the_request_is_not_taken_for_it(run, world, kind, deferrable):
    first = run.to_the_end(kind.task())
    again = deleted_and_made_again(run, world)
    world.sandbox.inject(Fault(kind="cut_before", endpoint=kind.path, times=1))
    with pytest.raises(AirflowFailException, match=first["airflow_key"]) as caught:
        again.to_the_end(kind.task(deferrable=deferrable))
    assert "outcome is unknown" in str(caught.value)
    assert kind.sent(world) == [first["callerid"]]
    assert "callerid" not in again.ti.xcoms


@each_kind
@both_ways
def test_of_an_old_row_and_a_new_one_the_new_one_is_ours(run, world, kind, deferrable):
    first = run.to_the_end(kind.task())
    again = deleted_and_made_again(run, world)
    world.sandbox.inject(Fault(kind="cut_after", endpoint=kind.path, times=1))
    second = again.to_the_end(kind.task(deferrable=deferrable))
    assert kind.sent(world) == [first["callerid"], second["callerid"]]


# Other recipients, or another account


def refused_to_mix(run, task):
    with pytest.raises(AirflowFailException, match="recipients or the account") as caught:
        run.to_the_end(task)
    text = f"{caught.value!r} {caught.value.__cause__!r}"
    assert not [number for number in NUMBERS if number in text or number[2:] in text]
    return text


@each_kind
@both_ways
@pytest.mark.parametrize("point", ["after {path}", "after write 2"], ids=["sending", "sent"])
def test_other_recipients_in_a_retry_fail_and_nothing_is_sent(run, world, kind, deferrable, point):
    with pytest.raises(Killed):
        run.to_the_end(kind.task(waits=True, retries=3), dies=point.format(path=kind.path))
    for _ in range(2):
        run.retry()
        text = refused_to_mix(run, kind.task(OTHER, waits=True, deferrable=deferrable, retries=3))
        assert f"airflow_key {kind.keys(world)[0]}" in text
    assert world.requests[kind.path] == 1
    assert not [number for number in NUMBERS for text in run.store.history if number in text]


@each_kind
@pytest.mark.parametrize("point", ["after {path}", "after write 2"], ids=["sending", "sent"])
def test_a_clear_after_that_sends_to_the_others(run, world, kind, point):
    with pytest.raises(Killed):
        run.to_the_end(kind.task(waits=True, retries=1), dies=point.format(path=kind.path))
    run.retry()
    refused_to_mix(run, kind.task(OTHER, waits=True, retries=1))
    run.clear()
    result = run.to_the_end(kind.task(OTHER, waits=True, retries=1))
    assert kind.sent(world)[1:] == [result["callerid"]]
    assert len(set(kind.keys(world))) == 2


@pytest.mark.parametrize("kind", [SMS, VOICE], ids=lambda kind: kind.name)
@pytest.mark.parametrize("people", [[PERSON], [PERSON, OTHER, THIRD], [PERSON, THIRD]], ids=["fewer", "more", "others"])
def test_a_template_that_gives_other_recipients_is_noticed(run, world, kind, people):
    with pytest.raises(Killed):
        run.to_the_end(kind.task([PERSON, OTHER], retries=1), dies="after write 2")
    run.retry()
    refused_to_mix(run, kind.task(people, retries=1))
    assert world.requests[kind.path] == 1


@pytest.mark.parametrize("kind", [SMS, VOICE], ids=lambda kind: kind.name)
def test_the_same_recipients_in_another_order_are_the_same(run, world, kind):
    with pytest.raises(Killed):
        run.to_the_end(kind.task([PERSON, OTHER], retries=1), dies=f"after {kind.path}")
    run.retry()
    assert [run.to_the_end(kind.task([OTHER, PERSON], retries=1))["callerid"]] == kind.sent(world)


@each_kind
def test_another_account_in_a_retry_fails_and_nothing_is_sent(run, world, kind, connect):
    with pytest.raises(Killed):
        run.to_the_end(kind.task(retries=1), dies=f"after {kind.path}")
    connect(login="another-account")
    run.retry()
    before = world.requests
    text = refused_to_mix(run, kind.task(retries=1))
    assert "another-account" not in text
    assert world.requests == before


@each_kind
def test_what_was_surely_not_sent_may_go_to_others(run, world, kind):
    with pytest.raises(DirectcallRefused):
        run.to_the_end(kind.task(kind.refused_for_now, retries=1))
    run.retry()
    assert [run.to_the_end(kind.task(OTHER, retries=1))["callerid"]] == kind.sent(world)


# An edited DAG


@each_kind
@both_ways
@pytest.mark.parametrize("retries", [0, 1])
def test_without_a_store_and_with_fewer_retries_a_lost_try_is_looked_for(
    forgetful_run, world, kind, deferrable, retries
):
    """Lowered by as many tries as there were, it cannot be told from a Clear."""
    with pytest.raises(Killed):
        forgetful_run.to_the_end(kind.task(retries=3), dies=f"after {kind.path}")
    forgetful_run.max_tries = 3
    forgetful_run.retry()
    result = forgetful_run.to_the_end(kind.task(retries=retries, deferrable=deferrable))
    assert kind.sent(world) == [result["callerid"]]


@each_kind
@pytest.mark.parametrize("retries", [0, 5])
def test_other_retries_change_nothing_for_a_task_that_remembers(run, world, kind, retries):
    with pytest.raises(Killed):
        run.to_the_end(kind.task(waits=True, retries=2), dies="after write 2")
    run.max_tries = 2
    run.retry()
    assert [run.to_the_end(kind.task(waits=True, retries=retries))["callerid"]] == kind.sent(world)
