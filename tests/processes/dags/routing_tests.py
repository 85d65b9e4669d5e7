"""DAGs about the rules of a number that the process tests run on a real Airflow."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

from airflow_provider_directcall.operators.number_rules import (
    DirectcallApplyNumberRulesOperator,
    DirectcallRestoreNumberRulesOperator,
)
from airflow_provider_directcall.operators.sounds import DirectcallAddSoundOperator

DID = "1130000001"
RULES = [
    {"action": "forward", "to": "5511990000031", "wait_seconds": 20, "priority": 1},
    {"action": "voicemail", "email": "plantao@example.com", "priority": 2},
]
NO_WAIT_RETRIES = {"retries": 2, "retry_delay": timedelta(seconds=1)}

with DAG("routing_for_a_while", schedule=None):
    apply = DirectcallApplyNumberRulesOperator(task_id="apply", did=DID, rules=RULES, **NO_WAIT_RETRIES)
    restore = DirectcallRestoreNumberRulesOperator(task_id="restore", snapshot_task_id="apply", **NO_WAIT_RETRIES)

    @task
    def middle(dag_run=None) -> None:
        """What the rules were changed for."""
        if dag_run.conf["fails"]:
            raise RuntimeError("the middle fails")

    apply >> middle() >> restore.as_teardown(setups=apply)

with DAG("routing_retried", schedule=None):
    DirectcallApplyNumberRulesOperator(
        task_id="apply", did=DID, rules=RULES, on_drift="{{ dag_run.conf['on_drift'] }}", **NO_WAIT_RETRIES
    )

with DAG("sound", schedule=None):
    DirectcallAddSoundOperator(task_id="add", audio="{{ dag_run.conf['audio'] }}", name="saudacao")
