"""A DAG for each doorbell of the receiver."""

from __future__ import annotations

from airflow.sdk import DAG, task

from airflow_provider_directcall.assets import Doorbell, doorbell


@task
def look() -> None:
    """Stand for a task that reads the statement."""


for kind in Doorbell:
    with DAG(f"rung_{kind}", schedule=[doorbell(kind)], max_active_runs=1):
        look()
