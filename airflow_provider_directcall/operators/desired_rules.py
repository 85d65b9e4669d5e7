"""What the operators share that know which rules shall stand on a number."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallRefused, DirectcallRuleError
from airflow_provider_directcall.routing.errors import DirectcallSnapshotError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
    from airflow_provider_directcall.routing.rules import NumberRule
    from airflow_provider_directcall.runtime.number_rules.desired import DesiredRules


class DesiredRulesOperator(BaseOperator):
    """Compares the rules of a number with those that shall stand. The parameters are described at its children."""

    template_fields: Sequence[str] = (
        "calendar",
        "rules",
        "did",
        "at",
        "horizon_days",
        "emergency",
        "directcall_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"rules": "json", "emergency": "json"}
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        calendar: RoutingCalendar | Mapping[str, object] | str | os.PathLike[str] | None = None,
        rules: Sequence[NumberRule | Mapping[str, object]] | str | None = None,
        did: str | None = None,
        at: datetime | str | None = None,
        horizon_days: int = 7,
        emergency: Mapping[str, object] | str | None = None,
        include_numbers: bool = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.calendar = calendar
        self.rules = rules
        self.did = did
        self.at = at
        self.horizon_days = horizon_days
        self.emergency = emergency
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id

    @abstractmethod
    def execute(self, context: Context) -> dict[str, object]:
        """Do with the difference what the child is for."""

    def _desired(self, now: datetime) -> DesiredRules:
        """The rules that shall stand.

        :raises ValueError: an argument or the calendar is wrong.
        """
        from airflow_provider_directcall.runtime.arguments import optional_text
        from airflow_provider_directcall.runtime.number_rules.desired import rules_of_calendar, rules_of_list

        if (self.calendar is None) == (self.rules is None):
            raise ValueError("calendar, rules: one of them is needed, and only one")
        if self.rules is not None:
            if self.emergency:
                raise ValueError("emergency: goes with a calendar only")
            return rules_of_list(self.did, self.rules)
        if optional_text(self.did) is not None:
            raise ValueError("did: goes with rules only; a calendar says its number itself")
        dag = self.get_dag()
        return rules_of_calendar(
            self.calendar,
            at=self.at,
            now=now,
            horizon_days=self.horizon_days,
            emergency=self.emergency,
            folder=Path(dag.folder) if dag is not None else None,
        )

    @staticmethod
    def _now() -> datetime:
        return current_clock().now()


def is_final(error: BaseException) -> bool:
    """Whether a retry is useless; a dangerous one there is not, because every try begins by reading the rules."""
    if isinstance(error, (DirectcallRefused, DirectcallRuleError)):
        return not error.retryable
    if isinstance(error, DirectcallSnapshotError):
        # A disk may have room again; what cannot be understood never will be.
        return not isinstance(error.__cause__, OSError)
    return isinstance(error, ValueError)
