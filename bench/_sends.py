"""The sends of the once-only benchmarks, with an operator and with the bare hook."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.messages import (
    DirectcallSendSMSOperator,
    DirectcallSendVoiceMessageOperator,
)

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.hooks.directcall import DirectcallHook

ORIGIN, PERSON, TEXT = "551130000001", "5511990000001", "Bom dia"
CONNECTION = "AIRFLOW_CONN_DIRECTCALL_DEFAULT"


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of send, with an operator and with the bare hook."""

    name: str
    operator: Callable[[str], BaseOperator]
    bare: Callable[[DirectcallHook], object]


SUBJECTS = (
    Subject(
        "SMS",
        lambda task_id: DirectcallSendSMSOperator(task_id=task_id, origin=ORIGIN, destination=PERSON, text=TEXT),
        lambda hook: hook.send_sms(PERSON, TEXT, origin=ORIGIN),
    ),
    Subject(
        "voice message",
        lambda task_id: DirectcallSendVoiceMessageOperator(
            task_id=task_id, origin=ORIGIN, destination=PERSON, text=TEXT
        ),
        lambda hook: hook.send_voice_message(PERSON, text=TEXT, origin=ORIGIN),
    ),
    Subject(
        "call",
        lambda task_id: DirectcallPlaceCallOperator(task_id=task_id, origin=ORIGIN, destination=PERSON),
        lambda hook: hook.place_call(ORIGIN, PERSON),
    ),
)


def send_bare(subject: Subject) -> None:
    """Send with a new hook, as a task does."""
    from airflow_provider_directcall.hooks.directcall import DirectcallHook

    with DirectcallHook() as hook:
        subject.bare(hook)


def connection_json(settings: Settings) -> str:
    """Return the connection to the sandbox as the value of :data:`CONNECTION`."""
    fields = {"login": settings.client_id, "password": settings.client_secret, "host": settings.base_url}
    return json.dumps({"conn_type": "directcall", **fields})
