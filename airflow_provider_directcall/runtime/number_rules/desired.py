"""Desired rules of a number from a task's arguments: a calendar at a moment, or a list of rules."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
    from airflow_provider_directcall.routing.calendars.special_days import Emergency
    from airflow_provider_directcall.routing.explaining.checks import Finding
    from airflow_provider_directcall.routing.rules import NumberRule

#: From other years no calendar can count on, because dates end.
_YEARS: Final = range(1900, 3000)


@dataclass(frozen=True, slots=True)
class DesiredRules:
    """All rules that a number is to have.

    :ivar did: the number, without 55.
    :ivar rules: the rules.
    :ivar made_for: the moment from which they match the calendar; None for a list of rules, which has no dates.
    :ivar valid_until: the moment from which they no longer do.
    :ivar calendar: their calendar, emergency included; None for a list of rules.
    """

    did: str = field(repr=False)
    rules: tuple[NumberRule, ...]
    made_for: datetime | None = None
    valid_until: datetime | None = None
    calendar: RoutingCalendar | None = field(default=None, repr=False)

    def findings(self, now: datetime) -> tuple[Finding, ...]:
        """Return errors and warnings about the rules, errors first; numbers are masked."""
        from airflow_provider_directcall.routing.explaining.calendar_checks import check_calendar
        from airflow_provider_directcall.routing.explaining.checks import check_rules

        if self.calendar is None:
            return check_rules(self.rules, did=self.did)
        return check_calendar(self.calendar, at=self.made_for or now)

    def check_not_over(self, now: datetime) -> None:
        """Reject rules that have run out: their dates are written as weekdays, which come again.

        :raises ValueError: the rules are no longer valid.
        """
        if self.valid_until is not None and self.valid_until <= now:
            raise ValueError(
                f"at: rules made for {self.made_for:%Y-%m-%d %H:%M} were valid until {self.valid_until:%Y-%m-%d}, and "
                "would treat later days as days of that week; leave 'at' out for the rules of now (was an old run "
                "cleared?)"
            )

    def check_not_ahead(self, now: datetime) -> None:
        """Reject rules for a later day: live rules have no dates, so they would hold from now on.

        :raises ValueError: the first local day of the calendar's moment is after today.
        """
        if (day := self.day_ahead(now)) is not None:
            raise ValueError(
                f"at: rules made for {day} would hold from now on; DirectcallPlanNumberRulesOperator shows what they "
                "would be, and allow_future=True writes them all the same"
            )

    def day_ahead(self, now: datetime) -> date | None:
        """Return the first local day of the rules if it is after today, else None."""
        if self.made_for is None or self.valid_until is None:
            return None
        zone = self.valid_until.tzinfo
        first_day = self.made_for.astimezone(zone).date()
        return first_day if first_day > now.astimezone(zone).date() else None


def desired_rules(
    *,
    calendar: object,
    rules: object,
    did: object,
    at: object,
    now: datetime,
    horizon_days: object,
    emergency: object,
    folder: Path | None,
) -> DesiredRules:
    """Return the desired rules of a task's arguments.

    :param calendar: a ``RoutingCalendar``, a mapping or a text with the keys of a calendar file, or the path of one.
    :param rules: in place of it: objects or mappings, or the text of a list of mappings.
    :param did: the number of ``rules``.
    :param at: aware datetime or ISO text; empty for ``now``.
    :param emergency: mapping or its text, in place of the calendar's own; empty for that one.
    :param folder: base of a relative path.
    :raises ValueError: an argument is wrong; reports all problems of a calendar or of the rules at once.
    """
    if (calendar is None) == (rules is None):
        raise ValueError("calendar, rules: one of them is needed, and only one")
    if rules is not None:
        if emergency:
            raise ValueError("emergency: goes with a calendar only")
        return _listed(did, rules)
    if arguments.optional_text(did) is not None:
        raise ValueError("did: goes with rules only; a calendar has its own number")
    moment = arguments.moment("at", at) or now
    if moment.year not in _YEARS:
        raise ValueError(f"at: a year from {_YEARS.start} to {_YEARS.stop - 1} is needed")
    days = arguments.integer("horizon_days", horizon_days)
    if days is None:
        raise ValueError("horizon_days: a number of days is needed")
    return _of_calendar(_with_emergency(_calendar(calendar, folder), emergency), moment, days)


def _of_calendar(calendar: RoutingCalendar, moment: datetime, days: int) -> DesiredRules:
    from airflow_provider_directcall.routing.calendars.compiling import rules_for, valid_until

    rules = rules_for(calendar, moment, horizon_days=days)
    return DesiredRules(calendar.did, rules, moment, valid_until(calendar, moment, horizon_days=days), calendar)


def _listed(did: object, rules: object) -> DesiredRules:
    from airflow_provider_directcall.routing.validation import CalendarError, problems_at
    from airflow_provider_directcall.telephony.numbers import parse_did

    problems: list[str] = []
    number, found = "", []
    try:
        number = parse_did(arguments.optional_number("did", did) or "")
    except ValueError as error:
        problems += problems_at("", error)
    listed = arguments.literal("rules", rules) if isinstance(rules, str) else rules
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise CalendarError(
            [*problems, "rules: a list of at least one rule is needed; a number without rules answers no call"]
        )
    for index, item in enumerate(listed):
        try:
            found.append(arguments.number_rule(item))
        except ValueError as error:
            problems += problems_at(f"rules[{index}]", error)
    if problems:
        raise CalendarError(problems)
    return DesiredRules(number, tuple(found))


def _calendar(value: object, folder: Path | None) -> RoutingCalendar:
    from airflow_provider_directcall.routing.calendars.files import calendar_from, load_calendar, names_file

    if isinstance(value, os.PathLike) or (isinstance(value, str) and names_file(value)):
        path = _resolve(Path(value), folder)
        try:
            return load_calendar(path)
        except OSError as error:
            raise ValueError(f"calendar: {path} cannot be read: {error.strerror}") from error
    return load_calendar(value) if isinstance(value, str) else calendar_from(value)


def _resolve(path: Path, folder: Path | None) -> Path:
    if path.is_absolute():
        return path
    if folder is None:
        raise ValueError(f"calendar: {path} is a relative path, and the task has no DAG whose folder it could be in")
    return folder / path


def _with_emergency(calendar: RoutingCalendar, emergency: object) -> RoutingCalendar:
    if isinstance(emergency, str):
        text = arguments.optional_text(emergency)
        emergency = None if text is None else arguments.literal("emergency", text)
    # The calendar validates a mapping too.
    return replace(calendar, emergency=cast("Emergency", emergency)) if emergency else calendar
