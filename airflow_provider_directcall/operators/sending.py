"""What all operators share that have Directcall do one thing once and may wait for what becomes of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowTaskTimeout
from airflow.sdk import BaseOperator

from airflow_provider_directcall.errors import DirectcallError, DirectcallUnwantedOutcome
from airflow_provider_directcall.tasks import rendered
from airflow_provider_directcall.tasks.failing import (
    failing_without_retry,
    is_final_after_effect,
    is_final_before_effect,
)
from airflow_provider_directcall.tasks.waiting import READ_GRACE, Waiter, deadline_of, wait_timeout
from airflow_provider_directcall.triggers.events import DONE, REFUSED, TIMEOUT, status_of
from airflow_provider_directcall.triggers.pace import PollPace

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import Acknowledgement
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.polling import PollingTrigger

#: Ids and times of what was sent, by name; a trigger's event brings them back.
Sent = dict[str, str]
Result = dict[str, object]
Outcome = TypeVar("Outcome")

DEFAULT_COMPLETION_TIMEOUT: Final = 3600.0

#: Airflow ends a deferral by itself this long after its deadline, should no triggerer be there to do it.
_DEFERRAL_GRACE: Final = timedelta(minutes=5)
#: XCom keys under which ids are there before any waiting, and what they are ids of.
_ANNOUNCED: Final = {"callerid": "callerid", "schedule_id": "schedule"}


class SendingOperator(BaseOperator, Generic[Outcome]):
    """Sends one request that must not be sent twice, announces its id, and may wait for the end.

    A failure before the effect is retried by Airflow where that can help. After it, every failure but an end named in
    ``fail_on`` fails the task without a retry: a retry would ring or send once more.

    :param waits: wait until what was sent has come to its end.
    :param fail_on: ends after which the task fails, with Airflow's usual retries; needs the wait.
    :param completion_timeout: seconds (or a timedelta) that the wait may take, from the time it is due.
    :param poll_interval: seconds between two questions.
    :param include_numbers: show phone numbers in the result in full.
    :param directcall_conn_id: the connection.
    :param deferrable: wait in the triggerer instead of on a worker.
    """

    def __init__(
        self,
        *,
        waits: bool,
        fail_on: Iterable[str] | str,
        completion_timeout: float | timedelta | str,
        poll_interval: float | str,
        include_numbers: bool,
        directcall_conn_id: str,
        deferrable: bool,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.fail_on = fail_on
        self.completion_timeout = completion_timeout
        self.poll_interval = poll_interval
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id
        self.deferrable = deferrable
        self._waits = waits
        self._settings: Settings | None = None
        self._undo: Request[Acknowledgement] | None = None

    @abstractmethod
    def _known_outcomes(self) -> Collection[str]:
        """Words that ``fail_on`` may hold."""

    @abstractmethod
    def _due_at(self) -> datetime | None:
        """When it is to happen, or None for at once."""

    @abstractmethod
    def _send(self, hook: DirectcallHook) -> Sent:
        """Check the arguments, send the request, set ``_undo`` if anything can stop it; the ids of what was sent."""

    @abstractmethod
    def _trigger(self, sent: Sent, deadline: str) -> PollingTrigger:
        """The trigger that waits for the end."""

    @abstractmethod
    def _look(self, hook: DirectcallHook, sent: Sent, now: datetime) -> Outcome | None:
        """Ask once for the end; None when it is not there yet."""

    @abstractmethod
    def _outcome_word(self, outcome: Outcome) -> str | None:
        """How it ended, in the words of ``fail_on``."""

    @abstractmethod
    def _result(self, context: Context, sent: Sent, outcome: Outcome | None) -> Result:
        """The task's XCom; without an outcome when nobody waited."""

    def _may_repeat(self, result: Result) -> bool:
        """Whether a retry after an unwanted end reaches nobody who was reached already."""
        return True

    def execute(self, context: Context) -> Result:
        """Send, announce the ids, and wait if asked to."""
        with self._hook() as hook:
            with failing_without_retry(is_final_before_effect), self._stopping_at_timeout():
                self._check_waiting()
                self._settings = hook.settings
                sent_at = Waiter.now()
                sent = {"since": sent_at.isoformat(), **self._send(hook)}
            with failing_without_retry(is_final_after_effect, _named(sent)), self._stopping_at_timeout():
                self._announce(context, sent)
                if not self._waits:
                    return self._result(context, sent, None)
                deadline = self._deadline(context, sent_at)
                if self.deferrable:
                    self._defer_until(sent, deadline)
                return self._end(hook, context, sent, deadline)

    def execute_complete(self, context: Context, event: object = None) -> Result:
        """Go on after the trigger: read how it ended, and judge it."""
        sent = _texts_in(event)
        if not _ANNOUNCED.keys() & sent.keys():
            sent |= self._announced(context)
        with failing_without_retry(is_final_after_effect, _named(sent)), self._stopping_at_timeout():
            if status_of(event, {DONE, REFUSED, TIMEOUT}) == TIMEOUT:
                raise wait_timeout(sent.get("deadline"), sent.get("state"))
            with self._hook() as hook:
                return self._end(hook, context, sent, Waiter.now() + READ_GRACE)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Result:
        """Airflow's way back from a deferral: that a trigger failed or timed out must not lead to a retry either."""

        def about() -> str:
            return _named(self._announced(context))()

        with failing_without_retry(is_final_after_effect, about):
            result: Result = super().resume_execution(next_method, next_kwargs, context)
            return result

    def on_kill(self) -> None:
        """Stop what was sent, if it can be stopped and is not known to be over; that it is over already is fine."""
        undo, settings, self._undo = self._undo, self._settings, None
        if undo is None or settings is None:
            return
        # A client of its own: this may run in a signal handler while the task's own client holds its locks.
        from airflow_provider_directcall.api.client import Client, RetryBudget

        try:
            with Client(settings, budget=RetryBudget(attempts=2, seconds=10)) as client:
                client.send(undo)
        except (DirectcallError, ValueError) as error:
            self.log.warning("Nothing was stopped: %s", error)
        else:
            self.log.info("Stopped by %s.", undo.endpoint_name)

    def _hook(self) -> DirectcallHook:
        from airflow_provider_directcall.hooks.directcall import DirectcallHook

        return DirectcallHook(self.directcall_conn_id)

    def _check_waiting(self) -> None:
        """Refuse what could only be noticed after sending."""
        PollPace(interval=self._poll_interval)
        rendered.seconds("completion_timeout", self.completion_timeout)
        unwanted, known = self._unwanted(), self._known_outcomes()
        unknown = sorted(unwanted - set(known))
        if unknown:
            raise ValueError(f"fail_on: there is no {', '.join(unknown)}; there are {', '.join(known)}")
        if unwanted and not self._waits:
            raise ValueError("fail_on: how it ends is known only to a task that waits")

    @property
    def _due_text(self) -> str | None:
        due_at = self._due_at()
        return due_at.isoformat() if due_at is not None else None

    @property
    def _poll_interval(self) -> float:
        return rendered.seconds("poll_interval", self.poll_interval)

    def _unwanted(self) -> set[str]:
        return {word.strip().casefold() for word in rendered.texts("fail_on", self.fail_on) or []}

    def _announce(self, context: Context, sent: Sent) -> None:
        for key in _ANNOUNCED.keys() & sent.keys():
            context["ti"].xcom_push(key=key, value=sent[key])
        self.log.info("Accepted by Directcall: %s", _named(sent)())

    def _announced(self, context: Context) -> Sent:
        """The ids that were announced before the deferral; nothing where they cannot be read."""
        try:
            ids = {key: kept(context, key) for key in _ANNOUNCED}
        except Exception as error:  # noqa: BLE001 - they only make the message of another error better
            self.log.warning("The ids of what was sent cannot be read: %s", type(error).__name__)
            return {}
        return _texts_in(ids)

    def _deadline(self, context: Context, sent_at: datetime) -> datetime:
        return deadline_of(
            self,
            context,
            begins_at=max(sent_at, self._due_at() or sent_at),
            completion_timeout=rendered.seconds("completion_timeout", self.completion_timeout),
        )

    def _defer_until(self, sent: Sent, deadline: datetime) -> NoReturn:
        self.defer(
            trigger=self._trigger(sent, deadline.isoformat()),
            method_name="execute_complete",
            timeout=max(deadline - Waiter.now(), timedelta(0)) + _DEFERRAL_GRACE,
        )

    def _end(self, hook: DirectcallHook, context: Context, sent: Sent, deadline: datetime) -> Result:
        """Wait for the end, and judge it."""
        pace = PollPace(interval=self._poll_interval, deadline=deadline, due_at=self._due_at())
        outcome = Waiter.wait(lambda now: self._look(hook, sent, now), pace)
        self._undo = None
        result = self._result(context, sent, outcome)
        word = self._outcome_word(outcome)
        self.log.info("%s: %s", _named(sent)(), word)
        if word is not None and word in self._unwanted():
            raise DirectcallUnwantedOutcome(
                f"{_named(sent)()} ended as {word!r}, which is in fail_on",
                outcome=word,
                callerid=sent.get("callerid"),
                worth_repeating=self._may_repeat(result),
            )
        return result

    @contextmanager
    def _stopping_at_timeout(self) -> Iterator[None]:
        """Do what Airflow does at an ``execution_timeout``, before the error becomes one that is not retried."""
        try:
            yield
        except AirflowTaskTimeout:
            self.on_kill()
            raise


def kept(context: Context, key: str) -> object:
    """An XCom of this very task instance; without the map index, a mapped task would get those of all its siblings."""
    ti = context["ti"]
    map_index = ti.map_index if ti.map_index is not None else -1
    value: object = ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=map_index)
    return value


def _named(sent: Mapping[str, str]) -> Callable[[], str]:
    """Gives the ids as a person reads them."""
    return lambda: ", ".join(f"{word} {sent[key]}" for key, word in _ANNOUNCED.items() if key in sent)


def _texts_in(event: object) -> Sent:
    if not isinstance(event, Mapping):
        return {}
    return {str(key): value for key, value in event.items() if isinstance(value, str)}
