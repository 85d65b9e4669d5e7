"""DAGs that fail, and whom they alert. The last digits of the invented numbers select the sandbox's behaviour."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Asset, task
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from airflow_provider_directcall.notifications.directcall import DirectcallNotifier

ORIGIN = "551130000001"
NO_ANSWER, SECOND = "5511990000480", "5511990000012"


@task
def fail(number: int = 0) -> None:
    raise ValueError(f"failure {number}")


@task
def take_long() -> None:
    import time

    time.sleep(30)


with DAG("many_fail", schedule=None, params={"tasks": 24}, max_active_tasks=4):

    @task
    def numbers(**context: object) -> list[int]:
        return list(range(int(context["params"]["tasks"])))

    many = DirectcallNotifier(origin=ORIGIN, destination="5511990000011", at_most_per_hour=4, text="{{ task_id }}: não")
    fail.override(on_failure_callback=many).expand(number=numbers())

on_call = DirectcallNotifier(
    origin=ORIGIN,
    destination=NO_ANSWER,
    then=[SECOND],
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

with DAG(
    "run_fails",
    schedule=None,
    on_failure_callback=DirectcallNotifier(origin=ORIGIN, destination="5511990000013", text="{{ ti.task_id.nothing }}"),
):
    fail()

with DAG(
    "misses_deadline",
    schedule=None,
    deadline=DeadlineAlert(
        reference=DeadlineReference.FIXED_DATETIME(datetime.fromisoformat("2026-01-01T00:00:00+00:00")),
        interval=timedelta(seconds=1),
        callback=AsyncCallback(
            DirectcallNotifier, kwargs={"origin": ORIGIN, "destination": "{{ var.value.on_call_number }}"}
        ),
    ),
):
    take_long()
