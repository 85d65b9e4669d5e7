"""Tasks that send messages, and the messages in the sandbox."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator, DirectcallSendVoiceMessageOperator

from .world import PERSON

OTHER = "5511990000002"
MP3 = b"ID3\x04" + b"\0" * 100

both_operators = pytest.mark.parametrize(
    "operator", [DirectcallSendSMSOperator, DirectcallSendVoiceMessageOperator], ids=["sms", "voice"]
)


def message(operator=DirectcallSendSMSOperator, destination=PERSON, **arguments):
    arguments = {"text": "bom dia", **arguments}
    return operator(task_id="task", destination=destination, **arguments)


def voice(destination=PERSON, **arguments):
    return DirectcallSendVoiceMessageOperator(task_id="task", destination=destination, **arguments)


def sent(world):
    return world.sandbox.state()["messages"]
