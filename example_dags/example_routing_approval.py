"""Approval: plan a change of the hot line's rules, ask a person, apply exactly what the person saw.

The plan stands in the body of the question, phone numbers masked. Where the rules stand as wanted already, nobody is
asked. When the line's rules, or the calendar, change between the question and the answer, the apply task refuses.

This is in place of ``example_holiday_routing``, not beside it: that one would write the same calendar the next morning,
whatever the person has said. Who wants both gives each its own number, or starts this one from a schedule of its own.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import dag, task

from airflow_provider_directcall.operators.numbers import (
    DirectcallApplyNumberRulesOperator,
    DirectcallPlanNumberRulesOperator,
)

#: Both tasks ask the calendar the same question, however long the person takes.
AT = "{{ dag_run.run_after }}"
EMERGENCY = "{{ var.value.get('directcall_emergency', '') }}"


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    max_active_runs=1,
    tags=["directcall", "example"],
    doc_md=__doc__,
)
def example_routing_approval() -> None:
    """Plan, ask, apply."""
    plan = DirectcallPlanNumberRulesOperator(
        task_id="plan",
        calendar="hotline.yaml",
        at=AT,
        emergency=EMERGENCY,
        retries=3,
        retry_delay=timedelta(minutes=1),
    )

    @task.short_circuit
    def anything_to_do(planned: dict[str, object]) -> bool:
        """Ask nobody where nothing would change."""
        return bool(planned["has_changes"])

    approve = ApprovalOperator(
        task_id="approve",
        subject="Change the rules of the hot line?",
        body="{{ ti.xcom_pull(task_ids='plan')['markdown'] }}",
    )
    apply = DirectcallApplyNumberRulesOperator(
        task_id="apply",
        calendar="hotline.yaml",
        at=AT,
        emergency=EMERGENCY,
        expected_digest="{{ ti.xcom_pull(task_ids='plan')['digest'] }}",
        retries=3,
        retry_delay=timedelta(minutes=1),
    )
    anything_to_do(plan.output) >> approve >> apply


example_routing_approval()
