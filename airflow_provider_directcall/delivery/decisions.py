"""The table of decisions behind "never twice, never silently lost".

============================  ================================================================================
left by an earlier try        this try
============================  ================================================================================
nothing, in the first try     sends
nothing, in a later try       reconciles under the keys of all earlier tries: the store was emptied, or their worker
                              was lost before it wrote. After a Clear, what was over by then is sent in a new generation
nothing, and no store         sends in the first try, and in the first one after a Clear; else reconciles
``sending``                   reconciles: looks for the key in the statement, over some time
``sent``                      goes on waiting for that id
``done``, retried             returns the result again: the worker was lost after the end
``done`` to be repeated       sends in a new generation: the outcome is in ``fail_on``
``done``, cleared by a user   sends in a new generation: Clear means "do it again"
``not_sent``                  sends, in the same generation
``stopped``                   sends in a new generation
============================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.delivery.keys import TaskIdentity, earlier_keys
from airflow_provider_directcall.delivery.reconciling import Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record

#: How often one try sends at most.
_MOST_SENDS_A_TRY = 3


class OnUnknownOutcome(StrEnum):
    """The policy for a request whose outcome stays unknown."""

    FAIL = "fail"
    """Fail without a retry, and say where to look."""
    RESEND = "resend"
    """Send again, at the risk of a second call or message; not while a call is in progress, or before its time."""
    HOLD = "hold"
    """Succeed with the state ``unknown`` in the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a task instance, in Airflow's terms.

    :ivar number: ``try_number``, from 1.
    :ivar max_tries: ``max_tries`` of the task instance: ``retries`` at first, more after each Clear.
    :ivar retries: ``retries`` of the task.
    :ivar remembers: whether the next try can read the record of this one.
    :ivar run_since: aware; nothing of this run was sent earlier.
    :ivar run_was_cleared: False where Airflow counts no Clear in this run. Lower ``retries`` alone look like one.
    """

    number: int
    max_tries: int
    retries: int
    remembers: bool
    run_since: datetime
    run_was_cleared: bool = True

    @property
    def tries_before_clear(self) -> int:
        """Tries before the user's last Clear; 0 without one, and where ``retries`` was lowered since."""
        before = self.max_tries - self.retries
        return before if self.run_was_cleared and 0 < before < self.number else 0

    @property
    def is_first_after_clear(self) -> bool:
        """Whether a user's Clear came between the last try and this one."""
        return 0 < self.tries_before_clear == self.number - 1

    @property
    def has_retries(self) -> bool:
        """Whether Airflow will try again after this one."""
        return self.number <= self.max_tries

    def was_cleared_since(self, record: Record) -> bool:
        """Whether a user has cleared the task since: also while it ran, but below Airflow 3.4 in its last try only."""
        has_more_tries = self.max_tries != record.max_tries or self.number > self.max_tries + 1
        return has_more_tries and self.number > record.try_number

    def taken_up(self, record: Record) -> Record:
        """Return the same delivery, for which an earlier Clear does not count any more."""
        return replace(record, max_tries=self.max_tries)

    def has_sent(self, record: Record) -> bool:
        """Whether this very try has sent it."""
        return record.sends > 0 and record.try_number == self.number


@dataclass(frozen=True, slots=True)
class Send:
    """Send it: it is known to be absent, or the policy takes the risk."""

    record: Record


@dataclass(frozen=True, slots=True)
class Reconciling:
    """Find out whether it is there.

    :ivar doubt: why this is not known.
    """

    record: Record
    doubt: str


@dataclass(frozen=True, slots=True)
class Sent:
    """It is there: wait for its end, or return the result.

    :ivar found: whether an earlier try sent it, as far as is known.
    :ivar cleared: whether a user has cleared the task since it was sent.
    """

    record: Record
    found: bool
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Fail with the outcome unknown, for the reason given."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """Succeed with the outcome unknown, for the reason given."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class TryLater:
    """Leave it to Airflow's retries, for the reason given."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was sent, because of the error."""

    record: Record
    error: DirectcallError


@dataclass(frozen=True, slots=True)
class TargetChanged:
    """An earlier try sent to other recipients, or with another account: neither its result nor a look would fit."""

    record: Record


@dataclass(frozen=True, slots=True)
class Done:
    """It has ended. ``record.repeat`` is set where it is to be sent again.

    :ivar begins_again: this try sends again, without waiting for a retry.
    """

    record: Record
    begins_again: bool


Outcome = Reconciling | Sent | Unknown | Held | TryLater | NotSent | TargetChanged | Done
Decision = Send | Outcome

LOST_RECORD = "there is no record of the earlier tries, which may have sent it"
LOST_TRY = "an earlier try ended before the outcome of its request was known"
_VANISHED = "a row of the statement has shown its key, and no row shows it any more"
_NEVER_THERE = f"Nothing was sent under this key: after the last of {_MOST_SENDS_A_TRY} requests, it was surely absent"


class DeliveryDecisions:
    """Decides for one try of one task instance.

    :param identity: the task instance.
    :param attempt: the try.
    :param policy: for an outcome that stays unknown.
    """

    def __init__(self, identity: TaskIdentity, attempt: Attempt, policy: OnUnknownOutcome) -> None:
        self._identity = identity
        self._attempt = attempt
        self._policy = policy

    def begin(self, record: Record | None) -> Decision:
        """Decide how the try begins.

        :param record: the record of an earlier try, if there is one.
        """
        if record is None:
            return self._begin_without_record()
        cleared = self._attempt.was_cleared_since(record)
        match record.phase:
            case Phase.SENDING:
                return Reconciling(record, LOST_TRY)
            case Phase.NOT_SENT:
                return Send(record)
            case Phase.SENT:
                return Sent(self._attempt.taken_up(record), found=True, cleared=cleared)
            case Phase.DONE if not (record.repeat or cleared):
                return Sent(record, found=True)
        return self.next_generation(record)

    def sending(self, record: Record, now: datetime, target: str) -> Record:
        """Return the record to write before the request leaves.

        :param target: fingerprint of account and recipients.
        """
        same_try = record.try_number == self._attempt.number
        return replace(
            record.at(Phase.SENDING),
            since=record.since if record.sends else now,
            try_number=self._attempt.number,
            max_tries=self._attempt.max_tries,
            sends=record.sends + 1 if same_try else 1,
            target=target,
            other_keys=(),
            superseded=False,
        )

    def reconciled(self, record: Record, verdict: Verdict, meanwhile: Record | None) -> Decision:
        """Decide after a verdict.

        :param meanwhile: the record as it is now: after a scheduler's restart, two tries can run at once.
        """
        if meanwhile is not None and meanwhile.generation >= record.generation and meanwhile.is_accepted:
            return Sent(self._attempt.taken_up(meanwhile), found=True)
        if verdict.kind is VerdictKind.FOUND:
            if record.superseded and verdict.was_there:
                return self.next_generation(record)
            found = self._attempt.taken_up(record).found_under(verdict.key)
            accepted = found.accepted(Phase.SENT, verdict.ids, None)
            cleared = self._attempt.was_cleared_since(record)
            return Sent(accepted, found=not self._attempt.has_sent(record), cleared=cleared)
        if meanwhile is not None and meanwhile != record and meanwhile.phase is Phase.SENDING:
            return Reconciling(meanwhile, LOST_TRY)
        record = replace(record, seen=record.seen or verdict.seen)
        if verdict.kind is VerdictKind.ABSENT and record.seen:
            return self._without_knowing(record, Verdict(VerdictKind.UNKNOWN, reason=_VANISHED))
        if verdict.kind is VerdictKind.ABSENT:
            return self._send_again(record) or TryLater(record.at(Phase.NOT_SENT), _NEVER_THERE)
        if verdict.retryable and self._attempt.has_retries:
            return TryLater(self._attempt.taken_up(record).at(Phase.SENDING, reported=record.reported), verdict.reason)
        return self._without_knowing(record, verdict)

    def target_changed(self, decision: Sent | Reconciling) -> Decision:
        """Decide where an earlier try sent to others: fail once, and send after the user's Clear."""
        record = decision.record
        is_asked = record.reported and isinstance(decision, Sent) and decision.cleared
        if is_asked or self._was_asked_again(record):
            return self.next_generation(record)
        return TargetChanged(record.at(record.phase, reported=True))

    def ended(self, sent: Sent, *, cancelled: bool, unwanted: bool, repeatable: bool) -> Done:
        """Decide after the end: whether the delivery is done, or is to be repeated.

        An earlier try's end is no reason to stop where the user's Clear has cancelled it, or where nothing is kept and
        an earlier try has failed for that end: the statement shows it again.

        :param cancelled: it was hung up or cancelled.
        :param unwanted: its outcome is in ``fail_on``.
        :param repeatable: a retry reaches only people who were not reached.
        """
        retried = unwanted and repeatable
        begins_again = (sent.cleared and cancelled) or (sent.found and not self._attempt.remembers and retried)
        return Done(sent.record.at(Phase.DONE, repeat=retried or begins_again), begins_again)

    def next_generation(self, record: Record) -> Decision:
        """Decide to do it once more, under the key of the next generation."""
        if self._attempt.remembers:
            return Send(self._new(max(self._attempt.number - 1, record.generation + 1)))
        # Without a store, an earlier try may have come this far already.
        return Reconciling(self._new(record.generation + 1), LOST_TRY)

    def first_record(self) -> Record:
        """Return the delivery with which a try begins that has no record: of the earlier tries, if there were any.

        With a store, a generation has the number of the try that began it, counted from 0.
        """
        attempt = self._attempt
        if not attempt.remembers:
            return self._new(attempt.tries_before_clear)
        if attempt.number == 1:
            return self._new(0)
        # After a Clear and a retry, only the tries since the Clear can have sent what this one is to send.
        oldest = 0 if attempt.is_first_after_clear else attempt.tries_before_clear
        newest = self._new(attempt.number - 2, range(attempt.number - 3, oldest - 1, -1))
        return replace(newest, superseded=attempt.is_first_after_clear)

    def _begin_without_record(self) -> Decision:
        record, attempt = self.first_record(), self._attempt
        tries_without_effect = 0 if attempt.remembers else attempt.tries_before_clear
        if attempt.number <= tries_without_effect + 1:
            return Send(record)
        return Reconciling(record, LOST_RECORD if attempt.remembers else LOST_TRY)

    def _was_asked_again(self, record: Record) -> bool:
        """Whether the unknown outcome was reported, and a user has cleared the task after that."""
        return record.reported and self._attempt.was_cleared_since(record)

    def _without_knowing(self, record: Record, verdict: Verdict) -> Decision:
        may_send = not (verdict.forbids_send or record.seen)
        if self._was_asked_again(record) and may_send:
            return self.next_generation(record)
        reported = self._attempt.taken_up(record).at(Phase.SENDING, reported=True)
        match self._policy:
            case OnUnknownOutcome.HOLD:
                return Held(reported, verdict.reason)
            case OnUnknownOutcome.RESEND if may_send and (send := self._send_again(record)):
                return send
        return Unknown(reported, verdict.reason)

    def _send_again(self, record: Record) -> Decision | None:
        if self._attempt.remembers and record.sends == 0:
            # It stood for tries whose record is gone; this try has a generation of its own.
            return self.next_generation(record)
        has_sent_enough = self._attempt.has_sent(record) and record.sends >= _MOST_SENDS_A_TRY
        return None if has_sent_enough else Send(record)

    def _new(self, generation: int, earlier: Sequence[int] = ()) -> Record:
        """Return a delivery.

        :param earlier: generations under which it may have been sent as well.
        """
        key, *other_keys = earlier_keys(self._identity, [generation, *earlier])
        is_first = self._attempt.number == 1
        return Record(
            phase=Phase.NOT_SENT,
            generation=generation,
            key=key,
            since=self._attempt.run_since,
            max_tries=self._attempt.max_tries,
            try_number=self._attempt.number,
            run=self._identity.run_after,
            other_keys=() if is_first else tuple(other_keys),
        )
