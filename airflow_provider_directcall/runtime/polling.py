"""Polling of tasks: the blocking loop, and the deadline of a wait. The pace is shared with the triggers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.errors import DirectcallError, DirectcallWaitTimeout
from airflow_provider_directcall.statement.pace import DEFAULT_MAX_CONSECUTIVE_FAILURES, PollPace

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_directcall.api.clock import Clock

__all__ = [
    "DEFAULT_DEFERRABLE",
    "DEFAULT_MAX_CONSECUTIVE_FAILURES",
    "DEFAULT_POLL_INTERVAL",
    "READ_GRACE",
    "PollPace",
    "deadline_of",
    "poll",
    "wait_timeout",
]

T = TypeVar("T")

#: Whether tasks wait in the triggerer by default (Airflow's ``[operators] default_deferrable``).
DEFAULT_DEFERRABLE: Final = conf.getboolean("operators", "default_deferrable", fallback=False)
DEFAULT_POLL_INTERVAL: Final = 15.0

#: How long a resumed task goes on trying to read the result that its trigger has seen.
READ_GRACE: Final = timedelta(minutes=5)

log = logging.getLogger(__name__)


def poll(
    look: Callable[[datetime], T | None],
    pace: PollPace,
    clock: Clock,
    rest: Callable[[float], None] | None = None,
) -> T:
    """Call ``look`` until it returns a result; at least once, also after the deadline.

    :param look: asks once; gets the present moment, and returns None for "not yet".
    :param pace: the time between two calls, and the deadline.
    :param rest: sleeps in place of the clock, for a task that has to know when it is asleep.
    :raises DirectcallWaitTimeout: the deadline has come.
    :raises DirectcallError: a call failed for good.
    """
    while True:
        try:
            answer = look(clock.now())
        except DirectcallError as error:
            pace.failed(error)
            log.warning("%s; it will be asked again", error)
        else:
            if answer is not None:
                return answer
            pace.succeeded()
        now = clock.now()
        if pace.is_over(now):
            raise wait_timeout(now.isoformat(timespec="seconds"))
        (rest or clock.sleep)(pace.pause(now))


def wait_timeout(deadline: str | None, last_state: str | None = None) -> DirectcallWaitTimeout:
    """Return the error of a wait that took too long.

    :param deadline: ISO text of the moment at which it ended.
    :param last_state: the state seen last, if any.
    """
    seen = f" (seen last: {last_state})" if last_state else ""
    return DirectcallWaitTimeout(f"the wait ended at {deadline or 'its deadline'}, before there was a result{seen}")


def deadline_of(
    operator: BaseOperator, context: Context, *, begins_at: datetime, completion_timeout: float
) -> datetime:
    """Return the end of a task's wait: ``completion_timeout`` seconds after it begins, or the ``execution_timeout``.

    Airflow does not enforce ``execution_timeout`` while a task is deferred, so the deadline carries it, counted from
    the start of the try.
    """
    deadline = begins_at + timedelta(seconds=completion_timeout)
    started_at = context["ti"].start_date
    if operator.execution_timeout is None or started_at is None:
        return deadline
    return min(deadline, started_at + operator.execution_timeout)
