"""DAGs for the page Telephony: a campaign, a routed number, and a task that waits."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import dag

from airflow_provider_directcall.operators.numbers import (
    DirectcallApplyNumberRulesOperator,
    DirectcallPlanNumberRulesOperator,
    DirectcallRestoreNumberRulesOperator,
)
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor
from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup

START = pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo")
HERE = Path(__file__).parent


@dag(schedule=None, start_date=START, catchup=False, default_args={"retries": 2, "retry_delay": timedelta(seconds=2)})
def reminders() -> None:
    """Send to the contacts beside this file, slowly enough to be looked at."""
    DirectcallCampaignTaskGroup(
        group_id="sms",
        contacts=str(HERE / "contacts.csv"),
        number_column="phone",
        id_column="id",
        text="Olá {name}, sua consulta é amanhã.",
        window="none",
        price_brl=0.09,
        rate=float(os.environ.get("PAGE_RATE", "0.5")),
        chunks_at_once=2,
        chunk_size=int(os.environ.get("PAGE_CHUNK_SIZE", "25")),
        recipients_per_request=1,
        opt_out_words=(),
        track_interval=5,
        track_timeout=60,
    )


@dag(schedule=None, start_date=START, catchup=False)
def hotline() -> None:
    """Plan and apply the calendar."""
    calendar = str(HERE / "hotline.yaml")
    plan = DirectcallPlanNumberRulesOperator(task_id="plan", calendar=calendar)
    plan >> DirectcallApplyNumberRulesOperator(task_id="route", calendar=calendar)


@dag(schedule=None, start_date=START, catchup=False)
def rehearsal() -> None:
    """Apply the week of a day in a month's time, and restore."""
    day = "{{ (dag_run.run_after + macros.timedelta(days=30)).isoformat() }}"
    apply = DirectcallApplyNumberRulesOperator(
        task_id="apply", calendar=str(HERE / "hotline.yaml"), at=day, allow_future=True
    )
    apply >> DirectcallRestoreNumberRulesOperator(task_id="restore", snapshot_task_id="apply").as_teardown()


@dag(schedule=None, start_date=START, catchup=False)
def waiting() -> None:
    """Wait for a call that never comes."""
    DirectcallTaggedCallSensor(task_id="call", tags={"case": "none"}, deferrable=True, timeout=3600)


reminders()
hotline()
rehearsal()
waiting()
