"""Unknown outcomes that the statement resolves: found, or surely absent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, SMS, both_ways, each_kind
from ..airflow_world.lost_answers import each_policy, lose_answer
from ..airflow_world.world import LONG_CALL

# Found and absent, with each policy


@each_kind
@both_ways
@pytest.mark.parametrize(
    ("policy", "fault"),
    [("fail", "cut_after"), ("fail", "html_502_after"), ("resend", "cut_after"), ("hold", "cut_after")],
)
def test_found_request_is_ours(run, world, kind, deferrable, policy, fault):
    lose_answer(world, kind, fault, times=9)
    result = run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome=policy))
    assert kind.sent(world) == [result["callerid"]]
    assert result["state"] == "sent"
    assert run.ti.xcoms == {"callerid": result["callerid"]}
    recipients = [(one["message_id"], one["accepted"]) for one in result.get("recipients", [])]
    assert recipients == [(str(one["message_id"]), True) for one in world.sandbox.state()["messages"]]


@each_kind
@both_ways
@each_policy
def test_absent_request_is_sent_again_in_the_same_generation(run, world, kind, deferrable, policy):
    lose_answer(world, kind, "cut_before")
    before = world.now()
    result = run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome=policy, settle_seconds=120))
    assert kind.sent(world) == [result["callerid"]]
    assert kind.keys(world) == [result["airflow_key"]]
    assert world.requests[kind.path] == 2
    assert world.now() - before >= timedelta(seconds=120), "only then its absence proves anything"


@each_kind
@both_ways
def test_found_although_the_row_is_as_late_as_possible(run, world, kind, deferrable):
    # A message is in its queue for a second before it leaves.
    world.sandbox.configure(statement_delay=298)
    lose_answer(world, kind)
    result = run.to_the_end(kind.task(deferrable=deferrable, settle_seconds=300, poll_interval=60))
    assert [result["callerid"]] == kind.sent(world)


@both_ways
@pytest.mark.parametrize("delay", [5, 295])
def test_call_in_progress_defers_absence(run, world, deferrable, delay):
    world.sandbox.configure(statement_delay=delay)
    lose_answer(world, CALL)
    before = world.now()
    result = run.to_the_end(CALL.task(LONG_CALL, settle_seconds=300, poll_interval=75, deferrable=deferrable))
    assert [result["callerid"]] == CALL.sent(world)
    assert world.now() - before > timedelta(seconds=600)


@both_ways
def test_call_that_ended_while_looks_failed_is_found(run, world, deferrable):
    world.sandbox.configure(statement_delay=280)
    lose_answer(world, CALL)
    run.world.sandbox.inject(Fault(kind="error_500_before", endpoint="voz/status", times=5 * 4))
    result = run.to_the_end(CALL.task(settle_seconds=300, poll_interval=60, deferrable=deferrable))
    assert [result["callerid"]] == CALL.sent(world)


# Scheduled


@each_kind
@both_ways
def test_scheduled_request_is_found_by_a_retry_after_its_time(run, world, kind, deferrable):
    task = kind.task(deferrable=deferrable, retries=1, **kind.at(world.now() + timedelta(hours=2)))
    run.crash(task, f"after {kind.path}")
    world.sandbox.advance(3 * 3600)
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_scheduled_request_is_unknown_and_a_clear_does_not_send_again(run, world, kind, deferrable):
    """An empty look before its time proves nothing."""
    lose_answer(world, kind)
    task = kind.task(deferrable=deferrable, **kind.at(world.now() + timedelta(hours=2)))
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="it is scheduled"):
            run.to_the_end(task)
        run.clear()
    assert world.requests[kind.path] == 1
    world.sandbox.advance(3 * 3600)
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@both_ways
def test_call_in_progress_is_unknown_and_a_clear_does_not_call_again(run, world, deferrable):
    lose_answer(world, CALL)
    task = CALL.task(LONG_CALL, settle_seconds=30, completion_timeout=60, deferrable=deferrable)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="still in progress"):
            run.to_the_end(task)
        run.clear()
    assert world.requests[CALL.path] == 1
    world.sandbox.advance(3600)
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


@both_ways
def test_scheduled_message_is_found_where_the_statement_lists_it(run, world, deferrable):
    world.sandbox.configure(scheduled_in_statement=True)
    lose_answer(world, SMS)
    task = SMS.task(deferrable=deferrable, send_at=world.now() + timedelta(hours=2))
    assert [run.to_the_end(task)["callerid"]] == SMS.sent(world)
