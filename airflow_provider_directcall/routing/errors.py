"""What can go wrong with the rules of a number. Light to import: DAG files get it through the package's errors."""

from __future__ import annotations

from airflow_provider_directcall.api.errors import DirectcallError


class DirectcallRuleError(DirectcallError):
    """A rule could not be found, or what stands after the write is not what was asked for.

    Its text shows rules as JSON, phone numbers and e-mail addresses masked.

    :ivar fields: names of the fields in which the standing rule differs from the wanted one.
    """

    def __init__(self, message: str, *, fields: tuple[str, ...] = (), worth_repeating: bool = False) -> None:
        super().__init__(message)
        self.fields = fields
        self._worth_repeating = worth_repeating

    @property
    def worth_repeating(self) -> bool:
        """Whether starting again, from reading the rules, may help: it is not known that the write was taken."""
        return self._worth_repeating
