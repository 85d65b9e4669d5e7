"""A second opinion on calling windows, minute by minute."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_directcall.telephony.holidays import BrazilianCalendar
from airflow_provider_directcall.telephony.windows import Window


def is_inside(window: Window, clock: datetime, state: str | None) -> bool:
    """Whether a window with hours as whole hours, and its default days, is open on a local clock."""
    day = clock.date()
    if window.keeps_holidays and BrazilianCalendar(state).holiday(day) is not None:
        return False
    minute = clock.hour * 60 + clock.minute
    if BrazilianCalendar(optional_days=True).holiday(day) and not BrazilianCalendar(state).holiday(day):
        if (day.month, day.day) in {(12, 24), (12, 31)} and minute >= 12 * 60:
            return False
        if day.month in {2, 3} and day.weekday() == 2 and minute < 12 * 60:
            return False
    return any(
        span.begin.hour * 60 <= minute < (span.end.hour or 24) * 60 for span in window.hours.get(day.weekday(), ())
    )
