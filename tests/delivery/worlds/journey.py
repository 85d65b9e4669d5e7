"""One task instance in a world: its tries, its kills, its user's Clears, driven against the in-process sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from airflow_provider_directcall.api.methods import place_call, send_sms
from airflow_provider_directcall.delivery.calls import CallErrand
from airflow_provider_directcall.delivery.decisions import (
    Attempt,
    DeliveryDecisions,
    Held,
    NotSent,
    OnUnknownOutcome,
    Reconciling,
    Sent,
    TryLater,
    Unknown,
)
from airflow_provider_directcall.delivery.deliverer import Deliverer, Pause, WriteRecord
from airflow_provider_directcall.delivery.errand import End, Errand, Pending
from airflow_provider_directcall.delivery.keys import KEY_TAG, TaskIdentity
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallError

from .vendor import Losses, Vendor

BEGIN: Final = datetime(2026, 3, 4, 10, tzinfo=UTC)
ORIGIN: Final = "551130000001"
ELSEWHERE: Final = "5541988880002"
#: More than any row is late: 300 s by the quirk ``rows_late``, and the delay of the world.
SETTLE_SECONDS: Final = 480.0
TIMEOUTS: Final = ReconcileTimeouts(settle_seconds=SETTLE_SECONDS, longest_seconds=1200.0, poll_interval=60.0)
IDENTITY: Final = TaskIdentity("dag", "run", "task", run_after=BEGIN.isoformat())
_HISTORY_DAYS: Final = 2


@dataclass(frozen=True)
class Other:
    """A call or message of another system of the account.

    :ivar seconds: before our first request; negative means right after it.
    :ivar to_ours: whether it goes to our recipient.
    :ivar tags: its tags.
    """

    seconds: int
    to_ours: bool
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that is drawn."""

    is_call: bool = True
    number: str = "5511990000001"
    quirks: frozenset[str] = frozenset()
    fates: tuple[str, ...] = ()
    """Of the requests to send, in turn: ``answered``, ``lost before``, ``lost after``; then ``answered``."""
    kills: tuple[tuple[int, str], ...] = ()
    """Try and point: ``before write``, ``after write``, ``after request``, ``pause``."""
    policy: OnUnknownOutcome = OnUnknownOutcome.FAIL
    retries: int = 2
    clears: int = 0
    waits: bool = True
    remembers: bool = True
    forgets_on_clear: bool = False
    """A Clear empties the task's state store, as Airflow 3.4 does unless it is told not to."""
    has_history: bool = True
    others: tuple[Other, ...] = ()
    statement_delay: float = 5.0
    outage_seconds: int = 0


class Killed(BaseException):
    """The process of a try dies."""


class Violation(AssertionError):
    """One of the promises is broken."""


@dataclass
class Journey:
    """The life of one task instance; :meth:`run` returns how each of its rounds (the first, each Clear) ended."""

    world: World
    stored: dict[str, object] | None = None
    number: int = 0
    max_tries: int = 0
    resends: int = 0
    ends: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.world
        self.max_tries = world.retries
        self._fates: Iterator[str] = iter(world.fates)
        self.vendor = Vendor(world.quirks, BEGIN - timedelta(days=_HISTORY_DAYS), world.statement_delay)
        self.client = self.vendor.client()
        self._prepare()

    # The account before our run

    def _prepare(self) -> None:
        world, clock = self.world, self.vendor.clock
        if world.has_history:
            self._send_other(Other(0, to_ours=False, tags=(("customer", "1"),)))
        self._to(BEGIN - timedelta(seconds=max((other.seconds for other in world.others), default=0)))
        for other in sorted(world.others, key=lambda each: -each.seconds):
            if other.seconds >= 0:
                self._to(BEGIN - timedelta(seconds=other.seconds))
                self._send_other(other)
        self._to(BEGIN)
        until = clock.now() + timedelta(seconds=world.outage_seconds)
        self.vendor.losses = Losses(lambda: next(self._fates, "answered"), until if world.outage_seconds else None)
        self.vendor.on_send = self._others_follow

    def _others_follow(self) -> None:
        self.vendor.on_send = lambda: None
        for other in self.world.others:
            if other.seconds < 0:
                self._send_other(other)

    def _send_other(self, other: Other) -> None:
        number = self.world.number if other.to_ours else ELSEWHERE
        tags = dict(other.tags)
        request = place_call(ORIGIN, number, tags=tags) if self.world.is_call else _sms(number, tags)
        self.vendor.foreign(lambda: self._ignoring_answer(request))

    def _ignoring_answer(self, request) -> None:
        with suppress(DirectcallError):  # the quirk garbles their answers too
            self.client.send(request)

    def _to(self, moment: datetime) -> None:
        seconds = (moment - self.vendor.clock.now()).total_seconds()
        self.vendor.clock.sleep(max(0.0, seconds))

    # Airflow

    def run(self) -> list[str]:
        """Run the task to its end, then clear it as often as the world says."""
        for round_number in range(1 + self.world.clears):
            if round_number:
                self._to(self.vendor.clock.now() + timedelta(seconds=SETTLE_SECONDS))
                self.max_tries = self.number + self.world.retries
                self.stored = None if self.world.forgets_on_clear else self.stored
            self.ends.append(self._round())
            self._check_count(round_number)
        return self.ends

    def _round(self) -> str:
        while True:
            self.number += 1
            end = self._try()
            if end not in {"killed", "later", "not sent"} or self.number > self.max_tries:
                return end
            self.vendor.clock.sleep(60)

    def _try(self) -> str:
        world = self.world
        attempt = Attempt(
            number=self.number,
            max_tries=self.max_tries,
            retries=world.retries,
            remembers=world.remembers,
            run_since=BEGIN,
        )
        deliverer = Deliverer(
            self.errand,
            DeliveryDecisions(IDENTITY, attempt, world.policy),
            self,
            self.vendor.clock,
            settings=self.vendor.settings,
            timeouts=TIMEOUTS,
            time_limit=TimeoutError,
            ends_when_sent=not world.waits,
        )
        try:
            outcome = self._drive(deliverer.send())
            while isinstance(outcome, Reconciling):
                outcome = self._drive(deliverer.reconcile(outcome))
            return self._end_of(outcome, deliverer)
        except Killed:
            return "killed"

    def read(self) -> Record | None:
        """Return the record, as the deliverer's log."""
        return Record.from_json(self.stored) if self.stored is not None and self.world.remembers else None

    @property
    def errand(self) -> Errand:
        number = self.world.number
        if self.world.is_call:
            return CallErrand(
                origin=ORIGIN,
                destination=number,
                build=lambda key: place_call(ORIGIN, number, tags={KEY_TAG: key, "customer": "7"}),
            )
        return MessageErrand(
            kind="SMS", destinations=[number], build=lambda key: _sms(number, {KEY_TAG: key, "customer": "7"})
        )

    def _drive(self, steps):
        answer = error = None
        doubted = False
        while True:
            try:
                effect = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            answer = error = None
            match effect:
                case WriteRecord(record=record):
                    self._die_at("before write")
                    if effect.before_request:
                        self._check_resend(record, doubted=doubted)
                    self.stored = record.as_json()
                    self._die_at("after write")
                case Pause(seconds=seconds):
                    self._die_at("pause")
                    doubted = True
                    self.vendor.clock.sleep(seconds)
                case _:
                    is_send = effect.endpoint.once_only
                    try:
                        answer = self.client.send(effect)
                    except DirectcallError as failed:
                        error = failed
                    if is_send:
                        self._die_at("after request")

    def _die_at(self, point: str) -> None:
        if (self.number, point) in self.world.kills:
            raise Killed

    def _end_of(self, outcome, deliverer: Deliverer) -> str:
        match outcome:
            case Unknown():
                return "unknown"
            case Held():
                return "held"
            case TryLater(record=record) if record.phase is Phase.SENDING:
                if self.number > self.max_tries:
                    raise Violation("it is left to a later try, and there is none")
                return "later"
            case TryLater(record=record):
                self._check_not_sent(record)
                return "not sent"
            case NotSent(record=record, error=error):
                self._check_not_sent(record)
                return "not sent" if error.retryable else "refused"
            case Sent():
                return self._follow(outcome, deliverer)
        raise AssertionError(outcome)

    def _follow(self, sent: Sent, deliverer: Deliverer) -> str:
        if not self.vendor.effects.get(sent.record.key):
            raise Violation("it reports a send that never was")
        if not self.world.waits:
            return "sent"
        deadline = self.vendor.clock.now() + timedelta(seconds=3 * SETTLE_SECONDS + 1200)
        while self.vendor.clock.now() < deadline:
            self._die_at("pause")
            try:
                end = self.client.run(self.errand.end(sent.record, self.vendor.clock.now()))
            except DirectcallError:
                end = Pending()
            if isinstance(end, End):
                self._check_own(sent.record, end)
                self._drive(deliverer.end(sent, end, unwanted=False))
                return f"sent, {end.outcome}"
            self.vendor.clock.sleep(60)
        return "sent, no end"

    # The promises

    def _check_resend(self, record: Record, *, doubted: bool) -> None:
        """Check a request that leaves under a key under which another may have had its effect."""
        if not self.vendor.effects.get(record.key):
            return
        if self.world.policy is not OnUnknownOutcome.RESEND:
            raise Violation("it is sent twice")
        if record.key in self.vendor.shown:
            raise Violation("it is sent twice, although the statement has shown its key")
        self.resends += 1

    def _check_not_sent(self, record: Record) -> None:
        if self.vendor.effects.get(record.key) and not self.resends:
            raise Violation("it is reported as not sent, and was sent")

    def _check_own(self, record: Record, end: End) -> None:
        shown = {leg.callerid.casefold() for leg in end.call.legs if leg.callerid} if end.call is not None else set()
        own = {name.casefold() for name in self.vendor.effects[record.key]}
        if not shown <= own | {_mirrored(name) for name in own}:
            raise Violation("it reports the result of another call")

    def _check_count(self, clears: int) -> None:
        effects = sum(len(ids) for ids in self.vendor.effects.values())
        if effects > 1 + clears + self.resends:
            raise Violation(f"{effects} effects after {clears} Clears and {self.resends} resends")


def _mirrored(callerid: str) -> str:
    """Return the id that the quirk ``callerid_other`` shows."""
    return callerid.translate(str.maketrans("0123456789abcdef", "9876543210fedcba"))


def _sms(number: str, tags: dict[str, str]):
    return send_sms(number, "Olá", origin=ORIGIN, tags=tags)
