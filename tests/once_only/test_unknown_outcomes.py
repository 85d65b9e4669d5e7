"""Nobody can say what became of a request: ``fail``, ``hold`` and ``resend``."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallOutcomeUnknown
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.doubtful_tasks import ASKED_IN_ONE_LOOK, CALL, blind, lose, strike_after_sending, strike_once
from ..airflow_world.kinds import both_ways, each_kind, with_and_without_a_store
from ..airflow_world.world import PERSON, Killed, Run


@each_kind
@both_ways
@with_and_without_a_store
def test_the_report_names_the_key_the_window_and_where_to_look(world, kind, deferrable, remembers):
    run = Run(world, remembers=remembers)
    lose(world, kind)
    blind(world, kind)
    with pytest.raises(AirflowFailException) as caught:
        run.to_the_end(kind.task(deferrable=deferrable, retries=3))
    text = str(caught.value)
    assert f"airflow_key {kind.keys(world)[0]}" in text
    assert re.search(r"between \d{4}-\d\d-\d\d \d\d:\d\d:\d\d-0300 and \d{4}-\d\d-\d\d \d\d:\d\d:\d\d-0300", text)
    assert ("statement of calls (extrato)" if kind is CALL else "statement of messages") in text
    assert ("unless it finds it" if remembers else "without looking") in text
    assert PERSON not in text


@each_kind
@both_ways
@with_and_without_a_store
def test_without_a_statement_there_is_never_a_second_send_over_four_tries(world, kind, deferrable, remembers):
    run, task = Run(world, remembers=remembers), kind.task(deferrable=deferrable, retries=3)
    blind(world, kind)
    with pytest.raises(Killed):
        run.to_the_end(task, dies=f"after {kind.path}")
    for _ in range(3):
        run.retry()
        with pytest.raises(AirflowFailException, match="outcome is unknown"):
            run.to_the_end(task)
    assert world.requests[kind.path] == 1


@each_kind
@both_ways
def test_a_clear_after_the_report_looks_again_and_then_sends(run, world, kind, deferrable):
    lose(world, kind)
    blind(world, kind)
    task = kind.task(deferrable=deferrable)
    with pytest.raises(AirflowFailException):
        run.to_the_end(task)
    looks = world.requests[kind.statement]
    run.clear()
    result = run.to_the_end(task)
    assert world.requests[kind.statement] > looks
    assert kind.sent(world)[1:] == [result["callerid"]]
    assert len(set(kind.keys(world))) == 2


@each_kind
def test_a_clear_after_the_report_takes_what_it_finds_then(run, world, kind):
    lose(world, kind)
    blind(world, kind)
    with pytest.raises(AirflowFailException):
        run.to_the_end(kind.task())
    world.sandbox.clear_faults()
    run.clear()
    assert [run.to_the_end(kind.task())["callerid"]] == kind.sent(world)


@each_kind
def test_a_report_that_was_lost_with_its_worker_is_no_leave_to_send(run, world, kind):
    """The Clear came before the report, so nobody has asked for another one."""
    blind(world, kind)
    task = kind.task(retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies=f"after {kind.path}")
    run.clear()
    with pytest.raises(Killed):
        run.to_the_end(task, dies="after write 1")
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
    lose(world, kind)
    blind(world, kind)
    result = run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome="hold"))
    assert (result["callerid"], result["state"]) == (None, "unknown")
    assert kind.keys(world) == [result["airflow_key"]]
    assert [recipient["accepted"] for recipient in result.get("recipients", [])] in ([], [None])


@each_kind
@both_ways
def test_resend_sends_again_three_times_at_most(run, world, kind, deferrable):
    lose(world, kind, times=9)
    blind(world, kind)
    with pytest.raises(AirflowFailException, match="outcome is unknown"):
        run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome="resend"))
    assert world.requests[kind.path] == 3


@each_kind
def test_resend_takes_the_first_answer(run, world, kind):
    lose(world, kind)
    blind(world, kind)
    result = run.to_the_end(kind.task(on_unknown_outcome="resend"))
    assert kind.sent(world)[1:] == [result["callerid"]]


@each_kind
@both_ways
def test_a_statement_that_cannot_be_read_for_long_makes_it_unknown(run, world, kind, deferrable):
    lose(world, kind)
    world.sandbox.inject(Fault(kind="error_500_before", endpoint=kind.statement))
    before = world.now()
    with pytest.raises(AirflowFailException, match="outcome is unknown"):
        run.to_the_end(kind.task(deferrable=deferrable))
    assert world.now() - before >= timedelta(seconds=300), "for so long it is asked again"


@each_kind
def test_a_wrong_secret_while_it_is_looked_for_may_be_mended_before_a_retry(run, world, kind, connect):
    with pytest.raises(Killed):
        run.to_the_end(kind.task(retries=2), dies=f"after {kind.path}")
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
def test_a_secret_that_stays_wrong_ends_with_what_to_look_for(run, world, kind, connect, deferrable):
    with pytest.raises(Killed):
        run.to_the_end(kind.task(retries=1), dies=f"after {kind.path}")
    connect(password="wrong")
    run.retry()
    with pytest.raises(AirflowFailException, match=r"airflow_key \w{16}.*Look for it in.*not accepted"):
        run.to_the_end(kind.task(retries=1, deferrable=deferrable))


@each_kind
def test_a_trigger_that_died_in_settling_has_found_out_nothing(run, world, kind):
    lose(world, kind)
    run.start(kind.task(retries=1, deferrable=True))
    with pytest.raises(DirectcallOutcomeUnknown, match="the trigger of the task ended"):
        run.resume(kind.task(retries=1, deferrable=True), "__fail__", {"error": "Trigger failure"})
    run.retry()
    assert [run.to_the_end(kind.task(retries=1, deferrable=True))["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_one_failed_look_at_the_deciding_moment_does_not_end_the_looking(run, world, kind, deferrable):
    lose(world, kind, "cut_before")
    looks_before = 5
    world.sandbox.inject(
        Fault(kind="error_500_before", endpoint=kind.statement, after=looks_before, times=ASKED_IN_ONE_LOOK)
    )
    result = run.to_the_end(kind.task(deferrable=deferrable, settle_seconds=300, poll_interval=60))
    assert world.requests[kind.statement] > looks_before + ASKED_IN_ONE_LOOK
    assert [result["callerid"]] == kind.sent(world)


@each_kind
def test_an_execution_timeout_while_it_is_looked_for_is_left_to_a_retry(run, world, kind):
    lose(world, kind)
    world.sandbox.configure(statement_delay=200)
    strike_once(world)
    task = kind.task(retries=1)
    with pytest.raises(DirectcallOutcomeUnknown, match="execution_timeout"):
        run.to_the_end(task)
    assert run.store.record["phase"] == "sending"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
def test_an_execution_timeout_while_the_request_is_on_its_way_is_left_to_a_retry(run, world, kind):
    strike_after_sending(world, kind)
    task = kind.task(retries=1, execution_timeout=timedelta(seconds=600))
    with pytest.raises(DirectcallOutcomeUnknown, match="the next try goes on from here"):
        run.to_the_end(task)
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
def test_an_execution_timeout_while_the_last_try_s_request_is_on_its_way_ends_with_what_to_look_for(run, world, kind):
    strike_after_sending(world, kind)
    with pytest.raises(AirflowFailException, match=r"may be out.*\(airflow_key \w{16}\).*Look for it in.*on its way"):
        run.to_the_end(kind.task(execution_timeout=timedelta(seconds=600)))
    assert len(kind.sent(world)) == 1


@each_kind
def test_an_execution_timeout_in_the_last_try_ends_with_what_to_look_for(run, world, kind):
    lose(world, kind)
    world.sandbox.configure(statement_delay=200)
    strike_once(world)
    with pytest.raises(AirflowFailException) as caught:
        run.to_the_end(kind.task())
    text = str(caught.value)
    assert f"airflow_key {kind.keys(world)[0]})" in text
    assert "execution_timeout" in text
    assert run.store.record["reported"] is True
    assert len(kind.sent(world)) == 1
