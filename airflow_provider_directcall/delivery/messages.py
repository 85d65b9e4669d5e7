"""The errand of an SMS or a voice message (``/sms/send``)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown, DirectcallRefused
from airflow_provider_directcall.api.lookups import ask, rows
from airflow_provider_directcall.api.methods import cancel_message, list_messages, message_status
from airflow_provider_directcall.api.replies import MessageState
from airflow_provider_directcall.delivery.errand import Accepted, End, Pending
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.looking import StatementLookup
from airflow_provider_directcall.delivery.matching import CLOCKS_APART, LookupKey, Match, match_message
from airflow_provider_directcall.statement.calls import CallIdentity
from airflow_provider_directcall.statement.likeness import ends_alike, may_be_same, same_number
from airflow_provider_directcall.statement.search import window_of
from airflow_provider_directcall.telephony.masking import mask_number

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import Acknowledgement, MessageRow, Recipient, SentMessage
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.delivery.record import RecipientNote, Record

log = logging.getLogger(__name__)

#: "Identifier does not exist or was cancelled before".
_UNKNOWN_ID = "010"
#: One state for several rows of one recipient: an attempt that arrived, then one that is still on its way, decides.
_BEST_FIRST = (
    MessageState.DELIVERED,
    MessageState.UNKNOWN,
    MessageState.SCHEDULED,
    MessageState.SENT,
    MessageState.FAILED,
    MessageState.CANCELLED,
)
#: One state for several recipients: a message that is still on its way, then one that did not arrive, decides.
_WORST_FIRST = (
    MessageState.UNKNOWN,
    MessageState.SCHEDULED,
    MessageState.SENT,
    MessageState.FAILED,
    MessageState.CANCELLED,
    MessageState.DELIVERED,
)
_DOUBTFUL = (
    "%d of %d recipients were neither surely accepted nor surely refused: the message may have reached them. "
    "Look at the statement of messages before sending it to them again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageErrand:
    """One message to one or several recipients.

    :param kind: ``SMS`` or ``voice message``.
    :param destinations: digits of the recipients (``destino``).
    :param due_at: aware; when a scheduled message leaves.
    :param build: builds the request with a key among its tags; None in an errand that is only looked up and stopped.
    """

    due_argument: ClassVar[str] = "send_at"
    where_to_look: ClassVar[str] = (
        "Directcall's statement of messages (if the account has none, ask the recipients whether they got it)"
    )
    outcomes: ClassVar[Collection[str]] = tuple(state.value for state in MessageState if state.is_terminal)

    kind: str
    destinations: Sequence[str] = field(repr=False)
    due_at: datetime | None = None
    build: Callable[[str], Request[SentMessage]] | None = field(default=None, repr=False, compare=False)

    @property
    def target(self) -> Sequence[str]:
        """Digits of the recipients, in an order of their own."""
        return sorted(self.destinations)

    @property
    def description(self) -> str:
        """Such as "SMS to 5511*****0001"."""
        first, *others = self.destinations
        return (
            f"{self.kind} to {len(self.destinations)} recipients" if others else f"{self.kind} to {mask_number(first)}"
        )

    def request(self, key: str) -> Request[SentMessage]:
        """Build the request with the key among its tags."""
        if self.build is None:
            raise ValueError("this message was restored to be looked up; it cannot be sent")
        return self.build(key)

    def accepted(self, reply: SentMessage) -> Accepted:
        """Read the id of the request, and the vendor's word on each recipient.

        :raises DirectcallRefused: every recipient was refused for good.
        :raises DirectcallOutcomeUnknown: none was surely accepted, and one not surely refused; or all are others than
            ours, so that it is the answer to another request.
        """
        named = [recipient.number for recipient in reply.recipients]
        if named and not any(may_be_same(number, ours) for number in named for ours in self.destinations):
            raise DirectcallOutcomeUnknown("the answer names other recipients, so it is another request's")
        refused = [recipient for recipient in reply.recipients if recipient.accepted is False]
        doubtful = [recipient for recipient in reply.recipients if recipient.accepted is None]
        # The vendor's text beside a code may echo the message's.
        if doubtful and not any(recipient.accepted for recipient in reply.recipients):
            code = doubtful[0].refusal_code
            raise DirectcallOutcomeUnknown(f"no recipient was surely accepted, the first with code {code}", code=code)
        if refused and len(refused) == len(reply.recipients):
            code = refused[0].refusal_code
            raise DirectcallRefused(
                f"all {len(refused)} recipients were refused, the first with code {code}", code=code
            )
        if refused:
            log.warning("%d of %d recipients were refused; see the result.", len(refused), len(reply.recipients))
        if doubtful:
            log.warning(_DOUBTFUL, len(doubtful), len(reply.recipients))
        return Accepted({"callerid": reply.callerid}, _notes(reply.recipients, self.destinations))

    def find(self, record: Record, now: datetime) -> Lookup[Match]:
        """Look for the rows with the key."""
        return (yield from self._lookup(record).find(now))

    def control(self, record: Record, now: datetime) -> Lookup[Match]:
        """Look for the message among all rows."""
        return (yield from self._lookup(record).control(now))

    def end(self, record: Record, now: datetime) -> Lookup[End | Pending]:
        """Ask for the message's state; without an id, read it from its rows in the statement."""
        state = (yield from self._state_by_id(record)) if "callerid" in record.ids else None
        if state is None:
            of_key = replace(record, ids={}) if record.seen else record
            state = self._joint_state((yield from self.recipient_rows(of_key, now)))
        if not state.is_terminal:
            return Pending(state=state.value)
        return End(state.value, repeatable=len(self.destinations) == 1 and state is not MessageState.DELIVERED)

    def _state_by_id(self, record: Record) -> Lookup[MessageState | None]:
        """Ask for the state; None for an id that the statement shows and ``/sms/status`` does not know."""
        try:
            status = yield from ask(message_status(record.ids["callerid"]))
        except DirectcallRefused as refused:
            if refused.code != _UNKNOWN_ID or not record.seen:
                raise
            return None
        return status.state

    def recipient_rows(self, record: Record, now: datetime) -> Lookup[list[MessageRow]]:
        """Read the rows of an accepted message in the statement, one or several a recipient."""
        window, callerid = window_of(record.since, now), record.ids.get("callerid")
        tags = {KEY_TAG: record.key} if callerid is None else None
        listed = yield from rows(list_messages(*window, callerid=callerid, tags=tags))
        identity = CallIdentity(callerid, record.key, not_before=record.since - CLOCKS_APART)
        return [row for row in listed if identity.matches(row) and self._recipient_of(row) is not None]

    def _joint_state(self, rows: Sequence[MessageRow]) -> MessageState:
        """Return the state of the message, from its rows in whatever order; unknown while a recipient has none."""
        states: dict[str | None, list[MessageState]] = {number: [] for number in self.destinations}
        for row in rows:
            states[self._recipient_of(row)].append(row.state)
        if not states or not all(states.values()):
            return MessageState.UNKNOWN
        each = {recipient_state(of_one) for of_one in states.values()}
        return min(each, key=_WORST_FIRST.index)

    def _recipient_of(self, row: MessageRow) -> str | None:
        return next((number for number in self.destinations if same_number(row.destination, number)), None)

    def stop(self, ids: Mapping[str, str]) -> Request[Acknowledgement] | None:
        """Cancel a message that is still scheduled (``/sms/remove``)."""
        return cancel_message(ids["callerid"]) if "callerid" in ids else None

    def as_json(self) -> dict[str, object]:
        """Return the recipients and the schedule."""
        due_at = self.due_at.isoformat() if self.due_at is not None else None
        return {"kind": self.kind, "destinations": list(self.destinations), "due_at": due_at}

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """Restore an errand that can be looked up and stopped."""
        destinations, due_at = fields["destinations"], fields["due_at"]
        return cls(
            kind=str(fields["kind"]),
            destinations=[str(number) for number in destinations] if isinstance(destinations, list) else [],
            due_at=datetime.fromisoformat(str(due_at)) if due_at is not None else None,
        )

    def _lookup(self, record: Record) -> StatementLookup[MessageRow]:
        return StatementLookup(list_messages, match_message, self._lookup_key(record))

    def _lookup_key(self, record: Record) -> LookupKey:
        return LookupKey(record.key, self.destinations, record.since)


def recipient_state(states: Iterable[MessageState]) -> MessageState:
    """Return the one state of a recipient with several rows; at least one is needed."""
    return min(states, key=_BEST_FIRST.index)


def _notes(recipients: Sequence[Recipient], digits: Sequence[str]) -> tuple[RecipientNote, ...]:
    """Keep the vendor's word on each recipient without its number: by its place among the task's recipients."""
    places = _places([recipient.number for recipient in recipients], digits)
    return tuple(
        (place, recipient.message_id, recipient.refusal_code)
        for place, recipient in zip(places, recipients, strict=True)
    )


def _places(answered: Sequence[str], digits: Sequence[str]) -> list[int | None]:
    """Return each answered number's place among those asked for: by all digits, the last ones, or its position."""
    places: list[int | None] = [None] * len(answered)
    free = dict(enumerate(digits))
    for fits in (_is_same, ends_alike):
        for index, number in enumerate(answered):
            found = [place for place, asked in free.items() if fits(number, asked)]
            if places[index] is None and len(found) == 1:
                places[index] = found[0]
                del free[found[0]]
    if len(answered) == len(digits):
        for index, number in enumerate(answered):
            if places[index] is None and not number and index in free:
                places[index] = index
                del free[index]
    return places


def _is_same(one: str, other: str) -> bool:
    return one == other
