"""Routing calendars, their files, and the rules compiled from them."""

from airflow_provider_directcall.routing.calendars.calendar import Decision, LineState, RoutingCalendar, Segment
from airflow_provider_directcall.routing.calendars.compiling import rules_for, valid_until
from airflow_provider_directcall.routing.calendars.files import (
    calendar_from,
    calendar_schema,
    load_calendar,
    load_routing,
    load_rules,
    routing_schema,
    rules_schema,
)
from airflow_provider_directcall.routing.calendars.hours import OpeningHours
from airflow_provider_directcall.routing.calendars.special_days import Emergency, Override, PartDay
from airflow_provider_directcall.routing.validation import CalendarError

__all__ = [
    "CalendarError",
    "Decision",
    "Emergency",
    "LineState",
    "OpeningHours",
    "Override",
    "PartDay",
    "RoutingCalendar",
    "Segment",
    "calendar_from",
    "calendar_schema",
    "load_calendar",
    "load_routing",
    "load_rules",
    "routing_schema",
    "rules_for",
    "rules_schema",
    "valid_until",
]
