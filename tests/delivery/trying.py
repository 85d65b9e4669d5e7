"""One try of a task: drives the real Deliverer against a Directcall without HTTP.

It stops at every point at which its process may die or another one may act.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from functools import cached_property

from airflow_provider_directcall.api.methods import place_call
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.delivery.decisions import (
    DeliveryDecisions,
    Held,
    NotSent,
    Reconciling,
    Sent,
    TryLater,
    Unknown,
)
from airflow_provider_directcall.delivery.deliverer import Deliverer, Pause, WriteRecord
from airflow_provider_directcall.delivery.errand import Accepted, End, Pending
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import (
    DirectcallError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
)

from .directcall import ORIGIN, PERSON, Directcall, Fate

SETTLE_SECONDS = 300.0
LONGEST_SECONDS = 1000.0
TIMEOUTS = ReconcileTimeouts(settle_seconds=SETTLE_SECONDS, longest_seconds=LONGEST_SECONDS, poll_interval=120.0)
PAUSE = TIMEOUTS.pause
SETTINGS = Settings(client_id="client", client_secret="secret")


class TryEnd(Enum):
    """How a try ends, for its author and for Airflow."""

    SENT = auto()
    HELD = auto()
    UNWANTED = auto()
    REFUSED = auto()
    NOT_CONNECTED = auto()
    UNKNOWN = auto()
    NOT_SENT = auto()
    LATER = auto()
    """The outcome is still unknown, and the next try looks again."""
    WAIT_FAILED = auto()

    @property
    def is_success(self) -> bool:
        return self in {TryEnd.SENT, TryEnd.HELD}

    @property
    def may_be_retried(self) -> bool:
        return self in {TryEnd.UNWANTED, TryEnd.NOT_CONNECTED, TryEnd.NOT_SENT, TryEnd.LATER, TryEnd.WAIT_FAILED}


class Point(Enum):
    """Where a try stops."""

    BEFORE_WRITE = auto()
    AFTER_WRITE = auto()
    IN_FLIGHT = auto()
    """Its request is on its way."""
    ANSWERED = auto()
    """Its request had its effect, if any."""
    RESTING = auto()
    """It sleeps; others may act."""


class Gone(BaseException):
    """The store rejects this try: another one has taken its place."""


class Store:
    """A task's state store, or none. Airflow knows a try by an id of its own, which ends with the next try."""

    def __init__(self, *, remembers: bool) -> None:
        self.remembers = remembers
        self.kept: str | None = None
        self.owner = 0

    def read(self, owner: int) -> Record | None:
        if not self.remembers or owner != self.owner or self.kept is None:
            return None
        return Record.from_json(json.loads(self.kept))

    def write(self, owner: int, record: Record) -> None:
        if not self.remembers:
            return
        if owner != self.owner:
            raise Gone
        self.kept = json.dumps(record.as_json())


@dataclass
class Plan:
    """Decisions of a test for one try."""

    fate: Callable[[], Fate]
    seconds: Callable[[], float]
    word: Callable[[], str]
    lateness: Callable[[], float]
    waits: bool = False
    unwanted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CallErrand:
    """A call of the Directcall of these tests."""

    directcall: Directcall
    target = (ORIGIN, PERSON)
    due_at = None

    def request(self, key):
        return place_call(*self.target, tags={KEY_TAG: key})

    def accepted(self, effect):
        return Accepted({"callerid": effect.name})

    def find(self, record, now):
        yield from ()
        return self.directcall.look(record.key, record.since)

    def control(self, record, now):
        yield from ()
        return self.directcall.control(record.key, record.since)

    def end(self, record, now):
        yield from ()
        row = self.directcall.row(record.ids["callerid"])
        return Pending() if row is None else End(row.word)


@dataclass
class Try:
    """One try that runs. It is the log of its deliverer, and its clock."""

    decisions: DeliveryDecisions
    store: Store
    directcall: Directcall
    plan: Plan
    number: int
    record: Record | None = None
    end: TryEnd | None = None
    result: str | None = None
    reconciles: bool = False
    verdicts: list[Verdict] = field(default_factory=list)
    on_doubt: Callable[[Record], None] = lambda record: None
    """Called with each record that is sent although its outcome is unknown."""
    on_effect: Callable[[Record], None] = lambda record: None
    on_write: Callable[[Record], None] = lambda record: None

    def read(self) -> Record | None:
        return self.store.read(self.number)

    def now(self):
        return self.directcall.now

    def monotonic(self):
        return self.directcall.now.timestamp()

    @cached_property
    def errand(self) -> CallErrand:
        return CallErrand(self.directcall)

    @cached_property
    def deliverer(self) -> Deliverer:
        decide = self.decisions.reconciled

        def reconciled(record, verdict, meanwhile):
            self.verdicts.append(verdict)
            return decide(record, verdict, meanwhile)

        self.decisions.reconciled = reconciled
        return Deliverer(
            self.errand,
            self.decisions,
            self,
            self,
            settings=SETTINGS,
            timeouts=TIMEOUTS,
            time_limit=TimeoutError,
            ends_when_sent=not self.plan.waits,
        )

    @property
    def verdict(self) -> Verdict | None:
        """The last one."""
        return self.verdicts[-1] if self.verdicts else None

    def life(self) -> Iterator[Point]:
        """Run to the end, and set ``end``."""
        following = self.deliverer.send()
        while self.end is None:
            outcome = yield from self._drive(following)
            if isinstance(outcome, Sent):
                outcome = yield from self._follow(outcome)
            if isinstance(outcome, Reconciling):
                following = self.deliverer.reconcile(outcome)
            elif isinstance(outcome, Sent):
                following = _concluded(outcome)
            else:
                self.end = self._end_of(outcome)

    def _end_of(self, outcome) -> TryEnd:
        match outcome:
            case TryEnd():
                return outcome
            case Held():
                return TryEnd.HELD
            case Unknown():
                return TryEnd.UNKNOWN
            case TryLater():
                return TryEnd.NOT_SENT if outcome.record.phase is Phase.NOT_SENT else TryEnd.LATER
            case NotSent():
                return TryEnd.NOT_CONNECTED if outcome.error.retryable else TryEnd.REFUSED
        raise AssertionError(outcome)

    def _drive(self, steps):
        """Perform the effects of a delivery one by one."""
        answer = error = None
        while True:
            try:
                effect = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            answer = error = None
            match effect:
                case WriteRecord():
                    yield from self._write(effect)
                case Pause():
                    self.record, self.reconciles = effect.record, True
                    yield Point.RESTING
                    self.reconciles = False
                case _:
                    try:
                        answer = yield from self._send()
                    except DirectcallError as failed:
                        error = failed

    def _write(self, effect: WriteRecord) -> Iterator[Point]:
        yield Point.BEFORE_WRITE
        self.store.write(self.number, effect.record)
        self.record = effect.record
        self.on_write(effect.record)
        yield Point.AFTER_WRITE
        is_doubtful = self.verdict is not None and self.verdict.kind is VerdictKind.UNKNOWN
        if effect.before_request and is_doubtful:
            self.on_doubt(effect.record)

    def _send(self):
        yield Point.IN_FLIGHT
        fate, plan, record = self.plan.fate(), self.plan, self.record
        effect = None
        if fate.has_effect:
            self.on_effect(record)
            effect = self.directcall.take(
                record.key, seconds=plan.seconds(), word=plan.word(), lateness=plan.lateness()
            )
        yield Point.ANSWERED
        if fate in {Fate.LOST_BEFORE, Fate.LOST_AFTER}:
            raise DirectcallOutcomeUnknown("no answer")
        if fate is Fate.NOT_CONNECTED:
            raise DirectcallNotSent("no connection")
        if effect is None:
            raise DirectcallRefused("refused", code="201")
        return effect

    def _follow(self, sent: Sent):
        """Wait for the end, if the task waits."""
        self.record = sent.record
        self.result = sent.record.ids["callerid"]
        if not self.plan.waits:
            return TryEnd.SENT
        deadline = self.directcall.now + timedelta(seconds=3 * SETTLE_SECONDS + LONGEST_SECONDS)
        end = Pending()
        while isinstance(end, Pending):
            yield Point.RESTING
            try:
                end = yield from self.errand.end(sent.record, self.directcall.now)
            except DirectcallError:
                end = Pending()
            if isinstance(end, Pending) and self.directcall.now >= deadline:
                return TryEnd.WAIT_FAILED
        is_unwanted = end.outcome in self.plan.unwanted
        done = yield from self._drive(self.deliverer.end(sent, end, unwanted=is_unwanted))
        if done.begins_again:
            return (yield from self._drive(self.deliverer.send_again(done)))
        return TryEnd.UNWANTED if is_unwanted else TryEnd.SENT


def _concluded(outcome):
    """Return an outcome as a finished delivery."""
    yield from ()
    return outcome
