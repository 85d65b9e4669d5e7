"""One try of a task, step by step: what the operators do with the decisions of a course, without any I/O.

It stops at every point at which its process may die or another one may act, so that a test can put anything in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from airflow_provider_directcall.delivery.decisions import (
    Course,
    GiveUp,
    GoOn,
    Hold,
    Send,
    Settle,
    Step,
    TryLater,
)
from airflow_provider_directcall.delivery.reconciling import Patience, Settling, Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallError

from .directcall import Directcall, Fate, refusal

SETTLE_SECONDS = 300.0
LONGEST_SECONDS = 1000.0
PATIENCE = Patience(settle_seconds=SETTLE_SECONDS, longest_seconds=LONGEST_SECONDS)
PAUSE = PATIENCE.pause(120.0)


class End(Enum):
    """How a try ends, for its author and for Airflow."""

    SENT = auto()
    HELD = auto()
    UNWANTED = auto()
    REFUSED = auto()
    REFUSED_FOR_NOW = auto()
    UNKNOWN = auto()
    NOT_SENT = auto()
    LATER = auto()
    """Nobody knows yet, and the next try looks again."""
    WAIT_FAILED = auto()

    @property
    def is_success(self) -> bool:
        return self in {End.SENT, End.HELD}

    @property
    def may_be_retried(self) -> bool:
        return self in {End.UNWANTED, End.REFUSED_FOR_NOW, End.NOT_SENT, End.LATER, End.WAIT_FAILED}


class Point(Enum):
    """Where a try stands still."""

    BEFORE_WRITE = auto()
    AFTER_WRITE = auto()
    IN_FLIGHT = auto()
    """Its request is on its way."""
    ANSWERED = auto()
    """Its request had its effect, if it has any."""
    RESTING = auto()
    """It sleeps; others may act."""


class Gone(BaseException):
    """The store does not know this try any more: another one has taken its place."""


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
    """What a test decides for a try."""

    fate: Callable[[], Fate]
    seconds: Callable[[], float]
    word: Callable[[], str]
    lateness: Callable[[], float]
    waits: bool = False
    unwanted: frozenset[str] = frozenset()


@dataclass
class Try:
    """One try that runs."""

    course: Course
    store: Store
    directcall: Directcall
    plan: Plan
    number: int
    remembers: bool
    record: Record | None = None
    end: End | None = None
    result: str | None = None
    settles: bool = False
    verdict: Verdict | None = None
    """Of the last settling."""
    on_doubt: Callable[[Record], None] = lambda record: None
    """Told of what is sent although nobody knows whether it is there."""
    on_effect: Callable[[Record], None] = lambda record: None
    on_write: Callable[[Record], None] = lambda record: None

    def life(self) -> Iterator[Point]:
        """Run; ``end`` says how it came out."""
        step: Step | End = self.course.begin(self.store.read(self.number))
        is_sure = True
        while not isinstance(step, End):
            match step:
                case Send():
                    step = yield from self._send(step.record, is_sure=is_sure)
                case Settle():
                    settled, verdict = yield from self._settle(step)
                    is_sure = verdict.kind is not VerdictKind.UNKNOWN
                    step = settled
                case GoOn():
                    step = yield from self._go_on(step)
                case Hold():
                    yield from self._keep(step.record.at(Phase.SENDING, reported=True))
                    step = End.HELD
                case GiveUp():
                    yield from self._keep(step.record.at(Phase.SENDING, reported=True))
                    step = End.UNKNOWN
                case TryLater():
                    yield from self._keep(step.record)
                    step = End.NOT_SENT if step.record.phase is Phase.NOT_SENT else End.LATER
        self.end = step

    def _keep(self, record: Record) -> Iterator[Point]:
        yield Point.BEFORE_WRITE
        self.store.write(self.number, record)
        self.record = record
        self.on_write(record)
        yield Point.AFTER_WRITE

    def _send(self, record: Record, *, is_sure: bool) -> Iterator[Point]:
        record = self.course.sending(record, self.directcall.now)
        yield from self._keep(record)
        if not is_sure:
            self.on_doubt(record)
        yield Point.IN_FLIGHT
        fate, plan = self.plan.fate(), self.plan
        effect = None
        if fate.has_effect:
            self.on_effect(record)
            effect = self.directcall.take(
                record.key, seconds=plan.seconds(), word=plan.word(), lateness=plan.lateness()
            )
        yield Point.ANSWERED
        if fate in {Fate.LOST_BEFORE, Fate.LOST_AFTER}:
            return Settle(record, "no answer")
        if effect is None:
            yield from self._keep(record.at(Phase.NOT_SENT))
            return End.REFUSED_FOR_NOW if refusal(fate).retryable else End.REFUSED
        phase = Phase.SENT if plan.waits else Phase.DONE
        accepted = record.accepted(phase, {"callerid": effect.name}, None)
        yield from self._keep(accepted)
        return GoOn(accepted, found=False)

    def _settle(self, step: Settle) -> Iterator[Point]:
        self.record, self.settles = step.record, True
        settling, verdict = Settling(self.directcall.now, PATIENCE), None
        while verdict is None:
            now = self.directcall.now
            try:
                sighting = self.directcall.look(step.record.key)
            except DirectcallError as error:
                verdict = settling.failed(error, now)
            else:
                verdict = settling.saw(sighting, now, now)
            if verdict is None:
                yield Point.RESTING
        self.settles, self.verdict = False, verdict
        following = self._judged(step, verdict)
        if isinstance(following, GoOn):
            kept = following.record
            yield from self._keep(kept if self.plan.waits else kept.at(Phase.DONE))
        return following, verdict

    def _judged(self, step: Settle, verdict: Verdict) -> Step:
        return self.course.settled(step.record, verdict, self.store.read(self.number))

    def _go_on(self, step: GoOn) -> Iterator[Point]:
        self.record = step.record
        self.result = name = step.record.ids["callerid"]
        if not self.plan.waits:
            return End.SENT
        deadline = self.directcall.now + timedelta(seconds=3 * SETTLE_SECONDS + LONGEST_SECONDS)
        row = None
        while row is None:
            yield Point.RESTING
            try:
                row = self.directcall.row(name)
            except DirectcallError:
                row = None
            if row is None and self.directcall.now >= deadline:
                return End.WAIT_FAILED
        is_unwanted = row.word in self.plan.unwanted
        if (step.cleared and row.word == "cancelled") or (step.found and not self.remembers and is_unwanted):
            yield from self._keep(step.record.at(Phase.DONE, repeat=True))
            return self.course.anew(step.record)
        yield from self._keep(step.record.at(Phase.DONE, repeat=is_unwanted))
        return End.UNWANTED if is_unwanted else End.SENT
