"""Tasks that place calls, and the calls in the sandbox."""

from __future__ import annotations

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator

from .world import PERSON


def call(destination=PERSON, **arguments):
    return DirectcallPlaceCallOperator(task_id="task", destination=destination, **arguments)


def waiting_call(destination=PERSON, **arguments):
    return call(destination, wait_for_completion=True, **arguments)


def placed(world):
    return world.sandbox.state()["calls"]
