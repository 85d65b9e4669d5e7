"""A DAG that a webhook starts."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_directcall.assets import doorbell

with DAG("rung", schedule=[doorbell("call")], max_active_runs=1):

    @task
    def write_it_down(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        return [dict(event.extra) for events in triggering_asset_events.values() for event in events]

    write_it_down()
