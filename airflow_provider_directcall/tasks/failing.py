"""Which failures end a task for good, whatever its ``retries`` say: those after which a retry would ring or send again.

The one place that decides this; ``AirflowFailException`` is Airflow's word for "fail now, do not retry".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.errors import (
    DirectcallError,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallUnwantedOutcome,
)

#: What can strike a task from outside, at any line of it. Airflow retries all of them.
_INTERRUPTIONS = (AirflowTaskTimeout, KeyboardInterrupt, SystemExit)


def is_wrong_argument(error: BaseException) -> bool:
    """Whether an argument is wrong, which no retry mends: the rule of tasks that only look."""
    return isinstance(error, ValueError)


def is_final_before_effect(error: BaseException) -> bool:
    """Whether sending again is useless (a wrong argument, a refusal that will stand) or dangerous (it may be out).

    An interruption counts as dangerous: it can strike between the request and its answer.
    """
    if isinstance(error, DirectcallRefused):
        return not error.worth_repeating
    return isinstance(error, (ValueError, DirectcallOutcomeUnknown, *_INTERRUPTIONS))


def is_final_after_effect(error: BaseException) -> bool:
    """Whether a retry would do once more what is done already: yes, unless its result is known and not wanted."""
    return not (isinstance(error, DirectcallUnwantedOutcome) and error.worth_repeating)


@contextmanager
def failing_without_retry(
    is_final: Callable[[BaseException], bool], about: Callable[[], str] = lambda: ""
) -> Iterator[None]:
    """Turn the errors that are final into ``AirflowFailException``; others pass as they are.

    :param is_final: one of the rules of this module.
    :param about: gives what the error is about, such as the id of a call, which then stands before its text; asked
        only when it is needed.
    """
    try:
        yield
    except AirflowFailException:
        raise
    except (Exception, *_INTERRUPTIONS) as error:  # whatever it is: the rule decides, and what is not final goes on
        if not is_final(error):
            raise
        # The cause of another's making may hold anything, and Airflow logs it with its own text.
        cause = error if isinstance(error, (DirectcallError, ValueError)) else None
        raise AirflowFailException(": ".join(part for part in (about(), _text(error)) if part)) from cause


def _text(error: BaseException) -> str:
    """The text of an error; one that is not of this package's making is cleaned."""
    if isinstance(error, (DirectcallError, ValueError)):
        return str(error)
    from airflow_provider_directcall.api.redaction import redact

    return redact(f"{type(error).__name__}: {error}")
