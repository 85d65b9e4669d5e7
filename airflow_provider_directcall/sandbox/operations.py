"""What a test or a person does to a sandbox from outside the API: its time, calls and messages that come in, seeds."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.dispatch import write_as_somebody_else
from airflow_provider_directcall.sandbox.incoming_calls import Answer, IncomingCall, answer
from airflow_provider_directcall.sandbox.records import CallRecord, ReceivedMessageRecord
from airflow_provider_directcall.sandbox.rules import known_number, rules_of
from airflow_provider_directcall.sandbox.seeded_rows import SeededRows
from airflow_provider_directcall.sandbox.wire_dates import local

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow_provider_directcall.sandbox.account import Account

MACHINE_SECONDS: Final = 12
"""How long voicemail or a last sound keeps the caller."""


def move_clock(
    account: Account, *, advance: float | None = None, to: datetime | None = None, speed: float | None = None
) -> None:
    """Put the clock to a moment, move it on, change its speed; in this order, each when it is given.

    Who sets a speed wants simulated time: calls and messages follow the clock from then on, at no pace of their own.
    """
    if to is not None:
        account.clock.set(moment_of(account, to))
    if advance is not None:
        account.clock.advance(advance)
    if speed is not None:
        account.clock.run_at(speed)
        account.change_settings(pace=1.0)
    account.keep_clock()


def moment_of(account: Account, when: datetime) -> float:
    """Seconds since the epoch; a naive datetime is taken as local time of the sandbox's zone."""
    return (when if when.tzinfo else when.replace(tzinfo=account.config.zone)).timestamp()


def receive_call(
    account: Account,
    did: str,
    source: str,
    *,
    at: datetime | None = None,
    unanswered: Collection[str] = (),
    keep: bool = True,
) -> dict[str, object]:
    """Let somebody call a number, and tell which rule answers; the call reaches the statement unless ``keep`` is False.

    ``at`` (default: now) decides which rules hold and when the call stands in the statement. ``unanswered`` are phones
    that nobody picks up. Raises ``ApiError`` 010 for a number that is not the account's.
    """
    moment = account.now() if at is None else moment_of(account, at)
    call = IncomingCall(source, local(moment, account.config.zone), unanswered)
    result = answer(rules_of(account, known_number(account, did)), call)
    record = _incoming_record(did, source, moment, result)
    if keep:
        account.store.calls[record.callerid] = record
        account.store.effects.add("calls_received")
    return {"callerid": record.callerid, "answered": bool(record.talk_seconds), **asdict(result)}


def _incoming_record(did: str, source: str, moment: float, result: Answer) -> CallRecord:
    talk = MACHINE_SECONDS if result.action in {"voicemail", "sound"} else result.talk_seconds
    return CallRecord(
        callerid=str(uuid.uuid4()),
        origin=source,
        destination=f"55{did}",
        placed_at=moment,
        starts_at=moment,
        outcome="atendida" if talk else "nao atendida",
        ring_seconds=result.waited,
        talk_seconds=talk,
        direction="recebida",
        recorded=result.recorded,
    )


def receive_message(account: Account, origin: str, destination: str, text: str) -> ReceivedMessageRecord:
    """Let somebody send an SMS to the account, now."""
    message = ReceivedMessageRecord(
        received_id=uuid.uuid4().hex,
        origin=origin,
        destination=destination,
        text=text,
        received_at=account.now(),
    )
    account.store.received[message.received_id] = message
    return message


def seed_statement(
    account: Account,
    count: int,
    *,
    first_at: datetime | None = None,
    step_seconds: float = 1.0,
    origin: str = "551130000001",
    tags: Mapping[str, str] | None = None,
) -> SeededRows:
    """Add ``count`` made-up placed calls to the statement; by default the last of them is one step ago.

    ``{n}`` in a tag's value stands for the row's number.
    """
    start = account.now() - count * step_seconds if first_at is None else moment_of(account, first_at)
    block = SeededRows(
        block=len(account.store.seeded) + 1,
        count=count,
        first_at=float(int(start)),
        step_seconds=step_seconds,
        origin=origin,
        tags=dict(tags or {}),
    )
    account.store.seeded[str(block.block)] = block
    return block


def write_rule(account: Account, write: Mapping[str, str]) -> None:
    """Write a rule as somebody else: the fields of ``/did/save``, or ``did`` and ``remove`` (a ``dpId``)."""
    write_as_somebody_else(account, write)
