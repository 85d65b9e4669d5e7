"""The base of all sensors: poke and deferral, the window, the end of a wait."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowSensorTimeout
from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry, is_wrong_argument, never_skipping
from airflow_provider_directcall.runtime.polling import (
    DEFAULT_DEFERRABLE,
    DEFAULT_MAX_CONSECUTIVE_FAILURES,
    READ_GRACE,
    PollPace,
    poll,
)
from airflow_provider_directcall.runtime.run_starts import first_start

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.statement.waits import Look
    from airflow_provider_directcall.triggers.polling import PollingArguments, WaitingTrigger

T = TypeVar("T")

#: How long Directcall keeps the details of calls and messages in the standard contract (documented), and a day.
_KEPT: Final = timedelta(days=91)
#: Airflow ends a deferral by itself this long after the trigger's deadline, should no triggerer be there to do it. The
#: trigger has to end first: only its event has the last look and the counts.
_DEFERRAL_GRACE: Final = timedelta(minutes=5)
#: Arguments of every sensor that are templated.
COMMON_TEMPLATE_FIELDS: Final = ("since", "look_back", "poll_interval", "directcall_conn_id")


class WaitingSensor(BaseSensorOperator, Generic[T]):
    """Waits for rows, in the modes poke and reschedule, and deferred.

    :param since: an aware datetime or an ISO text with a zone: the beginning of the window.
    :param look_back: how long before the start of the DAG run the window begins, without ``since``.
    :param poll_interval: seconds between two polls; replaces ``poke_interval`` when given.
    :param max_consecutive_failures: this many failed polls in a row fail the task; in the mode ``reschedule`` each poll
        is a process of its own, and failures are not counted.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker; by default Airflow's ``default_deferrable``.
    """

    def __init__(
        self,
        *,
        since: datetime | str | None = None,
        look_back: timedelta | float | str = timedelta(0),
        poll_interval: float | str | None = None,
        max_consecutive_failures: int = DEFAULT_MAX_CONSECUTIVE_FAILURES,
        directcall_conn_id: str = "directcall_default",
        deferrable: bool = DEFAULT_DEFERRABLE,
        **kwargs: Any,  # noqa: ANN401 - BaseSensorOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.since = since
        self.look_back = look_back
        self.poll_interval = poll_interval
        self.max_consecutive_failures = max_consecutive_failures
        self.directcall_conn_id = directcall_conn_id
        self.deferrable = deferrable
        self._pace: PollPace | None = None
        self._wait: Look[T] | None = None
        self._used_hook: DirectcallHook | None = None

    @abstractmethod
    def _new_wait(self, context: Context) -> Look[T]:
        """Return the wait from its beginning.

        :raises ValueError: an argument is wrong.
        """

    @abstractmethod
    def _result(self, found: T) -> object:
        """Return the XCom."""

    @abstractmethod
    def _not_found(self, context: Context, wait: Look[T] | None) -> str:
        """Return the text of a time-out: no numbers and no values of tags, since it is stored and logged."""

    @abstractmethod
    def _trigger(self, context: Context) -> WaitingTrigger:
        """Return the trigger that goes on with the wait."""

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - as in BaseSensorOperator
        """Poke as every sensor does; when deferrable, poke once and leave the rest to the trigger."""
        with failing_without_retry(is_wrong_argument), self._hook:
            self.poke_interval = self._poll_interval
            if not self.deferrable:
                return self._poke_until_timeout(context)
            poked = self.poke(context)
            if not poked:
                self._defer(context)
            return poked.xcom_value

    def _poke_until_timeout(self, context: Context) -> Any:  # noqa: ANN401 - as in BaseSensorOperator
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise AirflowSensorTimeout(self._not_found(context, self._wait)) from error

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; a transient failure is "not yet", until there are too many in a row."""
        if self._wait is None or self._pace is None:
            self._wait = self._new_wait(context)
            self._pace = PollPace(interval=self._poll_interval, max_consecutive_failures=self.max_consecutive_failures)
        try:
            found = self._hook.client.run(self._wait.look(current_clock().now()))
        except DirectcallError as error:
            self._pace.failed(error)
            self.log.warning("%s; it will be asked again", error)
            return PokeReturnValue(is_done=False)
        self._pace.succeeded()
        return PokeReturnValue(is_done=found is not None, xcom_value=self._result(found) if found is not None else None)

    def _read_again(self, wait: Look[T]) -> T:
        """Return the result that the trigger has seen, which its event does not hold."""
        pace = PollPace(interval=self._poll_interval, deadline=current_clock().now() + READ_GRACE)
        with never_skipping(), self._hook:
            return poll(lambda now: self._hook.client.run(wait.look(now)), pace, current_clock())

    @property
    def _poll_interval(self) -> float:
        """``poll_interval``, else ``poke_interval``; a second at least, to spare the vendor."""
        given = self.poke_interval if self.poll_interval is None else self.poll_interval
        return max(arguments.seconds("poll_interval", given), 1.0)

    def _window_begin(self, context: Context) -> datetime:
        """Return ``since``, or ``look_back`` before the first start of the DAG run: the same over pokes and Clears.

        :raises ValueError: rows of its beginning are no longer kept.
        """
        begin = arguments.moment("since", self.since)
        if begin is None:
            dag_run = context["dag_run"]
            start = first_start(dag_run, was_cleared=bool(dag_run.clear_number))
            begin = start - timedelta(seconds=arguments.seconds("look_back", self.look_back))
        if begin < current_clock().now() - _KEPT:
            raise ValueError(f"since, look_back: Directcall keeps rows for {_KEPT.days} days, and the window is longer")
        return begin

    @property
    def _hook(self) -> DirectcallHook:
        """One hook for all pokes of a process, so that they share one access token."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook

        if self._used_hook is None:
            self._used_hook = DirectcallHook(self.directcall_conn_id)
        return self._used_hook

    @property
    def _polling(self) -> PollingArguments:
        """The arguments of every trigger."""
        return {
            "directcall_conn_id": self.directcall_conn_id,
            "poll_interval": self._poll_interval,
            "deadline": (current_clock().now() + timedelta(seconds=self.timeout)).isoformat(),
            "max_consecutive_failures": self.max_consecutive_failures,
        }

    def _defer(self, context: Context) -> NoReturn:
        self.defer(
            trigger=self._trigger(context),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + _DEFERRAL_GRACE,
        )
