"""All triggers: their serialization and the loop."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallUnavailable, DirectcallUnexpectedEvent
from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook
from airflow_provider_directcall.runtime.polling import PollPace
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.triggers.delivery import DeliveryTrigger
from airflow_provider_directcall.triggers.events import verdict_in

from ..airflow_world.trigger_examples import (
    COMMON,
    EXAMPLES,
    KEY,
    each_reconciliation,
    each_trigger,
    each_wait,
    example,
    kind_of,
    place,
    tagged,
)
from ..airflow_world.world import ORIGIN, PERSON, fire, stored

# Serialization


@each_trigger
def test_serialization_keeps_every_argument(name):
    trigger = example(name, **COMMON)
    path, kwargs = trigger.serialize()
    assert path == f"{kind_of(name).__module__}.{kind_of(name).__name__}"
    defaults = {"settle_seconds": 0.0, "longest_seconds": 0.0} if kind_of(name) is DeliveryTrigger else {}
    assert kwargs == {**defaults, **EXAMPLES[name], **COMMON}
    assert stored(trigger).serialize() == (path, json.loads(json.dumps(kwargs)))


@each_trigger
def test_serialization_keeps_defaults(name):
    trigger = example(name)
    assert stored(trigger).serialize() == trigger.serialize()


@each_trigger
def test_repr_has_ids_and_nothing_personal(name):
    shown = repr(example(name, **COMMON))
    assert kind_of(name).__name__ in shown
    assert "state=" not in shown, "none is known yet"
    assert not [text for text in (PERSON, ORIGIN, "tag-value") if text in shown]


# The loop


@each_wait
def test_a_wrong_secret_ends_the_wait_at_once(world, connect, name):
    connect(password="wrong")
    event = fire(example(name))
    assert event["status"] == "error"
    assert "client id or secret" in event["error"]
    assert "wrong" not in event["error"]


@each_wait
def test_a_dead_network_ends_the_wait_after_some_tries(world, connect, dead_port, name):
    connect(host=f"http://127.0.0.1:{dead_port}")
    event = fire(example(name, max_consecutive_failures=3, poll_interval=10))
    assert event["status"] == "error"
    assert "3 polls in a row failed" in event["error"]
    assert "access_token" not in event["error"]
    assert "?" not in event["error"]


@each_reconciliation
def test_a_reconciliation_without_answers_ends_unknown(world, connect, dead_port, name):
    connect(host=f"http://127.0.0.1:{dead_port}")
    event = fire(example(name, settle_seconds=60))
    assert (event["status"], event["verdict"], event["airflow_key"]) == ("settled", "unknown", KEY)
    assert PERSON not in str(event)


@each_reconciliation
def test_a_reconciliation_with_a_wrong_secret_is_left_to_a_retry(world, connect, name):
    connect(password="wrong")
    event = fire(example(name))
    assert (event["status"], event["verdict"], event["may_pass"]) == ("settled", "unknown", 1)
    assert "not accepted" in event["reason"]
    assert "wrong" not in event["reason"]


@pytest.mark.parametrize(
    "event", [None, {"status": "done"}, {"status": "settled"}, {"status": "settled", "verdict": "perhaps"}]
)
def test_event_without_a_verdict_is_rejected(event):
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


def test_the_vendor_can_ask_for_a_longer_pause():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    pace = PollPace(interval=10)
    pace.failed(DirectcallUnavailable("busy", retry_after=1000))
    assert 900 <= pace.pause(now) <= 1100
    pace.succeeded()
    assert 9 <= pace.pause(now) <= 11


@each_wait
def test_a_missing_connection_is_an_error_of_the_wait(world, name):
    event = fire(example(name, directcall_conn_id="nowhere"))
    assert event["status"] == "error"
    assert "nowhere" in event["error"]


@each_wait
def test_unexpected_error_is_redacted(world, monkeypatch, name):
    async def broken(self, shared):
        raise RuntimeError(f"GET http://host/?access_token=secret-token&destino={PERSON}")

    monkeypatch.setattr(kind_of(name), "wait", broken)
    event = fire(example(name))
    assert event["status"] == "error"
    assert "RuntimeError" in event["error"]
    assert "secret-token" not in event["error"]
    assert PERSON not in event["error"]


@pytest.mark.parametrize("interval", [0, -1, float("nan")])
def test_poll_interval_of_zero_is_rejected(world, interval):
    event = fire(tagged(world, poll_interval=interval))
    assert event["status"] == "error"
    assert "poll_interval" in event["error"]


def test_max_consecutive_failures_of_zero_is_rejected(world):
    assert "max_consecutive_failures" in fire(tagged(world, max_consecutive_failures=0))["error"]


def test_deadline_ends_the_wait_after_a_last_look(world):
    begin = world.now()
    event = fire(tagged(world, deadline=(begin + timedelta(seconds=50)).isoformat(), poll_interval=20))
    assert event == {"status": "timeout", "since": event["since"], "other_tags": 0, "no_tags": 0, "unmet": 0}
    assert abs(world.now() - begin - timedelta(seconds=50)) < timedelta(milliseconds=1)
    assert world.sandbox.state()["requests"]["extrato/list"] == len(world.pauses)


def test_first_poll_leaves_airflow_time_to_see_the_deferral(world):
    """Airflow fails a deferred task that is resumed before its scheduler has seen the deferral."""
    fire(tagged(world, poll_interval=1, min_calls=0))
    assert [pause >= 5 for pause in world.pauses] == [True]


def test_poll_interval_is_jittered(world):
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

            async def hang_after_the_first_pause(seconds):
                pauses.append(seconds)
                if len(pauses) > 1:
                    await asyncio.Event().wait()
                world.sandbox.advance(seconds)

            monkeypatch.setattr(current_clock(), "sleep_async", hang_after_the_first_pause)
            task = asyncio.ensure_future(anext(trigger.run()))
            while not world.sandbox.state()["requests"].get("extrato/list"):  # noqa: ASYNC110 - another thread's state
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancel_while_waiting())
    assert len(closed) == 1
