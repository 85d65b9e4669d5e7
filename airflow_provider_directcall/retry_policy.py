"""A retry policy for custom tasks that use the hook. Needs Airflow 3.3.

The operators do not need it: they decide by themselves whether a retry is safe.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

    _IS_KNOWN = True
else:
    try:
        from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

        _IS_KNOWN = True
    except ImportError:  # before Airflow 3.3: importing works, instantiating raises
        RetryPolicy, _IS_KNOWN = object, False


class DirectcallRetryPolicy(RetryPolicy):
    """Retries a task that uses the hook only when a retry is safe and can succeed.

    ===========================================================  ======================================
    error                                                        decision
    ===========================================================  ======================================
    the request may have taken effect (outcome unknown)          fail: a retry would send it again
    refused permanently (bad number, no balance)                 fail: a retry would be refused again
    not sent, read unanswered, transient refusal, wrong secret   retry, not before the ``Retry-After``
    anything else                                                Airflow's own rule
    ===========================================================  ======================================

    ``@task(retries=3, retry_policy=DirectcallRetryPolicy())``. It sees the error only: a task that makes several calls
    or sends several messages has to keep track of them itself.
    """

    def __init__(self) -> None:
        if not _IS_KNOWN:
            raise RuntimeError("DirectcallRetryPolicy needs Airflow 3.3 or newer, which has retry policies")

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide whether to retry after this error."""
        if not isinstance(exception, DirectcallError):
            return RetryDecision.default()
        if exception.may_have_taken_effect:
            return RetryDecision.fail("it may have taken effect; look for it in the statement before sending again")
        if exception.retryable or isinstance(exception, DirectcallAuthError):
            delay = timedelta(seconds=exception.retry_after) if exception.retry_after else None
            return RetryDecision.retry(delay, "it had no effect")
        return RetryDecision.fail("it would be refused again")

    def serialize(self) -> dict[str, Any]:
        """Return an empty object: there are no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> DirectcallRetryPolicy:
        """Create the policy; there are no settings."""
        return cls()
