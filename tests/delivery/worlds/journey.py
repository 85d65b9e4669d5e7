"""One task instance in a world: its tries, its kills, its user's Clears, driven against the in-process sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from airflow_provider_directcall.delivery.decisions import (
    LOST_TRY,
    Attempt,
    DeliveryDecisions,
    Held,
    NotSent,
    Outcome,
    Reconciling,
    Sent,
    TryLater,
    Unknown,
)
from airflow_provider_directcall.delivery.deliverer import Deliverer, Delivery, Pause, WriteRecord
from airflow_provider_directcall.delivery.errand import End, Pending
from airflow_provider_directcall.delivery.keys import TaskIdentity
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Reconciliation, Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallError

from .promises import Promises, Violation
from .vendor import Losses, Vendor
from .world import BEGIN, SETTLE_SECONDS, Other, World

ELSEWHERE: Final = "5541988880002"
TIMEOUTS: Final = ReconcileTimeouts(settle_seconds=SETTLE_SECONDS, longest_seconds=1200.0, poll_interval=60.0)
IDENTITY: Final = TaskIdentity("dag", "run", "task", run_after=BEGIN.isoformat())
_HISTORY_DAYS: Final = 2
#: The verdict of a trigger that ended without a word, as the operators have it.
_NOTHING_FOUND_OUT: Final = Verdict(
    VerdictKind.UNKNOWN, reason="the trigger of the task ended", retryable=True, forbids_send=True
)


class Killed(BaseException):
    """The process of a try dies."""


@dataclass
class Journey:
    """The life of one task instance; :meth:`run` returns how each of its rounds (the first, each Clear) ended."""

    world: World
    stored: dict[str, object] | None = None
    number: int = 0
    max_tries: int = 0
    ends: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.world
        self.max_tries = world.retries
        self._fates: Iterator[str] = iter(world.fates)
        self.vendor = Vendor(world.quirks, BEGIN - timedelta(days=_HISTORY_DAYS), world.statement_delay)
        self.client = self.vendor.client()
        self.errand = world.errand
        self.promises = Promises(world, self.vendor)
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
        self.vendor.losses = Losses(
            lambda: next(self._fates, "answered"), until if world.outage_seconds else None, world.has_statement
        )
        self.vendor.on_send = self._others_follow

    def _others_follow(self) -> None:
        self.vendor.on_send = lambda: None
        for other in self.world.others:
            if other.seconds < 0:
                self._send_other(other)

    def _send_other(self, other: Other) -> None:
        number = self.world.number if other.to_ours else ELSEWHERE
        request = self.world.request([number], dict(other.tags))
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
                self._to(self.vendor.clock.now() + timedelta(seconds=self.world.clear_after))
                self.max_tries = self.number + self.world.retries
                self.stored = None if self.world.forgets_on_clear else self.stored
            self.ends.append(self._round())
            self.promises.end_round(self.read(), round_number)
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
            is_dead = self._looks_before_death() is not None
            while isinstance(outcome, Reconciling):
                outcome = self._drive(self._die_looking(deliverer) if is_dead else deliverer.reconcile(outcome))
                is_dead = False
            return self._end_of(outcome, deliverer)
        except Killed:
            return "killed"
        except ValueError as error:  # its time is past
            if "nothing was sent since the task was cleared" in str(error):
                self.promises.check_nothing_since_clear()
            elif (record := self.read()) is not None:
                self.promises.check_not_sent(record)
            return "refused"

    def _looks_before_death(self) -> int | None:
        return dict(self.world.dead_triggers).get(self.number)

    def _die_looking(self, deliverer: Deliverer) -> Delivery[Outcome]:
        """Look in a trigger until that ends, then go on as :meth:`OnceOnlyOperator.resume_execution` does."""
        record = self.read() or deliverer._decisions.first_record().at(Phase.SENDING)
        reconciliation = Reconciliation(self.vendor.clock.now(), TIMEOUTS, self.errand.due_at)
        for _ in range(self._looks_before_death() or 0):
            if (yield from reconciliation.look(self.errand, record, self.vendor.clock)) is not None:
                break
            self.vendor.clock.sleep(TIMEOUTS.pause)
        return (yield from deliverer.conclude(Reconciling(record, LOST_TRY), _NOTHING_FOUND_OUT))

    def read(self) -> Record | None:
        """Return the record, as the deliverer's log."""
        return Record.from_json(self.stored) if self.stored is not None and self.world.remembers else None

    def _drive(self, steps):
        answer = error = None
        pauses = 0
        while True:
            try:
                effect = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            pauses += isinstance(effect, Pause)
            try:
                answer, error = self._perform(effect, pauses), None
            except (DirectcallError, TimeoutError) as failed:
                answer, error = None, failed

    def _perform(self, effect, pauses: int):
        match effect:
            case WriteRecord():
                self._write(effect)
                return None
            case Pause(seconds=seconds):
                self._die_at("pause")
                self.vendor.clock.sleep(seconds)
                self._time_out_at(pauses)
                return None
        return self._request(effect)

    def _write(self, effect: WriteRecord) -> None:
        self._die_at("before write")
        if effect.before_request:
            self.promises.check_resend(effect.record)
        self.stored = effect.record.as_json()
        self._die_at("after write")

    def _request(self, request):
        try:
            return self.client.send(request)
        finally:
            if request.endpoint.once_only:
                self._die_at("after request")
                self._time_out_at(0)

    def _time_out_at(self, pause: int) -> None:
        if (self.number, pause) in self.world.time_limits:
            raise TimeoutError

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
                self.promises.check_not_sent(record)
                return "not sent"
            case NotSent(record=record, error=error):
                self.promises.check_not_sent(record)
                return "not sent" if error.retryable else "refused"
            case Sent():
                return self._follow(outcome, deliverer)
        raise AssertionError(outcome)

    def _follow(self, sent: Sent, deliverer: Deliverer) -> str:
        self.promises.check_sent(sent.record)
        if not self.world.waits:
            return "sent"
        deadline = max(self.vendor.clock.now(), self.world.due_at or BEGIN) + timedelta(
            seconds=3 * SETTLE_SECONDS + 1200
        )
        while self.vendor.clock.now() < deadline:
            self._die_at("pause")
            try:
                end = self.client.run(self.errand.end(sent.record, self.vendor.clock.now()))
            except DirectcallError:
                end = Pending()
            if isinstance(end, End):
                self.promises.check_end(sent.record, end)
                self._drive(deliverer.end(sent, end, unwanted=False))
                return f"sent, {end.outcome}"
            self.vendor.clock.sleep(60)
        return "sent, no end"
