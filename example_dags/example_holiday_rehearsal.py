"""Rehearsal: apply the rules of a day to come to the sandbox's number, to try calls on that day.

Live rules have weekdays and no dates, so ``allow_future`` makes those of a day to come hold at once: this is for the
sandbox only. So the DAG has a connection of its own, ``directcall_sandbox``, and never that of the account.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import Param, dag

from airflow_provider_directcall.operators.numbers import DirectcallApplyNumberRulesOperator


# --8<-- [start:dag]
@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    params={"day": Param(type="string", format="date", description="The first of the seven days to try")},
    doc_md=__doc__,
)
def example_holiday_rehearsal() -> None:
    """Apply the rules of that day."""
    DirectcallApplyNumberRulesOperator(
        task_id="rehearse",
        calendar="hotline.yaml",
        at="{{ params.day }}T00:00:00-03:00",
        allow_future=True,
        directcall_conn_id="directcall_sandbox",
    )


# --8<-- [end:dag]


example_holiday_rehearsal()
