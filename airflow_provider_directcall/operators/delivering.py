"""What all operators share that have Directcall do one thing once, over all tries of the task.

:mod:`airflow_provider_directcall.delivery` decides; here it is done: written down, sent, looked for, deferred.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.delivery.decisions import (
    LOST_TRY,
    Course,
    GiveUp,
    GoOn,
    Hold,
    OnUnknownOutcome,
    Send,
    Settle,
    Step,
    TryLater,
)
from airflow_provider_directcall.delivery.keys import target_mark
from airflow_provider_directcall.delivery.reconciling import Patience, Settling, Sighting, Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, RecipientNote, Record
from airflow_provider_directcall.errors import (
    DirectcallError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallWaitFailed,
)
from airflow_provider_directcall.operators.killing import KillableOperator
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.delivery_log import Journal
from airflow_provider_directcall.runtime.delivery_reports import ID_NAMES, changed_target_text, named, unknown_text
from airflow_provider_directcall.runtime.failures import failing_without_retry, is_final_before_effect
from airflow_provider_directcall.runtime.polling import Waiter
from airflow_provider_directcall.triggers.events import verdict_event, verdict_in

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.settling import SettlingTrigger

Result = dict[str, object]
Reply = TypeVar("Reply")

DEFAULT_SETTLE_SECONDS: Final = 300.0

#: Airflow ends a deferral by itself this long after its deadline, should no triggerer be there to do it.
DEFERRAL_GRACE: Final = timedelta(minutes=5)

#: Where a task goes on after a deferral; Airflow has another name for "the trigger failed".
_WAYS_BACK: Final = frozenset({"execute_settled", "execute_complete"})

_VERDICTS: Final = {
    VerdictKind.FOUND: "it is in the statement, so it is not sent again",
    VerdictKind.ABSENT: "it is surely not there",
    VerdictKind.UNKNOWN: "nobody can say what became of it",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """What Directcall answered to the request.

    :ivar ids: what it is called from now on: ``callerid``, ``schedule_id``.
    :ivar recipients: what became of each recipient of a message.
    """

    ids: Mapping[str, str]
    recipients: tuple[RecipientNote, ...] | None = None


class DeliveringOperator(KillableOperator, Generic[Reply]):
    """Sends one request that must not be sent twice and must not be lost.

    :param settle_seconds: how long an unknown outcome is looked for in the statement before its absence proves that
        nothing was sent.
    :param on_unknown_outcome: what to do when nobody can say: ``fail``, ``resend`` or ``hold``.
    :param completion_timeout: seconds (or a timedelta) that waiting may take; a call in progress is waited for as long.
    :param poll_interval: seconds between two questions.
    :param directcall_conn_id: the connection.
    :param deferrable: wait in the triggerer instead of on a worker.
    """

    def __init__(
        self,
        *,
        settle_seconds: float | timedelta | str,
        on_unknown_outcome: str,
        completion_timeout: float | timedelta | str,
        poll_interval: float | str,
        directcall_conn_id: str,
        deferrable: bool,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.settle_seconds = settle_seconds
        self.on_unknown_outcome = on_unknown_outcome
        self.completion_timeout = completion_timeout
        self.poll_interval = poll_interval
        self.directcall_conn_id = directcall_conn_id
        self.deferrable = deferrable
        self._record: Record | None = None
        self._settings: Settings | None = None

    @abstractmethod
    def _check(self) -> None:
        """Refuse what could only be noticed after sending.

        :raises ValueError: an argument is wrong.
        """

    @abstractmethod
    def _due_at(self) -> datetime | None:
        """When it is to happen, or None for at once."""

    @abstractmethod
    def _request(self, key: str) -> Request[Reply]:
        """The request, with the key among its tags.

        :raises ValueError: an argument is wrong.
        """

    @abstractmethod
    def _accepted(self, reply: Reply) -> Accepted:
        """What Directcall's answer says.

        :raises DirectcallRefused: that nothing was done.
        """

    @abstractmethod
    def _target(self) -> Sequence[str]:
        """Digits of everybody whom the request reaches."""

    @abstractmethod
    def _sight(self, hook: DirectcallHook, record: Record, now: datetime) -> Sighting:
        """Look once for the request in the statement."""

    @abstractmethod
    def _settling_trigger(self, record: Record, patience: Patience) -> SettlingTrigger:
        """The trigger that looks for it without a worker."""

    @abstractmethod
    def _go_on(self, hook: DirectcallHook, context: Context, step: GoOn) -> Result | Step:
        """Wait for the end, if asked to; the result, or a step where it turns out that all begins anew."""

    @abstractmethod
    def _held(self, record: Record) -> Result:
        """The result of a task that succeeds without knowing what became of its request."""

    @abstractmethod
    def _what(self) -> str:
        """What is sent, and to whom, numbers masked, as in "call to 5511*****0001"."""

    @abstractmethod
    def _whereabouts(self) -> str:
        """Where a person looks for it."""

    @property
    def _ends_when_sent(self) -> bool:
        """Whether nothing is left to do once the request is accepted."""
        return False

    def execute(self, context: Context) -> Result:
        """Send, unless an earlier try did; then wait if asked to."""
        with self._hook() as hook:
            with failing_without_retry(is_final_before_effect):
                self._begin(hook)
                course, journal = self._course(context)
                step = course.begin(journal.read())
            return self._follow(hook, context, course, step)

    def execute_settled(self, context: Context, event: object = None, record: object = None, doubt: str = "") -> Result:
        """Go on after the trigger has found out what became of the request, or could not."""
        with self._hook() as hook:
            with failing_without_retry(is_final_before_effect):
                self._begin(hook)
                course, journal = self._course(context)
                kept = resumed_record(course, journal, record)
                step = self._judged(course, Settle(kept, doubt), _verdict_of(event))
            return self._follow(hook, context, course, step)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Result:
        """Airflow's way back from a deferral. A trigger that died in settling has found out nothing, as others may."""
        if next_method not in _WAYS_BACK:
            course, journal = self._course(context)
            # Without a store nobody knows what the trigger waited for; looking for it is right in any case.
            record = journal.read() if journal.remembers else course.first_record().at(Phase.SENDING)
            if record is not None and record.phase is Phase.SENDING:
                return self._settle_after_lost_trigger(context, record)
            self.log.error("The trigger that waited for the end of %s failed.", named(record.ids) if record else "it")
        result: Result = super().resume_execution(next_method, next_kwargs, context)
        return result

    def _settle_after_lost_trigger(self, context: Context, record: Record) -> Result:
        verdict = Verdict(VerdictKind.UNKNOWN, reason="the trigger of the task ended", may_pass=True)
        return self.execute_settled(context, verdict_event(verdict), record.as_json(), LOST_TRY)

    def _follow(self, hook: DirectcallHook, context: Context, course: Course, step: Step) -> Result:
        """Take one step after the other until there is a result."""
        outcome: Result | Step = step
        while not isinstance(outcome, dict):
            outcome = self._take(hook, context, course, outcome)
        return outcome

    def _take(self, hook: DirectcallHook, context: Context, course: Course, step: Step) -> Result | Step:
        if isinstance(step, (GoOn, Settle)) and self._goes_elsewhere(step.record):
            is_asked = step.record.reported and isinstance(step, GoOn) and step.cleared
            return self._refuse_to_mix(course, step.record, is_asked=is_asked or course.was_asked_again(step.record))
        if isinstance(step, GoOn):
            self._record = step.record
            return self._go_on(hook, context, step)
        with failing_without_retry(is_final_before_effect):
            if isinstance(step, Send):
                return self._deliver(hook, course, step.record)
            if isinstance(step, Settle):
                return self._settle(hook, course, step)
            if isinstance(step, Hold):
                return self._hold(step)
            raise self._failure(step)

    def _deliver(self, hook: DirectcallHook, course: Course, record: Record) -> Step:
        """Write down that the request leaves, let it leave, write down what came back."""
        self._refuse_if_killed(f"airflow_key {record.key}")
        request = self._request(record.key)
        hook.client.check(request)
        record = replace(course.sending(record, Waiter.now()), target=self._mark(record.key))
        self._keep(record)
        try:
            accepted = self._accepted(hook.client.send(request))
        except DirectcallOutcomeUnknown as unknown:
            self.log.warning("%s; it is looked for in the statement (airflow_key %s)", unknown, record.key)
            return Settle(record, str(unknown))
        except AirflowTaskTimeout:
            reason = "the task's execution_timeout came while the request was on its way"
            return self._judged(course, Settle(record, ""), Verdict(VerdictKind.UNKNOWN, reason=reason, may_pass=True))
        except DirectcallError:
            self._keep(record.at(Phase.NOT_SENT))
            raise
        self.log.info("Accepted by Directcall: %s", named(accepted.ids))
        phase = Phase.DONE if self._ends_when_sent else Phase.SENT
        record = record.accepted(phase, accepted.ids, accepted.recipients)
        self._keep(record)
        return GoOn(record, found=False)

    def _goes_elsewhere(self, record: Record) -> bool:
        return bool(record.target) and record.target != self._mark(record.key)

    def _mark(self, key: str) -> str:
        # Not the address: the same account may be reached by another one, a proxy for example.
        account = (self._settings.client_id,) if self._settings is not None else ()
        return target_mark(key, [*account, *self._target()])

    def _refuse_to_mix(self, course: Course, record: Record, *, is_asked: bool) -> Step:
        """Neither go on with nor look for what an earlier try sent to others.

        :param is_asked: a person was told so, and has asked for it again.
        """
        if is_asked:
            return course.anew(record)
        self._keep(record.at(record.phase, reported=True))
        raise AirflowFailException(changed_target_text(record, self._whereabouts()))

    def _settle(self, hook: DirectcallHook, course: Course, step: Settle) -> Step:
        """Find out what became of the request: here, or in the triggerer."""
        self._record = step.record
        if self.deferrable:
            self._defer_settling(step)
        patience = self._patience()
        settling = Settling(Waiter.now(), patience)
        try:
            while (verdict := self._looked(hook, step.record, settling)) is None:
                self._rest(patience.pause(self._poll_interval))
        except AirflowTaskTimeout:
            reason = "the task's execution_timeout is shorter than the looking took"
            verdict = Verdict(VerdictKind.UNKNOWN, reason=reason, may_pass=True)
        return self._judged(course, step, verdict)

    def _looked(self, hook: DirectcallHook, record: Record, settling: Settling) -> Verdict | None:
        asked_at = Waiter.now()
        try:
            sighting = self._sight(hook, record, asked_at)
        except DirectcallError as error:
            self.log.warning("airflow_key %s could not be looked for: %s", record.key, error)
            return settling.failed(error, Waiter.now())
        return settling.saw(sighting, asked_at, Waiter.now())

    def _judged(self, course: Course, step: Settle, verdict: Verdict) -> Step:
        """The next step after the verdict."""
        meanwhile = self._journal.read() if self._journal is not None else None
        following = course.settled(step.record, verdict, meanwhile)
        self.log.info("airflow_key %s: %s", step.record.key, _VERDICTS[verdict.kind])
        if isinstance(following, GoOn) and following.record is not meanwhile:
            self._keep(following.record.at(Phase.DONE) if self._ends_when_sent else following.record)
        if isinstance(following, GiveUp):
            return GiveUp(following.record, f"{step.doubt}. {following.reason}" if step.doubt else following.reason)
        return following

    def _hold(self, step: Hold) -> Result:
        self._keep(step.record.at(Phase.SENDING, reported=True))
        self.log.warning("The outcome is unknown and held: %s", self._unknown_text(step.record, step.reason))
        return self._held(step.record)

    def _failure(self, step: GiveUp | TryLater) -> Exception:
        """The error with which the task fails: for good, or until Airflow's next try."""
        record = step.record
        if isinstance(step, GiveUp):
            self._keep(record.at(Phase.SENDING, reported=True))
            return AirflowFailException(self._unknown_text(record, step.reason))
        self._keep(record)
        kind = DirectcallNotSent if record.phase is Phase.NOT_SENT else DirectcallOutcomeUnknown
        return kind(f"{step.reason} (airflow_key {record.key}); the next try goes on from here")

    def _unknown_text(self, record: Record, reason: str) -> str:
        return unknown_text(
            record,
            reason,
            what=self._what(),
            until=Waiter.now(),
            zone=self._settings.zone if self._settings is not None else UTC,
            whereabouts=self._whereabouts(),
            remembers=self._journal is not None and self._journal.remembers,
        )

    def _defer_settling(self, step: Settle) -> NoReturn:
        patience = self._patience()
        self.defer(
            trigger=self._settling_trigger(step.record, patience),
            method_name="execute_settled",
            kwargs={"record": step.record.as_json(), "doubt": step.doubt},
            timeout=patience.at_most + DEFERRAL_GRACE,
        )

    def _patience(self) -> Patience:
        return Patience(
            settle_seconds=arguments.seconds("settle_seconds", self.settle_seconds),
            longest_seconds=arguments.seconds("completion_timeout", self.completion_timeout),
            due_at=self._due_at(),
        )

    @property
    def _due_text(self) -> str | None:
        due_at = self._due_at()
        return due_at.isoformat() if due_at is not None else None

    @property
    def _poll_interval(self) -> float:
        return arguments.seconds("poll_interval", self.poll_interval)

    @property
    def _policy(self) -> OnUnknownOutcome:
        try:
            return OnUnknownOutcome(str(self.on_unknown_outcome).strip().casefold())
        except ValueError:
            raise ValueError(f"on_unknown_outcome: one of {', '.join(OnUnknownOutcome)} is needed") from None

    def _begin(self, hook: DirectcallHook) -> None:
        self._patience()
        self._check()
        self._settings = hook.settings

    def _course(self, context: Context) -> tuple[Course, Journal]:
        self._journal = journal = Journal(self, context)
        return Course(journal.identity, journal.attempt, self._policy), journal

    def _keep(self, record: Record) -> None:
        """Write down how far it has come; also for a signal handler, which cannot ask."""
        self._record = record
        if self._journal is not None:
            self._journal.write(record)

    def _hook(self) -> DirectcallHook:
        from airflow_provider_directcall.hooks.directcall import DirectcallHook

        return DirectcallHook(self.directcall_conn_id)


def _verdict_of(event: object) -> Verdict:
    """The verdict of a trigger's event; a trigger that could not go on has found out nothing."""
    try:
        return verdict_in(event, ID_NAMES)
    except DirectcallWaitFailed as failed:
        return Verdict(VerdictKind.UNKNOWN, reason=str(failed), may_pass=True)


def resumed_record(course: Course, journal: Journal, record: object) -> Record:
    """What the task had sent before its deferral.

    :param record: as the deferral kept it; ``dag.test()`` gives nothing but the event back.
    """
    if record is not None:
        return Record.from_json(record)
    return journal.read() or course.first_record()
