"""One function per API method: it validates typed arguments and returns a request or a listing. No I/O."""

from __future__ import annotations

from airflow_provider_directcall.api.methods.account import create_cipher, lookup_carrier, request_token
from airflow_provider_directcall.api.methods.callbacks import (
    add_call_callback,
    add_message_callback,
    add_received_callback,
    list_call_callbacks,
    list_message_callbacks,
    remove_call_callback,
    remove_message_callback,
)
from airflow_provider_directcall.api.methods.calls import (
    call_status,
    end_call,
    place_call,
    scheduled_call_status,
)
from airflow_provider_directcall.api.methods.messages import (
    LotRecipient,
    cancel_message,
    message_status,
    received_messages,
    send_lot,
    send_sms,
    send_voice_message,
    upload_audio,
)
from airflow_provider_directcall.api.methods.numbers import (
    add_sound,
    list_numbers,
    list_rules,
    remove_rule,
    save_rule,
)
from airflow_provider_directcall.api.methods.statement import (
    CallFilter,
    MessageKind,
    list_messages,
    list_recordings,
    list_statement,
)

__all__ = [
    "CallFilter",
    "LotRecipient",
    "MessageKind",
    "add_call_callback",
    "add_message_callback",
    "add_received_callback",
    "add_sound",
    "call_status",
    "cancel_message",
    "create_cipher",
    "end_call",
    "list_call_callbacks",
    "list_message_callbacks",
    "list_messages",
    "list_numbers",
    "list_recordings",
    "list_rules",
    "list_statement",
    "lookup_carrier",
    "message_status",
    "place_call",
    "received_messages",
    "remove_call_callback",
    "remove_message_callback",
    "remove_rule",
    "request_token",
    "save_rule",
    "scheduled_call_status",
    "send_lot",
    "send_sms",
    "send_voice_message",
    "upload_audio",
]
