"""The rows of the inbox's list: the state of calls and messages in words of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.lifecycle import CallPhase, call_phase, call_times, message_phase
from airflow_provider_directcall.sandbox.records import CallRecord, MessageRecord

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.inbox.index import Entry, Index, Record
    from airflow_provider_directcall.sandbox.state import JsonObject

MOST_ROWS: Final = 200
_SHOWN_TEXT: Final = 160
_LIVE: Final = {
    CallPhase.SCHEDULED: "scheduled",
    CallPhase.QUEUED: "queued",
    CallPhase.RINGING: "ringing",
    CallPhase.ANSWERED: "talking",
}
_OUTCOMES: Final = {
    "atendida": "answered",
    "nao atendida": "no_answer",
    "ocupado": "busy",
    "caixa postal": "voicemail",
    "falha": "failed",
    "cancelada": "cancelled",
}


def state_of(account: Account, record: Record) -> str:
    """Return the state of a record, as the page names it."""
    if isinstance(record, MessageRecord):
        phase = message_phase(record, account.lifecycle_time(record.starts_at), account.config.zone)
        return phase.name.lower()
    if not isinstance(record, CallRecord):
        return "received"
    state = _LIVE.get(call_phase(record, account.lifecycle_time(record.starts_at)))
    if state is not None:
        return state
    outcome = call_times(record).outcome
    return "missed" if record.direction == "recebida" and outcome == "nao atendida" else _OUTCOMES[outcome]


def row_of(account: Account, entry: Entry) -> JsonObject:
    """Return the row of an entry."""
    record = entry.record
    return {
        "id": entry.entry_id,
        "kind": entry.kind,
        "state": state_of(account, record),
        "at": entry.at,
        "party": entry.party,
        "origin": record.origin,
        "destination": record.destination,
        "text": "" if isinstance(record, CallRecord) else record.text[:_SHOWN_TEXT],
        "tags": getattr(record, "tags", {}),
    }


def list_rows(
    account: Account, index: Index, *, words: str, kind: str, state: str, offset: int, limit: int
) -> JsonObject:
    """Return the number of entries that match, and a page of their rows, newest first."""
    found = index.find(words, kind)
    if state:
        found = [entry for entry in found if state_of(account, entry.record) == state]
    offset, limit = max(0, offset), max(1, min(limit, MOST_ROWS))
    rows = [row_of(account, entry) for entry in found[offset : offset + limit]]
    return {"matching": len(found), "offset": offset, "rows": rows}
