"""The record in the task's state store."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_directcall.delivery.decisions import DeliveryDecisions, OnUnknownOutcome
from airflow_provider_directcall.runtime.delivery_log import STORE_KEY, DeliveryLog

from ..airflow_world.kinds import CALL


def test_each_step_of_a_task_has_a_record_and_a_key(run):
    logs = [DeliveryLog(CALL.task(), run.context, step) for step in ("", "1", "2")]
    for log in logs:
        log.write(DeliveryDecisions(log.identity, log.attempt, OnUnknownOutcome.FAIL).first_record())
    assert set(run.store.kept) == {STORE_KEY, f"{STORE_KEY}:1", f"{STORE_KEY}:2"}
    assert len({log.read().key for log in logs}) == 3


def test_what_was_sent_before_the_clear_of_a_finished_run_is_in_the_window(run, world):
    """Airflow renews the start of a finished run that is cleared."""
    began_at = run.dag_run.start_date
    world.sandbox.advance(3600)
    run.clear()
    assert run.dag_run.start_date > began_at
    run.ti.max_tries = 1
    assert DeliveryLog(CALL.task(), run.context).attempt.run_since == began_at


def test_the_window_of_a_late_run_is_bounded(run, world):
    run.dag_run.run_after -= timedelta(days=400)
    run.clear()
    run.ti.max_tries = 1
    since = DeliveryLog(CALL.task(), run.context).attempt.run_since
    assert timedelta(days=1) < world.now() - since < timedelta(days=30)
