"""The rules that shall stand on a number, out of a task's arguments: a calendar at a moment, or a list of rules."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.rule_arguments import rule_from_template

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
    from airflow_provider_directcall.routing.calendars.special_days import Emergency
    from airflow_provider_directcall.routing.explaining.findings import Finding
    from airflow_provider_directcall.routing.rules import NumberRule


@dataclass(frozen=True, slots=True)
class DesiredRules:
    """What shall stand.

    :ivar did: the number, without 55.
    :ivar rules: all rules that shall stand on it.
    :ivar made_for: the moment from which they do what the calendar says; None for a list of rules, which has no dates.
    :ivar valid_until: when they stop doing so.
    :ivar calendar: the calendar that they are made of, the emergency included; None for a list of rules.
    """

    did: str = field(repr=False)
    rules: tuple[NumberRule, ...]
    made_for: datetime | None = None
    valid_until: datetime | None = None
    calendar: RoutingCalendar | None = field(default=None, repr=False)

    def findings(self, now: datetime) -> tuple[Finding, ...]:
        """What is surely or maybe wrong with them, errors first; numbers are masked."""
        from airflow_provider_directcall.routing.explaining.calendar_checks import check_calendar, check_rules

        if self.calendar is None:
            return check_rules(self.rules, did=self.did)
        return check_calendar(self.calendar, at=self.made_for or now)

    def check_not_over(self, now: datetime) -> None:
        """Refuse rules that would do harm: dates are weekdays in them, and those come again.

        :raises ValueError: the calendar's moment is so long ago that its rules are not right any more.
        """
        if self.valid_until is not None and self.valid_until <= now:
            raise ValueError(
                f"at: rules made for {self.made_for:%Y-%m-%d %H:%M} were right until {self.valid_until:%Y-%m-%d}, and "
                "would take later days for days of that week; leave 'at' out to have the rules of now (was an old run "
                "cleared?)"
            )

    def check_not_ahead(self, now: datetime) -> None:
        """Refuse rules that are made for a day to come: a line knows no dates, so they would hold from now on.

        :raises ValueError: the first local day of the calendar's moment lies after today.
        """
        if (day := self.day_ahead(now)) is not None:
            raise ValueError(
                f"at: rules made for {day} would hold from now on; DirectcallPlanNumberRulesOperator shows what they "
                "would be, and allow_future=True writes them all the same"
            )

    def day_ahead(self, now: datetime) -> date | None:
        """The first local day that the rules are made for where it lies after today, otherwise None."""
        if self.made_for is None or self.valid_until is None:
            return None
        zone = self.valid_until.tzinfo
        first_day = self.made_for.astimezone(zone).date()
        return first_day if first_day > now.astimezone(zone).date() else None


def rules_of_calendar(
    calendar: object, *, at: object, now: datetime, horizon_days: object, emergency: object, folder: Path | None
) -> DesiredRules:
    """The rules of a calendar.

    :param calendar: a ``RoutingCalendar``, a mapping or a text with the keys of a calendar file, or the path of one.
    :param at: aware datetime or ISO text; nothing for ``now``.
    :param emergency: mapping or text of one, which goes before the calendar's own; nothing for that.
    :param folder: where a relative path begins.
    :raises ValueError: any of it cannot be; a calendar's problems are told all at once.
    """
    from airflow_provider_directcall.routing.calendars.compiling import rules_for, valid_until

    moment = arguments.moment("at", at) or now
    days = arguments.integer("horizon_days", horizon_days)
    if days is None:
        raise ValueError("horizon_days: a number of days is needed")
    known = _with_emergency(_calendar(calendar, folder), emergency)
    rules = rules_for(known, moment, horizon_days=days)
    return DesiredRules(known.did, rules, moment, valid_until(known, moment, horizon_days=days), known)


def rules_of_list(did: object, rules: object) -> DesiredRules:
    """Rules that are listed: objects or mappings, or the text of a list of mappings.

    :raises ValueError: any of them cannot be; all problems are told at once.
    """
    from airflow_provider_directcall.routing.validation import CalendarError, problems_at
    from airflow_provider_directcall.telephony.numbers import parse_did

    problems: list[str] = []
    number, found = "", []
    try:
        number = parse_did(arguments.optional_text(did) or "")
    except ValueError as error:
        problems += problems_at("", error)
    listed = arguments.literal("rules", rules) if isinstance(rules, str) else rules
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise CalendarError(
            [*problems, "rules: a list of at least one rule is needed; a number without rules answers nobody"]
        )
    for index, item in enumerate(listed):
        try:
            found.append(rule_from_template(item))
        except ValueError as error:
            problems += problems_at(f"rules[{index}]", error)
    if problems:
        raise CalendarError(problems)
    return DesiredRules(number, tuple(found))


def _calendar(value: object, folder: Path | None) -> RoutingCalendar:
    from airflow_provider_directcall.routing.calendars.files import calendar_from, load_calendar, names_file

    if isinstance(value, os.PathLike) or (isinstance(value, str) and names_file(value)):
        path = _found(Path(value), folder)
        try:
            return load_calendar(path)
        except OSError as error:
            raise ValueError(f"calendar: {path} cannot be read: {error.strerror}") from error
    return load_calendar(value) if isinstance(value, str) else calendar_from(value)


def _found(path: Path, folder: Path | None) -> Path:
    if path.is_absolute():
        return path
    if folder is None:
        raise ValueError(f"calendar: {path} is a relative path, and the task has no DAG beside whose file it could be")
    return folder / path


def _with_emergency(calendar: RoutingCalendar, emergency: object) -> RoutingCalendar:
    if isinstance(emergency, str):
        text = arguments.optional_text(emergency)
        emergency = None if text is None else arguments.literal("emergency", text)
    # The calendar validates a mapping too.
    return replace(calendar, emergency=cast("Emergency", emergency)) if emergency else calendar
