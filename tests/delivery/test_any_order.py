"""Any order of crash, retry, Clear, kill and late row: at most one effect a generation, no silent end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from airflow_provider_directcall.delivery.decisions import Attempt, DeliveryDecisions, OnUnknownOutcome
from airflow_provider_directcall.delivery.keys import TaskIdentity
from airflow_provider_directcall.delivery.record import Phase, Record

from .directcall import BEGIN, PERSON, STRANGER, Directcall, Effect, Fate, Form, Other
from .trying import PAUSE, SETTLE_SECONDS, Gone, Plan, Point, Store, Try, TryEnd

IDENTITY = TaskIdentity("dag", "run", "task")
MOST_STEPS = 200
#: An answer lost after the effect is the hard case, so it is more frequent.
FATES = [*Fate, Fate.ACCEPTED, Fate.LOST_AFTER, Fate.LOST_AFTER]

others = st.builds(
    Other,
    seconds=st.sampled_from([-9000, -60, 30, 400, 2000]),
    number=st.sampled_from([PERSON, STRANGER]),
    tags=st.sampled_from([(), (("contact", "7"),), (("airflow_key", "zyxwvuts765432kl"),)]),
)
forms = st.builds(
    Form,
    keeps_tags=st.sampled_from([True, True, False]),
    shows_tags=st.sampled_from(["on search", "always", "never"]),
    filters=st.booleans(),
    search_filters=st.sampled_from([False, False, True]),
    is_dead=st.sampled_from([False, False, False, True]),
    hours_off=st.sampled_from([0, 0, 0, 1, -1, 3]),
    has_history=st.sampled_from([True, True, False]),
    others=st.lists(others, max_size=2).map(tuple),
)

pytestmark = pytest.mark.long


class Deliveries(RuleBasedStateMachine):
    """One task instance, its tries and its user; a Directcall that loses answers and shows rows late."""

    remembers = True
    #: Whether a record that was written is there for the next try.
    keeps_record = True

    @initialize(
        data=st.data(),
        retries=st.sampled_from([0, 1, 3, 3]),
        policy=st.sampled_from(OnUnknownOutcome),
        waits=st.booleans(),
        is_call=st.booleans(),
        fails_on=st.sampled_from([frozenset(), frozenset({"busy"}), frozenset({"busy", "cancelled"})]),
        has_statement=st.sampled_from([True, True, True, False]),
        form=st.one_of(st.just(Form()), forms),
    )
    def begin(self, data, retries, policy, waits, is_call, fails_on, has_statement, form):
        self.data, self.retries, self.policy = data, retries, policy
        self.waits, self.is_call, self.fails_on = waits, is_call, fails_on if waits else frozenset()
        self.directcall, self.store = Directcall(form), Store(remembers=self.remembers)
        self.directcall.has_statement = has_statement
        self.number, self.max_tries = 0, retries
        self.state = "to run"
        self.running: Try | None = None
        self.life: Iterator[Point] = iter(())
        self.in_flight: tuple[Iterator[Point], object] | None = None
        self.doubtful: Counter[str] = Counter()
        self.last_sent: Record | None = None
        self.licence = self.licence_in_flight = "the first"
        self.must_be_after: int | None = None
        self.reported_key: str | None = None

    # Airflow

    def _begin_try(self):
        if self.state == "running":
            return
        self.number += 1
        self.store.owner = self.number
        attempt = Attempt(
            number=self.number,
            max_tries=self.max_tries,
            retries=self.retries,
            remembers=self.remembers,
            run_since=BEGIN,
        )
        plan = Plan(
            fate=lambda: self.data.draw(st.sampled_from(FATES), label="fate"),
            seconds=lambda: self.data.draw(st.sampled_from([2.0, 90.0, 700.0]), label="seconds") if self.is_call else 0,
            word=lambda: self.data.draw(st.sampled_from(["answered", "busy"]), label="word"),
            lateness=lambda: self.data.draw(st.sampled_from([0.0, 0.3, 0.98, 1.0]), label="lateness") * self._latest,
            waits=self.waits,
            unwanted=self.fails_on,
        )
        self.running = Try(
            decisions=DeliveryDecisions(IDENTITY, attempt, self.policy),
            store=self.store,
            directcall=self.directcall,
            plan=plan,
            number=self.number,
            on_doubt=self._doubt,
            on_effect=self._effect,
            on_write=self._written,
        )
        self.life = self.running.life()
        self.state = "running"

    @precondition(lambda self: self.can_run)
    @rule(oversleeps=st.sampled_from([0.0, 30.0, 600.0]))
    def it_runs_on(self, oversleeps):
        """Run until it sleeps."""
        self._begin_try()
        self._pass(PAUSE + oversleeps)
        self._run_until(Point.RESTING)

    @precondition(lambda self: self.can_run)
    @rule()
    def it_runs_to_its_end(self):
        self._begin_try()
        for _ in range(MOST_STEPS):
            if self._run_until(Point.RESTING):
                self._pass(PAUSE)
        assert self.state != "running", "a try comes to an end"

    @precondition(lambda self: self.can_run)
    @rule(point=st.sampled_from(Point), times=st.integers(1, 2))
    def its_worker_is_killed(self, point, times):
        self._begin_try()
        for _ in range(times):
            self._run_until(point)
        if self.state == "running":
            self._lost()

    @precondition(lambda self: self.can_run)
    @rule()
    def its_worker_is_killed_before_it_can_report_its_end(self):
        self._begin_try()
        for point in self.life:
            if point is Point.RESTING:
                self._pass(PAUSE)
        self._lost()

    @precondition(lambda self: self.can_run and self.in_flight is None)
    @rule()
    def its_worker_is_taken_for_dead_while_its_request_is_on_the_way(self):
        """Let the request arrive while the next try runs already."""
        self._begin_try()
        if self._run_until(Point.IN_FLIGHT):
            self.in_flight = (self.life, self.directcall.now + timedelta(seconds=SETTLE_SECONDS / 3))
            self.licence_in_flight = self.licence
            self._lost()

    # The user

    @precondition(lambda self: self.state in {"failed", "succeeded", "to run"} and self.number > 0)
    @rule()
    def a_user_clears_it(self):
        self._arrive()
        self.max_tries = self.number + self.retries
        has_succeeded = self.state == "succeeded"
        self.state = "to run"
        looks_like_a_retry = self._looks_like_a_retry()
        self._empty_store()
        if looks_like_a_retry:
            self.must_be_after = None
            return
        self.licence = "a Clear"
        if has_succeeded and self.running.end is TryEnd.SENT and self.last_sent is not None and self._shows_at_clear():
            self.must_be_after = self.last_sent.generation

    @precondition(lambda self: self.state == "running")
    @rule(hangs_up=st.booleans(), is_written=st.booleans())
    def a_user_clears_it_while_it_runs(self, hangs_up, is_written):
        if hangs_up:
            self._hang_up(is_written=is_written)
        self.life = iter(())
        self.licence = "a Clear"
        self.state = "to run"

    @precondition(lambda self: self.state == "running")
    @rule(is_written=st.booleans())
    def it_is_stopped(self, is_written):
        self._hang_up(is_written=is_written)
        self.life = iter(())
        self._lost()

    @precondition(lambda self: self.may_change_retries)
    @rule(retries=st.sampled_from([0, 1, 2, 5]))
    def the_dag_is_edited(self, retries):
        """Airflow keeps ``max_tries`` as it was."""
        self.retries = retries

    # Directcall

    @rule(minutes=st.sampled_from([1.0, 4.0, 20.0, 600.0]))
    def the_statement_cannot_be_read(self, minutes):
        self.directcall.statement_is_down_until = self.directcall.now + timedelta(minutes=minutes)

    # Invariants

    @invariant()
    def nothing_is_done_twice_in_a_generation(self):
        for key, times in Counter(effect.key for effect in self.directcall.effects).items():
            assert times <= 1 + self.doubtful[key]

    # Helpers

    def _empty_store(self) -> None:
        """Airflow keeps the store."""

    def _shows_at_clear(self) -> bool:
        """Whether the next try can know that what was sent is over: the record says so."""
        return True

    @property
    def _latest(self) -> float:
        """Latest row in seconds; a request that was long on its way leaves less time for its row."""
        return SETTLE_SECONDS / 2 if self.in_flight is not None else SETTLE_SECONDS

    def _doubt(self, record: Record) -> None:
        """Count a send with an unknown outcome, which needs the policy or a Clear; a later refusal does not undo it."""
        assert self.policy is OnUnknownOutcome.RESEND or self.licence == "a Clear"
        self.doubtful[record.key] += 1

    def _effect(self, record: Record) -> None:
        if self.last_sent is not None and record.generation == self.last_sent.generation:
            return
        # "resend" in a generation of its own, after one that no record shows; see "Without a record" in the docs.
        is_doubtful = self.doubtful[record.key] > 0 and not self.keeps_record
        if is_doubtful and not self.remembers:
            return
        if self.last_sent is not None and not is_doubtful:
            assert record.generation > self.last_sent.generation
            is_retry = record.try_number > self.last_sent.try_number
            assert self.licence or (is_retry and self._last_end_is_unwanted()), "a second effect without a licence"
        self.last_sent, self.licence = record, ""

    def _written(self, record: Record) -> None:
        """End the licence: a request from before an end or a report does not count after it."""
        is_new_report = record.reported and self.reported_key != record.key
        if is_new_report or (record.phase is Phase.DONE and not record.repeat):
            self.licence = ""
        # A try that leaves the look to the next one keeps the mark of an earlier report.
        self.reported_key = record.key if record.reported else None

    def _last_end_is_unwanted(self) -> bool:
        effects = self.directcall.of(self.last_sent.key)
        return any(effect.word in self.fails_on and effect.ended_at <= self.directcall.now for effect in effects)

    def _ended(self, end: TryEnd) -> None:
        self.life = iter(())
        self._check_claim(end)
        if end.is_success:
            self.state = "succeeded"
            self._check_success(end)
        elif end.may_be_retried and self.number <= self.max_tries:
            self.state = "to run"
        else:
            self.state = "failed"
            self._check_failure(end)

    def _check_claim(self, end: TryEnd) -> None:
        """Check that a try claims the truth, and leaves to a retry all that a retry can find out."""
        verdict, is_last = self.running.verdict, self.number > self.max_tries
        if end is TryEnd.NOT_SENT:
            assert not self._certain_effects(), "it was sent"
        if end is TryEnd.LATER:
            assert verdict.retryable, "a retry would know no more"
            assert not is_last, "there is no later try"
        if end in {TryEnd.UNKNOWN, TryEnd.HELD}:
            assert is_last or not verdict.retryable, "a retry may find it out"

    def _check_failure(self, end: TryEnd) -> None:
        """Check that a failure after an effect reports it: unknown, unwanted, or a failed wait."""
        if self._certain_effects():
            assert end in {TryEnd.UNKNOWN, TryEnd.UNWANTED, TryEnd.WAIT_FAILED}, "a silent loss"

    def _certain_effects(self) -> list[Effect]:
        """Return the effects of the last request, unless it was sent with an earlier outcome unknown and reported."""
        key = self.running.record.key
        return [] if self.doubtful[key] else self.directcall.of(key)

    def _check_success(self, end: TryEnd) -> None:
        if end is TryEnd.HELD:
            assert self.policy is OnUnknownOutcome.HOLD
            return
        record = self.running.record
        effects = self.directcall.of(record.key)
        assert self.running.result in {effect.name for effect in effects}, "it was not sent"
        assert self.must_be_after is None or record.generation > self.must_be_after, "Clear means: do it again"
        self.must_be_after = None

    def _lost(self) -> None:
        self.state = "to run" if self.number <= self.max_tries else "failed"

    def _hang_up(self, *, is_written: bool) -> None:
        record = self.running.record
        if record is None or not (record.phase is Phase.SENT or self.running.reconciles):
            return
        if self.directcall.hang_up(record.key):
            self.licence = "a stop"
            if is_written:
                self.store.write(self.number, record.at(Phase.STOPPED))

    def _looks_like_a_retry(self) -> bool:
        """Whether the Clear shows no sign: ``retries`` was lowered by the number of earlier tries."""
        record = self.store.read(self.store.owner)
        return record is not None and record.max_tries == self.max_tries and self.number <= self.max_tries

    @property
    def may_change_retries(self) -> bool:
        """False without a store: a Clear shows in ``retries`` only, so no promise holds where it changes."""
        return self.remembers

    @property
    def can_run(self) -> bool:
        return self.state in {"to run", "running"}

    def _run_until(self, wanted: Point) -> bool:
        """Run until such a point; return whether it was reached."""
        if self.state != "running":
            return False
        for point in self.life:
            if point is wanted:
                return True
            if point is Point.RESTING:
                self._pass(PAUSE)
        self._ended(self.running.end)
        return False

    def _pass(self, seconds: float) -> None:
        until = self.directcall.now + timedelta(seconds=seconds)
        if self.in_flight is not None and self.in_flight[1] <= until:
            self.directcall.now = max(self.directcall.now, self.in_flight[1])
            self._arrive()
        self.directcall.now = max(self.directcall.now, until)

    def _arrive(self) -> None:
        """Let the request of a try that was taken for dead arrive, and end its process."""
        if self.in_flight is None:
            return
        life, _ = self.in_flight
        self.licence = self.licence or self.licence_in_flight
        try:
            for point in life:
                if point is Point.RESTING or not self.remembers:
                    break
        except Gone:
            pass
        self.in_flight = None


class DeliveriesWithoutStore(Deliveries):
    """The same on Airflow 3.1 and 3.2."""

    remembers = False
    keeps_record = False


class DeliveriesWithEmptiedStore(Deliveries):
    """The same on Airflow 3.4: a Clear empties the store, and a record may vanish at any time."""

    keeps_record = False
    may_change_retries = False

    @precondition(lambda self: self.state == "to run")
    @rule()
    def its_record_expires(self):
        self._empty_store()

    def _empty_store(self) -> None:
        self.store.kept = None

    def _shows_at_clear(self) -> bool:
        """Only the statement can say so."""
        return all(effect.in_statement_at <= self.directcall.now for effect in self.directcall.effects)


SETTINGS = settings(stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("machine", [Deliveries, DeliveriesWithoutStore, DeliveriesWithEmptiedStore])
def test_any_order_keeps_the_promise(machine):
    run_state_machine_as_test(machine, settings=settings(SETTINGS, max_examples=400))
