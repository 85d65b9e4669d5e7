"""DAGs that fail or ask, and whom they alert: the numbers and a text are in Variables, as they should be."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Asset, task
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference

from airflow_provider_directcall.notifications.directcall import DirectcallNotifier

ORIGIN = "551130000001"


def variable(name: str) -> str:
    return f"{{{{ var.value.on_call_{name} }}}}"


@task
def fail(number: int = 0) -> None:
    raise ValueError(f"failure {number}")


@task
def take_long() -> None:
    import time

    time.sleep(30)


with DAG("many_fail", schedule=None, params={"tasks": 24}, max_active_tasks=8):

    @task
    def numbers(**context: object) -> list[int]:
        return list(range(int(context["params"]["tasks"])))

    many = DirectcallNotifier(
        origin=ORIGIN,
        destination=variable("many"),
        at_most_per_hour=4,
        text="{{ var.value.alert_text }} {{ task_id }}: não",
    )
    fail.override(on_failure_callback=many).expand(number=numbers())

on_call = DirectcallNotifier(
    origin=ORIGIN,
    destination=variable("first"),
    then=[variable("second")],
    channel="voice_message",
    answer_within=timedelta(seconds=25),
)

with DAG("escalates", schedule=None):
    fail.override(on_failure_callback=on_call)()

with DAG(
    "unanswered",
    schedule=[Asset("directcall_alerts", watchers=[on_call.watcher("directcall_alerts", poll_interval=2)])],
):
    take_long()

with DAG("asks", schedule=None):
    ApprovalOperator(
        task_id="approve",
        subject="Go on?",
        notifiers=[DirectcallNotifier(origin=ORIGIN, destination=variable("question"))],
    )

with DAG(
    "run_fails",
    schedule=None,
    on_failure_callback=DirectcallNotifier(origin=ORIGIN, destination=variable("run"), text="{{ ti.task_id.nothing }}"),
):
    fail()

with DAG(
    "misses_deadline",
    schedule=None,
    deadline=DeadlineAlert(
        reference=DeadlineReference.FIXED_DATETIME(datetime.fromisoformat("2026-01-01T00:00:00+00:00")),
        interval=timedelta(seconds=1),
        callback=AsyncCallback(DirectcallNotifier, kwargs={"origin": ORIGIN, "destination": variable("deadline")}),
    ),
):
    take_long()
