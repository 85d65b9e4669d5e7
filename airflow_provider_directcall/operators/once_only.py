"""The base of all operators that send once: it turns the outcomes of a delivery into Airflow's language.

:mod:`airflow_provider_directcall.delivery` decides and sends; this module logs, pushes XComs, defers, fails and kills.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout
from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.delivery.decisions import (
    LOST_TRY,
    DeliveryDecisions,
    Held,
    NotSent,
    OnUnknownOutcome,
    Outcome,
    Reconciling,
    Sent,
    TargetChanged,
    TryLater,
    Unknown,
)
from airflow_provider_directcall.delivery.errand import End, Pending
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import (
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallUnwantedOutcome,
    DirectcallWaitFailed,
)
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.delivery_log import (
    ID_NAMES,
    DeliveryLog,
    changed_target_text,
    named,
    unknown_text,
)
from airflow_provider_directcall.runtime.failures import (
    failing_without_retry,
    is_final_after_effect,
    is_final_before_effect,
)
from airflow_provider_directcall.runtime.kills import KillGuard
from airflow_provider_directcall.runtime.polling import READ_GRACE, PollPace, deadline_of, poll, wait_timeout
from airflow_provider_directcall.triggers.events import DONE, REFUSED, TIMEOUT, status_of, verdict_event, verdict_in

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.client import Client
    from airflow_provider_directcall.delivery.deliverer import Deliverer, Delivery, Effect
    from airflow_provider_directcall.delivery.errand import Errand
    from airflow_provider_directcall.triggers.delivery import DeliveryTrigger

Result = dict[str, object]
T = TypeVar("T")

DEFAULT_COMPLETION_TIMEOUT: Final = 3600.0
DEFAULT_SETTLE_SECONDS: Final = 300.0

#: Template fields of every operator that sends once.
COMMON_TEMPLATE_FIELDS: Final = (
    "fail_on",
    "completion_timeout",
    "settle_seconds",
    "on_unknown_outcome",
    "poll_interval",
    "directcall_conn_id",
)

#: Airflow ends a deferral by itself this long after its deadline, should no triggerer be there to do it.
_DEFERRAL_GRACE: Final = timedelta(minutes=5)
#: Methods by which a task is resumed with an event; Airflow has another name for "the trigger failed".
_RESUME_METHODS: Final = frozenset({"execute_reconciled", "execute_settled", "execute_complete"})


@dataclass(frozen=True, slots=True)
class _Try:
    """One try that is running."""

    context: Context
    client: Client
    errand: Errand
    decisions: DeliveryDecisions
    log: DeliveryLog
    deliverer: Deliverer


class OnceOnlyOperator(BaseOperator):
    """Sends one errand once, over all tries of the task, and may wait for its end.

    A subclass returns its errand and its result; see :meth:`_errand` and :meth:`_result`.

    :param waits: wait until it has ended.
    :param fail_on: outcomes that fail the task; needs the wait. Airflow's retries then send again.
    :param completion_timeout: seconds (or a timedelta) that the wait may take; so long a call in progress is waited
        for when the outcome of a request is unknown.
    :param settle_seconds: seconds (or a timedelta) without a row in the statement that prove absence.
    :param on_unknown_outcome: policy for an outcome that stays unknown: ``fail``, ``resend`` or ``hold``.
    :param poll_interval: seconds between two looks.
    :param include_numbers: show phone numbers in the result in full.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker.
    """

    def __init__(
        self,
        *,
        waits: bool,
        fail_on: Iterable[str] | str,
        completion_timeout: float | timedelta | str,
        settle_seconds: float | timedelta | str,
        on_unknown_outcome: str,
        poll_interval: float | str,
        include_numbers: bool,
        directcall_conn_id: str,
        deferrable: bool,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.fail_on = fail_on
        self.completion_timeout = completion_timeout
        self.settle_seconds = settle_seconds
        self.on_unknown_outcome = on_unknown_outcome
        self.poll_interval = poll_interval
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id
        self.deferrable = deferrable
        self._waits = waits
        self._kill_guard = KillGuard()

    @abstractmethod
    def _errand(self) -> Errand:
        """Return what is to be sent.

        :raises ValueError: an argument is wrong.
        """

    @abstractmethod
    def _result(self, client: Client, record: Record, end: End | None) -> Result:
        """Return the task's XCom.

        :param end: None when the task did not wait, or holds an unknown outcome (``record`` has no ids).
        """

    def execute(self, context: Context) -> Result:
        """Send, unless an earlier try did; then wait if asked to."""
        with self._trying(context) as this:
            return self._run(this, this.deliverer.send())

    def execute_reconciled(
        self, context: Context, event: object = None, record: object = None, doubt: str = ""
    ) -> Result:
        """Go on after the trigger has reconciled the request, or could not."""
        with self._trying(context) as this:
            with failing_without_retry(is_final_before_effect):
                doubtful = Reconciling(_resumed_record(this.log, this.decisions, record), doubt)
            return self._run(this, this.deliverer.conclude(doubtful, _verdict_of(event)))

    #: Its name in 0.1.0, with which a deferred task may be waiting.
    execute_settled = execute_reconciled

    def execute_complete(
        self, context: Context, event: object = None, record: object = None, found: bool = False, cleared: bool = False
    ) -> Result:
        """Go on after the trigger has seen the end: read it, and judge it."""
        fields = {str(name): value for name, value in event.items()} if isinstance(event, Mapping) else {}
        log = DeliveryLog(self, context)
        kept = _resumed_record(log, self._decisions(log), record)
        ids = {name: str(fields[name]) for name in ID_NAMES if name in fields}
        sent = Sent(kept.with_ids(ids), found, cleared)
        with self._trying(context, lambda: _failing_after_effect(log, sent.record)) as this:
            with self._after_effect(this, sent.record):
                if status_of(event, {DONE, REFUSED, TIMEOUT}) == TIMEOUT:
                    state = fields.get("state")
                    raise wait_timeout(str(fields.get("deadline")), str(state) if state is not None else None)
                following = self._wait(this, sent, current_clock().now() + READ_GRACE)
            return self._run(this, following)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Result:
        """Resume after a deferral. A trigger that died while reconciling has found out nothing."""
        if next_method not in _RESUME_METHODS:
            log = DeliveryLog(self, context)
            # Without a store it is unknown what the trigger waited for; a look is right in any case.
            record = log.read() if log.remembers else self._decisions(log).first_record().at(Phase.SENDING)
            if record is not None and record.phase is Phase.SENDING:
                verdict = Verdict(
                    VerdictKind.UNKNOWN, reason="the trigger of the task ended", retryable=True, forbids_send=True
                )
                return self.execute_reconciled(context, verdict_event(verdict), record.as_json(), LOST_TRY)
            self.log.error("The trigger that waited for the end of %s failed.", named(record) if record else "it")
        result: Result = super().resume_execution(next_method, next_kwargs, context)
        return result

    def on_kill(self) -> None:
        """Stop the delivery when a user has ended the task; a task that Airflow will run again goes on with it."""
        self._kill_guard.on_kill()

    @contextmanager
    def _trying(
        self,
        context: Context,
        failing: Callable[[], AbstractContextManager[None]] = lambda: failing_without_retry(is_final_before_effect),
    ) -> Iterator[_Try]:
        """Check the arguments, and open the connection for one try.

        :param failing: decides which errors of that are final.
        """
        from airflow_provider_directcall.delivery.deliverer import Deliverer
        from airflow_provider_directcall.hooks.directcall import DirectcallHook

        with DirectcallHook(self.directcall_conn_id) as hook:
            with failing():
                timeouts = self._timeouts
                errand = self._errand()
                self._check(errand)
                log = DeliveryLog(self, context)
                decisions = self._decisions(log)
                deliverer = Deliverer(
                    errand,
                    decisions,
                    log,
                    current_clock(),
                    settings=hook.settings,
                    timeouts=timeouts,
                    time_limit=AirflowTaskTimeout,
                    ends_when_sent=not self._waits,
                )
                this = _Try(context, hook.client, errand, decisions, log, deliverer)
            with self._kill_guard.guarding(errand, log, hook.settings):
                yield this

    def _run(self, this: _Try, following: Delivery[Outcome] | Result) -> Result:
        """Carry the delivery out until there is a result."""
        while not isinstance(following, dict):
            with failing_without_retry(is_final_before_effect):
                following = self._next(this, self._drive(this, following))
        return following

    def _drive(self, this: _Try, delivery: Delivery[T]) -> T:
        from airflow_provider_directcall.api.lookups import drive

        return drive(delivery, lambda effect: self._perform(this, effect))

    def _perform(self, this: _Try, effect: Effect) -> object:
        """Do one thing that the delivery asks for."""
        from airflow_provider_directcall.delivery.deliverer import Pause, WriteRecord

        if isinstance(effect, WriteRecord):
            if effect.before_request:
                self._kill_guard.check(effect.record)
            this.log.write(effect.record)
            return None
        if isinstance(effect, Pause):
            self._kill_guard.watch(effect.record)
            self._kill_guard.rest(effect.seconds)
            return None
        return this.client.send(effect)

    def _next(self, this: _Try, outcome: Outcome) -> Delivery[Outcome] | Result:
        """Return the task's result, or how the delivery goes on."""
        match outcome:
            case Sent():
                return self._follow(this, outcome)
            case Reconciling():
                if self.deferrable:
                    self._defer_reconciling(this, outcome)
                return this.deliverer.reconcile(outcome)
            case Held():
                self.log.warning("Held: %s", self._unknown_text(this, outcome))
                return self._result(this.client, outcome.record, None)
        raise self._failure(this, outcome)

    def _failure(self, this: _Try, outcome: Outcome) -> Exception:
        """Return the error with which the task fails: for good, or until Airflow's next try."""
        match outcome:
            case Unknown():
                return AirflowFailException(self._unknown_text(this, outcome))
            case TargetChanged():
                return AirflowFailException(changed_target_text(outcome.record, this.errand))
            case TryLater():
                is_absent = outcome.record.phase is Phase.NOT_SENT
                kind = DirectcallNotSent if is_absent else DirectcallOutcomeUnknown
                next_try = "the next try, or a Clear, sends it" if is_absent else "the next try goes on from here"
                return kind(f"{outcome.reason} (airflow_key {outcome.record.key}); {next_try}")
            case NotSent():
                return outcome.error
        raise AssertionError(outcome)

    def _follow(self, this: _Try, sent: Sent) -> Delivery[Outcome] | Result:
        """Push the ids of what is there; then wait for its end, if asked to."""
        record = sent.record
        with self._after_effect(this, record):
            for name in ID_NAMES.keys() & record.ids.keys():
                this.context["ti"].xcom_push(key=name, value=record.ids[name])
            if not self._waits:
                self._kill_guard.watch(None)
                return self._result(this.client, record, None)
            deadline = self._deadline(this, sent)
            if self.deferrable:
                self._defer_until_end(this, sent, deadline)
            return self._wait(this, sent, deadline)

    def _wait(self, this: _Try, sent: Sent, deadline: datetime) -> Delivery[Outcome] | Result:
        """Wait for the end on this worker, and judge it."""
        guard, record = self._kill_guard, sent.record

        def look(now: datetime) -> End | None:
            nonlocal record
            answer = this.client.run(this.errand.end(record, now))
            if isinstance(answer, Pending):
                record = record.with_ids(answer.ids)
                guard.watch(record)
                return None
            return answer

        pace = PollPace(interval=self._poll_interval, deadline=deadline, due_at=this.errand.due_at)
        end = poll(look, pace, current_clock(), guard.rest)
        guard.watch(None)
        if end.refusal is not None:
            this.log.write(sent.record.at(Phase.DONE))
            raise DirectcallRefused(f"refused when it was due: {end.refusal}", code=None, text=end.refusal)
        return self._judge(this, sent, end)

    def _judge(self, this: _Try, sent: Sent, end: End) -> Delivery[Outcome] | Result:
        """Return the result of an end, or go on with the next generation.

        :raises DirectcallUnwantedOutcome: the outcome is in ``fail_on``.
        """
        result = self._result(this.client, sent.record, end)
        if end.call is not None and "schedule_id" in sent.record.ids:
            this.context["ti"].xcom_push(key="callerid", value=end.call.callerid)
        self.log.info("%s: %s", named(sent.record), end.outcome)
        unwanted = end.outcome is not None and end.outcome in self._unwanted
        done = self._drive(this, this.deliverer.end(sent, end, unwanted=unwanted))
        if done.begins_again:
            return this.deliverer.send_again(done)
        if unwanted:
            raise DirectcallUnwantedOutcome(
                f"{named(sent.record)} ended as {end.outcome!r}, which is in fail_on",
                outcome=str(end.outcome),
                callerid=sent.record.ids.get("callerid"),
                retryable=done.record.repeat,
            )
        return result

    def _deadline(self, this: _Try, sent: Sent) -> datetime:
        """Return the end of the wait, counted from the sending, and again from a user's Clear."""
        begins_at = current_clock().now() if sent.cleared else sent.record.since
        return deadline_of(
            self,
            this.context,
            begins_at=max(begins_at, this.errand.due_at or begins_at),
            completion_timeout=arguments.seconds("completion_timeout", self.completion_timeout),
        )

    def _defer_reconciling(self, this: _Try, doubtful: Reconciling) -> NoReturn:
        timeouts = self._timeouts
        trigger = self._trigger(
            this,
            doubtful.record,
            "reconcile",
            settle_seconds=timeouts.settle_seconds,
            longest_seconds=timeouts.longest_seconds,
            poll_interval=timeouts.pause,
        )
        self.defer(
            trigger=trigger,
            method_name="execute_reconciled",
            kwargs={"record": doubtful.record.as_json(), "doubt": doubtful.doubt},
            timeout=timeouts.at_most + _DEFERRAL_GRACE,
        )

    def _defer_until_end(self, this: _Try, sent: Sent, deadline: datetime) -> NoReturn:
        trigger = self._trigger(
            this, sent.record, "end", poll_interval=self._poll_interval, deadline=deadline.isoformat()
        )
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={"record": sent.record.as_json(), "found": sent.found, "cleared": sent.cleared},
            timeout=max(deadline - current_clock().now(), timedelta(0)) + _DEFERRAL_GRACE,
        )

    def _trigger(
        self,
        this: _Try,
        record: Record,
        stage: str,
        **polling: Any,  # noqa: ANN401 - the trigger's own arguments
    ) -> DeliveryTrigger:
        from airflow_provider_directcall.triggers.delivery import DeliveryTrigger

        return DeliveryTrigger(
            errand=this.errand.as_json(),
            record=record.as_json(),
            stage=stage,
            directcall_conn_id=self.directcall_conn_id,
            **polling,
        )

    @contextmanager
    def _after_effect(self, this: _Try, record: Record) -> Iterator[None]:
        """Wait for a delivery that exists: a kill stops it, and so does an ``execution_timeout``."""
        self._kill_guard.watch(record)
        with _failing_after_effect(this.log, record):
            try:
                yield
            except AirflowTaskTimeout:
                # Airflow calls on_kill after its timeout, but not once the error has become one without a retry.
                self._kill_guard.stop()
                raise

    def _unknown_text(self, this: _Try, outcome: Held | Unknown) -> str:
        return unknown_text(
            outcome.record,
            outcome.reason,
            errand=this.errand,
            until=current_clock().now(),
            zone=this.client.settings.zone,
            remembers=this.log.remembers,
        )

    def _check(self, errand: Errand) -> None:
        """Reject a wrong argument before anything is sent.

        :raises ValueError: an argument is wrong.
        """
        PollPace(interval=self._poll_interval)
        unknown = sorted(self._unwanted - set(errand.outcomes))
        if unknown:
            hint = arguments.suggestion(unknown[0], errand.outcomes)
            raise ValueError(f"fail_on: there is no {', '.join(unknown)}; there are {', '.join(errand.outcomes)}{hint}")
        if self._unwanted and not self._waits:
            raise ValueError("fail_on: needs a task that waits, because the outcome is not known earlier")

    def _decisions(self, log: DeliveryLog) -> DeliveryDecisions:
        try:
            policy = OnUnknownOutcome(str(self.on_unknown_outcome).strip().casefold())
        except ValueError:
            hint = arguments.suggestion(str(self.on_unknown_outcome), OnUnknownOutcome)
            raise ValueError(f"on_unknown_outcome: one of {', '.join(OnUnknownOutcome)} is needed{hint}") from None
        return DeliveryDecisions(log.identity, log.attempt, policy)

    @property
    def _timeouts(self) -> ReconcileTimeouts:
        return ReconcileTimeouts(
            settle_seconds=arguments.seconds("settle_seconds", self.settle_seconds),
            longest_seconds=arguments.seconds("completion_timeout", self.completion_timeout),
            poll_interval=self._poll_interval,
        )

    @property
    def _poll_interval(self) -> float:
        return arguments.seconds("poll_interval", self.poll_interval)

    @property
    def _unwanted(self) -> set[str]:
        return {word.strip().casefold() for word in arguments.texts("fail_on", self.fail_on) or []}


def _failing_after_effect(log: DeliveryLog, record: Record) -> AbstractContextManager[None]:
    """Decide which errors are final once the delivery exists; their texts begin with its ids."""
    return failing_without_retry(
        lambda error: is_final_after_effect(error, remembers=log.remembers), lambda: named(record)
    )


def _verdict_of(event: object) -> Verdict:
    """Read the verdict of a trigger's event; a trigger that could not go on has found out nothing."""
    try:
        return verdict_in(event, ID_NAMES)
    except DirectcallWaitFailed as failed:
        return Verdict(VerdictKind.UNKNOWN, reason=str(failed), retryable=True)


def _resumed_record(log: DeliveryLog, decisions: DeliveryDecisions, record: object) -> Record:
    """Return the record of the delivery that the task was deferred for.

    :param record: as the deferral kept it; ``dag.test()`` gives nothing but the event back.
    """
    if record is not None:
        return Record.from_json(record)
    return log.read() or decisions.first_record()
