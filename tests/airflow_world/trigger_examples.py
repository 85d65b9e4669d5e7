"""One trigger of each kind, with all of its arguments, and calls and messages to wait for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.triggers.delivery import DeliveryTrigger
from airflow_provider_directcall.triggers.message_delivery import MessageDeliveryTrigger
from airflow_provider_directcall.triggers.replies import ReplyTrigger
from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

from .world import ORIGIN, PERSON

SINCE = "2026-03-04T10:00:00+00:00"
DUE_AT = "2026-03-04T11:00:00+00:00"
KEY = "2b4kqtiimbdwv37m"
CALL = {"kind": "call", "origin": ORIGIN, "destination": PERSON, "due_at": DUE_AT}
MESSAGE = {"kind": "SMS", "destinations": [PERSON], "due_at": DUE_AT}


def record(phase, since=SINCE, **ids):
    """A delivery's record, as a deferral keeps it."""
    fields = {"phase": phase, "generation": 0, "key": KEY, "since": since, "max_tries": 0, "try_number": 1, "sends": 1}
    return {**fields, "ids": ids}


ENDS = {
    "end of a call": {
        "errand": CALL,
        "record": record("sent", callerid="00000000-0000-4000-8000-000000000000", schedule_id="12"),
        "stage": "end",
    },
    "end of a message": {"errand": MESSAGE, "record": record("sent", callerid="10000000000001"), "stage": "end"},
}
RECONCILING = {
    f"lost {name}": {
        "errand": errand,
        "record": record("sending"),
        "stage": "reconcile",
        "settle_seconds": 300.0,
        "longest_seconds": 3600.0,
    }
    for name, errand in (("call", CALL), ("message", MESSAGE))
}
STATEMENT = {
    "since": SINCE,
    "until": "2026-03-05T10:00:00+00:00",
    "tags": {"cpf": "tag-value"},
    "origin": ORIGIN,
    "destination": PERSON,
    "outcomes": ["busy"],
    "min_duration": 4.5,
    "calls": "todas",
    "min_calls": 3,
    "callerid": "00000000-0000-4000-8000-000000000000",
    "airflow_key": KEY,
    "recorded": True,
}
DELIVERY = {
    "since": SINCE,
    "messages": [{"callerid": "10000000000001", "key": KEY, "recipients": 3, "refused": 1}],
    "tags": {"cpf": "tag-value"},
    "recipients": 5,
    "min_share": 0.5,
}
REPLY = {
    "since": SINCE,
    "origin": PERSON,
    "message": None,
    "answers": {"yes": ["1", "sim"]},
    "pattern": None,
    "destination": "27000",
    "takes_other": True,
}
IN_FEEDS = {
    "tagged calls": (TaggedCallTrigger, STATEMENT),
    "messages": (MessageDeliveryTrigger, DELIVERY),
    "reply": (ReplyTrigger, REPLY),
}
EXAMPLES = {**ENDS, **{name: arguments for name, (_, arguments) in IN_FEEDS.items()}, **RECONCILING}
COMMON = {
    "directcall_conn_id": "other",
    "poll_interval": 7.5,
    "deadline": "2026-03-04T12:00:00+00:00",
    "max_consecutive_failures": 4,
}
each_trigger = pytest.mark.parametrize("name", EXAMPLES)
each_wait = pytest.mark.parametrize("name", [*ENDS, *IN_FEEDS])
each_reconciliation = pytest.mark.parametrize("name", RECONCILING)


def kind_of(name):
    return IN_FEEDS[name][0] if name in IN_FEEDS else DeliveryTrigger


def example(name, **changes):
    return kind_of(name)(**{**EXAMPLES[name], **changes})


def tagged(world, **arguments):
    since = (world.now() - timedelta(hours=1)).isoformat()
    return TaggedCallTrigger(**{"since": since, "tags": {"contact": "7"}, **arguments})


def place(world, destination=PERSON, **arguments):
    with DirectcallHook() as hook:
        return hook.place_call(ORIGIN, destination, **arguments)


def completed(world, *, destination=PERSON, since=None, **ids):
    """Waits for the end of a call."""
    errand = {"kind": "call", "origin": ORIGIN, "destination": destination, "due_at": None}
    if "callerid" not in ids:
        errand["due_at"] = (world.now() + timedelta(hours=1)).isoformat()
    kept = record("sent", since or world.now().isoformat(), **ids)
    return DeliveryTrigger(errand=errand, record=kept, stage="end", poll_interval=15.0)


def delivered(world, callerid, *, due_at=None, **polling):
    """Waits for the end of a message."""
    kept = record("sent", world.now().isoformat(), callerid=callerid)
    return DeliveryTrigger(errand={**MESSAGE, "due_at": due_at}, record=kept, stage="end", **polling)


def kill(trigger):
    asyncio.run(trigger.on_kill())


def send(world, **arguments):
    with DirectcallHook() as hook:
        return hook.send_sms(PERSON, "bom dia", **arguments).callerid
