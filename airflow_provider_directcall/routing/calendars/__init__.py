"""Who answers a number, and when: calendars, their files, and the rules that are made of them."""

from airflow_provider_directcall.routing.calendars.calendar import (
    CalendarError,
    Decision,
    Emergency,
    OpeningHours,
    Override,
    PartDay,
    RoutingCalendar,
    Segment,
    State,
)
from airflow_provider_directcall.routing.calendars.compiling import rules_for, valid_until
from airflow_provider_directcall.routing.calendars.files import (
    calendar_from,
    calendar_schema,
    load_calendar,
    load_routing,
    load_rules,
    rules_schema,
)

__all__ = [
    "CalendarError",
    "Decision",
    "Emergency",
    "OpeningHours",
    "Override",
    "PartDay",
    "RoutingCalendar",
    "Segment",
    "State",
    "calendar_from",
    "calendar_schema",
    "load_calendar",
    "load_routing",
    "load_rules",
    "rules_for",
    "rules_schema",
    "valid_until",
]
