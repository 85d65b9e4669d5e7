"""One call or message as its recipient's telephone shows it, and its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from airflow_provider_directcall.sandbox.inbox.entries import row_of
from airflow_provider_directcall.sandbox.lifecycle import (
    CallPhase,
    call_phase,
    call_times,
    message_phase,
    message_times,
    voice_attempts,
)
from airflow_provider_directcall.sandbox.people import SHORT_NUMBER
from airflow_provider_directcall.sandbox.records import CallRecord, MessageRecord
from airflow_provider_directcall.sandbox.sms_parts import charged_parts, is_gsm, text_parts
from airflow_provider_directcall.sandbox.tariff import call_price, format_price, message_price

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.inbox.index import Entry, Index
    from airflow_provider_directcall.sandbox.state import JsonObject

Moments: TypeAlias = dict[str, float | None]
CONVERSATION: Final = 50
"""Entries of a conversation that are shown, the newest."""


def show(account: Account, index: Index, entry_id: str) -> JsonObject | None:
    """Return an entry with its details, and the conversation with its number; None for one that is gone."""
    entries = index.entries()
    entry = next((entry for entry in reversed(entries) if entry.entry_id == entry_id), None)
    if entry is None:
        return None
    same = [other for other in entries if other.party == entry.party][-CONVERSATION:]
    # An older one than those is shown before them, since it was asked for.
    shown = same if entry in same else [entry, *same]
    return {
        **row_of(account, entry),
        **_details(account, entry),
        "conversation": [{**row_of(account, other), "parts": _parts(account, other)} for other in shown],
    }


def _parts(account: Account, entry: Entry) -> list[str]:
    """Return the texts of the bubbles: one a part as Directcall cuts, or one for all, as telephones join them."""
    record = entry.record
    if isinstance(record, CallRecord):
        return []
    if isinstance(record, MessageRecord) and record.kind == "texto" and account.settings.sms_counting == "characters":
        return text_parts(record.text, record.origin, "characters")
    return [record.text]


def _details(account: Account, entry: Entry) -> JsonObject:
    record = entry.record
    if isinstance(record, CallRecord):
        return _of_call(account, record)
    if isinstance(record, MessageRecord):
        return _of_message(account, record)
    return {"times": {"received": record.received_at}, "reply_to": record.destination}


def _of_call(account: Account, call: CallRecord) -> JsonObject:
    times = call_times(call)
    price = call_price(call.destination, times.talk_seconds, recorded=call.recorded)
    received = call.direction == "recebida"
    phase = call_phase(call, account.lifecycle_time(call.starts_at))
    moments = {
        "placed": call.placed_at,
        "starts": _later(call.starts_at, call.placed_at),
        "ringing": times.ringing_at,
        "answered": times.answered_at,
        "ended": times.ended_at,
    }
    return {
        "callerid": call.callerid,
        "word": phase.value if phase != CallPhase.ENDED else times.outcome,
        "talk_seconds": times.talk_seconds,
        "recorded": call.recorded,
        "price": None if received else format_price(price),
        "times": _passed(account, call.starts_at, moments),
        "reply_to": None,
    }


def _of_message(account: Account, message: MessageRecord) -> JsonObject:
    zone, counting = account.config.zone, account.settings.sms_counting
    phase = message_phase(message, account.lifecycle_time(message.starts_at), zone)
    attempts = len(voice_attempts(message, zone)) if message.kind == "voz" else None
    return {
        "callerid": message.callerid,
        "word": phase.value,
        "audio": message.audio,
        "attempts": attempts,
        "price": format_price(message_price(message, phase, counting)),
        "counting": counting,
        "alphabet": "gsm" if is_gsm(message.text) else "ucs2",
        "characters": len(message.text),
        "charged_parts": charged_parts(message.text, message.origin, counting),
        "network_parts": charged_parts(message.text, message.origin, "network"),
        "times": _passed(account, message.starts_at, _moments(account, message)),
        "reply_to": None if message.kind == "voz" else SHORT_NUMBER if message.short_number else message.origin,
    }


def _moments(account: Account, message: MessageRecord) -> Moments:
    accepted: Moments = {"accepted": message.accepted_at}
    if message.cancelled_at is not None:
        return {**accepted, "cancelled": message.cancelled_at}
    times = message_times(message, account.config.zone)
    return {
        **accepted,
        "starts": _later(message.starts_at, message.accepted_at),
        "sent": times.sent_at,
        times.final.name.lower(): times.ended_at,
    }


def _later(moment: float, than: float) -> float | None:
    return moment if moment > than else None


def _passed(account: Account, starts_at: float, moments: Moments) -> JsonObject:
    """Return the moments that have come, on the account's clock."""
    now, pace = account.lifecycle_time(starts_at), account.settings.pace
    return {
        name: moment if moment <= starts_at else starts_at + (moment - starts_at) / pace
        for name, moment in moments.items()
        if moment is not None and moment <= now
    }
