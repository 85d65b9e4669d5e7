"""The API's replies as frozen dataclasses with English names.

``raw`` keeps the vendor's own fields, unknown ones included; ``repr`` omits it, since it holds phone numbers.
"""

from __future__ import annotations

from airflow_provider_directcall.api.replies.account import Carrier, Cipher, Token
from airflow_provider_directcall.api.replies.actions import Acknowledgement, Callback
from airflow_provider_directcall.api.replies.calls import (
    CallLeg,
    CallOutcome,
    PlacedCall,
    ScheduledCall,
    call_outcome,
)
from airflow_provider_directcall.api.replies.messages import (
    MessageState,
    MessageStatus,
    ReceivedMessage,
    Recipient,
    SentMessage,
    StoredAudio,
    acceptance_of,
    message_state,
)
from airflow_provider_directcall.api.replies.numbers import Number, Rule, Sound
from airflow_provider_directcall.api.replies.statement import Balance, MessageRow, StatementRow

__all__ = [
    "Acknowledgement",
    "Balance",
    "CallLeg",
    "CallOutcome",
    "Callback",
    "Carrier",
    "Cipher",
    "MessageRow",
    "MessageState",
    "MessageStatus",
    "Number",
    "PlacedCall",
    "ReceivedMessage",
    "Recipient",
    "Rule",
    "ScheduledCall",
    "SentMessage",
    "Sound",
    "StatementRow",
    "StoredAudio",
    "Token",
    "acceptance_of",
    "call_outcome",
    "message_state",
]
