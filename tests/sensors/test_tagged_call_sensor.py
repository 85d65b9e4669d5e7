from __future__ import annotations

import inspect
import json
from datetime import datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_directcall.errors import (
    DirectcallAuthError,
    DirectcallNotSent,
    DirectcallReplyError,
    DirectcallUnexpectedEvent,
    DirectcallWaitFailed,
    DirectcallWaitTimeout,
)
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

from ..airflow_world.call_tasks import call
from ..airflow_world.kinds import both_ways
from ..airflow_world.world import BUSY, NO_ANSWER, ORIGIN, PERSON, AirflowRescheduleException, Run, TaskDeferralError

TAGS = {"contact": "7"}


def sensor(**arguments):
    return DirectcallTaggedCallSensor(**{"task_id": "task", "tags": TAGS, "poll_interval": 15, **arguments})


@pytest.fixture
def place(world):
    """Places a call outside the task."""

    def place_call(destination=PERSON, origin=ORIGIN, tags=TAGS, record=False):
        with DirectcallHook() as hook:
            return hook.place_call(origin, destination, tags=tags, record=record).callerid

    return place_call


# Failures


@both_ways
def test_a_wrong_secret_fails_the_sensor(run, connect, deferrable):
    connect(password="wrong")
    with pytest.raises(DirectcallAuthError):
        run.to_the_end(sensor(deferrable=deferrable))


def test_lasting_trouble_ends_the_wait(run, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallWaitFailed, match="4 polls in a row failed") as caught:
        run.start(sensor(max_consecutive_failures=4))
    assert isinstance(caught.value.__cause__, DirectcallNotSent)


def test_lasting_trouble_ends_the_deferred_wait(run, world):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    with pytest.raises(DirectcallWaitFailed, match="3 polls in a row failed"):
        run.to_the_end(sensor(deferrable=True, max_consecutive_failures=3))


@both_ways
def test_an_account_without_a_statement_fails_at_once(run, world, deferrable):
    world.sandbox.inject(Fault(kind="unavailable", endpoint="extrato/list"))
    with pytest.raises(DirectcallReplyError):
        run.to_the_end(sensor(deferrable=deferrable))
    assert world.sandbox.state()["requests"]["extrato/list"] == 1


@both_ways
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"tags": {"a]": "x"}}, "tags"),
        ({"tags": "contact"}, "tags"),
        ({"tags": {}}, "tags: at least one is needed"),
        ({"tags": {"contact": ""}}, "tags: contact is empty"),
        ({"tags": None}, "tags: at least one is needed, or callerid"),
        ({"callerid": "{{ none }}"}, "callerid: it has neither"),
        ({"callerid": {"state": "sent"}}, "callerid: it has neither"),
        ({"callerid": ["1", "2"]}, "callerid: an id or the output of one task"),
        ({"callerid": "1", "min_calls": 2}, "min_calls: callerid names one call"),
        ({"since": "2026-01-01"}, "since: a time zone"),
        ({"since": "2099-01-02T00:00:00Z", "until": "2099-01-01T00:00:00Z"}, "until"),
        ({"since": "2020-01-01T00:00:00Z"}, "since, look_back: Directcall keeps rows for 91 days"),
        ({"look_back": timedelta(days=92)}, "since, look_back: Directcall keeps rows for 91 days"),
        ({"min_duration": "long"}, "min_duration"),
        ({"look_back": "-5"}, "look_back"),
        ({"origin": "12"}, "origin"),
        ({"poll_interval": "often"}, "poll_interval"),
    ],
)
def test_a_wrong_argument_is_named(run, deferrable, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.to_the_end(sensor(**arguments, deferrable=deferrable))


@both_ways
def test_timeout_is_that_of_a_sensor(run, world, deferrable):
    before = world.now()
    with pytest.raises(AirflowSensorTimeout):
        run.to_the_end(sensor(timeout=100, deferrable=deferrable))
    assert timedelta(seconds=100) <= world.now() - before <= timedelta(seconds=120)


@both_ways
def test_soft_fail_skips_at_the_timeout(run, deferrable):
    with pytest.raises(AirflowSkipException):
        run.to_the_end(sensor(timeout=100, soft_fail=True, deferrable=deferrable))


@both_ways
def test_soft_fail_does_not_hide_an_error(run, world, deferrable):
    task = sensor(soft_fail=True, deferrable=deferrable, max_consecutive_failures=2)
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    with pytest.raises(DirectcallWaitFailed):
        run.to_the_end(task)


@both_ways
def test_timeout_names_tags_window_outcome_and_other_rows(run, world, place, deferrable):
    place(BUSY, tags={"cpf": "tag-value"})
    world.sandbox.advance(120)
    task = sensor(tags={"cpf": "tag-value"}, outcomes="answered", timeout=100, deferrable=deferrable)
    with pytest.raises(AirflowSensorTimeout) as caught:
        run.to_the_end(task)
    text = str(caught.value)
    assert "1 with the tags cpf and the outcome answered, from 20" in text
    assert "Of 1 other rows seen, 0 show other tags, 0 show none, and 1 do not meet the other conditions" in text
    assert "tag-value" not in text


def test_a_connection_that_is_gone_is_not_skipped(run, place, monkeypatch):
    place()
    task = sensor(soft_fail=True, directcall_conn_id="nowhere")
    with pytest.raises(DirectcallWaitFailed, match="nowhere"):
        run.resume(task, "execute_complete", {"event": {"status": "found", "calls": 1}})


def test_airflow_ends_a_deferral_only_after_the_triggers_own_last_look(run, world):
    task = sensor(timeout=timedelta(hours=6), deferrable=True)
    run.start(task)
    deadline = datetime.fromisoformat(run.deferred.trigger.deadline)
    assert deadline <= world.now() + timedelta(hours=6)
    assert run.deferred.timeout == timedelta(hours=6, minutes=5)
    with pytest.raises(AirflowSensorTimeout):
        run.resume(task, "__fail__", {"error": "Trigger timeout"})
    with pytest.raises(TaskDeferralError):
        run.resume(task, "__fail__", {"error": "Trigger failure"})


@pytest.mark.parametrize("event", [None, {}, {"status": "done"}])
def test_an_unknown_event_is_an_error_of_its_own(run, event):
    with pytest.raises(DirectcallUnexpectedEvent):
        run.resume(sensor(), "execute_complete", {"event": event})


def test_rows_that_vanish_after_the_event_are_an_error(run):
    with pytest.raises(DirectcallWaitTimeout):
        run.resume(sensor(), "execute_complete", {"event": {"status": "found", "calls": 1}})


# Waiting


@both_ways
def test_it_waits_for_the_tagged_call_and_gives_its_row(run, world, place, deferrable):
    world.while_waiting = lambda: place(tags={"contact": "8"})
    callerid = place(record=True)
    (row,) = run.to_the_end(sensor(deferrable=deferrable))
    assert (row["callerid"], row["outcome"], row["tags"]) == (callerid, "answered", TAGS)
    assert (row["origin"], row["destination"]) == ("5511*****0001", "5511*****0001")
    assert run.links == {"Recording": row["recording_url"]}
    assert row["recording_url"].startswith("http")


@both_ways
def test_numbers_are_shown_on_request(run, place, deferrable):
    place()
    (row,) = run.to_the_end(sensor(include_numbers=True, deferrable=deferrable))
    assert (row["origin"], row["destination"]) == (ORIGIN, PERSON)


def test_a_call_that_is_there_already_needs_no_deferral(run, world, place):
    place()
    world.sandbox.advance(60)
    (row,) = run.start(sensor(deferrable=True))
    assert row["outcome"] == "answered"
    assert run.deferred is None


def test_reschedule_mode_frees_the_worker_between_pokes(run, place):
    run.ti.get_first_reschedule_date = lambda context: None
    place()
    with pytest.raises(AirflowRescheduleException):
        run.start(sensor(mode="reschedule"))


@both_ways
def test_several_calls_can_be_waited_for(run, world, place, deferrable):
    first = place()

    def once():
        world.while_waiting = lambda: None
        place(BUSY)

    world.while_waiting = once
    rows = run.to_the_end(sensor(min_calls="{{ 2 }}", deferrable=deferrable))
    assert len(rows) == 2
    assert first in {row["callerid"] for row in rows}


@both_ways
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"outcomes": "answered"}, {PERSON}),
        ({"outcomes": ["busy", "nao atendida"]}, {BUSY, NO_ANSWER}),
        ({"outcomes": ["Não atendida"]}, {NO_ANSWER}),
        ({"min_duration": 1}, {PERSON}),
        ({"min_duration": timedelta(seconds=30)}, {PERSON}),
        ({"destination": BUSY}, {BUSY}),
        ({"origin": ORIGIN}, {PERSON, BUSY, NO_ANSWER}),
        ({"calls": "todas"}, {PERSON, BUSY, NO_ANSWER}),
    ],
)
def test_each_condition_narrows_the_search(run, world, place, deferrable, arguments, expected):
    for destination in (PERSON, BUSY, NO_ANSWER):
        place(destination)
    world.sandbox.advance(120)
    place(tags={"contact": "8"})
    rows = run.to_the_end(sensor(**arguments, include_numbers=True, min_calls=len(expected), deferrable=deferrable))
    assert {row["destination"] for row in rows} == expected


@both_ways
def test_all_tags_have_to_match(run, world, place, deferrable):
    place(tags={"contact": "7", "campaign": "a"})
    wanted = place(tags={"contact": "7", "campaign": "b"})
    world.sandbox.advance(120)
    (row,) = run.to_the_end(sensor(tags={"contact": "7", "campaign": "b"}, deferrable=deferrable))
    assert row["callerid"] == wanted


@both_ways
def test_look_back_is_one_hour_by_default(world, place, deferrable):
    place()
    world.sandbox.advance(3590)
    assert len(Run(world).to_the_end(sensor(timeout=60, deferrable=deferrable))) == 1
    world.sandbox.advance(60)
    with pytest.raises(AirflowSensorTimeout):
        Run(world).to_the_end(sensor(timeout=60, deferrable=deferrable))
    assert len(Run(world).to_the_end(sensor(look_back=timedelta(hours=2), deferrable=deferrable))) == 1


@both_ways
def test_clear_a_day_later_still_finds_the_call(run, world, place, deferrable):
    callerid = place()
    run.to_the_end(sensor(deferrable=deferrable))
    world.sandbox.advance(86_400)
    run.clear()
    (row,) = run.to_the_end(sensor(deferrable=deferrable))
    assert row["callerid"] == callerid


@pytest.mark.parametrize(
    ("dates", "found"),
    [
        ({}, True),
        ({"run_after": timedelta(days=-1)}, True),
        ({"run_after": timedelta(days=1)}, True),
        ({"start_date": None}, True),
        ({"start_date": None, "run_after": timedelta(days=1)}, False),
        ({"start_date": timedelta(hours=20)}, False),
        ({"start_date": timedelta(hours=20), "clear_number": 1}, True),
        ({"start_date": timedelta(hours=20), "clear_number": 1, "run_after": timedelta(days=-900)}, True),
        ({"start_date": timedelta(days=8), "clear_number": 1, "run_after": timedelta(days=-900)}, False),
        ({"start_date": timedelta(hours=20), "run_after": timedelta(days=-900)}, False),
        ({"logical_date": timedelta(days=900), "clear_number": 1}, True),
        ({"logical_date": timedelta(days=-900), "start_date": timedelta(hours=20)}, False),
    ],
)
def test_window_begins_before_the_first_start_of_the_run(run, world, place, dates, found):
    """The call is placed an hour before ``run_after``, give or take a minute, which is the start unless it is given."""
    begin = world.now()
    place()
    world.sandbox.advance(3600 - 60)
    dag_run = run.context["dag_run"]
    dag_run.start_date = dag_run.run_after = dag_run.logical_date = world.now()
    for name, value in dates.items():
        setattr(dag_run, name, begin + value if isinstance(value, timedelta) else value)
    world.sandbox.advance(2 * 86_400)
    task = sensor(timeout=0)
    if found:
        assert len(run.start(task)) == 1
    else:
        with pytest.raises(AirflowSensorTimeout):
            run.start(task)


def placed_by_a_task(world, **arguments):
    """A task that places a call, and its output."""
    run, task = Run(world), call(tags=TAGS, **arguments)
    return run, task, run.to_the_end(task)


@both_ways
def test_the_output_of_a_task_binds_to_its_call_also_after_a_clear_of_both(run, world, place, deferrable):
    place()
    first, task, output = placed_by_a_task(world)
    (row,) = run.to_the_end(sensor(tags=None, callerid=output, deferrable=deferrable))
    assert row["callerid"] == output["callerid"]
    world.sandbox.advance(3600)
    first.clear()
    again = first.to_the_end(task)
    run.clear()
    (row,) = run.to_the_end(sensor(tags=None, callerid=again, deferrable=deferrable))
    assert row["callerid"] == again["callerid"] != output["callerid"]


@both_ways
@pytest.mark.parametrize("form", [str, json.dumps, dict, lambda output: output["callerid"]])
def test_output_of_a_task_in_the_forms_of_templates(run, world, place, deferrable, form):
    place()
    _, _, output = placed_by_a_task(world)
    (row,) = run.to_the_end(sensor(tags=None, callerid=form(output), deferrable=deferrable))
    assert row["callerid"] == output["callerid"]


def test_output_of_a_task_that_waited_names_its_call(run, world):
    _, _, output = placed_by_a_task(world, wait_for_completion=True)
    (row,) = run.start(sensor(tags=None, callerid=output))
    assert row["callerid"] == output["callerid"]


@both_ways
@pytest.mark.parametrize("quirk", ["callerid_missing", "callerid_other", "callerid_upper", "campos_hidden"])
def test_output_of_a_task_finds_a_row_in_another_form(run, world, place, deferrable, quirk):
    place(BUSY)
    _, _, output = placed_by_a_task(world)
    world.sandbox.configure(quirks={quirk})
    (row,) = run.to_the_end(sensor(callerid=output, deferrable=deferrable))
    assert (row["outcome"], len(row["legs"])) == ("answered", 1)


def test_tags_beside_the_call_have_to_match_where_its_row_shows_them(run, world):
    _, _, output = placed_by_a_task(world)
    with pytest.raises(AirflowSensorTimeout):
        run.to_the_end(sensor(tags={"contact": "8"}, callerid=output, timeout=100))


def test_scheduled_call_is_found_by_the_key_of_its_task(run, world):
    _, _, output = placed_by_a_task(world, schedule_at=world.now() + timedelta(hours=1))
    assert output["callerid"] is None
    (row,) = run.to_the_end(sensor(tags=None, callerid=output, timeout=7200))
    assert row["tags"]["airflow_key"] == output["airflow_key"]


@both_ways
def test_legs_are_not_counted_as_calls(run, world, place, deferrable):
    world.sandbox.configure(quirks={"leg_rows"})
    place()
    place(BUSY)
    rows = run.to_the_end(sensor(min_calls=2, deferrable=deferrable))
    assert {row["outcome"] for row in rows} == {"answered", "busy"}
    assert {len(row["legs"]) for row in rows} == {2}
    with pytest.raises(AirflowSensorTimeout):
        run.to_the_end(sensor(min_calls=3, deferrable=deferrable, timeout=60))


@both_ways
def test_log_names_tags_window_and_other_rows_once(run, world, place, deferrable, logged):
    world.sandbox.configure(quirks={"tag_filter_ignored"})
    place(tags={"contact": "tag-value"})
    world.sandbox.advance(120)
    task = sensor(tags={"contact": "C-71", "run": "r-1"}, timeout=300, deferrable=deferrable)
    with pytest.raises(AirflowSensorTimeout):
        run.to_the_end(task)
    text = logged()
    assert text.count("Calls with the tags contact, run since 20") == (2 if deferrable else 1)
    assert "0 of 1 in the statement; of the other rows that were found, 1 show other tags, 0 show none" in text
    assert not [value for value in ("tag-value", "C-71", "r-1") if value in text]


@both_ways
def test_hidden_tags_count_where_the_filter_works(run, world, place, deferrable, logged):
    world.sandbox.configure(quirks={"campos_hidden"})
    place(tags={"contact": "C-710"})
    wanted = place(tags={"contact": "C-71"})
    (row,) = run.to_the_end(sensor(tags={"contact": "C-71"}, deferrable=deferrable))
    assert row["callerid"] == wanted
    assert logged().count("show no readable tags. The filter by tags works") == 1


@both_ways
def test_hidden_tags_do_not_count_where_the_filter_is_ignored(run, world, place, deferrable, logged):
    world.sandbox.configure(quirks={"campos_hidden", "tag_filter_ignored"})
    place(tags={"contact": "C-710"})
    world.sandbox.advance(120)
    with pytest.raises(AirflowSensorTimeout):
        run.to_the_end(sensor(tags={"contact": "C-71"}, timeout=200, deferrable=deferrable))
    assert "is not proven to work, so these rows do not count" in logged()


@both_ways
def test_since_and_until_make_the_window(run, world, place, deferrable):
    place()
    world.sandbox.advance(3600)
    wanted = place()
    world.sandbox.advance(3600)
    place()
    world.sandbox.advance(3600)
    since, until = world.now() - timedelta(hours=2, minutes=30), world.now() - timedelta(hours=1, minutes=30)
    rows = run.to_the_end(sensor(since=since.isoformat(), until=str(until), deferrable=deferrable))
    assert [row["callerid"] for row in rows] == [wanted]


@both_ways
def test_since_in_the_future_is_waited_for(run, world, place, deferrable):
    since = world.now() + timedelta(minutes=10)
    world.while_waiting = lambda: place() if world.now() > since else None
    assert run.to_the_end(sensor(since=since, deferrable=deferrable))


def test_short_trouble_is_waited_out(run, world, place):
    place()
    world.sandbox.inject(Fault(kind="html_502_before", endpoint="extrato/list", times=12))
    assert len(run.start(sensor())) == 1


def test_all_pokes_of_a_worker_share_one_token(run, world, place):
    world.sandbox.configure(statement_delay=600)
    place()
    run.start(sensor())
    requests = world.sandbox.state()["requests"]
    assert requests["extrato/list"] > 20
    assert requests["request_token"] == 2, "one for the call, one for the sensor"


# Arguments and privacy


def test_poll_interval_is_a_template_or_the_poke_interval(run, world, place):
    world.sandbox.configure(statement_delay=600)
    place()
    run.context["seconds"] = 40
    run.start(sensor(poll_interval="{{ seconds }}"))
    assert set(world.pauses) == {40.0}
    world.pauses.clear()
    place(tags={"contact": "9"})
    run.start(sensor(tags={"contact": "9"}, poll_interval=None, poke_interval=25))
    assert set(world.pauses) == {25.0}


def test_poll_interval_is_a_second_at_least(run, world, place):
    place()
    run.start(sensor(poll_interval=None, poke_interval=0))
    assert set(world.pauses) == {1.0}


def test_every_argument_but_three_is_templated():
    names = set(inspect.signature(DirectcallTaggedCallSensor).parameters) - {"kwargs"}
    assert set(DirectcallTaggedCallSensor.template_fields) == names - {
        "include_numbers",
        "max_consecutive_failures",
        "deferrable",
    }


@both_ways
def test_privacy_of_numbers_and_tags(run, place, deferrable, capfd):
    place(tags={"cpf": "tag-value"})
    task = sensor(tags={"cpf": "tag-value"}, origin=ORIGIN, destination=PERSON, deferrable=deferrable)
    run.to_the_end(task)
    shown = [*capfd.readouterr(), str(run.events), repr(task), repr(run.deferred)]
    for secret in (PERSON, ORIGIN, "tag-value", "sandbox-secret", "eyJ"):
        assert not [text for text in shown if secret in text]


def test_unknown_outcome_word_logs_a_warning(run, world, capsys):
    with pytest.raises(AirflowSensorTimeout):
        run.to_the_end(sensor(outcomes="atendeu", timeout=60))
    assert "outcomes: atendeu is not among answered, busy" in capsys.readouterr().out


def test_a_misspelt_outcome_is_rejected(run, world):
    with pytest.raises(AirflowFailException, match="outcomes: there is no bussy; did you mean 'busy'"):
        run.start(sensor(outcomes=["answered", "bussy"]))
