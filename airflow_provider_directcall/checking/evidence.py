"""What is known about a statement while it is probed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_directcall.checking.assumptions import Finding
from airflow_provider_directcall.checking.looks import Look, Statement

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.replies.envelope import JsonObject
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.checking.sending import Own


@dataclass(slots=True)
class Evidence:
    """Everything known about a statement so far.

    :ivar page: number of the page that has our own row, else the first.
    :ivar rows: rows of that page, without filters.
    :ivar tagged: rows of the same window as they show tags; ``rows`` where the search is of no use.
    """

    statement: Statement
    settings: Settings
    clock: Clock
    option: str
    own: Own | None = None
    page: int = 1
    first: Look = field(default_factory=Look)
    searched: Look = field(default_factory=Look)

    @property
    def place(self) -> str:
        """The endpoint."""
        return self.statement.endpoint

    @property
    def rows(self) -> tuple[JsonObject, ...]:
        """Rows without filters."""
        return self.first.rows

    @property
    def tagged(self) -> tuple[JsonObject, ...]:
        """The same rows, with tags where any question shows them."""
        return self.searched.rows or self.first.rows

    @property
    def own_row(self) -> JsonObject | None:
        """Our row among them."""
        return self.own.row_in(self.rows) if self.own is not None else None

    def found(self, form: str, **details: str | int) -> list[Finding]:
        """Return one finding about this statement."""
        return [Finding(form, self.place, {"option": self.option, **details})]
