"""The record in the task's state store."""

from __future__ import annotations

from airflow_provider_directcall.delivery.decisions import DeliveryDecisions, OnUnknownOutcome
from airflow_provider_directcall.runtime.delivery_log import STORE_KEY, DeliveryLog

from ..airflow_world.kinds import CALL


def test_each_step_of_a_task_has_a_record_and_a_key(run):
    logs = [DeliveryLog(CALL.task(), run.context, step) for step in ("", "1", "2")]
    for log in logs:
        log.write(DeliveryDecisions(log.identity, log.attempt, OnUnknownOutcome.FAIL).first_record())
    assert set(run.store.kept) == {STORE_KEY, f"{STORE_KEY}:1", f"{STORE_KEY}:2"}
    assert len({log.read().key for log in logs}) == 3
