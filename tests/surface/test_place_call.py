from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.api.replies import ScheduledCall
from airflow_provider_directcall.errors import (
    DirectcallAuthError,
    DirectcallError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallUnexpectedEvent,
    DirectcallUnwantedOutcome,
    DirectcallWaitFailed,
    DirectcallWaitTimeout,
)
from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook, DirectcallHook
from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.sandbox import Fault

from .world import (
    BUSY,
    GATEWAY_ERROR,
    LONG_CALL,
    NO_ANSWER,
    NO_BALANCE,
    ORIGIN,
    PERSON,
    REFUSED_NUMBER,
    UNHANGABLE,
    Run,
    TaskDeferralError,
    TaskDeferralTimeout,
)

both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])


def call(destination=PERSON, **arguments):
    return DirectcallPlaceCallOperator(task_id="task", destination=destination, **arguments)


with_and_without_a_store = pytest.mark.parametrize("remembers", [True, False], ids=["store", "no store"])


def waiting_call(destination=PERSON, **arguments):
    return call(destination, wait_for_completion=True, **arguments)


def placed(world):
    return world.sandbox.state()["calls"]


# What goes wrong before the call is placed


def test_a_wrong_secret_may_be_repaired_before_a_retry(run, connect):
    connect(password="wrong")
    with pytest.raises(DirectcallAuthError) as caught:
        run.start(call())
    assert "wrong" not in str(caught.value)


def test_a_dead_network_is_left_to_airflows_retries(run, world, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        run.start(call())
    assert world.pauses, "the client itself tries again first"


def test_a_refusal_that_may_pass_is_left_to_airflows_retries(run, world):
    with pytest.raises(DirectcallRefused, match="002"):
        run.start(call(GATEWAY_ERROR))
    assert run.ti.xcoms == {}


@pytest.mark.parametrize("destination", [NO_BALANCE, REFUSED_NUMBER])
def test_a_refusal_that_stands_is_not_repeated(run, world, destination):
    with pytest.raises(AirflowFailException, match=r"refused with code (201|001)") as caught:
        run.start(call(destination))
    assert isinstance(caught.value.__cause__, DirectcallRefused)
    assert placed(world) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"destination": "123"}, "destination"),
        ({"origin": "nobody"}, "origin"),
        ({"tags": {"a[b": "x"}}, "tags"),
        ({"tags": {"flag": True}}, "tags"),
        ({"record": "perhaps"}, "record"),
        ({"schedule_at": "2026-01-31T10:00:00"}, "schedule_at: a time zone is needed"),
        ({"schedule_at": "tomorrow"}, "schedule_at"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"poll_interval": "often"}, "poll_interval"),
        ({"completion_timeout": "-1"}, "completion_timeout"),
        ({"settle_seconds": "-1"}, "settle_seconds"),
        ({"settle_seconds": "some"}, "settle_seconds"),
        ({"on_unknown_outcome": "guess"}, "on_unknown_outcome: one of fail, resend, hold"),
        ({"tags": {"airflow_key": "mine"}}, "tags: 'airflow_key' is set by this package"),
        ({"wait_for_completion": True, "fail_on": ["engaged"]}, "fail_on: there is no engaged; there are answered"),
        ({"fail_on": "busy"}, "fail_on"),
    ],
)
def test_a_wrong_argument_fails_for_good_before_anything_is_sent(run, world, arguments, named):
    with pytest.raises(AirflowFailException, match=named) as caught:
        run.start(call(**{"destination": PERSON, **arguments}))
    assert isinstance(caught.value.__cause__, ValueError)
    assert "voz/call" not in world.sandbox.state()["requests"]


def test_a_connection_without_a_secret_is_named(run, connect):
    connect(password="")
    with pytest.raises(AirflowFailException, match="directcall_default"):
        run.start(call())


@both_ways
def test_a_call_whose_answer_was_lost_is_found_and_taken_for_ours(run, world, deferrable):
    world.sandbox.inject(Fault(kind="cut_after", endpoint="voz/call"))
    result = run.to_the_end(call(deferrable=deferrable))
    (made,) = placed(world)
    assert (result["callerid"], result["state"]) == (made["callerid"], "sent")
    assert run.ti.xcoms == {"callerid": made["callerid"]}


@both_ways
def test_a_call_that_surely_never_began_is_placed_again(run, world, deferrable):
    world.sandbox.inject(Fault(kind="cut_before", endpoint="voz/call", times=1))
    before = world.now()
    result = run.to_the_end(call(settle_seconds=120, deferrable=deferrable))
    (made,) = placed(world)
    assert result["callerid"] == made["callerid"]
    assert world.now() - before >= timedelta(seconds=120), "only then its absence proves anything"


@both_ways
def test_a_call_of_which_nobody_can_say_fails_for_good_and_is_not_repeated(run, world, deferrable):
    world.sandbox.inject(
        Fault(kind="cut_after", endpoint="voz/call"), Fault(kind="unavailable", endpoint="extrato/list")
    )
    with pytest.raises(AirflowFailException, match="may have taken effect"):
        run.to_the_end(call(retries=3, deferrable=deferrable))
    assert len(placed(world)) == 1


# The call without waiting


def test_the_call_is_placed_with_everything_that_was_asked_for(run, world):
    task = call(origin=ORIGIN, record=True, tags={"contact": "7"}, dial_destination_first=True)
    result = run.start(task)
    (made,) = placed(world)
    assert (made["origin"], made["destination"]) == (ORIGIN, PERSON)
    key = result["airflow_key"]
    assert (made["recorded"], made["destination_first"]) == (True, True)
    assert made["tags"] == {"contact": "7", "airflow_key": key}
    assert result == {"callerid": made["callerid"], "schedule_id": None, "state": "sent", "airflow_key": key}
    assert run.ti.xcoms == {"callerid": made["callerid"]}


def test_templates_give_texts_and_they_mean_what_they_say(run, world):
    run.context |= {
        "who": {"phone": PERSON, "id": 7},
        "later": world.now() + timedelta(hours=2),
        "yes": True,
        "no": None,
    }
    task = call(
        "{{ who.phone }}",
        origin="{{ no }}",
        record="{{ yes }}",
        tags="{{ {'contact': who.id} }}",
        dial_destination_first="{{ not yes }}",
        schedule_at="{{ later }}",
        completion_timeout="{{ 60 * 5 }}",
        settle_seconds="{{ 60 }}",
        on_unknown_outcome="{{ 'HOLD' }}",
        poll_interval="{{ 7.5 }}",
        fail_on="{{ [] }}",
        directcall_conn_id="{{ 'directcall_' ~ 'default' }}",
    )
    result = run.start(task)
    (made,) = placed(world)
    assert (made["origin"], made["destination"], made["tags"]["contact"]) == (ORIGIN, PERSON, "7")
    assert (made["recorded"], made["destination_first"]) == (True, False)
    assert made["starts_at"] - made["placed_at"] == pytest.approx(7200, abs=1)
    assert (result["callerid"], result["schedule_id"]) == (None, made["schedule_id"])
    assert run.ti.xcoms == {"schedule_id": made["schedule_id"]}


def test_every_argument_but_the_three_flags_is_templated():
    import inspect

    names = set(inspect.signature(DirectcallPlaceCallOperator).parameters) - {"kwargs"}
    flags = {"wait_for_completion", "include_numbers", "deferrable"}
    assert set(DirectcallPlaceCallOperator.template_fields) == names - flags


# Waiting


@both_ways
def test_the_row_of_the_statement_is_the_result(run, world, deferrable):
    result = run.to_the_end(waiting_call(tags={"contact": "7"}, record=True, deferrable=deferrable))
    (made,) = placed(world)
    assert result["callerid"] == made["callerid"] == run.ti.xcoms["callerid"]
    assert (result["outcome"], result["duration_seconds"], result["tags"]) == ("answered", 30, made["tags"])
    assert result["tags"]["contact"] == "7"
    assert (result["origin"], result["destination"]) == ("5511*****0001", "5511*****0001")
    assert run.links == {"Recording": result["recording_url"]}
    assert result["recording_url"].startswith("http")


@both_ways
def test_numbers_are_shown_on_request(run, world, deferrable):
    result = run.to_the_end(waiting_call(include_numbers=True, deferrable=deferrable))
    assert (result["origin"], result["destination"]) == (ORIGIN, PERSON)


@both_ways
@pytest.mark.parametrize(("destination", "outcome"), [(BUSY, "busy"), (NO_ANSWER, "no_answer")])
def test_a_call_nobody_answers_is_a_result(run, world, deferrable, destination, outcome):
    result = run.to_the_end(waiting_call(destination, deferrable=deferrable))
    assert (result["outcome"], result["duration_seconds"], result["recording_url"]) == (outcome, 0, None)
    assert run.links == {"Recording": ""}


@both_ways
def test_an_outcome_in_fail_on_fails_and_may_be_retried(run, world, deferrable):
    with pytest.raises(DirectcallUnwantedOutcome) as caught:
        run.to_the_end(waiting_call(BUSY, fail_on=("busy", "no_answer"), deferrable=deferrable))
    (made,) = placed(world)
    assert (caught.value.outcome, caught.value.callerid) == ("busy", made["callerid"])
    assert made["callerid"] in str(caught.value)
    assert "busy" in str(caught.value)


@both_ways
def test_an_outcome_that_is_not_in_fail_on_does_not_fail(run, world, deferrable):
    result = run.to_the_end(waiting_call(NO_ANSWER, fail_on="busy, failed", deferrable=deferrable))
    assert result["outcome"] == "no_answer"


@both_ways
def test_a_late_row_is_waited_for(run, world, deferrable):
    world.sandbox.configure(statement_delay=600)
    before = world.now()
    result = run.to_the_end(waiting_call(deferrable=deferrable, poll_interval=20))
    assert result["outcome"] == "answered"
    assert world.now() - before >= timedelta(seconds=600)


def test_another_call_in_the_statement_is_not_taken_for_ours(run, world, monkeypatch):
    list_statement = DirectcallHook.list_statement

    def everything(self, *window, callerid):
        return list_statement(self, *window)

    monkeypatch.setattr(DirectcallHook, "list_statement", everything)
    Run(world).to_the_end(waiting_call(BUSY))
    assert run.to_the_end(waiting_call())["outcome"] == "answered"


@both_ways
def test_the_wait_ends_at_the_deadline_and_the_call_is_not_placed_again(run, world, deferrable):
    before = world.now()
    with pytest.raises(AirflowFailException) as caught:
        run.to_the_end(waiting_call(LONG_CALL, completion_timeout=timedelta(seconds=100), deferrable=deferrable))
    (made,) = placed(world)
    assert made["callerid"] in str(caught.value)
    assert isinstance(caught.value.__cause__, DirectcallWaitTimeout)
    assert world.now() - before == timedelta(seconds=100)
    assert made["hung_up_at"] is None, "that nobody waits any more is no reason to hang up"


@both_ways
def test_the_deadline_respects_the_execution_timeout_of_the_try(run, world, deferrable):
    run.ti.start_date = world.now() - timedelta(seconds=30)
    before = world.now()
    with pytest.raises(AirflowFailException, match="wait ended"):
        run.to_the_end(
            waiting_call(LONG_CALL, execution_timeout=timedelta(seconds=90), deferrable=deferrable, poll_interval=7)
        )
    assert world.now() - before == timedelta(seconds=60)


@both_ways
def test_a_scheduled_call_is_followed_from_its_schedule_to_its_row(run, world, deferrable):
    at = world.now() + timedelta(hours=3)
    task = waiting_call(schedule_at=at, completion_timeout=300, deferrable=deferrable, poll_interval=60)
    result = run.to_the_end(task)
    (made,) = placed(world)
    assert result["callerid"] == made["callerid"] == run.ti.xcoms["callerid"]
    assert run.ti.xcoms["schedule_id"] == made["schedule_id"]
    assert world.now() > at
    assert world.sandbox.state()["requests"]["voz/status-agendamento"] <= 5, "nothing is asked until its time"


@both_ways
def test_a_scheduled_call_that_is_refused_at_its_time_fails_for_good(run, world, deferrable, monkeypatch):
    refused = ScheduledCall(placed=None, refusal="Saldo insuficiente", raw={})

    async def refused_async(*arguments):
        return refused

    monkeypatch.setattr(DirectcallHook, "scheduled_call_status", lambda *arguments: refused)
    monkeypatch.setattr(DirectcallAsyncHook, "scheduled_call_status", refused_async)
    task = waiting_call(schedule_at=world.now() + timedelta(hours=1), deferrable=deferrable)
    with pytest.raises(AirflowFailException, match="Saldo insuficiente") as caught:
        run.to_the_end(task)
    assert isinstance(caught.value.__cause__, DirectcallRefused)
    assert placed(world)[0]["schedule_id"] in str(caught.value)
    assert "Saldo" not in str(run.events)


@both_ways
def test_short_trouble_with_the_statement_is_waited_out(run, world, deferrable):
    world.sandbox.inject(Fault(kind="html_502_before", endpoint="extrato/list", times=12))
    result = run.to_the_end(waiting_call(deferrable=deferrable))
    assert result["outcome"] == "answered"
    assert len(placed(world)) == 1


@both_ways
def test_lasting_trouble_with_the_statement_ends_the_wait_and_the_retry_goes_on_waiting(run, world, deferrable):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    task = waiting_call(deferrable=deferrable, completion_timeout=10**6, retries=1)
    with pytest.raises(DirectcallWaitFailed, match="10 polls in a row failed"):
        run.to_the_end(task)
    world.sandbox.clear_faults()
    run.retry()
    assert run.to_the_end(task)["callerid"] == placed(world)[0]["callerid"]
    assert len(placed(world)) == 1


@both_ways
def test_without_a_store_lasting_trouble_ends_the_wait_for_good(forgetful_run, world, deferrable):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    with pytest.raises(AirflowFailException, match="10 polls in a row failed") as caught:
        forgetful_run.to_the_end(waiting_call(deferrable=deferrable, completion_timeout=10**6))
    assert isinstance(caught.value.__cause__, DirectcallWaitFailed)
    assert placed(world)[0]["callerid"] in str(caught.value)


@both_ways
def test_an_account_without_a_statement_ends_the_wait_at_once(run, world, deferrable):
    world.sandbox.inject(Fault(kind="unavailable", endpoint="extrato/list"))
    with pytest.raises(DirectcallError, match="cannot be understood"):
        run.to_the_end(waiting_call(deferrable=deferrable))
    assert run.ti.xcoms["callerid"] == placed(world)[0]["callerid"]
    assert world.requests["extrato/list"] == 1


@both_ways
def test_without_a_store_an_account_without_a_statement_ends_the_task_for_good(forgetful_run, world, deferrable):
    world.sandbox.inject(Fault(kind="unavailable", endpoint="extrato/list"))
    with pytest.raises(AirflowFailException, match="cannot be understood") as caught:
        forgetful_run.to_the_end(waiting_call(deferrable=deferrable))
    assert placed(world)[0]["callerid"] in str(caught.value)
    assert world.requests["extrato/list"] == 1


def test_the_row_is_read_patiently_after_the_trigger_saw_it(run, world):
    run.start(waiting_call(deferrable=True))
    world.sandbox.advance(60)
    event = {"status": "done", "callerid": run.ti.xcoms["callerid"], "since": world.now().isoformat()}
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list", times=6))
    assert run.resume(waiting_call(), "execute_complete", {"event": event})["outcome"] == "answered"


def test_a_refused_look_is_not_the_end_of_the_call(run, world, monkeypatch):
    """What is refused is the question; the call goes on, and a Clear waits for it."""

    def refuse(*arguments, **filters):
        raise DirectcallRefused("refused", code="200", text="usuario invalido")

    with monkeypatch.context() as patch:
        patch.setattr(DirectcallHook, "list_statement", refuse)
        with pytest.raises(AirflowFailException, match="refused"):
            run.to_the_end(waiting_call(retries=1))
    assert run.store.record["phase"] == "sent"
    run.clear()
    assert run.to_the_end(waiting_call(retries=1))["callerid"] == placed(world)[0]["callerid"]
    assert len(placed(world)) == 1


# Coming back from a deferral that went wrong


a_useless_event = pytest.mark.parametrize(
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


@a_useless_event
def test_an_event_that_cannot_be_used_never_leads_to_a_second_call(run, world, event, cause):
    task = waiting_call(deferrable=True)
    run.start(task)
    with pytest.raises(cause):
        run.resume(task, "execute_complete", {"event": event})
    run.retry()
    assert run.to_the_end(task)["outcome"] == "answered"
    assert len(placed(world)) == 1


def test_without_a_store_the_retry_after_a_trigger_that_died_looks_for_the_call(forgetful_run, world):
    task = waiting_call(deferrable=True, retries=1)
    forgetful_run.start(task)
    with pytest.raises(DirectcallOutcomeUnknown, match="the trigger of the task ended"):
        forgetful_run.resume(task, "__fail__", {"error": "Trigger timeout"})
    forgetful_run.retry()
    assert forgetful_run.to_the_end(task)["callerid"] == placed(world)[0]["callerid"]
    assert len(placed(world)) == 1


def test_without_a_store_a_trigger_that_died_in_the_last_try_ends_with_what_to_look_for(forgetful_run, world):
    task = waiting_call(deferrable=True)
    forgetful_run.start(task)
    with pytest.raises(AirflowFailException, match=r"airflow_key \w{16}, between .* the trigger of the task ended"):
        forgetful_run.resume(task, "__fail__", {"error": "Trigger timeout"})
    assert len(placed(world)) == 1


@a_useless_event
def test_without_a_store_such_an_event_fails_for_good(forgetful_run, event, cause):
    task = waiting_call(deferrable=True)
    forgetful_run.start(task)
    with pytest.raises(AirflowFailException, match=forgetful_run.ti.xcoms["callerid"]) as caught:
        forgetful_run.resume(task, "execute_complete", {"event": event})
    assert isinstance(caught.value.__cause__, cause)


def test_a_deferral_without_a_record_goes_on_with_what_the_store_has(run, world):
    run.start(waiting_call(deferrable=True))
    world.sandbox.advance(60)
    result = run.resume(waiting_call(), "execute_complete", {"event": {"status": "done"}, "record": None})
    assert result["callerid"] == placed(world)[0]["callerid"]


def test_without_a_store_too_the_event_is_enough_to_go_on(forgetful_run, world):
    forgetful_run.start(waiting_call(deferrable=True))
    world.sandbox.advance(60)
    (made,) = placed(world)
    event = {"status": "done", "callerid": made["callerid"]}
    result = forgetful_run.resume(waiting_call(), "execute_complete", {"event": event, "record": None})
    assert result["callerid"] == made["callerid"]


@pytest.mark.parametrize(
    ("error", "cause"), [("Trigger failure", TaskDeferralError), ("Trigger timeout", TaskDeferralTimeout)]
)
def test_a_trigger_that_died_never_leads_to_a_second_call(run, world, error, cause):
    task = waiting_call(deferrable=True, retries=1)
    run.start(task)
    with pytest.raises(cause):
        run.resume(task, "__fail__", {"error": error})
    run.retry()
    assert run.to_the_end(task)["outcome"] == "answered"
    assert len(placed(world)) == 1


def broken_xcoms(key, value):
    raise ConnectionError(f"POST http://api/{PERSON} failed")


def test_a_failure_right_after_placing_the_call_is_left_to_a_retry_that_goes_on(run, world, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(run.ti, "xcom_push", broken_xcoms)
        with pytest.raises(ConnectionError):
            run.start(call(retries=1))
    run.retry()
    result = run.to_the_end(call(retries=1))
    assert [result["callerid"]] == [made["callerid"] for made in placed(world)]


def test_without_a_store_a_failure_right_after_placing_the_call_is_final(forgetful_run, world, monkeypatch):
    monkeypatch.setattr(forgetful_run.ti, "xcom_push", broken_xcoms)
    with pytest.raises(AirflowFailException) as caught:
        forgetful_run.start(call())
    assert placed(world)[0]["callerid"] in str(caught.value)
    assert PERSON not in str(caught.value)
    assert caught.value.__cause__ is None, "an error of another's making may hold anything"


def test_airflow_ends_the_deferral_only_after_the_trigger_should_have(run):
    run.start(waiting_call(deferrable=True, completion_timeout=600))
    assert timedelta(seconds=600) < run.deferred.timeout <= timedelta(seconds=1200)


# Killing


def test_a_ringing_call_is_hung_up_when_the_task_is_killed(run, world):
    task = waiting_call(LONG_CALL)
    world.task_state = "failed"
    world.while_waiting = task.on_kill
    task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is not None


def test_a_call_that_cannot_be_hung_up_does_not_disturb_the_kill(run, world, capfd):
    task = waiting_call(UNHANGABLE)
    world.task_state = "failed"
    world.while_waiting = task.on_kill
    task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is None
    assert "Nothing was stopped" in capfd.readouterr().out


def test_killing_before_and_after_the_call_does_nothing(run, world):
    task = waiting_call()
    task.on_kill()
    task.execute(run.context)
    task.on_kill()
    assert "voz/end" not in world.sandbox.state()["requests"]


def test_an_execution_timeout_of_airflow_hangs_up_and_is_not_retried(run, world):
    task = waiting_call(LONG_CALL)

    def strike():
        raise AirflowTaskTimeout("Timeout")

    world.while_waiting = strike
    with pytest.raises(AirflowFailException, match="AirflowTaskTimeout"):
        task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is not None


def test_a_scheduled_call_that_was_dialled_is_hung_up_too(run, world):
    at = world.now() + timedelta(seconds=60)
    task = waiting_call(LONG_CALL, schedule_at=at, poll_interval=100)

    def kill_when_dialled():
        if len(world.pauses) == 2:
            world.task_state = "failed"
            task.on_kill()

    world.while_waiting = kill_when_dialled
    task.execute(run.context)
    assert placed(world)[0]["hung_up_at"] is not None


# Privacy


@both_ways
def test_neither_numbers_nor_tags_nor_secrets_are_logged_told_or_shown(run, world, deferrable, capfd):
    task = waiting_call(origin=ORIGIN, tags={"cpf": "tag-value"}, deferrable=deferrable)
    result = run.to_the_end(task)
    logs = "".join(capfd.readouterr())
    told = [logs, str(run.events), repr(task), repr(run.deferred), str({**result, "tags": None})]
    for secret in (PERSON, ORIGIN, "tag-value", "sandbox-secret", "eyJ"):
        assert not [text for text in told if secret in text]
    assert placed(world)[0]["callerid"] in logs


def test_two_runs_do_not_know_of_each_other(world):
    first, second = Run(world).to_the_end(waiting_call()), Run(world).to_the_end(waiting_call())
    assert first["callerid"] != second["callerid"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_a_retry_after_an_interruption_goes_on_waiting(run, world, interruption):
    def interrupt():
        world.while_waiting = lambda: None
        raise interruption

    world.while_waiting = interrupt
    with pytest.raises(interruption):
        run.start(waiting_call())
    run.retry()
    assert run.to_the_end(waiting_call())["outcome"] == "answered"
    assert len(placed(world)) == 1


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_without_a_store_an_interruption_after_the_call_is_final(forgetful_run, world, interruption):
    def interrupt():
        raise interruption

    world.while_waiting = interrupt
    with pytest.raises(AirflowFailException, match=interruption.__name__):
        forgetful_run.start(waiting_call())
    assert len(placed(world)) == 1
