"""The one interpreter of the decisions: sends, writes the record, reconciles. Outcomes are data.

A :class:`Deliverer` does no I/O. Its methods are generators that yield effects (send a request, write a record,
pause), so that a worker, an event loop and a test can drive the same code; see :func:`~.lookups.drive` of the API.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallOutcomeUnknown
from airflow_provider_directcall.api.lookups import bounded
from airflow_provider_directcall.delivery.decisions import (
    Decision,
    DeliveryDecisions,
    Done,
    Held,
    NotSent,
    Outcome,
    Reconciling,
    Send,
    Sent,
    TargetChanged,
    TryLater,
    Unknown,
)
from airflow_provider_directcall.delivery.errand import CANCELLED, End, Errand
from airflow_provider_directcall.delivery.keys import target_mark
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Reconciliation, Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record

T = TypeVar("T")

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings

log = logging.getLogger(__name__)

#: A scheduled time that is over for less counts as now: tasks wait for a slot, and clocks differ.
_LATEST: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Write the record, durably, before anything else is done.

    :ivar before_request: the request leaves next.
    """

    record: Record
    before_request: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for some seconds; a request may be in progress meanwhile.

    :ivar record: the delivery that is waited for.
    """

    seconds: float
    record: Record


Effect: TypeAlias = "WriteRecord | Pause | Request[Any]"
Delivery: TypeAlias = Generator["WriteRecord | Pause | Request[Any]", Any, T]


class RecordLog(Protocol):
    """Where the record of an earlier try is read from; writes are yielded."""

    def read(self) -> Record | None:
        """Return the record as it is now."""
        ...


class Deliverer:
    """Carries out the decisions for one errand in one try.

    :param errand: what is sent.
    :param decisions: of this try.
    :param log: the record over all tries.
    :param clock: the present.
    :param settings: the account; the record keeps a fingerprint of it and of the recipients.
    :param timeouts: how long to reconcile.
    :param time_limit: the error that ends a try whose time is over.
    :param ends_when_sent: nothing is left to do once the request is accepted.
    """

    def __init__(
        self,
        errand: Errand,
        decisions: DeliveryDecisions,
        log: RecordLog,
        clock: Clock,
        *,
        settings: Settings,
        timeouts: ReconcileTimeouts,
        time_limit: type[BaseException],
        ends_when_sent: bool,
    ) -> None:
        self._errand = errand
        self._decisions = decisions
        self._log = log
        self._clock = clock
        self._settings = settings
        self._timeouts = timeouts
        self._time_limit = time_limit
        self._ends_when_sent = ends_when_sent

    def send(self) -> Delivery[Outcome]:
        """Begin the try: send, unless an earlier try has.

        :raises ValueError: an argument is wrong; nothing was sent.
        """
        return (yield from self._follow(self._decisions.begin(self._log.read())))

    def reconcile(self, doubtful: Reconciling) -> Delivery[Outcome]:
        """Look for the request until there is a verdict, and go on from there."""
        reconciliation = Reconciliation(self._clock.now(), self._timeouts, self._errand.due_at)
        try:
            while (verdict := (yield from reconciliation.look(self._errand, doubtful.record, self._clock))) is None:
                if reconciliation.has_seen_key and not doubtful.record.seen:
                    # In doubt, also where it stands for tries whose record is gone.
                    record = replace(doubtful.record, phase=Phase.SENDING, seen=True)
                    doubtful = replace(doubtful, record=record)
                    yield WriteRecord(record)
                yield Pause(self._timeouts.pause, doubtful.record)
        except self._time_limit:
            verdict = _interrupted("the task's execution_timeout is shorter than the look-up took")
        return (yield from self.conclude(doubtful, verdict))

    def conclude(self, doubtful: Reconciling, verdict: Verdict) -> Delivery[Outcome]:
        """Go on after a verdict, from here or from a trigger."""
        verdict = yield from self._with_end(doubtful.record, verdict)
        return (yield from self._follow((yield from self._judge(doubtful, verdict))))

    def end(self, sent: Sent, end: End, *, unwanted: bool) -> Delivery[Done]:
        """Record the end.

        :param unwanted: the outcome is in ``fail_on``.
        """
        is_cancelled = end.outcome == CANCELLED
        done = self._decisions.ended(sent, cancelled=is_cancelled, unwanted=unwanted, repeatable=end.repeatable)
        yield WriteRecord(done.record)
        return done

    def send_again(self, done: Done) -> Delivery[Outcome]:
        """Send once more, in the next generation, after an end that ``begins_again``."""
        return (yield from self._follow(self._decisions.next_generation(done.record)))

    def _follow(self, decision: Decision) -> Delivery[Outcome]:
        """Carry out one decision after the other until one is an outcome."""
        while True:
            if isinstance(decision, Sent | Reconciling) and self._has_other_target(decision.record):
                decision = self._decisions.target_changed(decision)
            match decision:
                case Send():
                    decision = yield from self._deliver(decision.record)
                case Held() | Unknown() | TryLater() | TargetChanged():
                    yield WriteRecord(decision.record)
                    return decision
                case Sent() if self._ends_when_sent and decision.record.phase is Phase.SENT:
                    done = replace(decision, record=decision.record.at(Phase.DONE))
                    yield WriteRecord(done.record)
                    return done
                case _:
                    return decision

    def _deliver(self, record: Record) -> Delivery[Decision]:
        """Write the intent, send, write the answer."""
        from airflow_provider_directcall.api.protocol import build

        self._reject_past(record)
        request = self._errand.request(record.key)
        build(request, self._settings, token="")  # a wrong argument must show before the intent is written
        record = self._decisions.sending(record, self._clock.now(), self._target_of(record))
        yield WriteRecord(record, before_request=True)
        try:
            accepted = self._errand.accepted((yield request))
        except DirectcallOutcomeUnknown as unknown:
            log.warning("%s; looking for it in the statement (airflow_key %s)", unknown, record.key)
            return Reconciling(record, str(unknown))
        except self._time_limit:
            verdict = _interrupted("the task's execution_timeout came while the request was on its way")
            return (yield from self._judge(Reconciling(record, ""), verdict))
        except DirectcallError as error:
            record = record.at(Phase.NOT_SENT)
            yield WriteRecord(record)
            return NotSent(record, error)
        log.info("Accepted by Directcall: %s", ", ".join(f"{name} {value}" for name, value in accepted.ids.items()))
        phase = Phase.DONE if self._ends_when_sent else Phase.SENT
        record = record.accepted(phase, accepted.ids, accepted.recipients)
        yield WriteRecord(record)
        return Sent(record, found=False)

    def _reject_past(self, record: Record) -> None:
        """Reject a first request for a time that is over: what the vendor does with one is not known."""
        due_at = self._errand.due_at
        if due_at is None or record.phase is Phase.SENDING or self._clock.now() - due_at < _LATEST:
            return
        since = " since the task was cleared" if record.generation else ""
        raise ValueError(
            f"{self._errand.due_argument}: {due_at.isoformat()} is past; nothing was sent{since}. Without it, the "
            f"{self._errand.kind} leaves at once"
        )

    def _judge(self, doubtful: Reconciling, verdict: Verdict) -> Delivery[Decision]:
        """Decide after a verdict, and write the record of a request that was found."""
        meanwhile = self._log.read()
        decision = self._decisions.reconciled(doubtful.record, verdict, meanwhile)
        sends = isinstance(decision, Send)
        if sends and verdict.kind is VerdictKind.UNKNOWN:
            log.warning("airflow_key %s: %s (%s); %s", doubtful.record.key, _UNKNOWN, verdict.reason, _AT_RISK)
        else:
            meaning = _SENT_ANEW if sends and verdict.kind is VerdictKind.FOUND else _VERDICTS[verdict.kind]
            log.info("airflow_key %s: %s", doubtful.record.key, meaning)
        if isinstance(decision, Sent) and decision.record is not meanwhile and not self._ends_when_sent:
            yield WriteRecord(decision.record)
        if isinstance(decision, Unknown | TryLater) and doubtful.doubt:
            if decision.record.phase is Phase.NOT_SENT:
                return replace(decision, reason=f"{decision.reason}. The last one: {doubtful.doubt}")
            return replace(decision, reason=f"{doubtful.doubt}. {decision.reason}")
        return decision

    def _with_end(self, record: Record, verdict: Verdict) -> Delivery[Verdict]:
        """Find out whether a request that a user's Clear supersedes was over by then: else the task goes on with it."""
        if not (record.superseded and verdict.was_there) or self._ends_when_sent:
            return verdict
        found = record.found_under(verdict.key).with_ids(verdict.ids)
        try:
            end = yield from bounded(self._errand.end(found, self._clock.now()), self._clock)
        except DirectcallError as error:
            return Verdict(VerdictKind.UNKNOWN, reason=str(error), retryable=error.retryable)
        return replace(verdict, was_there=isinstance(end, End))

    def _has_other_target(self, record: Record) -> bool:
        return bool(record.target) and record.target != self._target_of(record)

    def _target_of(self, record: Record) -> str:
        # Not the address: the same account may be reached by another one, a proxy for example.
        return target_mark(record.key, [self._settings.client_id, *self._errand.target])


_UNKNOWN = "the outcome stays unknown"
_VERDICTS = {
    VerdictKind.FOUND: "it is in the statement, and is not sent again",
    VerdictKind.ABSENT: "it is surely not in the statement",
    VerdictKind.UNKNOWN: _UNKNOWN,
}
_AT_RISK = "it is sent again, as a Clear after this error or on_unknown_outcome asks: there may be two"
_SENT_ANEW = "it is in the statement, was over before the task was cleared, and is sent once more"


def _interrupted(reason: str) -> Verdict:
    """Return that nothing was found out; a look has to come before another request."""
    return Verdict(VerdictKind.UNKNOWN, reason=reason, retryable=True, forbids_send=True)
