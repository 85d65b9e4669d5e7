"""Sending operators over their tries, against the local Directcall."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.delivery.keys import TaskIdentity, delivery_key
from airflow_provider_directcall.errors import DirectcallNotSent, DirectcallUnwantedOutcome
from airflow_provider_directcall.hooks.directcall import DirectcallHook

from ..airflow_world.kinds import CALL, both_ways, each_kind, with_and_without_a_store
from ..airflow_world.lost_answers import each_policy, lose_answer, remove_statement
from ..airflow_world.world import BUSY, LONG_CALL, ORIGIN, PERSON, Killed, Process, Run

# Retries after a crash


@each_kind
@both_ways
@pytest.mark.parametrize("point", ["after write 1", "before {path}"])
def test_retry_after_a_crash_while_sending_sends_what_is_absent(run, world, kind, deferrable, point):
    task = kind.task(deferrable=deferrable, retries=1)
    run.crash(task, point.format(path=kind.path))
    assert run.store.record["phase"] == "sending"
    run.retry()
    before = world.now()
    result = run.to_the_end(task)
    assert [result["callerid"]] == kind.sent(world)
    assert world.now() - before >= timedelta(seconds=300)
    assert json.loads(run.store.history[0])["key"] == result["airflow_key"]


@each_kind
@both_ways
@pytest.mark.parametrize("point", ["after {path}", "before write 2"])
def test_retry_after_a_crash_after_the_effect_finds_it(run, world, kind, deferrable, point):
    task = kind.task(waits=True, deferrable=deferrable, retries=1)
    run.crash(task, point.format(path=kind.path))
    run.retry()
    result = run.to_the_end(task)
    assert [result["callerid"]] == [run.ti.xcoms["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 1
    assert run.store.record["phase"] == "done"


@each_kind
@both_ways
def test_retry_after_a_crash_while_waiting_goes_on(run, world, kind, deferrable):
    task = kind.task(waits=True, deferrable=deferrable, retries=1)
    run.crash(task, "after write 2")
    assert run.store.record["phase"] == "sent"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 1


@each_kind
@both_ways
@pytest.mark.parametrize("waits", [False, True], ids=["sends", "waits"])
def test_retry_after_a_crash_after_the_end_returns_the_same_result(world, kind, deferrable, waits):
    untouched = Run(world)
    untouched.ti.run_id = "another"
    expected = untouched.to_the_end(kind.task(waits=waits, deferrable=deferrable))
    run, task = Run(world), kind.task(waits=waits, deferrable=deferrable, retries=1)
    if waits and deferrable:
        run.start(task)
        with pytest.raises(Killed):
            run.go_on(task, dies="after write 1")
    else:
        run.crash(task, "after write 3" if waits else "after write 2")
    assert run.store.record["phase"] == "done"
    run.retry()
    result = run.to_the_end(task)
    assert result["callerid"] == kind.sent(world)[1]
    assert kind.comparable(result) == kind.comparable(expected)
    assert world.requests[kind.path] == 2, "one for each of the two task instances"


@each_kind
@both_ways
def test_retry_after_an_unwanted_outcome_sends_again(run, world, kind, deferrable):
    task = kind.task(kind.unreachable, waits=True, fail_on=kind.bad_end, deferrable=deferrable, retries=1)
    keys = []
    for _ in range(2):
        with pytest.raises(DirectcallUnwantedOutcome):
            run.to_the_end(task)
        keys.append(run.store.record["key"])
        run.retry()
    assert len(set(keys)) == 2
    assert kind.keys(world) == keys
    assert world.requests[kind.path] == 2


@each_kind
@both_ways
@pytest.mark.parametrize("waits", [False, True], ids=["sends", "waits"])
@with_and_without_a_store
def test_clear_of_a_finished_task_sends_again(world, kind, deferrable, waits, remembers):
    run, task = Run(world, remembers=remembers), kind.task(waits=waits, deferrable=deferrable)
    first = run.to_the_end(task)
    run.clear()
    second = run.to_the_end(task)
    assert kind.sent(world) == [first["callerid"], second["callerid"]]
    assert len(set(kind.keys(world))) == 2


@each_kind
@pytest.mark.parametrize("fault", ["cut_before", "error_500_before", "garbage_before", "html_502_before"])
def test_request_lost_before_its_effect_is_sent_again(run, world, kind, fault):
    lose_answer(world, kind, fault)
    result = run.to_the_end(kind.task())
    assert [result["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 2


@each_kind
@both_ways
def test_retry_after_three_sends_in_one_try(run, world, kind, deferrable):
    lose_answer(world, kind, "cut_before", times=4)
    task = kind.task(deferrable=deferrable, retries=1)
    with pytest.raises(
        DirectcallNotSent, match=r"^Nothing was sent under this key: after the last of 3 requests, .* a Clear, sends it"
    ):
        run.to_the_end(task)
    assert run.store.record["phase"] == "not_sent"
    run.retry()
    result = run.to_the_end(task)
    assert [result["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 5


@each_kind
@both_ways
def test_retry_after_a_transient_refusal_sends_in_the_same_generation(run, world, kind, deferrable):
    """Such a refusal may come after the effect: each one is looked for before the next request."""
    code = "002" if kind is CALL else "008"
    task = kind.task(kind.refused_for_now, retries=1, deferrable=deferrable)
    with pytest.raises(DirectcallNotSent, match=f"of 3 requests, .* refused with code {code}"):
        run.to_the_end(task)
    assert (run.store.record["phase"], run.ti.xcoms, world.requests[kind.path]) == ("not_sent", {}, 3)
    key = run.store.record["key"]
    run.retry()
    assert run.to_the_end(kind.task(retries=1, deferrable=deferrable))["airflow_key"] == key


@each_kind
def test_retry_after_a_dead_network_is_left_to_airflow(run, world, kind, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        run.start(kind.task())
    assert world.pauses, "the client itself tries again first"


def test_record_that_cannot_be_read_fails_and_sends_nothing(run, world):
    run.store.set("directcall_delivery", {"phase": "flying"})
    with pytest.raises(AirflowFailException, match="look at the task's state store"):
        run.start(CALL.task())
    assert CALL.sent(world) == []


@both_ways
def test_second_live_try_goes_on_with_the_call_of_the_first(run, world, deferrable):
    """After a scheduler's restart two tries can run at once; the request of the first one arrives late."""
    task = CALL.task(deferrable=deferrable, retries=1)
    run.crash(task, f"before {CALL.path}")
    run.retry()
    world.sandbox.configure(statement_delay=3600)

    def first_try_sends():
        world.while_waiting = lambda: None
        (key,), record = run.store.kept, run.store.record
        with DirectcallHook() as hook:
            made = hook.place_call(ORIGIN, PERSON, tags={"airflow_key": record["key"]})
        run.store.set(key, {**record, "phase": "sent", "ids": {"callerid": made.callerid}})

    world.while_waiting = first_try_sends
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


# Clear of a delivery in progress


@both_ways
def test_clear_that_hung_up_the_call_places_another(run, world, deferrable):
    task = CALL.task(LONG_CALL, waits=True, deferrable=deferrable)
    run.crash(task, "after write 2")
    world.process = Process()
    with DirectcallHook() as hook:
        hook.end_call(ORIGIN, LONG_CALL)
    run.clear()
    result = run.to_the_end(task)
    assert [result["callerid"]] == CALL.sent(world)[1:]
    assert result["outcome"] == "answered"


@both_ways
def test_retry_after_a_clear_that_went_on_returns_the_result(run, world, deferrable):
    task = CALL.task(waits=True, deferrable=deferrable, retries=1)
    run.crash(task, "after write 2")
    run.clear()
    run.start(task) if deferrable else None
    with pytest.raises(Killed):
        (run.go_on if deferrable else run.to_the_end)(task, dies="after write 1")
    assert run.store.record["phase"] == "done"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


def test_execution_timeout_before_the_next_generation_is_left_to_a_retry(run, world):
    """The call of the first try was hung up by a Clear; nothing of the second generation has left yet."""
    task = CALL.task(LONG_CALL, waits=True, retries=1)
    run.crash(task, "after write 2")
    world.process = Process()
    with DirectcallHook() as hook:
        hook.end_call(ORIGIN, LONG_CALL)
    run.clear()
    write = run.store.set

    def strike(key, value):
        if value["phase"] == "sending":
            run.store.set = write
            raise AirflowTaskTimeout("Timeout")
        write(key, value)

    run.store.set = strike
    with pytest.raises(AirflowTaskTimeout):
        run.to_the_end(task)
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)[1:]


# Without a store


@each_kind
def test_retry_without_store_reconciles_and_the_first_try_does_not(run_without_store, world, kind):
    task = kind.task(retries=3)
    run_without_store.crash(task, f"after {kind.path}")
    assert world.requests[kind.statement] == 0
    run_without_store.retry()
    assert [run_without_store.to_the_end(task)["callerid"]] == kind.sent(world)
    assert world.requests[kind.statement] >= 1


@each_kind
@both_ways
def test_retry_without_store_passes_over_ended_generations(run_without_store, world, kind, deferrable):
    task = kind.task(kind.unreachable, waits=True, fail_on=kind.bad_end, deferrable=deferrable, retries=2)
    for tries in (1, 2, 3):
        with pytest.raises(DirectcallUnwantedOutcome):
            run_without_store.to_the_end(task)
        assert len(kind.sent(world)) == tries
        run_without_store.retry()
    identity = TaskIdentity("dag", "run", "task", 1, run_after=run_without_store.dag_run.run_after.isoformat())
    assert kind.keys(world) == [delivery_key(identity, generation) for generation in range(3)]


def test_unwanted_outcome_without_store_is_not_repeated_within_the_try(run_without_store, world):
    lose_answer(world, CALL)
    with pytest.raises(DirectcallUnwantedOutcome):
        run_without_store.to_the_end(CALL.task(BUSY, waits=True, fail_on="busy"))
    assert len(CALL.sent(world)) == 1


@each_kind
def test_clear_without_store_sends_again_without_looking(run_without_store, world, kind):
    task = kind.task()
    run_without_store.crash(task, f"after {kind.path}")
    run_without_store.clear()
    run_without_store.to_the_end(task)
    assert len(kind.sent(world)) == 2
    assert world.requests[kind.statement] == 0


# Cost


@each_kind
@both_ways
def test_cost_of_a_send_is_two_writes_and_one_request(run, world, kind, deferrable):
    run.to_the_end(kind.task(deferrable=deferrable))
    assert len(run.store.history) == 2
    assert world.requests == {"request_token": 1, kind.path: 1}


@each_kind
def test_cost_of_a_send_that_waits_is_three_writes(run, world, kind):
    run.to_the_end(kind.task(waits=True))
    assert [json.loads(text)["phase"] for text in run.store.history] == ["sending", "sent", "done"]
    assert world.requests[kind.path] == 1
    assert set(world.requests) == {"request_token", kind.path, kind.end_at}


# Privacy


def assert_private(shown):
    for secret in (PERSON, ORIGIN, PERSON[2:], "bom dia", "tag-value", "sandbox-secret", "eyJ"):
        assert not [text for text in shown if secret in text]


@each_kind
@both_ways
def test_privacy_of_a_task_that_waits(run, world, kind, deferrable, logged):
    task = kind.task(origin=ORIGIN, tags={"cpf": "tag-value"}, waits=True, deferrable=deferrable)
    result = run.to_the_end(task)
    logs = logged()
    assert kind.sent(world)[0] in logs
    shown = [logs, repr(task), repr(run.deferred), str({**result, "tags": None}), str(run.ti.xcoms)]
    assert_private([*shown, str(run.events), *run.store.history, *run.kept_of_deferrals])


@each_kind
@both_ways
@each_policy
def test_privacy_of_an_unknown_outcome(run, world, kind, deferrable, policy, logged):
    lose_answer(world, kind, times=9)
    remove_statement(world, kind)
    task = kind.task(
        origin=ORIGIN, tags={"cpf": "tag-value"}, deferrable=deferrable, on_unknown_outcome=policy, retries=1
    )
    try:
        shown = [str(run.to_the_end(task))]
    except AirflowFailException as error:
        shown = [f"{error!r} {error.__cause__!r}"]
    assert_private([*shown, logged(), *run.store.history, *run.kept_of_deferrals, str(run.events), repr(run.deferred)])
