"""Operations on a sandbox from outside the API: its clock, faults, incoming calls and messages, made-up rows.

Each operation is one method here; ``control`` serves them over HTTP.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox import rules
from airflow_provider_directcall.sandbox.inbox.entries import list_rows
from airflow_provider_directcall.sandbox.inbox.index import Index
from airflow_provider_directcall.sandbox.inbox.setup import read_setup
from airflow_provider_directcall.sandbox.inbox.telephone import show
from airflow_provider_directcall.sandbox.incoming_calls import Answer, IncomingCall, answer
from airflow_provider_directcall.sandbox.records import CallRecord, ReceivedMessageRecord
from airflow_provider_directcall.sandbox.seeded_rows import SeededRows
from airflow_provider_directcall.sandbox.state import read_state
from airflow_provider_directcall.sandbox.wire_dates import local

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.faults import Fault
    from airflow_provider_directcall.sandbox.state import SandboxState

MACHINE_SECONDS: Final = 12
"""How long voicemail or a last sound keeps the caller."""


class SandboxOperations:
    """Operations on one account, usable from any thread.

    A naive datetime is local time of the sandbox's zone; an ISO text is accepted in place of a datetime.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._index = Index(account)

    def state(self) -> SandboxState:
        """Return everything that happened so far."""
        with self._account.lock:
            return read_state(self._account)

    def inbox(
        self,
        words: str = "",
        *,
        kind: str = "",
        state: str = "",
        offset: int | str = 0,
        limit: int | str = 50,
        entry: str = "",
    ) -> dict[str, object]:
        """Return a page of the calls and messages that match, newest first.

        :param words: all of them must be in a number, a tag (``name=value``) or the text.
        :param kind: ``sms``, ``voice``, ``call``, ``received_sms`` or ``received_call``; empty: all.
        :param state: a state as the rows show it; empty: all.
        :param entry: the id of a row to show in full, with the conversation with its number.
        """
        account = self._account
        with account.lock:
            found = list_rows(
                account, self._index, words=words, kind=kind, state=state, offset=int(offset), limit=int(limit)
            )
            return {
                "now": account.now(),
                "zone": account.config.timezone,
                "speed": account.clock.speed,
                "all": len(self._index.entries()),
                **found,
                "entry": show(account, self._index, entry) if entry else None,
            }

    def setup(self, language: str = "en") -> dict[str, object]:
        """Return quirks and faults with their descriptions, the numbers with their rules, and the counts."""
        with self._account.lock:
            return read_setup(self._account, language)

    def reset(self) -> None:
        """Return to the initial state: no calls, no messages, the default rules, the first settings, no token."""
        with self._account.lock:
            self._account.reset()

    def configure(self, **settings: object) -> None:
        """Change settings of ``SandboxConfig`` until the next reset."""
        with self._account.lock:
            self._account.change_settings(**settings)

    def inject(self, *faults: Fault) -> None:
        """Inject faults, after those already in force."""
        with self._account.lock:
            self._account.faults.add(*faults)

    def clear_faults(self, kind: str | None = None) -> None:
        """Remove all faults, or those of a kind."""
        with self._account.lock:
            self._account.faults.clear(kind)

    def expire_tokens(self) -> None:
        """Expire every token issued so far."""
        with self._account.lock:
            self._account.tokens.expire_all()

    def now(self) -> float:
        """Return the sandbox's time in seconds since the epoch."""
        with self._account.lock:
            return self._account.now()

    def advance(self, seconds: float) -> None:
        """Move the clock forwards."""
        self.move_clock(advance=seconds)

    def set_time(self, moment: datetime) -> None:
        """Set the clock."""
        self.move_clock(to=moment)

    def set_speed(self, speed: float) -> None:
        """Set the simulated seconds per real second; 0 stops the clock. ``pace`` becomes 1."""
        self.move_clock(speed=speed)

    def move_clock(
        self, *, to: datetime | str | None = None, advance: float | None = None, speed: float | None = None
    ) -> None:
        """Set the clock, then move it forwards, then change its speed; each if given.

        A speed asks for simulated time, so calls and messages follow the clock from then on (``pace`` 1).
        """
        account = self._account
        with account.lock:
            if to is not None:
                account.clock.set(self._timestamp(to))
            if advance is not None:
                account.clock.advance(advance)
            if speed is not None:
                account.clock.set_speed(speed)
                account.change_settings(pace=1.0)
            account.store_clock()

    def receive_call(
        self,
        did: str,
        source: str,
        *,
        at: datetime | str | None = None,
        unanswered: Collection[str] = (),
        keep: bool = True,
    ) -> dict[str, object]:
        """Simulate a call to a number and return the rule that answers.

        :param at: decides which rules apply and the call's time in the statement; default: now.
        :param unanswered: phones that do not answer.
        :param keep: False keeps the call out of the statement.
        :raises ApiError: 010, the number is not the account's.
        """
        account = self._account
        with account.lock:
            moment = account.now() if at is None else self._timestamp(at)
            call = IncomingCall(source, local(moment, account.config.zone), unanswered)
            result = answer(rules.rules_of(account, rules.known_number(account, did)), call)
            record = _incoming_record(did, source, moment, result)
            if keep:
                account.store.calls[record.callerid] = record
                account.store.effects.add("calls_received")
        return {"callerid": record.callerid, "answered": bool(record.talk_seconds), **asdict(result)}

    def receive_message(self, origin: str, destination: str, text: str) -> str:
        """Simulate an SMS to the account, now, and return its id."""
        with self._account.lock:
            message = ReceivedMessageRecord(
                received_id=uuid.uuid4().hex,
                origin=origin,
                destination=destination,
                text=text,
                received_at=self._account.now(),
            )
            self._account.store.received[message.received_id] = message
        return message.received_id

    def seed(
        self,
        count: int,
        *,
        first_at: datetime | str | None = None,
        step_seconds: float = 1.0,
        origin: str = "551130000001",
        tags: Mapping[str, str] | None = None,
        kind: str = "calls",
    ) -> SeededRows:
        """Add ``count`` made-up rows to a statement; by default the last of them is one step ago.

        They are rows only: no effects are counted, and ``state()`` lists them neither as calls nor as messages.

        :param tags: ``{n}`` in a value is replaced by the row's number.
        :param kind: ``calls``, or ``messages`` for delivered SMS.
        """
        account = self._account
        with account.lock:
            start = account.now() - count * step_seconds if first_at is None else self._timestamp(first_at)
            block = SeededRows(
                block=len(account.store.seeded) + 1,
                count=count,
                first_at=float(int(start)),
                step_seconds=step_seconds,
                origin=origin,
                tags=dict(tags or {}),
                kind=kind,
            )
            account.store.seeded[str(block.block)] = block
        return block

    def write_rule(self, **fields: str | int) -> None:
        """Write a rule outside the API, as in the vendor's panel.

        :param fields: the form fields of ``/did/save`` and any other field of a rule, or ``did`` and ``remove`` (a
            ``dpId``).
        :raises ApiError: the write is not valid.
        """
        with self._account.lock:
            rules.write_outside_api(self._account, {name: str(value) for name, value in fields.items()})

    def _timestamp(self, when: datetime | str) -> float:
        moment = when if isinstance(when, datetime) else datetime.fromisoformat(str(when))
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._account.config.zone)).timestamp()


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
