"""All errors that a DAG can meet. Imports no Airflow and no HTTP library.

All derive from :class:`DirectcallError`. Errors of a request say whether it may have taken effect; errors of a wait
mean that the call or message exists and its end is unknown; errors of a number's rules describe the live rules.
"""

from __future__ import annotations

from airflow_provider_directcall.api.errors import (
    DirectcallAuthError,
    DirectcallError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallReplyError,
    DirectcallUnavailable,
)
from airflow_provider_directcall.routing.errors import (
    DirectcallApplyError,
    DirectcallRuleError,
    DirectcallSnapshotError,
    DirectcallStalePlanError,
)
from airflow_provider_directcall.statement.pace import DirectcallWaitFailed

__all__ = [
    "DirectcallApplyError",
    "DirectcallArchiveIncomplete",
    "DirectcallAuthError",
    "DirectcallError",
    "DirectcallNotSent",
    "DirectcallOutcomeUnknown",
    "DirectcallRefused",
    "DirectcallReplyError",
    "DirectcallRuleError",
    "DirectcallSnapshotError",
    "DirectcallStalePlanError",
    "DirectcallUnavailable",
    "DirectcallUnexpectedEvent",
    "DirectcallUnwantedOutcome",
    "DirectcallWaitFailed",
    "DirectcallWaitTimeout",
]


class DirectcallWaitTimeout(DirectcallError):
    """A wait timed out: the call or message exists, and its outcome is not known yet."""


class DirectcallUnwantedOutcome(DirectcallError):
    """A call or message ended with an outcome that the task lists in ``fail_on``.

    :ivar outcome: the outcome, such as ``busy`` or ``failed``.
    :ivar callerid: the vendor's id of the call or of the message's request, or None when the reply had none.
    """

    def __init__(self, message: str, *, outcome: str, callerid: str | None, retryable: bool = True) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.callerid = callerid
        self._retryable = retryable

    @property
    def retryable(self) -> bool:
        """False if a retry would reach recipients again."""
        return self._retryable


class DirectcallUnexpectedEvent(DirectcallError):
    """An event that the task does not know, for example after an upgrade of the triggerer only."""


class DirectcallArchiveIncomplete(DirectcallError):
    """Some recordings could not be archived; the others were."""

    @property
    def retryable(self) -> bool:
        """True: a retry fetches only those that are missing."""
        return True
