"""What the tests of calls share: tasks that place one, and what the sandbox was asked for."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator

from .world import (
    PERSON,
)

both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])


def call(destination=PERSON, **arguments):
    return DirectcallPlaceCallOperator(task_id="task", destination=destination, **arguments)


with_and_without_a_store = pytest.mark.parametrize("remembers", [True, False], ids=["store", "no store"])


def waiting_call(destination=PERSON, **arguments):
    return call(destination, wait_for_completion=True, **arguments)


def placed(world):
    return world.sandbox.state()["calls"]
