"""When a DAG run began for the first time, which Airflow does not keep over a Clear."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.clock import current_clock

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk.types import DagRunProtocol as DagRun

#: How long before its present start, at most, a run is taken to have begun.
_LONGEST_RUN: Final = timedelta(days=7)


def first_start(run: DagRun, *, was_cleared: bool) -> datetime:
    """Return when a DAG run began for the first time, or a moment that is not later but for runs of over a week.

    The Clear of a finished run renews ``start_date``. ``run_after`` stays, and a run does not begin earlier; but that
    of a backfill, or of a run that catches up, may be years before. ``logical_date`` is not asked: it may be any date.
    """
    start = run.start_date
    if start is not None and not was_cleared:
        return start
    present = start or current_clock().now()
    return min(present, max(run.run_after, present - _LONGEST_RUN))
