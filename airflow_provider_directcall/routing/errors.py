"""What can go wrong with the rules of a number. Light to import: DAG files get it through the package's errors."""

from __future__ import annotations

from typing import Literal

from airflow_provider_directcall.api.errors import DirectcallError

#: Which rules stand after a failure.
State = Literal["previous", "desired", "mixed"]


class DirectcallRuleError(DirectcallError):
    """A rule could not be found, or what stands after the write is not what was asked for.

    Its text shows rules as JSON, phone numbers and e-mail addresses masked.

    :ivar fields: names of the fields in which the standing rule differs from the wanted one.
    """

    def __init__(self, message: str, *, fields: tuple[str, ...] = (), retryable: bool = False) -> None:
        super().__init__(message)
        self.fields = fields
        self._retryable = retryable

    @property
    def retryable(self) -> bool:
        """Whether starting again, from reading the rules, may help: it is not known that the write was taken."""
        return self._retryable


class DirectcallStalePlanError(DirectcallRuleError):
    """The live rules are not those any more for which the plan was made; nothing was written."""


class DirectcallApplyError(DirectcallRuleError):
    """Wanted rules could not be made to stand. Its text says what failed, which rules stand, and who finds no rule.

    :ivar state: ``previous``: none of our changes stands. ``desired``: all of them do. ``mixed``: some do, or what
        stands could not be read. What somebody else wrote meanwhile is left out of account.
    :ivar unserved: when and for whom no rule holds now although one of the previous and one of the wanted rules would,
        in words; empty when there is no such call, None when what stands could not be read.
    """

    def __init__(
        self, message: str, *, state: State, unserved: tuple[str, ...] | None, retryable: bool = False
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.state = state
        self.unserved = unserved


class DirectcallSnapshotError(DirectcallError):
    """A snapshot of rules cannot be read or kept."""
