"""Reasons against another request, whatever the policy and whoever clears: a key that was seen, a call in progress,
a time that has not come, a look that was cut short.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowTaskTimeout

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, SMS, both_ways
from ..airflow_world.lost_answers import lose_answer, remove_statement
from ..airflow_world.world import LONG_CALL, PERSON

MESSAGE_AND_CALL = pytest.mark.parametrize("kind", [CALL, SMS], ids=["call", "sms"])
TOMORROW = timedelta(hours=20)
LIMIT = timedelta(minutes=10)


def until_it_fails(run, task) -> None:
    with pytest.raises(AirflowException):
        run.to_the_end(task)


def time_out_at(world, pause: int) -> None:
    """Let each try's ``execution_timeout`` come at every so many pauses."""
    pauses = 0

    def waited():
        nonlocal pauses
        pauses += 1
        if pauses % pause == 0:
            raise AirflowTaskTimeout("the time is over")

    world.while_waiting = waited


@both_ways
@MESSAGE_AND_CALL
@pytest.mark.parametrize("fault", ["cut_before", "error_500_before", "no statement"])
def test_resend_waits_for_the_time_of_a_schedule(run, world, kind, deferrable, fault):
    lose_answer(world, kind)
    if fault == "no statement":
        remove_statement(world, kind)
    else:
        world.sandbox.inject(Fault(kind=fault, endpoint=kind.statement))
    until_it_fails(
        run, kind.task(deferrable=deferrable, on_unknown_outcome="resend", **kind.at(world.now() + TOMORROW))
    )
    assert len(kind.sent(world)) == 1


@both_ways
@MESSAGE_AND_CALL
def test_a_clear_waits_for_the_time_of_a_schedule(run, world, kind, deferrable):
    lose_answer(world, kind)
    remove_statement(world, kind)
    task = kind.task(deferrable=deferrable, **kind.at(world.now() + TOMORROW))
    for _ in range(2):
        until_it_fails(run, task)
        run.clear()
    assert len(kind.sent(world)) == 1


@MESSAGE_AND_CALL
def test_rows_that_may_be_ours_do_not_end_the_waiting_for_a_schedule(run, world, kind):
    now = world.now()
    world.sandbox.set_time(now - timedelta(minutes=2))
    with DirectcallHook() as hook:
        if kind.is_call:
            hook.place_call(None, PERSON, tags={"system": "crm"})
        else:
            hook.send_sms(PERSON, "x", tags={"system": "crm"})
    world.sandbox.set_time(now)
    world.sandbox.configure(quirks=frozenset({"tag_filter_ignored", "campos_hidden"}))
    lose_answer(world, kind)
    until_it_fails(run, kind.task(on_unknown_outcome="resend", **kind.at(world.now() + TOMORROW)))
    assert len(kind.sent(world)) == 2, "the other system's and ours"


def test_a_call_that_was_in_progress_when_the_time_was_over_is_not_placed_again(run, world):
    lose_answer(world, CALL)
    time_out_at(world, 2)
    until_it_fails(run, CALL.task(LONG_CALL, on_unknown_outcome="resend", execution_timeout=LIMIT))
    assert len(CALL.sent(world)) == 1


def test_a_call_is_not_placed_again_because_its_trigger_died(run, world):
    lose_answer(world, CALL)
    task = CALL.task(LONG_CALL, on_unknown_outcome="resend", deferrable=True)
    run.start(task)
    with pytest.raises(AirflowException):
        run.resume(task, "__fail__", {"error": "trigger timeout"})
    assert len(CALL.sent(world)) == 1


@pytest.mark.parametrize(("policy", "clears"), [("resend", 0), ("fail", 2)])
def test_a_key_that_was_seen_forbids_a_second_message_though_the_time_was_over(run, world, policy, clears):
    lose_answer(world, SMS)
    world.sandbox.configure(quirks=frozenset({"times_2_behind"}))
    time_out_at(world, 3)
    task = SMS.task(on_unknown_outcome=policy, execution_timeout=LIMIT)
    for _ in range(1 + clears):
        until_it_fails(run, task)
        run.clear()
    assert len(SMS.sent(world)) == 1


@pytest.mark.parametrize("policy", ["resend", "fail"])
def test_a_key_that_was_seen_forbids_a_second_message_though_its_row_is_gone(run, world, policy):
    lose_answer(world, SMS)
    world.sandbox.configure(quirks=frozenset({"times_2_behind"}))
    time_out_at(world, 3)
    task = SMS.task(on_unknown_outcome=policy, execution_timeout=LIMIT)
    until_it_fails(run, task)
    world.while_waiting = lambda: None
    world.sandbox.configure(statement_delay=10_000_000.0)
    for _ in range(2):
        run.clear()
        until_it_fails(run, task)
    assert len(SMS.sent(world)) == 1
