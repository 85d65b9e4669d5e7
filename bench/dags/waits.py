"""Mapped sensors that wait for one call each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

#: As :mod:`tools.faults.world` names it, which takes a second to import.
CONNECTION = "directcall_00"

with DAG("waits", schedule=None, max_active_tasks=8):

    @task(show_return_value_in_logs=False)
    def contacts(**context: Any) -> list[dict[str, str]]:  # noqa: ANN401 - Airflow's context
        """Return the tags of each wait."""
        return [{"contact": f"C-{place}-x"} for place in range(int(context["dag_run"].conf["waits"]))]

    DirectcallTaggedCallSensor.partial(
        task_id="wait",
        directcall_conn_id=CONNECTION,
        poll_interval="{{ dag_run.conf.poll_interval }}",
        look_back=timedelta(hours=2),
        timeout=6 * 3600,
        retries=0,
        deferrable=True,
    ).expand(tags=contacts())
