"""Requests of which nobody knows what became: looked for, found, surely absent, or unknown."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.errors import DirectcallOutcomeUnknown
from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook, DirectcallHook
from airflow_provider_directcall.sandbox import Fault

from .kinds import KINDS, both_ways, each_kind, with_and_without_a_store
from .world import LONG_CALL, NO_BALANCE, PERSON, Killed, Run

CALL, SMS, VOICE = KINDS
OTHER = "5511990000002"
#: How often the client asks before a look has failed.
ASKED_IN_ONE_LOOK = 4
each_policy = pytest.mark.parametrize("policy", ["fail", "resend", "hold"])


def lose(world, kind, fault="cut_after", times=1):
    world.sandbox.inject(Fault(kind=fault, endpoint=kind.path, times=times))


def blind(world, kind):
    """An account that has no such statement."""
    world.sandbox.inject(Fault(kind="unavailable", endpoint=kind.statement))


def strike_once(world):
    """Airflow's alarm, while the task rests."""

    def strike():
        world.while_waiting = lambda: None
        raise AirflowTaskTimeout("Timeout")

    world.while_waiting = strike


def without_tags(monkeypatch, *, key=None, callerid=True):
    """Rows of the statement that show no tags, or another key, or no id."""

    def changed(row):
        tags = {} if key is None else {"airflow_key": key}
        return replace(row, tags=tags, callerid=row.callerid if callerid else None)

    for name in ("list_statement", "list_messages"):
        plain, plain_async = getattr(DirectcallHook, name), getattr(DirectcallAsyncHook, name)

        def rows(self, *window, plain=plain, **filters):
            return (changed(row) for row in plain(self, *window, **filters))

        async def rows_async(self, *window, plain_async=plain_async, **filters):
            async for row in plain_async(self, *window, **filters):
                yield changed(row)

        monkeypatch.setattr(DirectcallHook, name, rows)
        monkeypatch.setattr(DirectcallAsyncHook, name, rows_async)


# Found and absent, whatever the policy


@each_kind
@both_ways
@each_policy
def test_what_is_found_is_taken_for_ours(run, world, kind, deferrable, policy):
    lose(world, kind)
    result = run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome=policy))
    assert [result["callerid"]] == kind.sent(world)
    assert result["state"] == "sent"


@each_kind
@both_ways
@each_policy
def test_what_is_surely_absent_is_sent_again_in_the_same_generation(run, world, kind, deferrable, policy):
    lose(world, kind, "cut_before")
    result = run.to_the_end(kind.task(deferrable=deferrable, on_unknown_outcome=policy))
    assert kind.keys(world) == [result["airflow_key"]]
    assert world.requests[kind.path] == 2


@each_kind
@both_ways
def test_a_row_that_comes_as_late_as_can_be_is_found(run, world, kind, deferrable):
    # A message is in its queue for a second before it leaves.
    world.sandbox.configure(statement_delay=298)
    lose(world, kind)
    result = run.to_the_end(kind.task(deferrable=deferrable, settle_seconds=300, poll_interval=60))
    assert [result["callerid"]] == kind.sent(world)


@both_ways
@pytest.mark.parametrize("delay", [5, 295])
def test_a_call_in_progress_is_waited_for_before_absence_counts(run, world, deferrable, delay):
    world.sandbox.configure(statement_delay=delay)
    lose(world, CALL)
    before = world.now()
    result = run.to_the_end(CALL.task(LONG_CALL, settle_seconds=300, poll_interval=75, deferrable=deferrable))
    assert [result["callerid"]] == CALL.sent(world)
    assert world.now() - before > timedelta(seconds=600)


@both_ways
def test_a_call_that_ended_unseen_is_found_though_the_statement_was_away(run, world, deferrable):
    world.sandbox.configure(statement_delay=280)
    lose(world, CALL)
    run.world.sandbox.inject(Fault(kind="error_500_before", endpoint="voz/status", times=5 * 4))
    result = run.to_the_end(CALL.task(settle_seconds=300, poll_interval=60, deferrable=deferrable))
    assert [result["callerid"]] == CALL.sent(world)


@both_ways
def test_a_call_that_does_not_end_is_unknown_after_the_completion_timeout(run, world, deferrable):
    lose(world, CALL)
    with pytest.raises(AirflowFailException, match="still in progress"):
        run.to_the_end(CALL.task(LONG_CALL, settle_seconds=30, completion_timeout=120, deferrable=deferrable))
    assert len(CALL.sent(world)) == 1


# Nobody can say


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
    assert ("it looks once more" if remembers else "without looking") in text
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
        with pytest.raises(AirflowFailException, match="nobody can say"):
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
    with pytest.raises(AirflowFailException, match="nobody can say"):
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
    with pytest.raises(AirflowFailException, match="nobody can say"):
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
    with pytest.raises(AirflowFailException, match="nobody can say"):
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
    with pytest.raises(AirflowFailException, match=r"airflow_key \w{16}.*not accepted.*Look for it in"):
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
def test_an_execution_timeout_in_the_last_try_ends_with_what_to_look_for(run, world, kind):
    lose(world, kind)
    world.sandbox.configure(statement_delay=200)
    strike_once(world)
    with pytest.raises(AirflowFailException) as caught:
        run.to_the_end(kind.task())
    text = str(caught.value)
    assert f"airflow_key {kind.keys(world)[0]}, between " in text
    assert "execution_timeout" in text
    assert run.store.record["reported"] is True
    assert len(kind.sent(world)) == 1


# Scheduled


@each_kind
@both_ways
def test_what_is_scheduled_for_later_is_unknown(run, world, kind, deferrable):
    lose(world, kind)
    task = kind.task(deferrable=deferrable, **kind.at(world.now() + timedelta(hours=2)))
    with pytest.raises(AirflowFailException, match="it is scheduled"):
        run.to_the_end(task)
    assert world.requests[kind.path] == 1


@each_kind
@both_ways
def test_what_was_scheduled_is_found_by_a_retry_after_its_time(run, world, kind, deferrable):
    task = kind.task(deferrable=deferrable, retries=1, **kind.at(world.now() + timedelta(hours=2)))
    with pytest.raises(Killed):
        run.to_the_end(task, dies=f"after {kind.path}")
    world.sandbox.advance(3 * 3600)
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_a_clear_of_what_is_scheduled_does_not_send_again(run, world, kind, deferrable):
    """Whoever looks for it before its time finds nothing, and that means nothing."""
    lose(world, kind)
    task = kind.task(deferrable=deferrable, **kind.at(world.now() + timedelta(hours=2)))
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="it is scheduled"):
            run.to_the_end(task)
        run.clear()
    assert world.requests[kind.path] == 1
    world.sandbox.advance(3 * 3600)
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)


@both_ways
def test_a_clear_while_a_call_is_in_progress_does_not_call_again(run, world, deferrable):
    lose(world, CALL)
    task = CALL.task(LONG_CALL, settle_seconds=30, completion_timeout=60, deferrable=deferrable)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="still in progress"):
            run.to_the_end(task)
        run.clear()
    assert world.requests[CALL.path] == 1
    world.sandbox.advance(3600)
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


@both_ways
def test_a_statement_that_has_scheduled_messages_shows_them(run, world, deferrable):
    world.sandbox.configure(scheduled_in_statement=True)
    lose(world, SMS)
    task = SMS.task(deferrable=deferrable, send_at=world.now() + timedelta(hours=2))
    assert [run.to_the_end(task)["callerid"]] == SMS.sent(world)


# Rows that show less, or something else


@each_kind
@both_ways
def test_rows_without_tags_are_ours_when_they_go_to_the_same_number(run, world, kind, deferrable, monkeypatch):
    without_tags(monkeypatch)
    lose(world, kind)
    assert [run.to_the_end(kind.task(deferrable=deferrable))["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_rows_with_another_key_are_not_ours(run, world, kind, deferrable, monkeypatch):
    without_tags(monkeypatch, key="somebody else's")
    lose(world, kind)
    run.to_the_end(kind.task(deferrable=deferrable))
    assert len(kind.sent(world)) == 2


@each_kind
@both_ways
def test_a_row_of_ours_without_its_id_is_no_leave_to_send_again(run, world, kind, deferrable, monkeypatch):
    without_tags(monkeypatch, callerid=False)
    lose(world, kind)
    with pytest.raises(AirflowFailException, match="do not show"):
        run.to_the_end(kind.task(deferrable=deferrable))
    assert len(kind.sent(world)) == 1


def test_tags_as_a_list_are_read_too(run, world):
    world.sandbox.configure(quirks=frozenset({"campos_list"}))
    lose(world, SMS)
    assert [run.to_the_end(SMS.task())["callerid"]] == SMS.sent(world)


# Several recipients


@pytest.mark.parametrize("kind", [SMS, VOICE], ids=lambda kind: kind.name)
@both_ways
def test_a_partial_refusal_is_found_with_a_result_for_each_recipient(run, world, kind, deferrable):
    lose(world, kind)
    task = kind.task([PERSON, NO_BALANCE, OTHER], deferrable=deferrable, include_numbers=True)
    result = run.to_the_end(task)
    told = {recipient["destination"]: recipient["accepted"] for recipient in result["recipients"]}
    assert told == {PERSON: True, NO_BALANCE: None, OTHER: True}
    assert world.requests[kind.path] == 1


@pytest.mark.parametrize("kind", [SMS, VOICE], ids=lambda kind: kind.name)
def test_a_partial_refusal_survives_a_crash(run, world, kind):
    task = kind.task([PERSON, NO_BALANCE, OTHER], retries=1, include_numbers=True)
    with pytest.raises(Killed):
        run.to_the_end(task, dies="after write 2")
    run.retry()
    told = [(one["destination"], one["accepted"], one["refusal_code"]) for one in run.to_the_end(task)["recipients"]]
    assert told == [(PERSON, True, None), (NO_BALANCE, False, "201"), (OTHER, True, None)]


def test_of_recipients_that_the_statement_does_not_tell_nobody_knows(run, world):
    task = SMS.task([PERSON, OTHER], retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies=f"after {SMS.path}")
    world.sandbox.advance(60)
    run.retry()
    # The first look finds it; then the statement is gone.
    world.sandbox.inject(Fault(kind="unavailable", endpoint=SMS.statement, after=1))
    result = run.to_the_end(task)
    assert [result["callerid"]] == SMS.sent(world)
    assert [recipient["accepted"] for recipient in result["recipients"]] == [None, None]


def test_more_recipients_than_the_store_takes_are_read_from_the_statement(run, world):
    people = [f"5511{980000000 + n}" for n in range(2000)]
    task = SMS.task(people, as_csv=True, retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies="after write 2")
    assert "recipients" not in run.store.record
    world.sandbox.advance(60)
    run.retry()
    result = run.to_the_end(task)
    assert len(result["recipients"]) == 2000
    assert all(recipient["accepted"] for recipient in result["recipients"])
    assert world.requests[SMS.path] == 1
