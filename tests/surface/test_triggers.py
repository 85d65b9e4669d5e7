from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from airflow.triggers.base import BaseEventTrigger

from airflow_provider_directcall.api.replies import StatementRow
from airflow_provider_directcall.errors import DirectcallUnavailable, DirectcallUnexpectedEvent
from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook, DirectcallHook
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.triggers.calls import CallCompletedTrigger
from airflow_provider_directcall.triggers.events import verdict_in
from airflow_provider_directcall.triggers.messages import MessageDeliveredTrigger
from airflow_provider_directcall.triggers.pace import PollPace, utc_now
from airflow_provider_directcall.triggers.polling import PollingTrigger
from airflow_provider_directcall.triggers.search import StatementSearch
from airflow_provider_directcall.triggers.settling import CallSettlingTrigger, MessageSettlingTrigger
from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

from .world import LONG_CALL, ORIGIN, PERSON, UNHANGABLE, fire, stored

SINCE = "2026-03-04T10:00:00+00:00"
EXAMPLES = {
    CallCompletedTrigger: {
        "callerid": "00000000-0000-4000-8000-000000000000",
        "schedule_id": "12",
        "origin": ORIGIN,
        "destination": PERSON,
        "since": SINCE,
        "due_at": "2026-03-04T11:00:00+00:00",
    },
    MessageDeliveredTrigger: {"callerid": "10000000000001", "due_at": "2026-03-04T11:00:00+00:00"},
    TaggedCallTrigger: {
        "since": SINCE,
        "until": "2026-03-05T10:00:00+00:00",
        "tags": {"cpf": "tag-value"},
        "origin": ORIGIN,
        "destination": PERSON,
        "outcomes": ["busy"],
        "min_duration": 4.5,
        "calls": "todas",
        "min_calls": 3,
    },
}
SETTLING = {
    "key": "2b4kqtiimbdwv37m",
    "since": SINCE,
    "settle_seconds": 300.0,
    "longest_seconds": 3600.0,
    "scheduled_for": "2026-03-04T11:00:00+00:00",
}
SETTLING_EXAMPLES = {
    CallSettlingTrigger: {**SETTLING, "origin": ORIGIN, "destination": PERSON},
    MessageSettlingTrigger: {**SETTLING, "destinations": [PERSON]},
}
STORED_EXAMPLES = {**EXAMPLES, **SETTLING_EXAMPLES}
COMMON = {
    "directcall_conn_id": "other",
    "poll_interval": 7.5,
    "deadline": "2026-03-04T12:00:00+00:00",
    "max_consecutive_failures": 4,
}
each_trigger = pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)


each_stored_trigger = pytest.mark.parametrize("kind", STORED_EXAMPLES, ids=lambda kind: kind.__name__)


def example(kind, **changes):
    return kind(**{**STORED_EXAMPLES[kind], **changes})


def tagged(world, **arguments):
    since = (world.now() - timedelta(hours=1)).isoformat()
    return TaggedCallTrigger(**{"since": since, "tags": {"contact": "7"}, **arguments})


def place(world, destination=PERSON, **arguments):
    with DirectcallHook() as hook:
        return hook.place_call(ORIGIN, destination, **arguments)


def completed(world, **arguments):
    return CallCompletedTrigger(**{"destination": PERSON, "since": world.now().isoformat(), **arguments})


# What is stored


@each_stored_trigger
def test_everything_the_constructor_takes_survives_storing(kind):
    trigger = kind(**STORED_EXAMPLES[kind], **COMMON)
    path, kwargs = trigger.serialize()
    assert path == f"{kind.__module__}.{kind.__name__}"
    assert kwargs == {**STORED_EXAMPLES[kind], **COMMON}
    assert stored(trigger).serialize() == (path, json.loads(json.dumps(kwargs)))


@each_stored_trigger
def test_defaults_survive_storing_too(kind):
    trigger = example(kind)
    assert stored(trigger).serialize() == trigger.serialize()


@each_stored_trigger
def test_a_trigger_shows_its_ids_and_nothing_personal(kind):
    shown = repr(kind(**STORED_EXAMPLES[kind], **COMMON))
    assert kind.__name__ in shown
    assert not [text for text in (PERSON, ORIGIN, "tag-value") if text in shown]


def test_a_call_needs_one_of_its_ids():
    with pytest.raises(ValueError, match="callerid, schedule_id"):
        CallCompletedTrigger(destination=PERSON, since=SINCE)


# The loop


@each_trigger
def test_a_wrong_secret_ends_the_wait_at_once(world, connect, kind):
    connect(password="wrong")
    event = fire(example(kind))
    assert event["status"] == "error"
    assert "client id or secret" in event["error"]
    assert "wrong" not in event["error"]


@each_trigger
def test_a_dead_network_ends_the_wait_after_some_tries(world, connect, dead_port, kind):
    connect(host=f"http://127.0.0.1:{dead_port}")
    event = fire(example(kind, max_consecutive_failures=3, poll_interval=10))
    assert event["status"] == "error"
    assert "3 polls in a row failed" in event["error"]
    assert "access_token" not in event["error"]
    assert "?" not in event["error"]


@pytest.mark.parametrize("kind", SETTLING_EXAMPLES, ids=lambda kind: kind.__name__)
def test_what_cannot_be_looked_for_is_unknown_in_the_end(world, connect, dead_port, kind):
    connect(host=f"http://127.0.0.1:{dead_port}")
    event = fire(example(kind, settle_seconds=60))
    assert (event["status"], event["verdict"], event["airflow_key"]) == ("settled", "unknown", SETTLING["key"])
    assert PERSON not in str(event)


@pytest.mark.parametrize("kind", SETTLING_EXAMPLES, ids=lambda kind: kind.__name__)
def test_with_a_wrong_secret_it_is_unknown_until_somebody_mends_it(world, connect, kind):
    connect(password="wrong")
    event = fire(example(kind))
    assert (event["status"], event["verdict"], event["may_pass"]) == ("settled", "unknown", 1)
    assert "not accepted" in event["reason"]
    assert "wrong" not in event["reason"]


@pytest.mark.parametrize(
    "event", [None, {"status": "done"}, {"status": "settled"}, {"status": "settled", "verdict": "perhaps"}]
)
def test_a_verdict_that_is_none_is_refused(event):
    with pytest.raises(DirectcallUnexpectedEvent):
        verdict_in(event, ("callerid",))


def test_pauses_between_failed_polls_grow(world):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    event = fire(tagged(world, poll_interval=100, max_consecutive_failures=5))
    assert event["status"] == "error"
    before_the_first, *between_polls = [pause for pause in world.pauses if pause > 60]
    assert 90 <= before_the_first <= 110
    assert len(between_polls) == 4
    assert between_polls[0] < between_polls[1] <= 330
    assert max(between_polls) <= 330, "five minutes, give or take a tenth, are the longest pause"


def test_the_clock_of_triggers_is_the_real_one():
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_vendor_can_ask_for_a_longer_pause():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    pace = PollPace(interval=10)
    pace.failed(DirectcallUnavailable("busy", retry_after=1000))
    assert 900 <= pace.pause(now) <= 1100
    pace.succeeded()
    assert 9 <= pace.pause(now) <= 11


@each_trigger
def test_a_missing_connection_is_an_error_of_the_wait(world, kind):
    event = fire(example(kind, directcall_conn_id="nowhere"))
    assert event["status"] == "error"
    assert "nowhere" in event["error"]


@each_trigger
def test_an_error_nobody_thought_of_is_cleaned(world, monkeypatch, kind):
    async def broken(self, hook):
        raise RuntimeError(f"GET http://host/?access_token=secret-token&destino={PERSON}")

    monkeypatch.setattr(kind, "poll", broken)
    event = fire(example(kind))
    assert event["status"] == "error"
    assert "RuntimeError" in event["error"]
    assert "secret-token" not in event["error"]
    assert PERSON not in event["error"]


@pytest.mark.parametrize("interval", [0, -1, float("nan")])
def test_a_hot_loop_is_refused(world, interval):
    event = fire(tagged(world, poll_interval=interval))
    assert event["status"] == "error"
    assert "poll_interval" in event["error"]


def test_a_budget_of_no_failures_is_refused(world):
    assert "max_consecutive_failures" in fire(tagged(world, max_consecutive_failures=0))["error"]


def test_the_deadline_ends_the_wait_after_a_last_look(world):
    begin = world.now()
    event = fire(tagged(world, deadline=(begin + timedelta(seconds=50)).isoformat(), poll_interval=20))
    assert event == {"status": "timeout", "since": event["since"]}
    assert abs(world.now() - begin - timedelta(seconds=50)) < timedelta(milliseconds=1)
    assert world.sandbox.state()["requests"]["extrato/list"] == len(world.pauses)


def test_polls_of_many_triggers_do_not_stay_in_step(world):
    place(world, tags={"contact": "7"})
    world.sandbox.configure(statement_delay=600)
    fire(tagged(world, poll_interval=20))
    assert len(set(world.pauses)) > 5
    assert all(18 <= pause <= 22 for pause in world.pauses)


def test_the_connection_and_the_token_are_fetched_once_a_wait(world, monkeypatch):
    looked_up = []
    client = DirectcallAsyncHook.client

    async def counted(self):
        if self._client is None:
            looked_up.append(self.directcall_conn_id)
        return await client(self)

    monkeypatch.setattr(DirectcallAsyncHook, "client", counted)
    world.sandbox.configure(statement_delay=600)
    place(world, tags={"contact": "7"})
    fire(tagged(world))
    assert looked_up == ["directcall_default"]
    assert world.sandbox.state()["requests"]["request_token"] == 2


@pytest.mark.parametrize("way_out", ["event", "error", "cancelled"])
def test_connections_are_closed_on_every_way_out(world, monkeypatch, way_out):
    closed = []
    close = DirectcallAsyncHook.close

    async def counted(self):
        await close(self)
        closed.append(self)

    monkeypatch.setattr(DirectcallAsyncHook, "close", counted)
    trigger = tagged(world, min_calls=0 if way_out == "event" else 1)
    if way_out == "error":
        world.sandbox.inject(Fault(kind="unavailable", endpoint="extrato/list"))
    if way_out != "cancelled":
        fire(trigger)
    else:

        async def cancel_while_waiting():
            pauses = []

            async def pause_for_ever_after_the_first_time(seconds):
                pauses.append(seconds)
                if len(pauses) > 1:
                    await asyncio.Event().wait()

            monkeypatch.setattr(PollingTrigger, "_sleep", staticmethod(pause_for_ever_after_the_first_time))
            task = asyncio.ensure_future(anext(trigger.run()))
            while not world.sandbox.state()["requests"].get("extrato/list"):  # noqa: ASYNC110 - another thread's state
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancel_while_waiting())
    assert len(closed) == 1


# Tagged calls


def test_the_event_says_how_many_calls_there_are_and_up_to_when(world):
    for _ in range(2):
        place(world, tags={"contact": "7"})
    world.sandbox.advance(120)
    trigger = tagged(world, until=world.now().isoformat())
    assert fire(trigger) == {"status": "found", "calls": 2, "until": trigger.until, "since": trigger.since}


def test_fewer_calls_than_wanted_are_not_enough(world):
    place(world, tags={"contact": "7"})
    deadline = (world.now() + timedelta(minutes=5)).isoformat()
    assert fire(tagged(world, min_calls=2, deadline=deadline))["status"] == "timeout"


# Calls


def test_a_call_is_done_when_it_stands_in_the_statement(world):
    world.sandbox.configure(statement_delay=300)
    begin, callerid = world.now(), place(world).callerid
    event = fire(completed(world, callerid=callerid))
    assert event["status"] == "done"
    assert event["callerid"] == callerid
    assert world.now() - begin > timedelta(seconds=300)


def test_a_call_elsewhere_in_time_is_found_whatever_zone_the_account_writes(world):
    callerid = place(world).callerid
    world.sandbox.advance(120)
    since = (world.now() - timedelta(hours=14)).isoformat()
    assert fire(completed(world, callerid=callerid, since=since))["status"] == "done"


def test_a_scheduled_call_is_followed_until_it_has_an_id_and_an_end(world):
    schedule_id = place(world, schedule_at=world.now() + timedelta(hours=1)).schedule_id
    event = fire(completed(world, schedule_id=schedule_id))
    (made,) = world.sandbox.state()["calls"]
    assert event["status"] == "done"
    assert event["callerid"] == made["callerid"]


def test_nothing_is_asked_between_the_first_poll_and_the_time_of_the_schedule(world):
    at = world.now() + timedelta(hours=20)
    callerid = send(world, send_at=at)
    assert fire(MessageDeliveredTrigger(callerid=callerid, due_at=at.isoformat()))["status"] == "done"
    assert world.sandbox.state()["requests"]["sms/status"] <= 4


def kill(trigger):
    asyncio.run(trigger.on_kill())


def test_a_kill_hangs_the_call_up(world):
    callerid = place(world, LONG_CALL).callerid
    world.sandbox.advance(10)
    kill(completed(world, callerid=callerid, origin=ORIGIN, destination=LONG_CALL))
    assert world.sandbox.state()["calls"][0]["hung_up_at"] is not None


@pytest.mark.parametrize("destination", [PERSON, UNHANGABLE])
def test_a_kill_of_a_call_that_is_over_or_cannot_be_hung_up_is_quiet(world, destination, capfd):
    callerid = place(world, destination).callerid
    world.sandbox.advance(100)
    kill(completed(world, callerid=callerid, destination=destination))
    logs = "".join(capfd.readouterr())
    assert "was not hung up" in logs
    assert destination not in logs


def test_a_kill_without_network_is_quiet_too(world, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    kill(completed(world, callerid="00000000-0000-4000-8000-000000000000"))
    kill(MessageDeliveredTrigger(callerid="10000000000001"))


def test_a_kill_cannot_cancel_a_scheduled_call_and_says_so(world, capfd):
    schedule_id = place(world, schedule_at=world.now() + timedelta(hours=1)).schedule_id
    kill(completed(world, schedule_id=schedule_id))
    assert "no way to cancel a scheduled call" in "".join(capfd.readouterr())
    assert "voz/end" not in world.sandbox.state()["requests"]


# Messages


def send(world, **arguments):
    with DirectcallHook() as hook:
        return hook.send_sms(PERSON, "bom dia", **arguments).callerid


def test_a_message_is_done_when_its_state_is_final(world):
    callerid = send(world)
    assert fire(MessageDeliveredTrigger(callerid=callerid)) == {
        "status": "done",
        "callerid": callerid,
        "state": "delivered",
    }


def test_a_time_out_tells_the_last_state(world):
    callerid = send(world, short_number=False)
    deadline = (world.now() + timedelta(minutes=2)).isoformat()
    event = fire(MessageDeliveredTrigger(callerid=callerid, deadline=deadline))
    assert (event["status"], event["state"]) == ("timeout", "sent")


def test_an_unknown_message_ends_the_wait_at_once(world):
    event = fire(MessageDeliveredTrigger(callerid="10000000000001"))
    assert event["status"] == "error"
    assert "010" in event["error"] or "009" in event["error"]


def test_a_kill_cancels_a_scheduled_message_and_lets_others_be(world, capfd):
    kill(MessageDeliveredTrigger(callerid=send(world, send_at=world.now() + timedelta(hours=1))))
    kill(MessageDeliveredTrigger(callerid=send(world)))
    first, second = (message["phase"] for message in world.sandbox.state()["messages"])
    assert (first, second != "cancelled") == ("cancelled", True)
    logs = "".join(capfd.readouterr())
    assert "was cancelled" in logs
    assert "was not cancelled" in logs


def test_triggers_can_share_a_base_with_airflows_event_triggers():
    class Shared(TaggedCallTrigger, BaseEventTrigger):
        def shared_stream_key(self):
            return (self.directcall_conn_id, self.since)

    shared = Shared(since=SINCE)
    assert shared.shared_stream_key() == ("directcall_default", SINCE)
    assert shared.serialize()[1] == TaggedCallTrigger(since=SINCE).serialize()[1]


# Statements that do not filter as we assume


def row(**fields):
    return StatementRow.from_fields({"callerid": "another", "status": "atendida", **fields}, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("shown", "accepted"),
    [
        ({"contact": "7", "campaign": "a"}, True),
        ({"contact": " 7", "campaign": "a "}, True),
        ({"contact": "7", "campaign": "b"}, False),
        ({"contact": "7"}, True),
        ({}, True),
    ],
)
def test_tags_are_compared_again_where_the_statement_shows_them(shown, accepted):
    search = StatementSearch(since=datetime(2026, 3, 4, tzinfo=UTC), tags={"contact": "7", "campaign": "a"})
    assert search.accepts(row(campos=shown)) is accepted


def test_another_call_in_the_statement_is_not_taken_for_ours(world, monkeypatch):
    listed = []

    async def everything(self, *window, callerid):
        yield row()
        if len(listed) == 2:
            yield row(callerid=callerid)
        listed.append(callerid)

    monkeypatch.setattr(DirectcallAsyncHook, "list_statement", everything)
    assert fire(completed(world, callerid="ours"))["status"] == "done"
    assert listed == ["ours", "ours"], "the third look found it"
