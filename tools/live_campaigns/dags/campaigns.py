"""A campaign of SMS beside one of calls, and a campaign of SMS alone. The run's ``conf`` names files and ways."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup

CONNECTION = "directcall_00"
ORIGIN = "551130000000"
#: A killed try goes on; every kill costs one.
DEFAULTS = {"retries": 20, "retry_delay": timedelta(seconds=1), "poll_interval": 3}
SHARED: dict[str, Any] = {
    "number_column": "phone",
    "id_column": "id",
    "origin": ORIGIN,
    "tags": {"customer": "{customer}"},
    "window": None,
    "storage": "{{ dag_run.conf.storage }}",
    "settle_seconds": "{{ dag_run.conf.settle_seconds }}",
    "completion_timeout": 120,
    "track_interval": 10,
    "track_timeout": "{{ dag_run.conf.track_timeout }}",
    "directcall_conn_id": CONNECTION,
}


def sms(group_id: str) -> None:
    """Add a campaign of SMS to the DAG."""
    DirectcallCampaignTaskGroup(
        group_id=group_id,
        contacts="{{ dag_run.conf.sms }}",
        suppress="{{ dag_run.conf.sms_suppressed }}",
        text="{{ dag_run.conf.text }}",
        chunk_size="{{ dag_run.conf.chunk_size }}",
        wave_size="{{ dag_run.conf.wave_size }}",
        recipients_per_request="{{ dag_run.conf.recipients_per_request }}",
        by_lots="{{ dag_run.conf.by_lots }}",
        price_brl=0.09,
        **SHARED,
    )


with DAG("campaigns", schedule=None, default_args=DEFAULTS):
    sms("sms")
    DirectcallCampaignTaskGroup(
        group_id="calls",
        contacts="{{ dag_run.conf.calls }}",
        suppress="{{ dag_run.conf.calls_suppressed }}",
        channel="call",
        calls_at_once=25,
        **SHARED,
    )

with DAG("sms_alone", schedule=None, default_args=DEFAULTS):
    sms("sms")
