"""A DAG for each doorbell of the receiver, and one for the first task of an Airflow."""

from __future__ import annotations

from airflow.sdk import DAG, task

from airflow_provider_directcall.assets import Doorbell, doorbell


@task
def look() -> None:
    """Stand for a task that reads the statement."""


for kind in Doorbell:
    with DAG(f"rung_{kind}", schedule=[doorbell(kind)], max_active_runs=1):
        look()

with DAG("warm_up", schedule=None):
    look()
