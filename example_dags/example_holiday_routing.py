"""Holiday routing: every morning, apply a calendar to the rules of the hot line.

``hotline.yaml`` defines who answers and when: opening hours, holidays, part-days, overrides. Directcall's rules have
weekdays but no dates, so each run writes the rules of the next seven days. A missed run does no harm, and a run without
a difference writes nothing. Changes made in Directcall's panel are logged and overwritten.

An emergency from ``example_emergency_routing`` takes precedence. ``directcall-routing`` and
DirectcallPlanNumberRulesOperator show the rules of any day without writing them.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from airflow_provider_directcall.operators.numbers import DirectcallApplyNumberRulesOperator


# --8<-- [start:dag]
@dag(
    schedule="0 5 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    max_active_runs=1,
    tags=["directcall", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
)
def example_holiday_routing() -> None:
    """Apply the calendar."""
    DirectcallApplyNumberRulesOperator(
        task_id="route",
        calendar="hotline.yaml",
        # Manual runs have no data interval; every run has this.
        at="{{ dag_run.run_after }}",
        emergency="{{ var.value.get('directcall_emergency', '') }}",
    )


# --8<-- [end:dag]


example_holiday_routing()
