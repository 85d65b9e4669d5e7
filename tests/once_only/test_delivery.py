"""Never twice, never silently lost: operators over their tries, against the local Directcall."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallNotSent, DirectcallRefused, DirectcallUnwantedOutcome
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.messages import (
    DirectcallSendSMSOperator,
    DirectcallSendVoiceMessageOperator,
)
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import KINDS, Kind, both_ways, each_kind, with_and_without_a_store
from ..airflow_world.world import BUSY, LONG_CALL, ORIGIN, PERSON, UNDELIVERED, Killed, Process, Run

CALL, SMS, VOICE = KINDS


# What an earlier try left


@each_kind
@both_ways
@pytest.mark.parametrize("waits", [False, True], ids=["sends", "waits"])
def test_nothing_left_it_sends(run, world, kind, deferrable, waits):
    run.retry()
    result = run.to_the_end(kind.task(waits=waits, deferrable=deferrable))
    assert [result["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_killed_before_anything_was_written_it_sends(run, world, kind, deferrable):
    task = kind.task(deferrable=deferrable, retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies="before write 1")
    run.retry()
    assert run.to_the_end(task)["state"] == "sent"
    assert len(kind.sent(world)) == 1
    assert world.requests[kind.statement] == 0


@each_kind
@both_ways
@pytest.mark.parametrize("point", ["after write 1", "before {path}"])
def test_killed_while_sending_and_surely_absent_it_is_sent_by_the_retry(run, world, kind, deferrable, point):
    task = kind.task(deferrable=deferrable, retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies=point.format(path=kind.path))
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
def test_killed_after_the_effect_the_retry_finds_it(run, world, kind, deferrable, point):
    task = kind.task(waits=True, deferrable=deferrable, retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies=point.format(path=kind.path))
    run.retry()
    result = run.to_the_end(task)
    assert [result["callerid"]] == [run.ti.xcoms["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 1
    assert run.store.record["phase"] == "done"


@each_kind
@both_ways
def test_killed_while_it_waits_the_retry_goes_on_waiting(run, world, kind, deferrable):
    task = kind.task(waits=True, deferrable=deferrable, retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies="after write 2")
    assert run.store.record["phase"] == "sent"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 1


@each_kind
@both_ways
@pytest.mark.parametrize("waits", [False, True], ids=["sends", "waits"])
def test_killed_between_the_end_and_its_report_the_retry_gives_the_same_result(world, kind, deferrable, waits):
    untouched = Run(world)
    untouched.ti.run_id = "another"
    expected = untouched.to_the_end(kind.task(waits=waits, deferrable=deferrable))
    run, task = Run(world), kind.task(waits=waits, deferrable=deferrable, retries=1)
    if waits and deferrable:
        run.start(task)
        with pytest.raises(Killed):
            run.go_on(task, dies="after write 1")
    else:
        with pytest.raises(Killed):
            run.to_the_end(task, dies="after write 3" if waits else "after write 2")
    assert run.store.record["phase"] == "done"
    run.retry()
    result = run.to_the_end(task)
    assert result["callerid"] == kind.sent(world)[1]
    assert kind.alike(result) == kind.alike(expected)
    assert world.requests[kind.path] == 2, "one for each of the two task instances"


@each_kind
@both_ways
def test_an_end_that_is_not_wanted_is_done_anew_by_the_retry(run, world, kind, deferrable):
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
def test_a_clear_of_a_finished_task_does_it_again(world, kind, deferrable, waits, remembers):
    run, task = Run(world, remembers=remembers), kind.task(waits=waits, deferrable=deferrable)
    first = run.to_the_end(task)
    run.clear()
    second = run.to_the_end(task)
    assert kind.sent(world) == [first["callerid"], second["callerid"]]
    assert len(set(kind.keys(world))) == 2


@each_kind
@pytest.mark.parametrize("fault", ["cut_before", "error_500_before", "garbage_before", "html_502_before"])
def test_lost_before_the_effect_the_same_try_sends_again(run, world, kind, fault):
    world.sandbox.inject(Fault(kind=fault, endpoint=kind.path, times=1))
    result = run.to_the_end(kind.task())
    assert [result["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 2


@each_kind
@both_ways
def test_one_try_sends_three_times_at_most_and_airflow_retries(run, world, kind, deferrable):
    world.sandbox.inject(Fault(kind="cut_before", endpoint=kind.path, times=4))
    task = kind.task(deferrable=deferrable, retries=1)
    with pytest.raises(DirectcallNotSent, match="3 times"):
        run.to_the_end(task)
    assert run.store.record["phase"] == "not_sent"
    run.retry()
    result = run.to_the_end(task)
    assert [result["callerid"]] == kind.sent(world)
    assert world.requests[kind.path] == 5


@each_kind
def test_a_refusal_is_followed_by_a_retry_in_the_same_generation(run, world, kind):
    run.start(kind.task())
    key = kind.keys(world)[0]
    again = Run(world)
    with pytest.raises(DirectcallRefused):
        again.to_the_end(kind.task(kind.refused_for_now, retries=1))
    assert again.store.record["phase"] == "not_sent"
    again.retry()
    assert again.to_the_end(kind.task(retries=1))["airflow_key"] == key


def test_what_cannot_be_read_in_the_store_is_named_and_nothing_is_sent(run, world):
    run.store.set("directcall_delivery", {"phase": "flying"})
    with pytest.raises(AirflowFailException, match="look at the task's state store"):
        run.start(CALL.task())
    assert CALL.sent(world) == []


# A user's Clear while it is under way


@both_ways
def test_a_call_that_a_clear_has_hung_up_is_placed_anew(run, world, deferrable):
    task = CALL.task(LONG_CALL, waits=True, deferrable=deferrable)
    with pytest.raises(Killed):
        run.start(task, dies="after write 2")
    world.process = Process()
    with DirectcallHook() as hook:
        hook.end_call(ORIGIN, LONG_CALL)
    run.clear()
    result = run.to_the_end(task)
    assert [result["callerid"]] == CALL.sent(world)[1:]
    assert result["outcome"] == "answered"


@both_ways
def test_a_retry_after_a_clear_that_went_on_gives_the_result_and_calls_nobody(run, world, deferrable):
    task = CALL.task(waits=True, deferrable=deferrable, retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies="after write 2")
    run.clear()
    run.start(task) if deferrable else None
    with pytest.raises(Killed):
        (run.go_on if deferrable else run.to_the_end)(task, dies="after write 1")
    assert run.store.record["phase"] == "done"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


# Killing


@pytest.mark.parametrize("kind", [CALL, SMS], ids=lambda kind: kind.name)
def test_a_kill_while_it_waits_is_written_and_the_retry_does_it_anew(run, world, kind):
    later = world.now() + timedelta(hours=1) if kind is not CALL else None
    task = kind.task(LONG_CALL, waits=True, retries=1, **kind.at(later))

    def kill():
        world.while_waiting = lambda: None
        world.task_state = "failed"
        run.task.on_kill()
        raise Killed

    world.while_waiting = kill
    with pytest.raises(Killed):
        run.start(task)
    assert run.store.record["phase"] == "stopped"
    run.retry()
    result = run.to_the_end(task)
    assert [result["callerid"]] == kind.sent(world)[1:]


def test_a_kill_that_cannot_write_disturbs_nobody(run, world, monkeypatch, logged):
    task = CALL.task(LONG_CALL, waits=True, retries=1)

    def kill():
        def refuse(*arguments):
            raise RuntimeError(f"PUT http://api/{PERSON}")

        world.while_waiting = lambda: None
        world.task_state = "failed"
        with monkeypatch.context() as patch:
            patch.setattr(run.store, "set", refuse)
            run.task.on_kill()
        raise Killed

    world.while_waiting = kill
    with pytest.raises(Killed):
        run.start(task)
    logs = logged()
    assert "could not be recorded: RuntimeError" in logs
    assert PERSON not in logs
    assert run.store.record["phase"] == "sent"
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)


def test_a_kill_while_it_settles_hangs_up_what_may_be_ours(run, world):
    world.sandbox.inject(Fault(kind="cut_after", endpoint="voz/call", times=1))
    task = CALL.task(LONG_CALL, retries=1)

    def kill():
        world.while_waiting = lambda: None
        world.task_state = "failed"
        run.task.on_kill()
        raise Killed

    world.while_waiting = kill
    with pytest.raises(Killed):
        run.start(task)
    assert world.sandbox.state()["calls"][0]["hung_up_at"] is not None
    assert run.store.record["phase"] == "stopped"


def test_a_kill_while_a_scheduled_call_settles_hangs_up_nobody_else(run, world):
    Run(world).start(CALL.task(LONG_CALL))
    world.sandbox.inject(Fault(kind="cut_after", endpoint="voz/call", times=1))
    task = CALL.task(LONG_CALL, retries=1, schedule_at=world.now() + timedelta(minutes=30))
    run.ti.run_id = "another"

    def kill():
        world.while_waiting = lambda: None
        world.task_state = "failed"
        run.task.on_kill()
        raise Killed

    world.while_waiting = kill
    with pytest.raises(Killed):
        run.start(task)
    assert "voz/end" not in world.requests
    assert run.store.record["phase"] == "sending", "it will be dialled, so no retry may place another one"


# Without a store


@each_kind
def test_without_a_store_the_first_try_asks_nothing_extra_and_later_ones_look(forgetful_run, world, kind):
    task = kind.task(retries=3)
    with pytest.raises(Killed):
        forgetful_run.start(task, dies=f"after {kind.path}")
    assert world.requests[kind.statement] == 0
    forgetful_run.retry()
    assert [forgetful_run.to_the_end(task)["callerid"]] == kind.sent(world)
    assert world.requests[kind.statement] >= 1


@each_kind
@both_ways
def test_without_a_store_retries_walk_over_the_generations(forgetful_run, world, kind, deferrable):
    task = kind.task(kind.unreachable, waits=True, fail_on=kind.bad_end, deferrable=deferrable, retries=2)
    for tries in (1, 2, 3):
        with pytest.raises(DirectcallUnwantedOutcome):
            forgetful_run.to_the_end(task)
        assert len(kind.sent(world)) == tries
        forgetful_run.retry()
    assert len(set(kind.keys(world))) == 3


def test_without_a_store_an_end_that_is_not_wanted_is_not_repeated_within_the_try(forgetful_run, world):
    world.sandbox.inject(Fault(kind="cut_after", endpoint="voz/call", times=1))
    with pytest.raises(DirectcallUnwantedOutcome):
        forgetful_run.to_the_end(CALL.task(BUSY, waits=True, fail_on="busy"))
    assert len(CALL.sent(world)) == 1


@each_kind
def test_without_a_store_a_clear_sends_again_without_looking(forgetful_run, world, kind):
    task = kind.task()
    with pytest.raises(Killed):
        forgetful_run.start(task, dies=f"after {kind.path}")
    forgetful_run.clear()
    forgetful_run.to_the_end(task)
    assert len(kind.sent(world)) == 2
    assert world.requests[kind.statement] == 0


# What it costs


@each_kind
@both_ways
def test_a_send_costs_two_writes_and_no_request(run, world, kind, deferrable):
    run.to_the_end(kind.task(deferrable=deferrable))
    assert len(run.store.history) == 2
    assert world.requests == {"request_token": 1, kind.path: 1}


@each_kind
def test_a_send_that_waits_costs_three_writes(run, world, kind):
    run.to_the_end(kind.task(waits=True))
    assert [json.loads(text)["phase"] for text in run.store.history] == ["sending", "sent", "done"]
    assert world.requests[kind.path] == 1
    assert set(world.requests) == {"request_token", kind.path, kind.end_at}


# Privacy


@each_kind
@both_ways
@pytest.mark.parametrize("policy", ["fail", "hold", "resend"])
def test_nothing_personal_is_kept_or_told(run, world, kind, deferrable, policy, capfd):
    world.sandbox.inject(
        Fault(kind="cut_after", endpoint=kind.path), Fault(kind="unavailable", endpoint=kind.statement)
    )
    task = kind.task(
        origin=ORIGIN, tags={"cpf": "tag-value"}, deferrable=deferrable, on_unknown_outcome=policy, retries=1
    )
    told = []
    try:
        told.append(str(run.to_the_end(task)))
    except AirflowFailException as error:
        told.append(f"{error!r} {error.__cause__!r}")
    told += [*capfd.readouterr(), *run.store.history, *run.kept_of_deferrals, str(run.events), repr(run.deferred)]
    for secret in (PERSON, ORIGIN, PERSON[2:], "bom dia", "tag-value", "sandbox-secret", "eyJ"):
        assert not [text for text in told if secret in text]


def test_the_three_operators_are_all_tried():
    assert {kind.operator for kind in KINDS} == {
        DirectcallPlaceCallOperator,
        DirectcallSendSMSOperator,
        DirectcallSendVoiceMessageOperator,
    }
    assert all(isinstance(kind, Kind) for kind in KINDS)
    assert UNDELIVERED in {kind.unreachable for kind in KINDS}
