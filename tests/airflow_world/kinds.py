"""Calls, SMS and voice messages, for tests that hold for all three."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest
from airflow.sdk import BaseOperator

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.messages import (
    DirectcallSendSMSOperator,
    DirectcallSendVoiceMessageOperator,
)

from .world import BUSY, GATEWAY_ERROR, NO_ANSWER, PERSON, UNDELIVERED, World


@dataclass(frozen=True)
class Kind:
    """One operator, its endpoints and its numbers.

    :ivar path: the endpoint that has the effect.
    :ivar statement: the endpoint that reconciles a request.
    :ivar end_at: the endpoint that reports its end.
    :ivar unreachable: a number at which it ends as ``bad_end``.
    :ivar waits: the argument that makes the task wait.
    :ivar schedule: the argument that schedules it.
    """

    name: str
    operator: type[BaseOperator]
    path: str
    statement: str
    end_at: str
    unreachable: str
    bad_end: str
    waits: str
    schedule: str

    refused_for_now = GATEWAY_ERROR

    @property
    def good_end(self) -> str:
        return "answered" if self.is_call else "delivered"

    @property
    def is_call(self) -> bool:
        return self.path == "voz/call"

    def task(self, destination: object = PERSON, *, waits: bool = False, **arguments: object) -> BaseOperator:
        text = {} if self.is_call else {"text": "bom dia"}
        return self.operator(task_id="task", destination=destination, **text, **{self.waits: waits}, **arguments)

    def at(self, moment: datetime | None) -> dict[str, object]:
        """Return the arguments that schedule it."""
        return {} if moment is None else {self.schedule: moment}

    def sent(self, world: World) -> list[str]:
        """Return the ids of the effects at Directcall, in order; a message has one for all its recipients."""
        made = world.sandbox.state()["calls" if self.is_call else "messages"]
        return list(dict.fromkeys(str(effect["callerid"]) for effect in made))

    def outcome(self, result: dict[str, object]) -> object:
        """Return the outcome of one that has ended."""
        return result["outcome" if self.is_call else "state"]

    def keys(self, world: World) -> list[str]:
        """Return the keys of the effects at Directcall, in order."""
        made = world.sandbox.state()["calls" if self.is_call else "messages"]
        return list(dict.fromkeys(effect["tags"]["airflow_key"] for effect in made))

    def comparable(self, result: dict[str, object]) -> dict[str, object]:
        """Return a result without the fields that differ between two calls or messages."""
        same = {name: result.get(name) for name in ("state", "outcome", "duration_seconds", "schedule_id")}
        recipients = result.get("recipients") or []
        return {**same, "recipients": [{**recipient, "message_id": None} for recipient in recipients]}


_MESSAGES = {
    "path": "sms/send",
    "statement": "extrato/list-sms",
    "end_at": "sms/status",
    "bad_end": "failed",
    "waits": "wait_for_delivery",
    "schedule": "send_at",
}
CALL = Kind(
    name="call",
    operator=DirectcallPlaceCallOperator,
    path="voz/call",
    statement="extrato/list",
    end_at="extrato/list",
    unreachable=BUSY,
    bad_end="busy",
    waits="wait_for_completion",
    schedule="schedule_at",
)
SMS = Kind(name="sms", operator=DirectcallSendSMSOperator, unreachable=UNDELIVERED, **_MESSAGES)
VOICE = Kind(name="voice", operator=DirectcallSendVoiceMessageOperator, unreachable=NO_ANSWER, **_MESSAGES)
KINDS = (CALL, SMS, VOICE)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
each_message = pytest.mark.parametrize("kind", [SMS, VOICE], ids=lambda kind: kind.name)
both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])
with_and_without_a_store = pytest.mark.parametrize("remembers", [True, False], ids=["store", "no store"])
