"""The wait for the end of a call, among all waits of a feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_directcall.delivery.errand import End
from airflow_provider_directcall.delivery.matching import CLOCKS_APART
from airflow_provider_directcall.statement.marks import Judgement, Marks
from airflow_provider_directcall.statement.tagged_calls import OtherRows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.delivery.calls import CallErrand
    from airflow_provider_directcall.delivery.messages import MessageErrand
    from airflow_provider_directcall.delivery.record import Record


class CallEnd:
    """The wait for the end of a call that has an id: its row leads to the look that a task would have alone."""

    keeps_rows = False
    ends_with_any_row = False
    is_identified = True

    def __init__(self, errand: CallErrand | MessageErrand, record: Record) -> None:
        self.others = OtherRows()
        self._errand = errand
        self._record = record

    @property
    def begins_at(self) -> datetime:
        """When the request left, by the slower of the two clocks."""
        return self._record.since - CLOCKS_APART

    @property
    def marks(self) -> Marks:
        """The id and the key."""
        return Marks(callerid=self._record.ids["callerid"], key=self._record.key)

    def look(self, now: datetime) -> Lookup[End | None]:
        """Look once."""
        end = yield from self._errand.end(self._record, now)
        return end if isinstance(end, End) else None

    def judge(self, rows: Sequence[StatementRow], now: datetime) -> Judgement[End]:
        """Leave it to a look of its own."""
        return Judgement(is_doubtful=True)
