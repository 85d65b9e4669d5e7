"""Approval: plan a change of the hot line's rules, request approval, apply exactly the approved plan.

The request shows the plan, with phone numbers masked. If the live rules match already, no approval is requested. If the
live rules or the calendar change before the answer, the apply task fails.

Use this instead of ``example_holiday_routing``, which would apply the same calendar the next morning without approval.
To use both, give each its own number, or a schedule to this one.
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

#: Both tasks plan for the same moment, however long the approval takes.
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
    """Plan, request approval, apply."""
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
        """Skip the approval of a plan without changes."""
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
