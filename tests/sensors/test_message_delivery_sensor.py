from __future__ import annotations

import asyncio
import itertools
import json
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallUnexpectedEvent, DirectcallWaitFailed
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sensors.messages import DirectcallMessageDeliverySensor
from airflow_provider_directcall.triggers.message_delivery import MessageDeliveryTrigger

from ..airflow_world.kinds import both_ways
from ..airflow_world.message_tasks import message, voice
from ..airflow_world.world import (
    ORIGIN,
    PERSON,
    REFUSED_NUMBER,
    UNCONFIRMED,
    UNDELIVERED,
    Run,
    fire,
    stored,
)

OTHER = "5511990000002"
_PLACES = itertools.count()


def sensor(sent=None, **arguments):
    return DirectcallMessageDeliverySensor(
        **{"task_id": "task", "message": sent, "poll_interval": 15, "timeout": 600, **arguments}
    )


def output(world, destination=PERSON, **arguments):
    """The output of a task of its own that sends a message."""
    return sent_by(world, message(destination=destination, **arguments))


def sent_by(world, task):
    run = Run(world)
    run.ti.map_index = next(_PLACES)
    return json.loads(json.dumps(run.to_the_end(task)))


def counts(result):
    return {name: value for name, value in result.items() if value and name != "share"}


# Failures


@both_ways
def test_a_wrong_secret_fails_the_sensor_and_is_never_skipped(run, world, connect, deferrable):
    connect(password="wrong")
    with pytest.raises(DirectcallAuthError):
        run.to_the_end(sensor("10000000000001", soft_fail=True, deferrable=deferrable))


def test_lasting_errors_end_the_deferred_wait(run, world):
    sent = output(world)
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list-sms"))
    with pytest.raises(DirectcallWaitFailed, match="3 polls in a row failed"):
        run.to_the_end(sensor(sent, deferrable=True, max_consecutive_failures=3))


@pytest.mark.parametrize("given", [{}, {"message": "1", "tags": {"a": "b"}}])
def test_one_of_message_and_tags_is_needed_at_parse(given):
    with pytest.raises(ValueError, match="message, tags: exactly one"):
        DirectcallMessageDeliverySensor(task_id="task", **given)


def test_a_share_above_all_is_named_at_parse():
    """Later, the message would be out already."""
    with pytest.raises(ValueError, match="min_share: a number from 0 to 1"):
        DirectcallMessageDeliverySensor(task_id="task", message="1", min_share=90)


@both_ways
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sent": "{{ none }}"}, "message: it has neither"),
        ({"sent": []}, "message: it names no message"),
        ({"sent": {"state": "sent"}}, "message: it has neither"),
        ({"sent": [["1"]]}, "message: an id or the output"),
        ({"tags": {}, "recipients": 1}, "tags: at least one is needed"),
        ({"tags": {"campaign": " "}, "recipients": 1}, "tags: campaign is empty"),
        ({"tags": {"campaign": "a"}}, "recipients: with tags"),
        ({"sent": "1", "recipients": 0}, "recipients: 1 or more"),
        ({"sent": "1", "min_share": "1.1"}, "min_share: a number from 0 to 1"),
        ({"sent": "1", "min_share": "most"}, "min_share: a number"),
        ({"sent": "1", "since": "2026-01-01"}, "since: a time zone"),
    ],
)
def test_a_wrong_argument_is_named_before_a_request(run, world, deferrable, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.to_the_end(sensor(**arguments, deferrable=deferrable))
    assert not world.requests


@both_ways
def test_timeout_names_the_counts(run, world, deferrable):
    sent = output(world, [PERSON, UNCONFIRMED])
    with pytest.raises(AirflowSensorTimeout) as caught:
        run.to_the_end(sensor(sent, timeout=100, deferrable=deferrable))
    assert "of 2 recipients, 1 have got their message, 0 failed" in str(caught.value)
    assert "1 have no end yet, and a share of 1 is needed" in str(caught.value)


@both_ways
def test_soft_fail_skips_at_the_timeout(run, world, deferrable):
    with pytest.raises(AirflowSkipException):
        run.to_the_end(sensor(output(world, UNCONFIRMED), timeout=100, soft_fail=True, deferrable=deferrable))


@both_ways
@pytest.mark.parametrize(("soft_fail", "error"), [(False, AirflowFailException), (True, AirflowSkipException)])
def test_share_that_cannot_be_reached_ends_at_once(run, world, logged, deferrable, soft_fail, error):
    sent, before = output(world, [PERSON, UNDELIVERED, REFUSED_NUMBER, OTHER]), world.now()
    with pytest.raises(error) as caught:
        run.to_the_end(sensor(sent, min_share=0.75, soft_fail=soft_fail, deferrable=deferrable))
    text = logged() + str(caught.value)
    assert "of 4 recipients, 2 have got their message, 1 failed, 0 were cancelled, 1 were refused" in text
    assert "a share of 0.75 cannot be reached any more" in text
    assert world.now() - before < timedelta(seconds=120)


@pytest.mark.parametrize("event", [None, {}, {"status": "done"}])
def test_an_unknown_event_is_an_error_of_its_own(run, event):
    with pytest.raises(DirectcallUnexpectedEvent):
        run.resume(sensor("1"), "execute_complete", {"event": event})


# Waiting


@both_ways
@pytest.mark.parametrize("form", [dict, str, json.dumps, lambda sent: sent["callerid"], lambda sent: [sent]])
def test_it_waits_for_delivery_of_the_output_of_a_task(run, world, deferrable, form):
    output(world, UNDELIVERED)
    sent = output(world)
    result = run.to_the_end(sensor(form(sent), deferrable=deferrable))
    assert counts(result) == {"recipients": 1, "delivered": 1}
    assert result["share"] == 1


@both_ways
def test_outputs_of_a_mapped_task_are_one_wait(run, world, deferrable):
    sent = [output(world, number) for number in (PERSON, OTHER, UNDELIVERED)]
    sent.append(sent_by(world, voice(text="bom dia")))
    result = run.to_the_end(sensor(sent, min_share=0, deferrable=deferrable))
    assert counts(result) == {"recipients": 4, "delivered": 3, "failed": 1}


@both_ways
def test_a_part_of_the_recipients_is_enough(run, world, deferrable):
    sent = output(world, [PERSON, OTHER, UNCONFIRMED])
    assert counts(run.to_the_end(sensor(sent, min_share="{{ 2 / 3 }}", deferrable=deferrable))) == {
        "recipients": 3,
        "delivered": 2,
        "pending": 1,
    }


@both_ways
def test_messages_with_tags_are_counted_up_to_their_number(run, world, deferrable):
    with DirectcallHook() as hook:
        hook.send_sms(PERSON, "bom dia", tags={"campaign": "a"})
        hook.send_sms(PERSON, "bom dia", tags={"campaign": "ab"})
        world.while_waiting = lambda: (
            hook.send_sms(OTHER, "bom dia", tags={"campaign": "a"}),
            setattr(world, "while_waiting", lambda: None),
        )
        result = run.to_the_end(sensor(tags={"campaign": "a"}, recipients=2, deferrable=deferrable))
    assert counts(result) == {"recipients": 2, "delivered": 2}


@both_ways
def test_rows_that_do_not_show_the_tags_never_count(run, world, deferrable):
    world.sandbox.configure(quirks={"campos_hidden"})
    with DirectcallHook() as hook:
        hook.send_sms(PERSON, "bom dia", tags={"campaign": "a"})
    with pytest.raises(AirflowSensorTimeout, match="of 1 recipients, 0 have got"):
        run.to_the_end(sensor(tags={"campaign": "a"}, recipients=1, timeout=100, deferrable=deferrable))


@both_ways
@pytest.mark.parametrize("quirk", ["callerid_missing", "callerid_other", "callerid_upper", "campos_hidden"])
def test_output_of_a_task_finds_rows_in_another_form(run, world, deferrable, quirk):
    output(world, UNDELIVERED)
    sent = output(world)
    world.sandbox.configure(quirks={quirk})
    assert counts(run.to_the_end(sensor(sent, deferrable=deferrable))) == {"recipients": 1, "delivered": 1}


@both_ways
def test_an_ignored_filter_brings_no_foreign_result(run, world, deferrable):
    for _ in range(3):
        output(world, OTHER)
    world.sandbox.configure(quirks={"tag_filter_ignored", "callerid_missing"})
    with pytest.raises(AirflowSensorTimeout):
        run.to_the_end(sensor({"callerid": "10000000000009", "airflow_key": "2b4kqtiimbdwv37m"}, timeout=100))


def test_nothing_personal_is_stored_or_logged(run, world, logged):
    sent = output(world, [PERSON, UNDELIVERED], tags={"cpf": "tag-value"}, text="a private text")
    result = run.to_the_end(sensor(sent, min_share=0, deferrable=True))
    kept = json.dumps([result, run.events, run.kept_of_deferrals]) + logged()
    assert not [text for text in (PERSON, UNDELIVERED, ORIGIN, "tag-value", "private") if text in kept]


# One poll


def test_fifty_waits_for_messages_share_one_login_and_one_poll(world):
    sent = [output(world, UNDELIVERED if number % 10 == 0 else PERSON) for number in range(50)]
    deadline = (world.now() + timedelta(minutes=20)).isoformat()
    triggers = [
        MessageDeliveryTrigger(
            since=world.now().isoformat(),
            messages=[{"callerid": each["callerid"], "key": each["airflow_key"]}],
            min_share=0,
            poll_interval=15.0,
            deadline=deadline,
        )
        for each in sent
    ]
    world.sandbox.configure(statement_delay=120)
    before, begin = world.requests, world.now()

    async def first(trigger):
        return [event.payload async for event in trigger.run()]

    async def run():
        return await asyncio.gather(*(first(stored(trigger)) for trigger in triggers))

    events = [event for (event,) in asyncio.run(run())]
    assert [event["delivered"] for event in events] == [int(number % 10 != 0) for number in range(50)]
    polls = (world.now() - begin) / timedelta(seconds=15)
    spent = world.requests - before
    assert spent["request_token"] == 1
    assert spent["extrato/list-sms"] <= polls * 1.2 + 2


def test_late_rows_are_found_by_a_wait_that_joins_late(world):
    sent = output(world)
    world.sandbox.configure(statement_delay=1800)
    since = world.now().isoformat()
    world.sandbox.advance(1200)
    trigger = MessageDeliveryTrigger(since=since, messages=[{"callerid": sent["callerid"]}], poll_interval=60.0)
    assert fire(stored(trigger))["delivered"] == 1
