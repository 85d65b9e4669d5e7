"""What to do next with a delivery: the table of decisions behind "never twice, never silently lost".

============================  =============================================================================
what an earlier try left      what this one does
============================  =============================================================================
nothing                       sends; without a store, and not the first try: settles
``sending``                   settles: looks for the key in the statement, over some time
``sent``                      goes on waiting for that id
``done``, retried             gives the result again: the worker was lost after the end
``done`` to be repeated       sends in a new generation: the end was one of those in ``fail_on``
``done``, cleared by a user   sends in a new generation: Clear means "do it again"
``not_sent``                  sends, in the same generation
``stopped``                   sends in a new generation
============================  =============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from airflow_provider_directcall.delivery.keys import TaskIdentity, delivery_key
from airflow_provider_directcall.delivery.reconciling import Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record

#: How often one try sends at most.
_MOST_SENDS_A_TRY = 3


class OnUnknownOutcome(StrEnum):
    """What to do when nobody can say whether a request took effect."""

    FAIL = "fail"
    """Fail without a retry, and say what to check."""
    RESEND = "resend"
    """Send again, at the risk of a second call or message."""
    HOLD = "hold"
    """Succeed with the state ``unknown`` in the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a task instance, in Airflow's terms.

    :ivar number: ``try_number``, from 1.
    :ivar max_tries: ``max_tries`` of the task instance: ``retries`` at first, more after each Clear.
    :ivar retries: ``retries`` of the task.
    :ivar remembers: whether what is written is there in the next try.
    :ivar run_since: aware; nothing of this run was sent before.
    """

    number: int
    max_tries: int
    retries: int
    remembers: bool
    run_since: datetime

    @property
    def tries_before_clear(self) -> int:
        """Tries that came before the user's last Clear; 0 without one, and where ``retries`` was lowered meanwhile."""
        before = self.max_tries - self.retries
        return before if 0 < before < self.number else 0

    @property
    def has_retries(self) -> bool:
        """Whether Airflow will try again after this one."""
        return self.number <= self.max_tries

    def was_cleared_since(self, record: Record) -> bool:
        """Whether a user has cleared the task since. A Clear of a running task shows only after its last retry."""
        has_more_tries = self.max_tries != record.max_tries or self.number > self.max_tries + 1
        return has_more_tries and self.number > record.try_number

    def taken_up(self, record: Record) -> Record:
        """The same delivery, so that a user's Clear that came before now does not count for it any more."""
        return replace(record, max_tries=self.max_tries)

    def has_sent(self, record: Record) -> bool:
        """Whether this very try has sent it."""
        return record.sends > 0 and record.try_number == self.number


@dataclass(frozen=True, slots=True)
class Send:
    """Send it; it is known that it is not there."""

    record: Record


@dataclass(frozen=True, slots=True)
class Settle:
    """Find out whether it is there."""

    record: Record
    doubt: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """It is there: wait for its end, or give the result.

    :ivar found: an earlier try sent it, as far as anybody knows.
    :ivar cleared: a user has cleared the task since it was sent.
    """

    record: Record
    found: bool
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Fail: it is not known whether it is there. The reason says why it could not be found out."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Succeed without knowing."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class TryLater:
    """Leave it to Airflow's retries, for the reason given."""

    record: Record
    reason: str


Step = Send | Settle | GoOn | GiveUp | Hold | TryLater

LOST_TRY = "an earlier try ended before anybody knew what had become of its request"
_NEVER_THERE = f"{_MOST_SENDS_A_TRY} times the request left, and it was surely not there afterwards"


class Course:
    """Decides for one try of one task instance.

    :param identity: the task instance.
    :param attempt: the try.
    :param policy: what to do when nobody can say.
    """

    def __init__(self, identity: TaskIdentity, attempt: Attempt, policy: OnUnknownOutcome) -> None:
        self._identity = identity
        self._attempt = attempt
        self._policy = policy

    def begin(self, record: Record | None) -> Step:
        """The first step of the try.

        :param record: what an earlier try left, if anything.
        """
        if record is None:
            return self._begin_without_record()
        cleared = self._attempt.was_cleared_since(record)
        match record.phase:
            case Phase.SENDING:
                return Settle(record, LOST_TRY)
            case Phase.NOT_SENT:
                return Send(record)
            case Phase.SENT:
                return GoOn(self._attempt.taken_up(record), found=True, cleared=cleared)
            case Phase.DONE if not (record.repeat or cleared):
                return GoOn(record, found=True)
        return self.anew(record)

    def sending(self, record: Record, now: datetime) -> Record:
        """What to write down before the request leaves."""
        same_try = record.try_number == self._attempt.number
        return replace(
            record.at(Phase.SENDING),
            since=record.since if record.sends else now,
            try_number=self._attempt.number,
            max_tries=self._attempt.max_tries,
            sends=record.sends + 1 if same_try else 1,
        )

    def settled(self, record: Record, verdict: Verdict, meanwhile: Record | None) -> Step:
        """The step after it was found out, or could not be.

        :param meanwhile: what is kept now: after a scheduler's restart, two tries can run at once.
        """
        if meanwhile is not None and meanwhile.generation >= record.generation and meanwhile.ids:
            return GoOn(self._attempt.taken_up(meanwhile), found=True)
        if verdict.kind is VerdictKind.FOUND:
            accepted = self._attempt.taken_up(record).accepted(Phase.SENT, verdict.ids, None)
            cleared = self._attempt.was_cleared_since(record)
            return GoOn(accepted, found=not self._attempt.has_sent(record), cleared=cleared)
        if meanwhile is not None and meanwhile != record and meanwhile.phase is Phase.SENDING:
            return Settle(meanwhile, LOST_TRY)
        if verdict.kind is VerdictKind.ABSENT:
            return self._again(record) or TryLater(record.at(Phase.NOT_SENT), _NEVER_THERE)
        if verdict.may_pass and self._attempt.has_retries:
            return TryLater(self._attempt.taken_up(record).at(Phase.SENDING, reported=record.reported), verdict.reason)
        return self._without_knowing(record, verdict)

    def anew(self, record: Record) -> Step:
        """Do it once more, in the next generation."""
        if self._attempt.remembers:
            return Send(self._new(max(self._attempt.number - 1, record.generation + 1)))
        # Without a store, an earlier try may have come this far already.
        return Settle(self._new(record.generation + 1), LOST_TRY)

    def first_record(self) -> Record:
        """The delivery with which a try begins that knows of none."""
        remembers = self._attempt.remembers
        return self._new(self._attempt.number - 1 if remembers else self._attempt.tries_before_clear)

    def _begin_without_record(self) -> Step:
        record = self.first_record()
        if self._attempt.remembers:
            return Send(record)
        if self._attempt.number <= self._attempt.tries_before_clear + 1:
            return Send(record)
        return Settle(record, LOST_TRY)

    def was_asked_again(self, record: Record) -> bool:
        """Whether a person was told that nobody can say, and has cleared the task after that."""
        return record.reported and self._attempt.was_cleared_since(record)

    def _without_knowing(self, record: Record, verdict: Verdict) -> Step:
        reason = verdict.reason
        if self.was_asked_again(record) and not verdict.is_too_early:
            return self.anew(record)
        given_up = GiveUp(self._attempt.taken_up(record), reason)
        match self._policy:
            case OnUnknownOutcome.HOLD:
                return Hold(given_up.record, reason)
            case OnUnknownOutcome.RESEND:
                return self._again(record) or given_up
        return given_up

    def _again(self, record: Record) -> Send | None:
        has_sent_enough = self._attempt.has_sent(record) and record.sends >= _MOST_SENDS_A_TRY
        return None if has_sent_enough else Send(record)

    def _new(self, generation: int) -> Record:
        return Record(
            phase=Phase.NOT_SENT,
            generation=generation,
            key=delivery_key(self._identity, generation),
            since=self._attempt.run_since,
            max_tries=self._attempt.max_tries,
            try_number=self._attempt.number,
        )
