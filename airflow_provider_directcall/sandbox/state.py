"""The state that ``GET /_sandbox/state`` shows, under English names."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, TypedDict

from airflow_provider_directcall.sandbox.endpoints.numbers import rule_row
from airflow_provider_directcall.sandbox.lifecycle import call_phase, call_times, message_phase, message_times
from airflow_provider_directcall.sandbox.rules import rules_of

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.records import CallRecord, MessageRecord

JsonObject = dict[str, object]


class SandboxState(TypedDict):
    """The state of a sandbox. Moments are local ``Y-m-d H:i:s`` texts; ``..._at`` are seconds since the epoch."""

    now: str
    clock: JsonObject
    settings: JsonObject
    calls: list[JsonObject]
    messages: list[JsonObject]
    received_messages: list[JsonObject]
    rules: dict[str, list[JsonObject]]
    audios: list[JsonObject]
    sounds: list[JsonObject]
    callbacks: list[JsonObject]
    seeded_rows: int
    requests: Counter[str]
    effects: Counter[str]
    faults: list[JsonObject]


def read_state(account: Account) -> SandboxState:
    """Return the present state."""
    store, now = account.store, account.now()
    return SandboxState(
        now=account.format_moment(now),
        clock={"now": now, "speed": account.clock.speed, "pace": account.settings.pace},
        settings={
            "statement_delay": account.settings.statement_delay,
            "statement_jitter": account.settings.statement_jitter,
            "statement_shuffle": account.settings.statement_shuffle,
            "scheduled_in_statement": account.settings.scheduled_in_statement,
            "page_size": account.settings.page_size,
            "quirks": sorted(account.settings.quirks),
        },
        calls=[_call(account, call) for call in store.calls.values()],
        messages=[_message(account, message) for message in store.messages.values()],
        received_messages=[asdict(message) for message in store.received.values()],
        rules={did: [{**rule_row(rule)} for rule in rules_of(account, did)] for did in store.numbers},
        audios=[asdict(audio) for audio in store.audios.values()],
        sounds=[asdict(sound) for sound in store.sounds.values()],
        callbacks=[asdict(callback) for callback in store.callbacks.values()],
        seeded_rows=sum(block.count for block in store.seeded.values()),
        requests=Counter(store.requests),
        effects=Counter(store.effects),
        faults=account.faults.report(),
    )


def _call(account: Account, call: CallRecord) -> JsonObject:
    times = call_times(call)
    return {
        **asdict(call),
        "placed": account.format_moment(call.placed_at),
        "starts": account.format_moment(call.starts_at),
        "phase": call_phase(call, account.lifecycle_time(call.starts_at)).name.lower(),
        "outcome": times.outcome,
        "talk_seconds": times.talk_seconds,
        "ended_at": times.ended_at,
    }


def _message(account: Account, message: MessageRecord) -> JsonObject:
    times = message_times(message, account.config.zone)
    now = account.lifecycle_time(message.starts_at)
    return {
        **asdict(message),
        "accepted": account.format_moment(message.accepted_at),
        "starts": account.format_moment(message.starts_at),
        "phase": message_phase(message, now, account.config.zone).name.lower(),
        "sent_at": times.sent_at,
        "ended_at": times.ended_at,
    }
