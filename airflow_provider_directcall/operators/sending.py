"""What calls and messages share: the request is sent once, its ids are announced, and its end may be waited for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_directcall.delivery.decisions import GoOn, Step
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallError, DirectcallRefused, DirectcallUnwantedOutcome
from airflow_provider_directcall.operators.delivering import (
    DEFERRAL_GRACE,
    DeliveringOperator,
    Reply,
    Result,
    resumed_record,
)
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.delivery_reports import ID_NAMES, named
from airflow_provider_directcall.runtime.failures import failing_without_retry, is_final_after_effect
from airflow_provider_directcall.runtime.pace import PollPace
from airflow_provider_directcall.runtime.polling import READ_GRACE, Waiter, deadline_of, wait_timeout
from airflow_provider_directcall.triggers.events import DONE, REFUSED, TIMEOUT, status_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import Acknowledgement
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.polling import PollingTrigger

Outcome = TypeVar("Outcome")

DEFAULT_COMPLETION_TIMEOUT: Final = 3600.0

#: Airflow kills a task for good 5 seconds after it has told it to stop.
_SECONDS_TO_STOP: Final = 4
#: How it ends when somebody hangs up or cancels, in the words of ``fail_on`` for calls and messages alike.
_CANCELLED: Final = "cancelled"


class RefusedWhenDueError(DirectcallRefused):
    """What was scheduled was refused when its time came: that is its end."""


class SendingOperator(DeliveringOperator[Reply], Generic[Reply, Outcome]):
    """Sends one request once, announces its ids, and may wait for the end.

    :param waits: wait until what was sent has come to its end.
    :param fail_on: ends after which the task fails; needs the wait. Airflow's retries then do it anew.
    :param include_numbers: show phone numbers in the result in full.

    Further parameters as in :class:`~.delivering.DeliveringOperator`.
    """

    def __init__(
        self,
        *,
        waits: bool,
        fail_on: Iterable[str] | str,
        include_numbers: bool,
        **kwargs: Any,  # noqa: ANN401 - the arguments of DeliveringOperator and BaseOperator
    ) -> None:
        super().__init__(**kwargs)
        self.fail_on = fail_on
        self.include_numbers = include_numbers
        self._waits = waits
        self._undo: Request[Acknowledgement] | None = None

    @abstractmethod
    def _known_outcomes(self) -> Collection[str]:
        """Words that ``fail_on`` may hold."""

    @abstractmethod
    def _undo_of(self, ids: Mapping[str, str]) -> Request[Acknowledgement] | None:
        """What stops the thing that has these ids, if anything can."""

    @abstractmethod
    def _trigger(self, record: Record, deadline: str) -> PollingTrigger:
        """The trigger that waits for the end."""

    @abstractmethod
    def _look(self, hook: DirectcallHook, record: Record, now: datetime) -> Outcome | None:
        """Ask once for the end; None when it is not there yet."""

    @abstractmethod
    def _outcome_word(self, outcome: Outcome) -> str | None:
        """How it ended, in the words of ``fail_on``."""

    @abstractmethod
    def _result(self, hook: DirectcallHook, context: Context, record: Record, outcome: Outcome | None) -> Result:
        """The task's XCom; without an outcome when nobody waited."""

    def _may_repeat(self, result: Result) -> bool:
        """Whether a retry after an unwanted end reaches nobody who was reached already."""
        return True

    @property
    def _ends_when_sent(self) -> bool:
        return not self._waits

    def execute_complete(
        self, context: Context, event: object = None, record: object = None, found: bool = False, cleared: bool = False
    ) -> Result:
        """Go on after the trigger: read how it ended, and judge it."""
        told = {str(name): value for name, value in event.items()} if isinstance(event, Mapping) else {}
        with self._hook() as hook:
            course, journal = self._course(context)
            kept = resumed_record(course, journal, record)
            ids = {**kept.ids, **{name: str(told[name]) for name in ID_NAMES if name in told}}
            step = GoOn(kept.accepted(Phase.SENT, ids, kept.recipients), found=found, cleared=cleared)
            with failing_without_retry(self._is_final_after_effect, lambda: named(ids)), self._stopping_at_timeout():
                self._begin(hook)
                self._watch(step.record)
                if status_of(event, {DONE, REFUSED, TIMEOUT}) == TIMEOUT:
                    state = told.get("state")
                    raise wait_timeout(str(told.get("deadline")), str(state) if state is not None else None)
                outcome = self._end(hook, context, step, Waiter.now() + READ_GRACE)
            return outcome if isinstance(outcome, dict) else self._follow(hook, context, course, outcome)

    def _stop(self) -> None:
        """Stop what was sent, if it can be stopped and is not known to be over; that it is over already is fine."""
        undo, settings, record, self._undo = self._undo, self._settings, self._record, None
        if undo is None or settings is None or record is None:
            return
        # A client of its own: this may run in a signal handler while the task's own client holds its locks.
        from airflow_provider_directcall.api.client import Client, RetryBudget

        try:
            with Client(settings, budget=RetryBudget(attempts=2, seconds=_SECONDS_TO_STOP)) as client:
                client.send(undo)
        except (DirectcallError, ValueError) as error:
            self.log.warning("Nothing was stopped: %s", error)
        else:
            self.log.info("Stopped by %s.", undo.endpoint_name)
            self._keep_stopped(record)

    def _check(self) -> None:
        PollPace(interval=self._poll_interval)
        unwanted, known = self._unwanted(), self._known_outcomes()
        unknown = sorted(unwanted - set(known))
        if unknown:
            raise ValueError(f"fail_on: there is no {', '.join(unknown)}; there are {', '.join(known)}")
        if unwanted and not self._waits:
            raise ValueError("fail_on: how it ends is known only to a task that waits")

    def _unwanted(self) -> set[str]:
        return {word.strip().casefold() for word in arguments.texts("fail_on", self.fail_on) or []}

    def _is_final_after_effect(self, error: BaseException) -> bool:
        return is_final_after_effect(error, remembers=self._journal is not None and self._journal.remembers)

    def _go_on(self, hook: DirectcallHook, context: Context, step: GoOn) -> Result | Step:
        record = step.record
        with (
            failing_without_retry(self._is_final_after_effect, lambda: named(record.ids)),
            self._stopping_at_timeout(),
        ):
            self._watch(record)
            for key in ID_NAMES.keys() & record.ids.keys():
                context["ti"].xcom_push(key=key, value=record.ids[key])
            if not self._waits:
                self._undo = None
                return self._result(hook, context, record, None)
            deadline = self._deadline(context, step)
            if self.deferrable:
                self._defer_until(step, deadline)
            return self._end(hook, context, step, deadline)

    def _watch(self, record: Record) -> None:
        """From here on, a kill stops what was sent."""
        self._record = record
        self._undo = self._undo_of(record.ids)

    def _deadline(self, context: Context, step: GoOn) -> datetime:
        """When the wait ends: counted from the sending, and anew after a user's Clear."""
        begins_at = Waiter.now() if step.cleared else step.record.since
        return deadline_of(
            self,
            context,
            begins_at=max(begins_at, self._due_at() or begins_at),
            completion_timeout=arguments.seconds("completion_timeout", self.completion_timeout),
        )

    def _defer_until(self, step: GoOn, deadline: datetime) -> NoReturn:
        self.defer(
            trigger=self._trigger(step.record, deadline.isoformat()),
            method_name="execute_complete",
            kwargs={"record": step.record.as_json(), "found": step.found, "cleared": step.cleared},
            timeout=max(deadline - Waiter.now(), timedelta(0)) + DEFERRAL_GRACE,
        )

    def _end(self, hook: DirectcallHook, context: Context, step: GoOn, deadline: datetime) -> Result | Step:
        """Wait for the end, and judge it."""
        record = step.record
        pace = PollPace(interval=self._poll_interval, deadline=deadline, due_at=self._due_at())
        try:
            outcome = Waiter.wait(lambda now: self._look(hook, record, now), pace, self._rest)
        except RefusedWhenDueError:
            self._keep(record.at(Phase.DONE))
            raise
        self._undo = None
        result = self._result(hook, context, record, outcome)
        word = self._outcome_word(outcome)
        self.log.info("%s: %s", named(record.ids), word)
        unwanted = word is not None and word in self._unwanted()
        if self._begins_anew(step, word, unwanted=unwanted, result=result):
            return self._anew(context, record)
        repeat = unwanted and self._may_repeat(result)
        self._keep(record.at(Phase.DONE, repeat=repeat))
        if unwanted:
            raise DirectcallUnwantedOutcome(
                f"{named(record.ids)} ended as {word!r}, which is in fail_on",
                outcome=str(word),
                callerid=record.ids.get("callerid"),
                retryable=repeat,
            )
        return result

    def _begins_anew(self, step: GoOn, word: str | None, *, unwanted: bool, result: Result) -> bool:
        """Whether an earlier try's end is no reason to stop: a user's Clear cancelled it, or it was unwanted then.

        Where nothing is kept, an end that an earlier try has failed for is found in the statement again.
        """
        remembers = self._journal is not None and self._journal.remembers
        if step.cleared and word == _CANCELLED:
            return True
        return step.found and not remembers and unwanted and self._may_repeat(result)

    def _anew(self, context: Context, record: Record) -> Step:
        course, _ = self._course(context)
        self._keep(record.at(Phase.DONE, repeat=True))
        return course.anew(record)

    def _keep_stopped(self, record: Record) -> None:
        """Write down that it was stopped; not before, or a process that is killed meanwhile would have lied."""
        try:
            self._keep(record.at(Phase.STOPPED))
        except Exception as error:  # noqa: BLE001 - Airflow may refuse a task that is being killed, in its own ways
            self.log.warning("That it was stopped could not be kept: %s", type(error).__name__)

    @contextmanager
    def _stopping_at_timeout(self) -> Iterator[None]:
        """Do what Airflow does at an ``execution_timeout``, before the error becomes one that is not retried."""
        try:
            yield
        except AirflowTaskTimeout:
            self._stop()
            raise
