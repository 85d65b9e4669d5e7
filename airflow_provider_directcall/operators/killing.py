"""When a kill may act: only while the task rests, and only for a task that a user has ended."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import BaseOperator

from airflow_provider_directcall.runtime.polling import Waiter
from airflow_provider_directcall.runtime.task_states import ENDED, RUNNING

if TYPE_CHECKING:
    from airflow_provider_directcall.runtime.delivery_log import Journal


class KillableOperator(BaseOperator):
    """A task whose kill stops what it has begun, without getting between a question and its answer."""

    def __init__(
        self,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self._journal: Journal | None = None
        self._resting = False
        self._kill_asked = False

    @abstractmethod
    def _stop(self) -> None:
        """Stop what was begun, because somebody has ended the task."""

    def on_kill(self) -> None:
        """Stop what was begun, when a user has ended the task; a task that Airflow will run again goes on with it.

        This may run in a signal handler, at any line of the task. It acts only while the task rests, when nothing else
        is being asked or answered.
        """
        if not self._resting:
            self._kill_asked = True
        elif self._is_ended():
            self._stop()
        else:
            self.log.info("Nothing is stopped: Airflow has not ended the task, and its next try goes on from here.")

    def _refuse_if_killed(self, what: str) -> None:
        """Begin nothing for a task that was ended meanwhile."""
        if self._kill_asked and self._is_ended():
            raise AirflowFailException(f"The task was ended before this was sent ({what}); it is not sent.")

    def _rest(self, seconds: float) -> None:
        """Sleep, and act on a kill that came before."""
        self._resting = True
        try:
            if self._kill_asked:
                self._kill_asked = False
                self.on_kill()
            Waiter.sleep(seconds)
        finally:
            self._resting = False

    def _is_ended(self) -> bool:
        """Whether the task will not go on with what it began. When Airflow does not say, it counts as ended."""
        if self._journal is None:
            return True
        try:
            state = self._journal.state()
        except LookupError as error:
            self.log.warning("Whether the task has ended is not known: %s", error)
            return True
        # Without a store, a cleared task begins anew.
        return state in ENDED or (not self._journal.remembers and state != RUNNING)
