"""Every error a DAG can meet, in one place to import from. Imports no Airflow and no HTTP library.

All derive from :class:`DirectcallError`. Those that can come from a request say whether it may have taken effect; those
of a wait say that the call or message exists, and what is not known about it; that of a number's rule says what stands.
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

__all__ = [
    "DirectcallApplyError",
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
    """The time for a wait ran out: the call or message exists, and how it ended is not known yet."""


class DirectcallWaitFailed(DirectcallError):
    """A wait could not go on, for example because the statement could not be read many times in a row."""


class DirectcallUnwantedOutcome(DirectcallError):
    """A call or message ended in one of the ways that the task names in ``fail_on``.

    :ivar outcome: how it ended, such as ``busy`` or ``failed``.
    :ivar callerid: the vendor's id of the call or of the message's request, or None when the vendor gave none.
    """

    def __init__(self, message: str, *, outcome: str, callerid: str | None, retryable: bool = True) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.callerid = callerid
        self._retryable = retryable

    @property
    def retryable(self) -> bool:
        """False where a repetition would reach people who have been reached already."""
        return self._retryable


class DirectcallUnexpectedEvent(DirectcallError):
    """A trigger's event that its task does not know, for example after an upgrade of one of two machines."""
