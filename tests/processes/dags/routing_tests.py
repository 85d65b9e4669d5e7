"""DAGs of the process tests about the rules of a number."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

from airflow.sdk import DAG, task

from airflow_provider_directcall.operators.numbers import (
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
        """Run while the rules are changed."""
        if dag_run.conf["fails"]:
            raise RuntimeError("the middle fails")

    apply >> middle() >> restore.as_teardown()

with DAG("routing_fails_half_way", schedule=None):
    apply = DirectcallApplyNumberRulesOperator(task_id="apply", did=DID, rules=RULES)
    restore = DirectcallRestoreNumberRulesOperator(task_id="restore", snapshot_task_id="apply", **NO_WAIT_RETRIES)

    @task
    def work() -> None:
        """Run while the rules are changed."""

    apply >> work() >> restore.as_teardown()

with DAG("routing_retried", schedule=None):
    DirectcallApplyNumberRulesOperator(
        task_id="apply", did=DID, rules=RULES, on_drift="{{ dag_run.conf['on_drift'] }}", **NO_WAIT_RETRIES
    )


class DyingApply(DirectcallApplyNumberRulesOperator):
    """An operator whose first try is killed between the first and the second write."""

    def execute(self, context):
        from airflow_provider_directcall.api.client import Client

        send, written = Client.send, []

        def mortal(client, request):
            if request.endpoint_name == "save_rule":
                if written:
                    os.kill(os.getpid(), signal.SIGKILL)
                written.append(request)
            return send(client, request)

        if context["ti"].try_number == 1:
            Client.send = mortal
        return super().execute(context)


with DAG("routing_killed", schedule=None):
    DyingApply(task_id="apply", did=DID, rules=RULES, retries=1, retry_delay=timedelta(seconds=1))

with DAG("routing_given_back", schedule=None):
    DirectcallRestoreNumberRulesOperator(task_id="restore", snapshot="{{ dag_run.conf['snapshot'] }}")

for dag_id in ("sound", "same_sound"):
    with DAG(dag_id, schedule=None):
        sound = DirectcallAddSoundOperator(task_id="add", audio="{{ dag_run.conf['audio'] }}", name=dag_id)

        @task
        def give(sound_id):
            return sound_id

        give(sound.output["sound_id"])
