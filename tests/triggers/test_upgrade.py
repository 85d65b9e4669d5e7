"""Tasks that 0.1.0 left deferred, and records that it wrote, survive the upgrade.

``stored_by_0_1_0.json`` was written by the code of that version.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from airflow_provider_directcall.delivery.keys import TaskIdentity, delivery_key, target_mark
from airflow_provider_directcall.delivery.record import Record
from airflow_provider_directcall.runtime.delivery_log import STORE_KEY
from airflow_provider_directcall.triggers.delivery import DeliveryTrigger
from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

from ..airflow_world.kinds import KINDS, each_kind
from ..airflow_world.trigger_examples import kill, place, send
from ..airflow_world.world import LONG_CALL, ORIGIN, PERSON, fire

STORED = json.loads(Path(__file__).with_name("stored_by_0_1_0.json").read_text())
CALL, SMS, _ = KINDS
ENDED_CALL, SCHEDULED_CALL, ENDED_MESSAGE, LOST_CALL, LOST_MESSAGE, TAGGED = STORED["triggers"]
KEY = LOST_CALL[1]["key"]


def restored(path_and_arguments, **changes):
    """The trigger as a triggerer makes it after the upgrade."""
    path, arguments = path_and_arguments
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)(**{**arguments, **changes})


@pytest.mark.parametrize("stored", STORED["triggers"], ids=lambda stored: stored[0].rpartition(".")[2])
def test_a_stored_trigger_becomes_one_of_today(stored):
    trigger = restored(stored)
    kind = TaggedCallTrigger if stored is TAGGED else DeliveryTrigger
    path, arguments = trigger.serialize()
    assert path == f"{kind.__module__}.{kind.__name__}"
    assert kind(**arguments).serialize() == (path, arguments)
    for name in ("directcall_conn_id", "poll_interval", "deadline", "max_consecutive_failures"):
        assert arguments[name] == stored[1][name]
    assert PERSON not in repr(trigger)


def test_a_call_is_waited_for_and_hung_up_as_before(world):
    callerid = place(world, LONG_CALL).callerid
    since = world.now().isoformat()
    trigger = restored(ENDED_CALL, callerid=callerid, since=since, destination=LONG_CALL, deadline=None)
    kill(trigger)
    assert world.sandbox.state()["calls"][0]["hung_up_at"] is not None
    event = fire(trigger)
    assert (event["status"], event["callerid"]) == ("done", callerid)


def test_a_scheduled_call_is_followed_as_before(world, connect):
    connect(extra={"default_origin": ORIGIN})
    at = world.now().replace(microsecond=0)
    schedule_id = place(world, schedule_at=at.replace(year=at.year + 1)).schedule_id
    trigger = restored(
        SCHEDULED_CALL, schedule_id=schedule_id, since=at.isoformat(), due_at=at.replace(year=at.year + 1).isoformat()
    )
    event = fire(trigger)
    assert (event["status"], event["callerid"]) == ("done", world.sandbox.state()["calls"][0]["callerid"])


def test_a_message_is_waited_for_as_before(world):
    event = fire(restored(ENDED_MESSAGE, callerid=send(world)))
    assert (event["status"], event["state"]) == ("done", "delivered")


@pytest.mark.parametrize(("stored", "effect"), [(LOST_CALL, place), (LOST_MESSAGE, send)], ids=["call", "message"])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_request_is_reconciled_as_before(world, stored, effect, arrived):
    since = world.now().isoformat()
    if arrived:
        effect(world, tags={"airflow_key": KEY})
    event = fire(restored(stored, since=since, scheduled_for=None))
    assert (event["status"], event["verdict"]) == ("settled", "found" if arrived else "absent")


def test_keys_and_fingerprints_are_those_of_before():
    assert delivery_key(TaskIdentity("dag", "run", "task", 1), 0) == KEY
    assert target_mark(KEY, ["client", ORIGIN, PERSON]) == STORED["records"]["sending"]["target"]


@pytest.mark.parametrize("phase", STORED["records"])
def test_a_record_is_read_and_written_as_before(phase):
    stored = STORED["records"][phase]
    assert Record.from_json(stored).as_json() == stored


@each_kind
@pytest.mark.parametrize("event", STORED["events"], ids=["found", "unknown"])
def test_a_task_deferred_by_0_1_0_goes_on_with_the_event_of_0_1_0(run, world, kind, event):
    made = place(world) if kind.is_call else None
    callerid = made.callerid if made is not None else send(world)
    record = {**STORED["records"]["sending"], "since": world.now().isoformat()}
    record.pop("target")
    run.store.kept[STORE_KEY] = json.dumps(record)
    run.ti.max_tries = 0
    given = {**event, "callerid": callerid} if event["verdict"] == "found" else event
    task = kind.task(on_unknown_outcome="hold")
    result = run.resume(task, "execute_settled", {"event": given, "record": record, "doubt": "no answer"})
    if event["verdict"] == "found":
        assert (result["callerid"], result["state"]) == (callerid, "sent")
    else:
        assert (result["callerid"], result["state"]) == (None, "unknown")
    assert len(kind.sent(world)) == 1


def test_a_task_that_0_1_0_left_waiting_returns_its_result(run, world):
    callerid = place(world).callerid
    world.sandbox.advance(120)
    record = {**STORED["records"]["sent"], "since": world.now().isoformat(), "ids": {"callerid": callerid}}
    record.pop("target")
    run.store.kept[STORE_KEY] = json.dumps(record)
    event = {"status": "done", "callerid": callerid}
    given = {"event": event, "record": record, "found": False, "cleared": False}
    result = run.resume(CALL.task(waits=True), "execute_complete", given)
    assert (result["callerid"], result["outcome"]) == (callerid, "answered")
