"""Waiting on a worker: the blocking twin of the triggers' loop, and how long a wait may take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.errors import DirectcallError, DirectcallWaitTimeout
from airflow_provider_directcall.runtime.pace import PollPace, utc_now

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

T = TypeVar("T")

#: Whether tasks wait in the triggerer unless told otherwise (Airflow's ``[operators] default_deferrable``).
DEFAULT_DEFERRABLE: Final = conf.getboolean("operators", "default_deferrable", fallback=False)

#: How long a task that was told of a result goes on trying to read it.
READ_GRACE: Final = timedelta(minutes=5)

log = logging.getLogger(__name__)


class Waiter:
    """Asks until there is an answer. Tests replace its two functions by those of a simulated clock."""

    now: Callable[[], datetime] = staticmethod(utc_now)
    sleep: Callable[[float], None] = staticmethod(time.sleep)

    @classmethod
    def wait(
        cls, look: Callable[[datetime], T | None], pace: PollPace, rest: Callable[[float], None] | None = None
    ) -> T:
        """What ``look`` gives, as soon as it gives anything; it is asked at least once, also after the deadline.

        :param look: asks once; gets the present moment and gives None for "not yet".
        :param pace: the time between two questions, and the deadline.
        :param rest: sleeps in place of :attr:`sleep`, for a task that wants to know that it is asleep.
        :raises DirectcallWaitTimeout: the deadline has come.
        :raises DirectcallError: a question failed for good.
        """
        while True:
            try:
                answer = look(cls.now())
            except DirectcallError as error:
                pace.failed(error)
                log.warning("%s; it will be asked again", error)
            else:
                if answer is not None:
                    return answer
                pace.succeeded()
            now = cls.now()
            if pace.is_over(now):
                raise wait_timeout(now.isoformat(timespec="seconds"))
            (rest or cls.sleep)(pace.pause(now))


def wait_timeout(deadline: str | None, last_state: str | None = None) -> DirectcallWaitTimeout:
    """The error of a wait that took too long.

    :param deadline: ISO text of the moment at which it ended.
    :param last_state: what was seen last, if anything.
    """
    seen = f" (seen last: {last_state})" if last_state else ""
    return DirectcallWaitTimeout(f"the wait ended at {deadline or 'its deadline'}, before there was a result{seen}")


def deadline_of(
    operator: BaseOperator, context: Context, *, begins_at: datetime, completion_timeout: float
) -> datetime:
    """When the wait of a task ends: ``completion_timeout`` seconds after it begins, or with the ``execution_timeout``.

    Airflow does not enforce ``execution_timeout`` while a task is deferred, so the deadline carries it, counted from
    the start of the try.
    """
    deadline = begins_at + timedelta(seconds=completion_timeout)
    started_at = context["ti"].start_date
    if operator.execution_timeout is None or started_at is None:
        return deadline
    return min(deadline, started_at + operator.execution_timeout)
