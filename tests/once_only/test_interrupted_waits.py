"""Interrupted waits for the end: by a failed deferral, a failed XCom, a signal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallOutcomeUnknown, DirectcallUnexpectedEvent, DirectcallWaitFailed

from ..airflow_world.call_tasks import call, placed, waiting_call
from ..airflow_world.kinds import CALL, SMS, each_kind, with_and_without_a_store
from ..airflow_world.lost_answers import lose_answer
from ..airflow_world.world import PERSON, UNCONFIRMED, Run, TaskDeferralError, TaskDeferralTimeout

# Resuming after a failed deferral


unusable_events = pytest.mark.parametrize(
    ("event", "cause"),
    [
        (None, DirectcallUnexpectedEvent),
        ({}, DirectcallUnexpectedEvent),
        ({"status": "finished"}, DirectcallUnexpectedEvent),
        ({"status": ["done"]}, DirectcallUnexpectedEvent),
        ("done", DirectcallUnexpectedEvent),
        ({"status": "error", "error": "no connection"}, DirectcallWaitFailed),
        ({"status": "error"}, DirectcallWaitFailed),
    ],
)


def assert_retry_goes_on(run, world, kind, task):
    run.retry()
    result = run.to_the_end(task)
    assert kind.outcome(result) == kind.good_end
    assert kind.sent(world) == [result["callerid"]]
    assert world.requests[kind.path] == 1


@unusable_events
def test_retry_after_an_unusable_event_goes_on(run, world, event, cause):
    task = waiting_call(deferrable=True)
    run.start(task)
    with pytest.raises(cause):
        run.resume(task, "execute_complete", {"event": event})
    assert_retry_goes_on(run, world, CALL, task)


@unusable_events
def test_retry_after_an_unusable_verdict_reconciles(run, world, event, cause):
    lose_answer(world, CALL)
    task = waiting_call(deferrable=True, retries=1)
    run.start(task)
    reason = event.get("error") if isinstance(event, dict) else None
    with pytest.raises(DirectcallOutcomeUnknown if cause is DirectcallWaitFailed else cause, match=reason):
        run.resume(task, "execute_reconciled", {"event": event})
    assert_retry_goes_on(run, world, CALL, task)


@each_kind
@pytest.mark.parametrize("error", ["Trigger failure", "Trigger timeout"])
def test_retry_without_store_after_a_dead_trigger_reconciles(run_without_store, world, kind, error):
    task = kind.task(waits=True, deferrable=True, retries=1)
    run_without_store.start(task)
    with pytest.raises(DirectcallOutcomeUnknown, match="the trigger of the task ended"):
        run_without_store.resume(task, "__fail__", {"error": error})
    assert_retry_goes_on(run_without_store, world, kind, task)


def test_dead_trigger_without_store_in_the_last_try_says_where_to_look(run_without_store, world):
    task = waiting_call(deferrable=True)
    run_without_store.start(task)
    text = r"airflow_key \w{16}.*between .*an earlier try ended .* the trigger of the task ended"
    with pytest.raises(AirflowFailException, match=text):
        run_without_store.resume(task, "__fail__", {"error": "Trigger timeout"})
    assert len(placed(world)) == 1


@unusable_events
def test_unusable_event_without_store_is_final(run_without_store, event, cause):
    task = waiting_call(deferrable=True)
    run_without_store.start(task)
    with pytest.raises(AirflowFailException, match=run_without_store.ti.xcoms["callerid"]) as caught:
        run_without_store.resume(task, "execute_complete", {"event": event})
    assert isinstance(caught.value.__cause__, cause)


def test_resuming_without_a_record_reads_the_store(run, world):
    run.start(waiting_call(deferrable=True))
    world.sandbox.advance(60)
    result = run.resume(waiting_call(), "execute_complete", {"event": {"status": "done"}, "record": None})
    assert result["callerid"] == placed(world)[0]["callerid"]


def test_resuming_without_a_record_and_store_reads_the_event(run_without_store, world):
    run_without_store.start(waiting_call(deferrable=True))
    world.sandbox.advance(60)
    (made,) = placed(world)
    event = {"status": "done", "callerid": made["callerid"]}
    result = run_without_store.resume(waiting_call(), "execute_complete", {"event": event, "record": None})
    assert result["callerid"] == made["callerid"]


def test_unreadable_record_of_a_deferral_fails_for_good(run, world):
    lose_answer(world, CALL)
    task = call(deferrable=True, retries=1)
    run.start(task)
    event = {"status": "settled", "verdict": "absent"}
    with pytest.raises(AirflowFailException, match="look at the task's state store"):
        run.resume(task, run.deferred.method_name, {"event": event, "record": {"phase": "flying"}})


@pytest.mark.parametrize(
    ("remembers", "change"), [(True, {"fail_on": "engaged"}), (False, {"directcall_conn_id": "nowhere"})]
)
def test_wrong_argument_on_resuming_is_final_and_names_the_call(world, remembers, change):
    run = Run(world, remembers=remembers)
    run.start(waiting_call(deferrable=True))
    with pytest.raises(AirflowFailException, match=run.ti.xcoms["callerid"]):
        run.resume(waiting_call(**change), "execute_complete", {"event": {"status": "done"}})


@each_kind
@pytest.mark.parametrize(
    ("error", "cause"), [("Trigger failure", TaskDeferralError), ("Trigger timeout", TaskDeferralTimeout)]
)
def test_retry_after_a_dead_trigger_goes_on(run, world, kind, error, cause):
    task = kind.task(waits=True, deferrable=True, retries=1)
    run.start(task)
    with pytest.raises(cause):
        run.resume(task, "__fail__", {"error": error})
    assert_retry_goes_on(run, world, kind, task)


def broken_xcoms(key, value):
    raise ConnectionError(f"POST http://api/{PERSON} failed")


def test_retry_after_a_failed_xcom_goes_on(run, world, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(run.ti, "xcom_push", broken_xcoms)
        with pytest.raises(ConnectionError):
            run.start(call(retries=1))
    run.retry()
    result = run.to_the_end(call(retries=1))
    assert [result["callerid"]] == [made["callerid"] for made in placed(world)]


def test_failed_xcom_without_store_is_final(run_without_store, world, monkeypatch):
    monkeypatch.setattr(run_without_store.ti, "xcom_push", broken_xcoms)
    with pytest.raises(AirflowFailException) as caught:
        run_without_store.start(call())
    assert placed(world)[0]["callerid"] in str(caught.value)
    assert PERSON not in str(caught.value)
    assert caught.value.__cause__ is None, "a foreign error may hold anything"


def test_deadline_of_a_deferred_wait_reports_the_time_and_the_last_state(run):
    task = SMS.task(UNCONFIRMED, waits=True, deferrable=True, completion_timeout=600)
    with pytest.raises(AirflowFailException, match=r"ended at \d{4}-\S+,.* \(seen last: sent\)"):
        run.to_the_end(task)


def test_deadline_of_the_deferral_is_after_that_of_the_trigger(run):
    run.start(waiting_call(deferrable=True, completion_timeout=600))
    assert timedelta(seconds=600) < run.deferred.timeout <= timedelta(seconds=1200)


# Interruptions


@with_and_without_a_store
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_interruption_is_left_to_a_retry_or_final_without_store(world, remembers, interruption):
    def interrupt():
        world.while_waiting = lambda: None
        raise interruption

    run = Run(world, remembers=remembers)
    world.while_waiting = interrupt
    with pytest.raises(interruption if remembers else AirflowFailException) as caught:
        run.start(waiting_call())
    assert interruption.__name__ in repr(caught.value)
    if remembers:
        assert_retry_goes_on(run, world, CALL, waiting_call())
    assert len(placed(world)) == 1
