"""The trigger that waits for a message."""

from __future__ import annotations

from datetime import timedelta

from airflow.triggers.base import BaseEventTrigger

from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

from ..airflow_world.trigger_examples import KEY, SINCE, delivered, kill, send
from ..airflow_world.world import fire


def test_a_message_is_done_when_its_state_is_final(world):
    callerid = send(world)
    assert fire(delivered(world, callerid)) == {
        "status": "done",
        "airflow_key": KEY,
        "callerid": callerid,
        "state": "delivered",
    }


def test_a_timeout_reports_the_last_state(world):
    callerid = send(world, short_number=False)
    deadline = (world.now() + timedelta(minutes=2)).isoformat()
    event = fire(delivered(world, callerid, deadline=deadline))
    assert (event["status"], event["state"]) == ("timeout", "sent")


def test_an_unknown_message_ends_the_wait_at_once(world):
    event = fire(delivered(world, "10000000000001"))
    assert event["status"] == "error"
    assert "010" in event["error"] or "009" in event["error"]


def test_kill_cancels_scheduled_messages_only(world, capfd):
    kill(delivered(world, send(world, send_at=world.now() + timedelta(hours=1))))
    kill(delivered(world, send(world)))
    first, second = (message["phase"] for message in world.sandbox.state()["messages"])
    assert (first, second != "cancelled") == ("cancelled", True)
    logs = "".join(capfd.readouterr())
    assert "was stopped by cancel_message" in logs
    assert "was not stopped" in logs


def test_triggers_can_share_a_base_with_airflows_event_triggers():
    class Shared(TaggedCallTrigger, BaseEventTrigger):
        def shared_stream_key(self):
            return (self.directcall_conn_id, self.since)

    shared = Shared(since=SINCE)
    assert shared.shared_stream_key() == ("directcall_default", SINCE)
    assert shared.serialize()[1] == TaggedCallTrigger(since=SINCE).serialize()[1]
