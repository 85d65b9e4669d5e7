"""Waiting for the end of a message."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import (
    DirectcallUnwantedOutcome,
    DirectcallWaitTimeout,
)

from ..airflow_world.kinds import both_ways
from ..airflow_world.message_tasks import OTHER, both_operators, message, sent, voice
from ..airflow_world.world import NO_ANSWER, PERSON, UNCONFIRMED, UNDELIVERED


@both_ways
@both_operators
def test_the_state_is_in_the_result(run, world, deferrable, operator):
    result = run.to_the_end(message(operator, wait_for_delivery=True, deferrable=deferrable))
    assert result["state"] == "delivered"
    assert [recipient["destination"] for recipient in result["recipients"]] == ["5511*****0001"]
    assert run.ti.xcoms["callerid"] == result["callerid"] == sent(world)[0]["callerid"]


@both_ways
def test_a_message_that_does_not_arrive_is_a_result(run, deferrable):
    assert run.to_the_end(message(destination=UNDELIVERED, wait_for_delivery=True, deferrable=deferrable))["state"] == (
        "failed"
    )


@both_ways
def test_fail_on_fails_and_may_be_retried_for_one_recipient(run, deferrable):
    task = voice(NO_ANSWER, text="oi", wait_for_delivery=True, fail_on=["failed"], deferrable=deferrable)
    with pytest.raises(DirectcallUnwantedOutcome) as caught:
        run.to_the_end(task)
    assert (caught.value.outcome, caught.value.callerid) == ("failed", run.ti.xcoms["callerid"])


@both_ways
@pytest.mark.parametrize(
    ("destination", "fail_on"), [([UNDELIVERED, OTHER], "failed;cancelled;delivered"), (PERSON, "delivered")]
)
def test_fail_on_is_final_where_a_retry_would_reach_a_recipient_twice(run, deferrable, destination, fail_on):
    task = message(destination=destination, wait_for_delivery=True, fail_on=fail_on, deferrable=deferrable)
    with pytest.raises(AirflowFailException) as caught:
        run.to_the_end(task)
    assert isinstance(caught.value.__cause__, DirectcallUnwantedOutcome)


@both_ways
def test_deadline_ends_the_wait_for_a_confirmation(run, world, deferrable):
    before = world.now()
    task = message(destination=UNCONFIRMED, wait_for_delivery=True, completion_timeout="600", deferrable=deferrable)
    with pytest.raises(AirflowFailException, match="wait ended") as caught:
        run.to_the_end(task)
    assert isinstance(caught.value.__cause__, DirectcallWaitTimeout)
    assert run.ti.xcoms["callerid"] in str(caught.value)
    assert world.now() - before == timedelta(seconds=600)


@both_ways
def test_deadline_of_a_scheduled_message_counts_from_its_time(run, world, deferrable):
    at = world.now() + timedelta(hours=5)
    task = message(send_at=at.isoformat(), wait_for_delivery=True, completion_timeout=300, deferrable=deferrable)
    assert run.to_the_end(task)["state"] == "delivered"
