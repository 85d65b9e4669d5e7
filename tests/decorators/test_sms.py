"""``@task.directcall_sms``, as Airflow finds it, and its messages."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
from airflow.sdk import DAG

from airflow_provider_directcall.decorators.sms import sms_task
from airflow_provider_directcall.sandbox import Fault
from tests.airflow_world.world import ORIGIN, PERSON, Run, World

calls: list[object] = []


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


def greeting(name: str = "Ana") -> str:
    calls.append(name)
    return f"Olá {name} {{{{ ds }}}}"


def task_of(function: Callable[..., object], *arguments: object, **options: object) -> object:
    with DAG("dag", schedule=None):
        made = sms_task(**{"destination": PERSON, "origin": ORIGIN, "retries": 1, **options})(function)(*arguments)
    return made.operator


def texts(world: World) -> list[str]:
    return [message["text"] for message in world.sandbox.state()["messages"] if message["destination"] == PERSON]


def test_airflow_knows_the_decorator() -> None:
    manager = pytest.importorskip("airflow.sdk.providers_manager_runtime")  # Airflow 3.2
    with warnings.catch_warnings(action="ignore"):  # of decorators of other providers
        known = dict(manager.ProvidersManagerTaskRuntime().taskflow_decorators)
    assert known["directcall_sms"] is sms_task


def test_the_function_returns_the_text_which_is_no_template(world: World) -> None:
    run = Run(world)
    result = run.to_the_end(task_of(greeting, "Bia"))
    assert texts(world) == ["Olá Bia {{ ds }}"]
    assert result["state"] == "sent"
    assert "text" not in task_of(greeting).template_fields


def test_a_retry_sends_no_second_one(world: World) -> None:
    run = Run(world)
    run.crash(task_of(greeting), "after sms/send")
    run.retry()
    run.to_the_end(task_of(greeting))
    assert texts(world) == ["Olá Ana {{ ds }}"]


def test_a_deferred_task_that_has_to_send_again_calls_the_function_again(world: World) -> None:
    world.sandbox.inject(Fault(kind="cut_before", endpoint="sms/send", times=1))
    Run(world).to_the_end(task_of(greeting, deferrable=True))
    assert texts(world) == ["Olá Ana {{ ds }}"]
    assert calls == ["Ana", "Ana"]


def test_a_deferred_task_waits_for_the_delivery(world: World) -> None:
    result = Run(world).to_the_end(task_of(greeting, deferrable=True, wait_for_delivery=True))
    assert result["state"] == "delivered"
    assert texts(world) == ["Olá Ana {{ ds }}"]


@pytest.mark.parametrize("wrong", [None, 5, "  "])
def test_a_function_without_a_text_fails(world: World, wrong: object) -> None:
    with pytest.raises(TypeError, match="has to return the text"):
        Run(world).start(task_of(lambda: wrong, task_id="empty"))
    assert texts(world) == []


def test_wrong_decorators_fail_when_the_file_is_parsed() -> None:
    async def awaited() -> str:
        return "x"

    with pytest.raises(TypeError, match="async"):
        task_of(awaited)
    with pytest.raises(TypeError, match="text"):
        task_of(greeting, text="x")
