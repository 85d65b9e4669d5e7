"""A small calendar that the tests change, and short ways to ask it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_directcall.routing.calendars.calendar import (
    CalendarError,
    OpeningHours,
    RoutingCalendar,
)
from airflow_provider_directcall.routing.rules import Forward, PlaySound, Voicemail

#: A small calendar as a document.
DOC: dict[str, Any] = {
    "did": "1130000001",
    "open": [{"action": "forward", "to": "5511990000001"}, {"action": "voicemail", "email": "desk@example.com"}],
    "closed": [{"action": "voicemail", "email": "desk@example.com"}],
    "hours": [{"weekdays": "1-5", "start": "08:00", "end": "18:00"}],
}
ZONE = ZoneInfo("America/Sao_Paulo")
DESK = Forward(priority=1, to="5511990000001")
MAIL = Voicemail(priority=1, email="desk@example.com")
MAIL_9 = Voicemail(priority=9, email="desk@example.com")
HOLIDAY_SOUND = PlaySound(priority=1, sound_id=7, moment="end")
WEEKDAYS_8_TO_18 = OpeningHours("1-5", "08:00", "18:00")


def made(**changes: Any) -> RoutingCalendar:
    usual: dict[str, Any] = {
        "open": [DESK],
        "closed": [MAIL],
        "holiday": [HOLIDAY_SOUND],
        "hours": [WEEKDAYS_8_TO_18],
    }
    return RoutingCalendar("1130000001", **{**usual, **changes})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def reason(calendar: RoutingCalendar, text: str) -> str:
    return calendar.decision(at(text)).reason


def parts(calendar: RoutingCalendar, day: date) -> list[tuple[str, str, str]]:
    return [(part.begins, part.ends, str(part.decision.state)) for part in calendar.segments(day)]


def problems(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(CalendarError) as caught:
        made(**changes)
    return caught.value.problems
