"""Holiday routing: every morning, the rules of the hot line are made what its calendar says.

``hotline.yaml`` says who answers and when: opening hours, holidays, part-days, overrides. Directcall's rules know
weekdays and no dates; so each run writes those of the next seven days. A missed run does no harm, and where nothing
differs, nothing is written. Changes that somebody made in Directcall's panel are told in the log and overwritten.

An emergency that ``example_emergency_routing`` has switched on goes before all of it. What the line would do on another
day, ``directcall-routing`` and DirectcallPlanNumberRulesOperator show without writing anything.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from airflow_provider_directcall.operators.numbers import DirectcallApplyNumberRulesOperator


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
    """Make it so."""
    DirectcallApplyNumberRulesOperator(
        task_id="route",
        calendar="hotline.yaml",
        # Runs that a person starts have no data interval; this is there in every run.
        at="{{ dag_run.run_after }}",
        emergency="{{ var.value.get('directcall_emergency', '') }}",
    )


example_holiday_routing()
