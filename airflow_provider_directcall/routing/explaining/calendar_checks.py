"""Checks of a calendar: its chains, its hours, dates in the past, loops in the year to come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.calendars.chains import Chain
from airflow_provider_directcall.routing.calendars.compiling import rules_for
from airflow_provider_directcall.routing.calendars.hours import OpeningHours, weekday_name
from airflow_provider_directcall.routing.conditions import MINUTES_A_DAY, clock
from airflow_provider_directcall.routing.explaining.checks import (
    LONGEST_WAIT_SECONDS,
    AccountRules,
    Code,
    Finding,
    errors_first,
    gaps,
    long_waits,
    loop_finding,
    other_rules,
    rank_rules,
    repeated,
    rings_out,
    shortened,
    unreachable,
)
from airflow_provider_directcall.routing.explaining.loops import forward_target, loops
from airflow_provider_directcall.telephony.masking import mask_numbers_in

LONGEST_EMERGENCY_DAYS: Final = 7
"""Default limit of the age of an emergency without an end (our choice)."""

_DAYS_A_WEEK: Final = 7
_MINUTES_A_WEEK: Final = _DAYS_A_WEEK * MINUTES_A_DAY
#: Weeks in which a calendar is checked for loops: a year, so that every holiday comes once.
_WEEKS_AHEAD: Final = 53


def check_calendar(
    calendar: RoutingCalendar,
    *,
    at: datetime,
    account_rules: AccountRules | None = None,
    longest_wait: int = LONGEST_WAIT_SECONDS,
    emergency_since: datetime | None = None,
    longest_emergency_days: int = LONGEST_EMERGENCY_DAYS,
    include_numbers: bool = False,
) -> tuple[Finding, ...]:
    """Check a calendar: each of its chains, its hours, dates in the past, and loops in the year to come. Errors first.

    A calendar leaves no gaps: where a chain has no rule for a call, the call is hung up.

    :param at: now; aware.
    :param account_rules: number -> rules or calendar of the account's other numbers, for loops over them.
    :param longest_wait: limit of the ringing time of one call in seconds, all phones taken together.
    :param emergency_since: begin of the emergency, which the calendar does not record; aware.
    :param longest_emergency_days: limit of the age of an emergency without an end.
    :param include_numbers: show phone numbers in full instead of masked.
    :raises ValueError: a moment has no zone, or a number is invalid.
    """
    findings: list[Finding] = []
    for name, chain in _chains(calendar):
        findings += _chain_findings(name, chain, longest_wait)
    findings += _overlapping_hours(calendar.hours)
    findings += _past_dates(calendar, at, include_numbers)
    findings += _endless_emergency(calendar, at, emergency_since, timedelta(days=longest_emergency_days))
    findings += _calendar_loops(calendar, at, account_rules, include_numbers)
    return errors_first(findings)


def _chains(calendar: RoutingCalendar) -> Iterator[tuple[str, Chain]]:
    """Yield every chain of the calendar with its path in a file."""
    yield "open", calendar.open
    yield "closed", calendar.closed
    if calendar.holiday is not None:
        yield "holiday", calendar.holiday
    for index, override in enumerate(calendar.overrides):
        if override.chain is not None:
            yield f"overrides[{index}].chain", override.chain
    if calendar.emergency is not None:
        yield "emergency.chain", calendar.emergency.chain


def _chain_findings(name: str, chain: Chain, longest_wait: int) -> Iterator[Finding]:
    ranking = rank_rules([(f"{name}[{index}]", rule.to_wire()) for index, rule in enumerate(chain)])
    yield from unreachable(ranking)
    yield from repeated(ranking)
    yield from long_waits(ranking, longest_wait, name)
    if gaps(ranking):
        yield Finding(Code.RINGS_OUT, "no rule is for callers who are not listed, so they are hung up", name)
    if rings_out(ranking, sound_is_end=True):
        yield Finding(Code.RINGS_OUT, "when nobody picks up, the call is hung up without a word", name)


def _overlapping_hours(rows: Sequence[OpeningHours]) -> Iterator[Finding]:
    for (one, first), (other, second) in combinations(enumerate(rows), 2):
        shared = sorted(set(_shared(first, second)))
        if shared:
            times = shortened([f"{_week_minute(begins)} to {_week_minute(ends)}" for begins, ends in shared], ", ")
            yield Finding(
                Code.HOURS_OVERLAP,
                f"shares time with hours[{one}], which is open once all the same: {times}",
                f"hours[{other}]",
            )


def _shared(one: OpeningHours, other: OpeningHours) -> Iterator[tuple[int, int]]:
    """Yield begin and end, in minutes of the week, of the times in two rows."""
    for begins, ends in _spans(one):
        for other_begins, other_ends in _spans(other):
            # A night at the end of the week runs into its begin.
            for shift in (-_MINUTES_A_WEEK, 0, _MINUTES_A_WEEK):
                both = max(begins, other_begins + shift), min(ends, other_ends + shift)
                if both[0] < both[1]:
                    yield both[0] % _MINUTES_A_WEEK, (both[1] - 1) % _MINUTES_A_WEEK + 1


def _spans(row: OpeningHours) -> Iterator[tuple[int, int]]:
    for day in sorted(row.days):
        midnight = (day - 1) * MINUTES_A_DAY
        yield midnight + row.begins, midnight + row.ends


def _week_minute(minute: int) -> str:
    """Return weekday and time; a midnight is the start of its day, but the end of the week is Sunday's."""
    day = min(minute // MINUTES_A_DAY, _DAYS_A_WEEK - 1)
    return f"{weekday_name(day + 1)} {clock(minute - day * MINUTES_A_DAY)}"


def _past_dates(calendar: RoutingCalendar, at: datetime, include_numbers: bool) -> Iterator[Finding]:
    now = calendar.local(at)
    for index, override in enumerate(calendar.overrides):
        _, ends = override.span(calendar.zone)
        if ends <= now:
            text = f"{override.name!r} has ended on {ends:%Y-%m-%d %H:%M}"
            yield Finding(Code.PAST_OVERRIDE, text if include_numbers else mask_numbers_in(text), f"overrides[{index}]")
    end = None if calendar.emergency is None else calendar.emergency.ends(calendar.zone)
    if end is not None and end <= now:
        yield Finding(Code.PAST_EMERGENCY, f"it has ended on {end:%Y-%m-%d %H:%M}", "emergency")


def _endless_emergency(
    calendar: RoutingCalendar, at: datetime, since: datetime | None, longest: timedelta
) -> Iterator[Finding]:
    if calendar.emergency is None or calendar.emergency.until is not None:
        return
    if since is None:
        text = "it has no end, and the calendar does not say since when it is active"
        yield Finding(Code.ENDLESS_EMERGENCY, text, "emergency")
    elif at - since > longest:
        text = f"it has no end, and is active since {calendar.local(since):%Y-%m-%d %H:%M} (limit {longest.days} days)"
        yield Finding(Code.ENDLESS_EMERGENCY, text, "emergency")


def _calendar_loops(
    calendar: RoutingCalendar, at: datetime, account_rules: AccountRules | None, include_numbers: bool
) -> Iterator[Finding]:
    others_at = other_rules(account_rules)
    targets = {forward_target(rule.to_wire()) for _, chain in _chains(calendar) for rule in chain}
    if not targets & {calendar.did, *others_at(at)}:
        return
    found: set[tuple[str, ...]] = set()
    for where, moment, rules in _times_ahead(calendar, at):
        for loop in loops(calendar.did, {**others_at(moment), calendar.did: rules}):
            if loop.numbers not in found:
                found.add(loop.numbers)
                yield loop_finding(loop, where, include_numbers)


def _times_ahead(calendar: RoutingCalendar, at: datetime) -> Iterator[tuple[str, datetime, list[Rule]]]:
    """Yield the rules of each week of the coming year; an emergency without end, which hides all others, apart."""
    emergency = calendar.emergency
    if emergency is not None and emergency.until is None:
        yield "emergency.chain", at, [rule.to_wire() for rule in emergency.chain]
        calendar = replace(calendar, emergency=None)
    for week in range(_WEEKS_AHEAD):
        begins = at + timedelta(days=_DAYS_A_WEEK * week)
        rules = [rule.to_wire() for rule in rules_for(calendar, begins)]
        yield f"week from {calendar.local(begins).date().isoformat()}", begins, rules
