"""Uses of the hooks for mypy in test_types.py; never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import assert_type

from airflow_provider_directcall.api.replies import (
    Acknowledgement,
    Carrier,
    MessageStatus,
    Number,
    PlacedCall,
    Rule,
    SentMessage,
    StatementRow,
    StoredAudio,
)
from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook, DirectcallHook


def blocking(hook: DirectcallHook, now: datetime) -> None:
    assert_type(hook.place_call("a", "b", record=True, tags={"a": "b"}), PlacedCall)
    assert_type(hook.end_call(None, "b"), Acknowledgement)
    assert_type(hook.send_sms(["a", "b"], "text", origin="LOJA"), SentMessage)
    assert_type(hook.message_status("1"), MessageStatus)
    assert_type(hook.upload_audio(b""), StoredAudio)
    assert_type(hook.list_statement(now, now, origin="a"), Iterator[StatementRow])
    assert_type(hook.list_numbers(), tuple[Number, ...])
    assert_type(hook.list_rules("did"), tuple[Rule, ...])
    assert_type(hook.lookup_carrier("a"), Carrier)
    with hook as same:
        assert_type(same, DirectcallHook)


async def awaited(hook: DirectcallAsyncHook, now: datetime) -> None:
    assert_type(await hook.place_call("a", "b"), PlacedCall)
    assert_type(hook.list_statement(now, now), AsyncIterator[StatementRow])
    async with hook as same:
        assert_type(same, DirectcallAsyncHook)


def mistakes(hook: DirectcallHook) -> None:
    hook.place_call("a")  # type: ignore[call-arg]  # no destination
    hook.place_call("a", "b", recrod=True)  # type: ignore[call-arg]  # a typing error
    hook.place_call("a", "b", tags={"a": 1})  # type: ignore[dict-item]  # tags are texts
