"""Errors of number rules. Light to import, because DAG files import them through the package's errors."""

from __future__ import annotations

from typing import Literal

from airflow_provider_directcall.api.errors import DirectcallError

#: Which rules are live after a failure.
RulesState = Literal["previous", "desired", "mixed"]


class DirectcallRuleError(DirectcallError):
    """A rule was not found, cannot be written, or is not live after its write as requested.

    The text shows rules as JSON, with phone numbers and e-mail addresses masked.

    :ivar fields: names of the fields in which the live rule differs from the requested one.
    """

    def __init__(self, message: str, *, fields: tuple[str, ...] = (), retryable: bool = False) -> None:
        super().__init__(message)
        self.fields = fields
        self._retryable = retryable

    @property
    def retryable(self) -> bool:
        """Whether a new try, from reading the rules on, may help: the write is not known to have been accepted."""
        return self._retryable


class DirectcallUnconfirmedWriteError(DirectcallRuleError):
    """Directcall accepted a write, and the rules read back show nothing of it: its effect is unknown."""


class DirectcallStalePlanError(DirectcallRuleError):
    """The live rules have changed since the plan was made; nothing was written."""


class DirectcallApplyError(DirectcallRuleError):
    """Desired rules could not be applied. The text names the failure, the live rules, and calls without a rule.

    :ivar state: ``previous``: none of our changes is live. ``desired``: all of them are. ``mixed``: some are, or may
        be: the live rules could not be read, or do not show a write that was accepted. Changes that others made
        meanwhile do not count.
    :ivar unserved: descriptions of the calls for which no rule applies now although one of the previous and one of the
        desired rules would; empty when there are none, None when the live rules are not known.
    """

    def __init__(
        self, message: str, *, state: RulesState, unserved: tuple[str, ...] | None, retryable: bool = False
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.state = state
        self.unserved = unserved


class DirectcallSnapshotError(DirectcallError):
    """A snapshot of rules cannot be read or stored."""
