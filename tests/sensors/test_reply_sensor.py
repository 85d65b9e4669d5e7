from __future__ import annotations

import asyncio
import itertools
import json
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallUnexpectedEvent, DirectcallWaitFailed
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sensors.messages import DirectcallReplySensor
from airflow_provider_directcall.triggers.replies import ReplyTrigger

from ..airflow_world.kinds import both_ways
from ..airflow_world.message_tasks import message
from ..airflow_world.world import ORIGIN, PERSON, Run, fire, stored

OTHER = "5511990000002"
SHORT_NUMBER = "27000"
ANSWERS = {"yes": ["1", "sim", "s", "👍"], "no": ["2", "não"]}
_PLACES = itertools.count()


def sensor(**arguments):
    if not arguments.keys() & {"origin", "message"}:
        arguments["origin"] = PERSON
    if "pattern" not in arguments:
        arguments = {"answers": ANSWERS, **arguments}
    return DirectcallReplySensor(**{"task_id": "task", "poll_interval": 15, "timeout": 600, **arguments})


def answers(world, text, number=PERSON, destination=SHORT_NUMBER):
    world.sandbox.receive_message(number, destination, text)


def later(world, *texts, number=PERSON):
    """People answer while the task waits, one after the other."""
    left = list(texts)
    world.while_waiting = lambda: answers(world, left.pop(0), number) if left else None


def asked(world, destination=PERSON, **arguments):
    """The output of a task of its own that asks by SMS."""
    run = Run(world)
    run.ti.map_index = next(_PLACES)
    return json.loads(json.dumps(run.to_the_end(message(destination=destination, **arguments))))


# Failures


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"pattern": "["}, "pattern: it is no regular expression"),
        ({"pattern": ".*"}, "pattern: it matches an empty reply"),
        ({"pattern": "1", "answers": ANSWERS}, "answers, pattern: exactly one"),
        ({"answers": {}}, "answers: words by answer"),
        ({"answers": {"other": ["1"]}, "takes_other": True}, "answers: with takes_other"),
        ({"origin": PERSON, "message": "1"}, "origin, message: exactly one"),
    ],
)
def test_wrong_arguments_fail_at_parse(given, named):
    with pytest.raises(ValueError, match=named):
        sensor(**given)


@both_ways
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"origin": "{{ none }}"}, "origin: it is empty"),
        ({"origin": "12"}, "origin"),
        ({"message": {"state": "sent"}}, "message: it has neither"),
        ({"message": ["1", "2"]}, "message: one is needed, not 2; map the sensor"),
        ({"since": "2026-01-01"}, "since: a time zone"),
    ],
)
def test_wrong_values_of_templates_are_named_before_a_request(run, world, deferrable, given, named):
    with pytest.raises(AirflowFailException, match=named):
        run.to_the_end(sensor(**given, deferrable=deferrable))
    assert not world.requests


@both_ways
def test_a_wrong_secret_is_never_skipped(run, connect, deferrable):
    connect(password="wrong")
    with pytest.raises(DirectcallAuthError):
        run.to_the_end(sensor(soft_fail=True, deferrable=deferrable))


def test_lasting_errors_end_the_deferred_wait(run, world):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="sms/recebimento"))
    with pytest.raises(DirectcallWaitFailed, match="3 polls in a row failed"):
        run.to_the_end(sensor(deferrable=True, max_consecutive_failures=3))


@both_ways
def test_timeout_counts_other_replies(run, world, deferrable):
    later(world, "talvez", "quem é?")
    with pytest.raises(AirflowSensorTimeout, match="within 100 seconds; 2 other replies gave none"):
        run.to_the_end(sensor(timeout=100, deferrable=deferrable))


@both_ways
def test_soft_fail_skips_at_the_timeout(run, deferrable):
    with pytest.raises(AirflowSkipException):
        run.to_the_end(sensor(timeout=100, soft_fail=True, deferrable=deferrable))


@pytest.mark.parametrize("event", [None, {}, {"status": "done"}])
def test_an_unknown_event_is_an_error_of_its_own(run, event):
    with pytest.raises(DirectcallUnexpectedEvent):
        run.resume(sensor(), "execute_complete", {"event": event})


# Waiting


@both_ways
@pytest.mark.parametrize(("text", "answer"), [("1", "yes"), (" Sim ", "yes"), ("1️⃣", "yes"), ("NÃO!", "no")])
def test_the_answer_is_returned(run, world, deferrable, text, answer):
    answers(world, "2", number=OTHER)
    later(world, "quem é?", text, "2")
    assert run.to_the_end(sensor(deferrable=deferrable)) == answer


@both_ways
def test_a_reply_that_is_there_already_is_found(run, world, deferrable):
    answers(world, "1")
    answers(world, "2")
    assert run.to_the_end(sensor(deferrable=deferrable)) == "yes"
    assert run.deferred is None


@both_ways
def test_other_replies_are_returned_by_choice(run, world, deferrable):
    later(world, "talvez", "1")
    assert run.to_the_end(sensor(takes_other=True, deferrable=deferrable)) == "other"


@both_ways
def test_pattern_returns_what_it_finds(run, world, deferrable):
    later(world, "obrigado", "Nota: 10!")
    assert run.to_the_end(sensor(pattern=r"nota (\d+)", deferrable=deferrable)) == "10"


@both_ways
def test_an_earlier_reply_answers_another_question(run, world, deferrable):
    answers(world, "1")
    world.sandbox.advance(600)
    with pytest.raises(AirflowSensorTimeout):
        Run(world).to_the_end(sensor(timeout=60, deferrable=deferrable))
    assert Run(world).to_the_end(sensor(timeout=60, look_back=1200, deferrable=deferrable)) == "yes"


@both_ways
def test_a_reply_counts_although_the_vendors_clock_is_slow(world, deferrable):
    """Its row says a time before the DAG run."""
    answers(world, "1")
    world.sandbox.advance(200)
    assert Run(world).to_the_end(sensor(timeout=60, deferrable=deferrable)) == "yes"


@both_ways
def test_a_reply_to_another_short_number_does_not_count(run, world, deferrable):
    answers(world, "1", destination="28000")
    later(world, "2")
    assert run.to_the_end(sensor(destination=SHORT_NUMBER, deferrable=deferrable)) == "no"


@both_ways
@pytest.mark.parametrize("form", [dict, str, json.dumps, lambda sent: sent["callerid"]])
def test_reply_to_a_message_comes_from_its_recipient_and_later(run, world, deferrable, form):
    asked(world, OTHER)
    answers(world, "2")
    world.sandbox.advance(60)
    sent = asked(world)
    answers(world, "2", number=OTHER)
    later(world, "talvez", "1")
    assert run.to_the_end(sensor(message=form(sent), deferrable=deferrable)) == "yes"


@both_ways
def test_reply_to_a_message_by_a_pattern(run, world, deferrable):
    sent = asked(world)
    later(world, "talvez", "10", "9")
    assert run.to_the_end(sensor(message=sent, pattern=r"\d+", deferrable=deferrable)) == "10"


@both_ways
def test_message_that_the_statement_does_not_show_has_no_reply(run, world, deferrable):
    """An ignored filter lists the messages to others."""
    asked(world, OTHER)
    world.sandbox.configure(quirks={"callerid_missing", "tag_filter_ignored"})
    answers(world, "1", number=OTHER)
    message = {"callerid": "10000000000009", "airflow_key": "2b4kqtiimbdwv37m"}
    with pytest.raises(AirflowSensorTimeout, match="has not shown to whom the message went"):
        run.to_the_end(sensor(message=message, timeout=100, deferrable=deferrable))


@both_ways
def test_a_recipient_without_a_row_does_not_hide_the_reply_of_another(run, world, deferrable):
    sent = asked(world, [PERSON, OTHER])
    sent["recipients"].append({**sent["recipients"][0], "destination": "5511990000003"})
    later(world, "talvez", "1", "2")
    assert run.to_the_end(sensor(message=sent, deferrable=deferrable)) == "yes"


@both_ways
@pytest.mark.parametrize("number", [PERSON, OTHER])
def test_recipients_whose_rows_come_late_are_found(run, world, deferrable, number):
    world.sandbox.configure(statement_jitter=200)
    sent = asked(world, [PERSON, OTHER])
    later(world, *["quem é?"] * 4, "1", number=number)
    assert run.to_the_end(sensor(message=sent, deferrable=deferrable)) == "yes"


@both_ways
def test_an_unreadable_statement_of_messages_does_not_hide_a_reply(run, world, deferrable):
    sent = asked(world)
    sent["recipients"].append({**sent["recipients"][0], "destination": OTHER})
    polls = itertools.count()

    def while_waiting():
        if next(polls) == 3:
            world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list-sms"))
            answers(world, "1")

    world.while_waiting = while_waiting
    assert run.to_the_end(sensor(message=sent, deferrable=deferrable, max_consecutive_failures=9)) == "yes"


@both_ways
def test_timeout_with_a_recipient_without_a_row_counts_other_replies(run, world, deferrable):
    sent = asked(world)
    sent["recipients"].append({**sent["recipients"][0], "destination": OTHER})
    later(world, "talvez")
    with pytest.raises(AirflowSensorTimeout, match="1 other reply gave none"):
        run.to_the_end(sensor(message=sent, timeout=200, deferrable=deferrable))


def test_nothing_personal_is_stored_or_logged(run, world, logged):
    sent = asked(world)
    later(world, "quem é você?", "1, obrigado Ana")
    task = sensor(message=sent, pattern=r"(\d).*", deferrable=True)
    kept = json.dumps([run.to_the_end(task), run.events, run.kept_of_deferrals]) + logged()
    assert not [text for text in (PERSON, ORIGIN, "Ana", "você", "voce") if text in kept]


# One poll


def test_fifty_waits_for_replies_share_one_login_and_one_poll(world):
    numbers = [f"551199000{1000 + place}" for place in range(50)]
    arguments = {"since": world.now().isoformat(), "answers": ANSWERS, "poll_interval": 15.0}
    deadline = (world.now() + timedelta(minutes=10)).isoformat()
    triggers = [ReplyTrigger(origin=number, deadline=deadline, **arguments) for number in numbers]
    before, begin = world.requests, world.now()
    left = [(number, "1" if place % 2 else "não") for place, number in enumerate(numbers) if place < 40]
    world.while_waiting = lambda: answers(world, *left.pop()[::-1]) if left else None

    async def first(trigger):
        return [event.payload async for event in trigger.run()]

    async def run():
        return await asyncio.gather(*(first(stored(trigger)) for trigger in triggers))

    events = [event for (event,) in asyncio.run(run())]
    assert [event.get("answer") for event in events] == ["yes" if place % 2 else "no" for place in range(40)] + [
        None
    ] * 10
    polls = (world.now() - begin) / timedelta(seconds=15)
    spent = world.requests - before
    assert spent["request_token"] == 1
    assert spent["sms/recebimento"] <= 2 * (polls * 1.2 + 2), "a page without a row is the last"


def test_a_reply_before_a_restart_of_the_triggerer_is_found(world):
    since = world.now().isoformat()
    world.sandbox.advance(60)
    answers(world, "1")
    world.sandbox.advance(3600)
    assert fire(stored(ReplyTrigger(since=since, origin=PERSON, answers=ANSWERS)))["answer"] == "yes"
