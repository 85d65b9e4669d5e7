"""Campaigns: calls with short pauses between their attempts; messages of which one may not leave yet."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import Param, dag

from airflow_provider_directcall.task_groups.campaigns import Again, DirectcallCampaignTaskGroup


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    default_args={"retries": 8, "retry_delay": timedelta(seconds=1)},
)
def calls_with_retries() -> None:
    DirectcallCampaignTaskGroup(
        group_id="calls",
        contacts=str(Path(__file__).parent / "calls.csv"),
        number_column=["mobile", "landline"],
        id_column="id",
        channel="call",
        origin="551130000001",
        window=None,
        opt_out_words=(),
        calls_at_once=2,
        attempts={"busy": Again(after=0.2, at_most=3), "no_answer": Again(after=0.2, at_most=1)},
        settle_seconds=20,
        track_interval=5,
    )


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    params={"contacts": Param("", type="string"), "storage": Param("", type="string")},
)
def one_late_contact() -> None:
    DirectcallCampaignTaskGroup(
        group_id="sms",
        contacts="{{ params.contacts }}",
        storage="{{ params.storage }}",
        text="Ola",
        not_before_column="from",
        window=None,
        opt_out_words=(),
        rate=10,
        chunk_size=1,
        track=False,
    )


calls_with_retries()
one_late_contact()
