"""Which failures end a task for good, whatever its ``retries`` say, and which are left to Airflow's retries.

The one place that decides this; ``AirflowFailException`` is Airflow's word for "fail now, do not retry". A retry is
never dangerous by itself, because every try begins with the record of the one before. It can be useless, though.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.errors import (
    DirectcallError,
    DirectcallRefused,
    DirectcallUnwantedOutcome,
    DirectcallWaitFailed,
    DirectcallWaitTimeout,
)

#: Raised from outside, at any line of a task.
_INTERRUPTIONS = (AirflowTaskTimeout, KeyboardInterrupt, SystemExit)
#: Ends of a wait that another try would only repeat.
_ENDS_OF_A_WAIT = (ValueError, DirectcallWaitTimeout, AirflowTaskTimeout)


def is_wrong_argument(error: BaseException) -> bool:
    """Whether an argument is wrong, which no retry corrects: the rule of tasks that only read."""
    return isinstance(error, ValueError)


def is_final_before_effect(error: BaseException) -> bool:
    """Whether sending again is useless: a wrong argument, or a lasting refusal."""
    if isinstance(error, DirectcallRefused):
        return not error.retryable
    return isinstance(error, ValueError)


def is_final_after_effect(error: BaseException, *, remembers: bool) -> bool:
    """Whether a retry, which would go on waiting, is useless.

    :param remembers: whether the retry can read the record. Without it the retry would have to reconcile, which takes
        long; so then only an outcome in ``fail_on`` is left to a retry.
    """
    if isinstance(error, DirectcallUnwantedOutcome):
        return not error.retryable
    if isinstance(error, DirectcallRefused):
        return not error.retryable
    return not remembers or isinstance(error, _ENDS_OF_A_WAIT)


@contextmanager
def failing_without_retry(
    is_final: Callable[[BaseException], bool], about: Callable[[], str] = lambda: ""
) -> Iterator[None]:
    """Turn the errors that are final into ``AirflowFailException``; others pass as they are.

    :param is_final: one of the rules of this module.
    :param about: returns the subject of the error, such as the id of a call, which is put before its text.
    """
    try:
        yield
    except AirflowFailException:
        raise
    except (
        Exception,
        *_INTERRUPTIONS,
    ) as error:  # the rule decides; errors that are not final pass
        if not is_final(error):
            raise
        # A foreign cause may hold anything, and Airflow logs it with its own text.
        cause = error if isinstance(error, (DirectcallError, ValueError)) else None
        raise AirflowFailException(": ".join(part for part in (about(), _text(error)) if part)) from cause


@contextmanager
def never_skipping() -> Iterator[None]:
    """Turn Airflow's errors, such as a missing connection, into one of ours: ``soft_fail`` makes a skip of its own."""
    try:
        yield
    except AirflowException as error:
        raise DirectcallWaitFailed(_text(error)) from None


def _text(error: BaseException) -> str:
    """Return the text of an error; that of a foreign error is redacted."""
    if isinstance(error, (DirectcallError, ValueError)):
        return str(error)
    from airflow_provider_directcall.api.redaction import redact

    return redact(f"{type(error).__name__}: {error}")
