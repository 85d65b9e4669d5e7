"""A call is hung up when its task is killed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from ..airflow_world.call_tasks import placed, waiting_call
from ..airflow_world.world import (
    LONG_CALL,
    UNHANGABLE,
)

# Killing


def test_a_ringing_call_is_hung_up_when_the_task_is_killed(run, world):
    task = waiting_call(LONG_CALL)
    world.task_state = "failed"
    world.while_waiting = task.on_kill
    task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is not None


def test_a_call_that_cannot_be_hung_up_does_not_disturb_the_kill(run, world, logged):
    task = waiting_call(UNHANGABLE)
    world.task_state = "failed"
    world.while_waiting = task.on_kill
    task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is None
    assert "Nothing was stopped" in logged()


def test_killing_before_and_after_the_call_does_nothing(run, world):
    task = waiting_call()
    task.on_kill()
    task.execute(run.context)
    task.on_kill()
    assert "voz/end" not in world.sandbox.state()["requests"]


def test_an_execution_timeout_of_airflow_hangs_up_and_is_not_retried(run, world):
    task = waiting_call(LONG_CALL)

    def strike():
        raise AirflowTaskTimeout("Timeout")

    world.while_waiting = strike
    with pytest.raises(AirflowFailException, match="AirflowTaskTimeout"):
        task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is not None


def test_a_scheduled_call_that_was_dialled_is_hung_up_too(run, world):
    at = world.now() + timedelta(seconds=60)
    task = waiting_call(LONG_CALL, schedule_at=at, poll_interval=100)

    def kill_when_dialled():
        if len(world.pauses) == 2:
            world.task_state = "failed"
            task.on_kill()

    world.while_waiting = kill_when_dialled
    task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is not None
