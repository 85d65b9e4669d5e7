"""Outcomes that stay unknown: ``fail``, ``hold`` and ``resend``."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.api.replies import PlacedCall
from airflow_provider_directcall.errors import DirectcallOutcomeUnknown
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, both_ways, each_kind, with_and_without_a_store
from ..airflow_world.lost_answers import (
    REQUESTS_PER_LOOK,
    lose_answer,
    remove_statement,
    time_out_after_sending,
    time_out_while_waiting,
)
from ..airflow_world.world import PERSON, Run


@each_kind
@both_ways
@pytest.mark.parametrize(("remembers", "fault"), [(True, "cut_after"), (True, "html_502_after"), (False, "cut_after")])
def test_unknown_outcome_error_names_key_window_and_where_to_look(world, kind, deferrable, remembers, fault):
    run = Run(world, remembers=remembers)
    lose_answer(world, kind, fault, times=9)
    remove_statement(world, kind)
    with pytest.raises(AirflowFailException, match="may have taken effect") as caught:
        run.to_the_end(kind.task(deferrable=deferrable, retries=3))
    assert len(kind.sent(world)) == 1
    text = str(caught.value)
    assert f"airflow_key {kind.keys(world)[0]}" in text
    assert re.search(r", near \d\d:\d\d:\d\d, when it left; ", text)
    assert re.search(r"between \d{4}-\d\d-\d\d \d\d:\d\d:\d\d-0300 and \d{4}-\d\d-\d\d \d\d:\d\d:\d\d-0300", text)
    assert ("statement of calls (extrato)" if kind is CALL else "statement of messages") in text
    assert ("looks again, and unless it finds it" if remembers else "without looking") in text
    assert PERSON not in text


@each_kind
@both_ways
@with_and_without_a_store
def test_retries_without_a_statement_never_send_again(world, kind, deferrable, remembers):
    run, task = Run(world, remembers=remembers), kind.task(deferrable=deferrable, retries=3)
    remove_statement(world, kind)
    run.crash(task, f"after {kind.path}")
    for _ in range(3):
        run.retry()
        with pytest.raises(AirflowFailException, match="outcome is unknown"):
            run.to_the_end(task)
    assert world.requests[kind.path] == 1


@each_kind
@both_ways
def test_clear_after_the_report_looks_again_and_then_sends(run, world, kind, deferrable, caplog):
    lose_answer(world, kind)
    remove_statement(world, kind)
    task = kind.task(deferrable=deferrable)
    with pytest.raises(AirflowFailException):
        run.to_the_end(task)
    looks = world.requests[kind.statement]
    run.clear()
    result = run.to_the_end(task)
    assert world.requests[kind.statement] > looks
    assert kind.sent(world)[1:] == [result["callerid"]]
    assert len(set(kind.keys(world))) == 2
    (warning,) = [each.getMessage() for each in caplog.records if "there may be two" in each.getMessage()]
    assert f"airflow_key {kind.keys(world)[0]}" in warning


@each_kind
def test_clear_after_the_report_goes_on_with_a_found_request(run, world, kind):
    lose_answer(world, kind)
    remove_statement(world, kind)
    with pytest.raises(AirflowFailException):
        run.to_the_end(kind.task())
    world.sandbox.clear_faults()
    run.clear()
    assert [run.to_the_end(kind.task())["callerid"]] == kind.sent(world)


@each_kind
def test_clear_before_a_lost_report_does_not_allow_a_second_send(run, world, kind):
    """The Clear came before the report, so the user did not decide on it."""
    remove_statement(world, kind)
    task = kind.task(retries=1)
    run.crash(task, f"after {kind.path}")
    run.clear()
    run.crash(task, "after write 1")
    assert run.store.record["reported"] is True
    run.retry()
    with pytest.raises(AirflowFailException, match="outcome is unknown"):
        run.to_the_end(task)
    assert world.requests[kind.path] == 1


@each_kind
@both_ways
@with_and_without_a_store
def test_hold_succeeds_with_the_state_unknown(world, kind, deferrable, remembers):
    run = Run(world, remembers=remembers)
    lose_answer(world, kind)
    remove_statement(world, kind)
    result = run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome="hold"))
    assert (result["callerid"], result["state"]) == (None, "unknown")
    assert kind.keys(world) == [result["airflow_key"]]
    assert [recipient["accepted"] for recipient in result.get("recipients", [])] in ([], [None])


@each_kind
@both_ways
def test_resend_sends_again_three_times_at_most(run, world, kind, deferrable):
    lose_answer(world, kind, times=9)
    remove_statement(world, kind)
    with pytest.raises(AirflowFailException, match="outcome is unknown"):
        run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome="resend"))
    assert world.requests[kind.path] == 3


@each_kind
def test_resend_takes_the_first_answer(run, world, kind):
    lose_answer(world, kind)
    remove_statement(world, kind)
    result = run.to_the_end(kind.task(on_unknown_outcome="resend"))
    assert kind.sent(world)[1:] == [result["callerid"]]


@each_kind
@both_ways
def test_unreadable_statement_makes_the_outcome_unknown(run, world, kind, deferrable):
    lose_answer(world, kind)
    world.sandbox.inject(Fault(kind="error_500_before", endpoint=kind.statement))
    before = world.now()
    with pytest.raises(AirflowFailException, match="outcome is unknown"):
        run.to_the_end(kind.task(deferrable=deferrable))
    assert world.now() - before >= timedelta(seconds=300), "it is asked again for that long"


@each_kind
def test_retry_after_a_wrong_secret_reconciles(run, world, kind, connect):
    run.crash(kind.task(retries=2), f"after {kind.path}")
    connect(password="wrong")
    run.retry()
    with pytest.raises(DirectcallOutcomeUnknown, match="not accepted"):
        run.to_the_end(kind.task(retries=3))
    run.retry()
    with pytest.raises(DirectcallOutcomeUnknown, match="not accepted"):
        run.to_the_end(kind.task(retries=3, deferrable=True))
    connect()
    run.retry()
    assert [run.to_the_end(kind.task(retries=3))["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_wrong_secret_in_the_last_try_says_where_to_look(run, world, kind, connect, deferrable):
    run.crash(kind.task(retries=1), f"after {kind.path}")
    connect(password="wrong")
    run.retry()
    with pytest.raises(AirflowFailException, match=r"airflow_key \w{16}.*Look for it in.*not accepted"):
        run.to_the_end(kind.task(retries=1, deferrable=deferrable))


@each_kind
def test_retry_after_a_trigger_that_died_while_reconciling(run, world, kind):
    lose_answer(world, kind)
    run.start(kind.task(retries=1, deferrable=True))
    with pytest.raises(DirectcallOutcomeUnknown, match="the trigger of the task ended"):
        run.resume(kind.task(retries=1, deferrable=True), "__fail__", {"error": "Trigger failure"})
    run.retry()
    assert [run.to_the_end(kind.task(retries=1, deferrable=True))["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_failed_look_at_the_deciding_moment_is_repeated(run, world, kind, deferrable):
    lose_answer(world, kind, "cut_before")
    looks_before = 5
    world.sandbox.inject(
        Fault(kind="error_500_before", endpoint=kind.statement, after=looks_before, times=REQUESTS_PER_LOOK)
    )
    result = run.to_the_end(kind.task(deferrable=deferrable, settle_seconds=300, poll_interval=60))
    assert world.requests[kind.statement] > looks_before + REQUESTS_PER_LOOK
    assert [result["callerid"]] == kind.sent(world)


@each_kind
def test_execution_timeout_while_reconciling_is_left_to_a_retry(run, world, kind):
    lose_answer(world, kind)
    world.sandbox.configure(statement_delay=200)
    time_out_while_waiting(world)
    task = kind.task(retries=1)
    with pytest.raises(DirectcallOutcomeUnknown, match="execution_timeout"):
        run.to_the_end(task)
    assert run.store.record["phase"] == "sending"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
def test_execution_timeout_while_sending_is_left_to_a_retry(run, world, kind):
    time_out_after_sending(world, kind)
    task = kind.task(retries=1, execution_timeout=timedelta(seconds=600))
    with pytest.raises(DirectcallOutcomeUnknown, match="the next try goes on from here"):
        run.to_the_end(task)
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
def test_execution_timeout_while_sending_in_the_last_try_says_where_to_look(run, world, kind):
    time_out_after_sending(world, kind)
    with pytest.raises(AirflowFailException, match=r"may be out.*\(airflow_key \w{16}\).*Look for it in.*on its way"):
        run.to_the_end(kind.task(execution_timeout=timedelta(seconds=600)))
    assert len(kind.sent(world)) == 1


@each_kind
def test_execution_timeout_while_reconciling_in_the_last_try_says_where_to_look(run, world, kind):
    lose_answer(world, kind)
    world.sandbox.configure(statement_delay=200)
    time_out_while_waiting(world)
    with pytest.raises(AirflowFailException) as caught:
        run.to_the_end(kind.task())
    text = str(caught.value)
    assert f"airflow_key {kind.keys(world)[0]})" in text
    assert "execution_timeout" in text
    assert run.store.record["reported"] is True
    assert len(kind.sent(world)) == 1


@pytest.mark.parametrize("retries", [0, 1])
def test_execution_timeout_while_the_answer_is_read_is_unknown(run, world, monkeypatch, retries):
    class Answer:
        @property
        def callerid(self):
            raise AirflowTaskTimeout("Timeout")

    with monkeypatch.context() as patch:
        patch.setattr(PlacedCall, "from_reply", lambda reply: Answer())
        error = DirectcallOutcomeUnknown if retries else AirflowFailException
        with pytest.raises(error, match=r"came while the request was on its way"):
            run.start(CALL.task(retries=retries))
    if retries:
        run.retry()
        assert [run.to_the_end(CALL.task(retries=1))["callerid"]] == CALL.sent(world)
