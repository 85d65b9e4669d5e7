"""Alerts: one message to the operator on call, then to the next number where it was not answered.

Free of Airflow and of I/O: :class:`Alerter` yields effects, so that a callback, an event loop and a test can drive it.
Each message goes out through the :class:`~.deliverer.Deliverer`, with its record in the alert's slot, and each request
leaves under a claim that this process has won (:mod:`.alert_slots`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallNotSent
from airflow_provider_directcall.api.lookups import bounded, relay
from airflow_provider_directcall.delivery.alert_slots import (
    AlertSlot,
    AlertSubject,
    Delay,
    Known,
    OutOfTimeError,
    Post,
    ReadSlot,
    WriteSlot,
    claim,
    swap,
)
from airflow_provider_directcall.delivery.decisions import (
    Attempt,
    DeliveryDecisions,
    NotSent,
    OnUnknownOutcome,
    Outcome,
    Reconciling,
    Sent,
    TryLater,
    Unknown,
)
from airflow_provider_directcall.delivery.deliverer import Deliverer, Pause, WriteRecord
from airflow_provider_directcall.delivery.errand import End
from airflow_provider_directcall.delivery.keys import delivery_key
from airflow_provider_directcall.delivery.record import Phase, Record

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.delivery.deliverer import Delivery
    from airflow_provider_directcall.delivery.messages import MessageErrand
    from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts

T = TypeVar("T")
Effect: TypeAlias = "ReadSlot | WriteSlot | Delay | Request[Any]"
Steps: TypeAlias = "Generator[ReadSlot | WriteSlot | Delay | Request[Any], Any, T]"

#: Ends of an alert.
SENT: Final = "sent"
ANSWERED: Final = "answered"
UNANSWERED: Final = "unanswered"

_DELIVERED: Final = "delivered"

log = logging.getLogger(__name__)


class OvertakenError(Exception):
    """Another process goes on with the alert."""


@dataclass(frozen=True, slots=True)
class Rung:
    """An alert that this process has sent; its slot has the record."""

    name: str
    slot: AlertSlot


@dataclass(frozen=True, slots=True)
class RungBefore:
    """The same event was alerted before, or is being alerted by another process."""

    name: str
    slot: AlertSlot


@dataclass(frozen=True, slots=True)
class HeldBack:
    """All slots are taken: as many alerts as allowed went out in the last hour."""


@dataclass(frozen=True, slots=True)
class NotRung:
    """No number was reached by a request; the reason names none.

    :ivar is_doubtful: a message may be out: its outcome is unknown.
    """

    slot: AlertSlot
    reason: str
    is_doubtful: bool


Ring = Rung | RungBefore | HeldBack | NotRung


@dataclass(frozen=True, slots=True)
class Chain:
    """The numbers of an alert, in the order in which they are alerted.

    :ivar errand: makes the message to the number at a place; raises ValueError where it cannot be sent.
    :ivar length: how many numbers there are.
    :ivar answer_within: how long a number has to answer; then the next one is alerted.
    :ivar waits: something follows the alert until it is answered. Otherwise all numbers are alerted at once.
    """

    errand: Callable[[AlertSlot], MessageErrand]
    length: int
    answer_within: timedelta
    waits: bool


class Alerter:
    """Sends the messages of alerts.

    :param chain: the numbers.
    :param deployment: which Airflow, where several share an account.
    :param timeouts: how long to reconcile.
    """

    def __init__(
        self, chain: Chain, *, settings: Settings, clock: Clock, timeouts: ReconcileTimeouts, deployment: str = ""
    ) -> None:
        self._chain = chain
        self._settings = settings
        self._clock = clock
        self._timeouts = timeouts
        self._deployment = deployment

    def ring(self, subject: AlertSubject, names: Sequence[str], lifetime: timedelta) -> Steps[Ring]:
        """Alert the first number, unless the event was alerted before or too many were.

        :param names: of the slots.
        """
        key = delivery_key(subject.identity(deployment=self._deployment), 0)
        taken = yield from claim(subject, key, names, lifetime=lifetime, clock=self._clock)
        if taken is None:
            return HeldBack()
        if isinstance(taken, Known):
            if taken.slot.is_being_sent(self._clock.now()) or taken.slot.end:
                return RungBefore(taken.name, taken.slot)
            taken = Post(taken.name, taken.slot)
        return (yield from self.ring_in(taken))

    def ring_in(self, post: Post) -> Steps[Ring]:
        """Alert the number whose turn it is, in a slot that this process has; go on where that surely failed."""
        try:
            return (yield from self._ring_in_turn(post))
        except OvertakenError:
            return RungBefore(post.name, post.slot)

    def follow(self, name: str, slot: AlertSlot) -> Steps[AlertSlot]:
        """Look once after an alert that has not ended: send a missing message, alert the next number if it is time.

        :raises DirectcallError: the state of the message cannot be read now.
        """
        if slot.end or slot.is_being_sent(self._clock.now()):
            return slot
        post = Post(name, slot)
        rung = yield from self.ring_in(post)
        record, now = post.slot.record, self._clock.now()
        if not isinstance(rung, Rung) or post.slot.end or post.slot.place != slot.place or record is None:
            return post.slot
        end = yield from bounded(self._chain.errand(post.slot).end(record, now), self._clock)
        if isinstance(end, End) and end.outcome == _DELIVERED:
            yield from self._end(post, ANSWERED)
        elif isinstance(end, End) or now - post.slot.rung_at >= self._chain.answer_within:
            with suppress(OvertakenError):
                if (yield from self._to_next_place(post, UNANSWERED)):
                    yield from self._ring_in_turn(post)
        return post.slot

    def _ring_in_turn(self, post: Post) -> Steps[Ring]:
        reached = False
        while True:
            outcome = yield from self._deliver(post)
            reached = reached or isinstance(outcome, Sent)
            if isinstance(outcome, Sent) and self._chain.waits:
                return Rung(post.name, post.slot)
            if isinstance(outcome, TryLater):
                return NotRung(post.slot, outcome.reason, is_doubtful=outcome.record.phase is Phase.SENDING)
            if not (yield from self._to_next_place(post, SENT if reached else UNANSWERED)):
                return Rung(post.name, post.slot) if reached else _not_rung(post.slot, outcome)

    def _deliver(self, post: Post) -> Steps[Outcome]:
        """Send the message of the present place, unless it was sent, and reconcile it where its outcome is unknown."""
        try:
            decisions = self._decisions(post.slot, 1 if post.fresh_until else 2)
            deliverer = self._deliverer(self._chain.errand(post.slot), post, decisions)
            outcome = yield from self._writing(post, deliverer.send())
            while isinstance(outcome, Reconciling):
                outcome = yield from self._writing(post, deliverer.reconcile(outcome))
        except ValueError as error:  # an argument that a template has rendered; nothing was sent
            record = post.slot.record or self._decisions(post.slot, 1).first_record()
            return NotSent(record, DirectcallNotSent(str(error)))
        return outcome

    def _writing(self, post: Post, delivery: Delivery[T]) -> Steps[T]:
        """Carry a delivery out with its record in the slot."""
        return (yield from relay(delivery, partial(self._perform, post), DirectcallError, OutOfTimeError))

    def _perform(self, post: Post, effect: Any) -> Steps[object]:  # noqa: ANN401 - an effect of the Deliverer
        match effect:
            case Pause():
                return (yield Delay(effect.seconds))
            case WriteRecord(before_request=True) if not post.take_fresh_claim(self._clock):
                if not (yield from swap(post, replace(post.slot, record=effect.record), self._clock)):
                    raise OvertakenError
                post.fresh_until = 0.0
                return None
            case WriteRecord():
                present = yield ReadSlot(post.name)
                if not effect.before_request and _is_ahead(present, post.slot, effect.record):
                    raise OvertakenError
                post.slot = replace(post.slot, record=effect.record)
                return (yield WriteSlot(post.name, post.slot))
        return (yield effect)

    def _to_next_place(self, post: Post, last_end: str) -> Steps[bool]:
        """Take the turn of the next number; write the end where there is none."""
        if post.slot.place + 1 >= self._chain.length:
            yield from self._end(post, last_end)
            return False
        wanted = replace(post.slot, place=post.slot.place + 1, record=None, rung_at=self._clock.now())
        if not (yield from swap(post, wanted, self._clock)):
            raise OvertakenError
        log.info("The alert %s goes to number %d of %d.", post.slot.key, wanted.place + 1, self._chain.length)
        return True

    def _end(self, post: Post, end: str) -> Steps[None]:
        post.slot = replace(post.slot, end=end)
        yield WriteSlot(post.name, post.slot)

    def _deliverer(self, errand: MessageErrand, post: Post, decisions: DeliveryDecisions) -> Deliverer:
        return Deliverer(
            errand,
            decisions,
            _SlotLog(post),
            self._clock,
            settings=self._settings,
            timeouts=self._timeouts,
            time_limit=OutOfTimeError,
            ends_when_sent=False,
        )

    def _decisions(self, slot: AlertSlot, attempt_number: int) -> DeliveryDecisions:
        """Return the decisions of an attempt: every one but the first looks before it sends."""
        identity = slot.subject.identity(slot.place, deployment=self._deployment)
        attempt = Attempt(number=attempt_number, max_tries=2, retries=2, remembers=True, run_since=slot.rung_at)
        return DeliveryDecisions(identity, attempt, OnUnknownOutcome.FAIL)


@dataclass(frozen=True, slots=True)
class _SlotLog:
    """The record of the present place, as this process has read or written it."""

    post: Post

    def read(self) -> Record | None:
        return self.post.slot.record


def _is_ahead(present: AlertSlot | None, own: AlertSlot, record: Record) -> bool:
    """Whether another process knows more of the same alert than the record to be written.

    A slot that shows another event, or no record, was written to by a process that came too late, and gave up.
    """
    if present is None or present.key != own.key or (present.record is None and present.place <= own.place):
        return False
    is_accepted = present.record is not None and present.record.is_accepted
    return present.claim != own.claim or (is_accepted and not record.is_accepted)


def _not_rung(slot: AlertSlot, outcome: Outcome) -> NotRung:
    match outcome:
        case NotSent():
            return NotRung(slot, str(outcome.error), is_doubtful=False)
        case Unknown():
            return NotRung(slot, outcome.reason, is_doubtful=True)
    return NotRung(slot, "the recipient or the account has changed since", is_doubtful=True)
