"""Alerts to the operator on call, and a text message made by a function.

``example_on_call`` fails if it is triggered with ``{"fail": true}``; then it alerts the operator on call, and the next
one when the first does not answer. ``example_unanswered_alert`` follows these alerts, and runs when no number has
answered. ``example_late_run`` alerts when a run takes more than half an hour.

The numbers are templates: a literal number in a DAG file is stored in Airflow's database with the DAG.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, task
from airflow.sdk.definitions.deadline import (  # type: ignore[attr-defined]  # AsyncCallback is here in 3.1, later too
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
)

from airflow_provider_directcall.notifications.directcall import DirectcallNotifier

ORIGIN = "551130000001"
#: Airflow Variables with a number each; in this example, with fictitious defaults.
FIRST = "{{ var.value.get('directcall_on_call', '5511990000071') }}"
SECOND = "{{ var.value.get('directcall_on_call_next', '5511990000072') }}"

# --8<-- [start:notifier]
on_call = DirectcallNotifier(
    origin=ORIGIN,
    destination=FIRST,
    then=[SECOND],
    channel="voice_message",
    answer_within=timedelta(minutes=5),
    at_most_per_hour=6,
    text="Airflow: {{ dag_id }}, tarefa {{ task_id }}, falhou na tentativa {{ try_number }}.",
)
# --8<-- [end:notifier]

with DAG(
    "example_on_call",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    params={"fail": False},
    # --8<-- [start:callback]
    default_args={"on_failure_callback": on_call},
    # --8<-- [end:callback]
    doc_md=__doc__,
):

    @task
    def load(params: dict[str, Any] | None = None) -> int:
        """Return how many rows were loaded."""
        if params and params["fail"]:
            raise ValueError("asked to fail")
        return 42

    # --8<-- [start:decorator]
    @task.directcall_sms(origin=ORIGIN, destination=FIRST)
    def report(rows: int) -> str:
        """Return the text of the message."""
        return f"Carga concluída: {rows} linhas."

    # --8<-- [end:decorator]

    report(load())  # type: ignore[arg-type]  # the result of a task stands for its value

with DAG(
    "example_late_run",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    # --8<-- [start:deadline]
    # Airflow stores these arguments in clear, so the numbers are in Variables, which have to be set.
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=30),
        callback=AsyncCallback(
            DirectcallNotifier,
            kwargs={
                "origin": "{{ var.value.directcall_origin }}",
                "destination": "{{ var.value.directcall_on_call }}",
            },
        ),
    ),
    # --8<-- [end:deadline]
    doc_md="Alerts when a run takes more than half an hour.",
):

    @task
    def take_a_while() -> None:
        """Stand for a long task."""

    take_a_while()

with DAG(
    "example_unanswered_alert",
    # --8<-- [start:watcher]
    schedule=[Asset("directcall_on_call", watchers=[on_call.watcher("directcall_on_call")])],
    # --8<-- [end:watcher]
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    doc_md="Runs when no number has answered an alert.",
):

    @task
    def write_it_down(triggering_asset_events: Any = None) -> list[dict[str, Any]]:  # noqa: ANN401 - Airflow's accessor
        """Return the events: ids of DAGs, runs and tasks."""
        return [dict(event.extra) for events in triggering_asset_events.values() for event in events]

    write_it_down()
