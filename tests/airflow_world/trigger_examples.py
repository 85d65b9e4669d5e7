"""What the tests of triggers share: one of each, with all of its arguments."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.triggers.calls import CallCompletedTrigger
from airflow_provider_directcall.triggers.messages import MessageDeliveredTrigger
from airflow_provider_directcall.triggers.settling import CallSettlingTrigger, MessageSettlingTrigger
from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

from .world import ORIGIN, PERSON

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


def kill(trigger):
    asyncio.run(trigger.on_kill())


def send(world, **arguments):
    with DirectcallHook() as hook:
        return hook.send_sms(PERSON, "bom dia", **arguments).callerid
