"""The errand of a call (``/voz/call``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final, Self

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallRefused
from airflow_provider_directcall.api.lookups import ask
from airflow_provider_directcall.api.methods import call_status, end_call, list_statement, scheduled_call_status
from airflow_provider_directcall.api.replies import CallOutcome
from airflow_provider_directcall.delivery.errand import Accepted, End, Pending
from airflow_provider_directcall.delivery.looking import StatementLookup
from airflow_provider_directcall.delivery.matching import (
    CLOCKS_APART,
    LookupKey,
    Match,
    MatchKind,
    match_call,
    match_progress,
)
from airflow_provider_directcall.statement.calls import CallIdentity, find_call
from airflow_provider_directcall.statement.search import window_of
from airflow_provider_directcall.telephony.masking import mask_number

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import Acknowledgement, PlacedCall, StatementRow
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.delivery.record import Record

#: The vendor's code for "no call is active between the two" (documented).
_NOT_ACTIVE: Final = "003"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallErrand:
    """One call between two parties.

    :param origin: who asks for the call (``origem``); None for the connection's default origin.
    :param destination: digits of who is called (``destino``).
    :param due_at: aware; when a scheduled call is dialled.
    :param build: builds the request with a key among its tags; None in an errand that is only looked up and stopped.
    """

    kind: ClassVar[str] = "call"
    due_argument: ClassVar[str] = "schedule_at"
    where_to_look: ClassVar[str] = "Directcall's statement of calls (extrato)"
    outcomes: ClassVar[Collection[str]] = tuple(outcome.value for outcome in CallOutcome)

    origin: str | None = field(default=None, repr=False)
    destination: str = field(repr=False)
    due_at: datetime | None = None
    build: Callable[[str], Request[PlacedCall]] | None = field(default=None, repr=False, compare=False)

    @property
    def target(self) -> Sequence[str]:
        """Origin as given, and digits of the destination."""
        return [self.origin or "", self.destination]

    @property
    def description(self) -> str:
        """Such as "call to 5511*****0001"."""
        return f"call to {mask_number(self.destination)}"

    def request(self, key: str) -> Request[PlacedCall]:
        """Build the request with the key among its tags."""
        if self.build is None:
            raise ValueError("this call was restored to be looked up; it cannot be placed")
        return self.build(key)

    def accepted(self, reply: PlacedCall) -> Accepted:
        """Read the id of the call, or of its schedule."""
        ids = {"callerid": reply.callerid, "schedule_id": reply.schedule_id}
        return Accepted({name: value for name, value in ids.items() if value is not None})

    def find(self, record: Record, now: datetime) -> Lookup[Match]:
        """Look for the row with the key; without one, or without a statement, ask whether a call is in progress."""
        try:
            match = yield from self._lookup(record).find(now)
        except DirectcallError as error:
            match = Match(MatchKind.NONE, error=error)
        if match.shows_key:
            return match
        try:
            is_in_progress = yield from self.is_in_progress()
        except DirectcallError as error:
            return replace(match, error=match.error or error, is_line_unknown=True)
        return Match(MatchKind.IN_PROGRESS) if is_in_progress else match

    def is_in_progress(self) -> Lookup[bool]:
        """Ask whether a call between the parties is in progress.

        Only 003 means that there is none: other refusals may, or may mean the contrary (004, "not ended").
        """
        try:
            legs = yield from ask(call_status(self.origin, self.destination))
        except DirectcallRefused as refused:
            if refused.code != _NOT_ACTIVE:
                raise
            return False
        return match_progress(legs).kind is MatchKind.IN_PROGRESS

    def control(self, record: Record, now: datetime) -> Lookup[Match]:
        """Look for the call among all rows."""
        return (yield from self._lookup(record).control(now))

    def end(self, record: Record, now: datetime) -> Lookup[End | Pending]:
        """Look for the call in the statement; before that, ask whether a scheduled call was dialled."""
        ids = dict(record.ids)
        if "schedule_id" in ids and "callerid" not in ids:
            scheduled = yield from ask(scheduled_call_status(self.origin, ids["schedule_id"]))
            if scheduled.refusal is not None:
                return End(outcome=None, refusal=scheduled.refusal)
            if scheduled.placed is None or scheduled.placed.callerid is None:
                return Pending()
            ids["callerid"] = scheduled.placed.callerid
        identity = CallIdentity(ids.get("callerid"), record.key, not_before=record.since - CLOCKS_APART)
        window = window_of(record.since, now)
        call = yield from find_call(identity, window, destination=self.destination, origin=self.origin)
        return Pending(ids) if call is None else End(call.outcome, call=call)

    def _lookup(self, record: Record) -> StatementLookup[StatementRow]:
        return StatementLookup(list_statement, match_call, self._lookup_key(record))

    def _lookup_key(self, record: Record) -> LookupKey:
        return LookupKey(record.key, [self.destination], record.since, self.origin)

    def stop(self, ids: Mapping[str, str]) -> Request[Acknowledgement] | None:
        """Hang up the call in progress between the two parties (``/voz/end``).

        A call that is only scheduled cannot be cancelled: another call between the two would be hung up.
        """
        is_only_scheduled = "callerid" not in ids and self.due_at is not None
        return None if is_only_scheduled else end_call(self.origin, self.destination)

    def as_json(self) -> dict[str, object]:
        """Return the parties and the schedule."""
        due_at = self.due_at.isoformat() if self.due_at is not None else None
        return {"kind": self.kind, "origin": self.origin, "destination": self.destination, "due_at": due_at}

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """Restore an errand that can be looked up and stopped."""
        origin, due_at = fields["origin"], fields["due_at"]
        return cls(
            origin=str(origin) if origin is not None else None,
            destination=str(fields["destination"]),
            due_at=datetime.fromisoformat(str(due_at)) if due_at is not None else None,
        )
