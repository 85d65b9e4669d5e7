"""The campaign that ``make cluster`` runs; its conf names the contacts."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    # A task of a killed worker needs another try, and goes on there.
    default_args={"retries": 5, "retry_delay": timedelta(seconds=1)},
)
def cluster_campaign() -> None:
    """Send one SMS to each contact, from as many workers as there are."""
    DirectcallCampaignTaskGroup(
        group_id="campaign",
        contacts="{{ dag_run.conf.contacts }}",
        storage="{{ dag_run.conf.storage }}",
        id_column="id",
        text="{text}",
        window=None,
        opt_out_words=(),
        rate="{{ dag_run.conf.rate }}",
        chunk_size="{{ dag_run.conf.chunk_size }}",
        chunks_at_once=4,
        settle_seconds=15,
        track_interval=5,
        track_timeout=timedelta(minutes=10),
    )


cluster_campaign()
