"""What is surely or maybe wrong with the rules of a number, or with a calendar, before anything is written.

Rules are read as in :mod:`~airflow_provider_directcall.routing.explaining.explain`. Every kind of finding is told in
:class:`~airflow_provider_directcall.routing.explaining.findings.Code`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.calendars.chains import Chain
from airflow_provider_directcall.routing.calendars.compiling import rules_for
from airflow_provider_directcall.routing.calendars.hours import OpeningHours, weekday_name
from airflow_provider_directcall.routing.conditions import MINUTES_A_DAY, clock
from airflow_provider_directcall.routing.explaining.checks import (
    gaps,
    lay,
    long_waits,
    repeated,
    rings_out,
    shared_priorities,
    some_of,
    unreachable,
    unreadable,
)
from airflow_provider_directcall.routing.explaining.findings import Code, Finding, Severity
from airflow_provider_directcall.routing.explaining.loops import Loop, forward_target, loops
from airflow_provider_directcall.routing.explaining.wording import as_rule, rule_name
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.telephony.masking import mask_number, mask_numbers_in
from airflow_provider_directcall.telephony.numbers import parse_did

__all__ = ["LONGEST_WAIT_SECONDS", "Code", "Finding", "Severity", "check_calendar", "check_rules"]

LONGEST_WAIT_SECONDS: Final = 120
"""How long phones may ring for one call, taken together, unless told otherwise (our choice)."""
LONGEST_EMERGENCY_DAYS: Final = 7
"""How long an emergency without an end may stand, unless told otherwise (our choice)."""

_DAYS_A_WEEK: Final = 7
_MINUTES_A_WEEK: Final = _DAYS_A_WEEK * MINUTES_A_DAY
#: Weeks in which a calendar is looked at for loops: a year, so that every holiday comes once.
_WEEKS_AHEAD: Final = 53

#: Number -> its rules, or its calendar.
AccountRules = Mapping[str, Sequence[Rule | NumberRule] | RoutingCalendar]
#: Number, without 55 -> the rules that it has at a moment.
_RulesAt = Callable[[datetime], dict[str, list[Rule]]]


def check_rules(
    rules: Sequence[Rule | NumberRule],
    *,
    did: str,
    account_rules: AccountRules | None = None,
    longest_wait: int = LONGEST_WAIT_SECONDS,
    at: datetime | None = None,
    include_numbers: bool = False,
) -> tuple[Finding, ...]:
    """Check all rules of a number together, errors first.

    :param rules: live or wanted ones, in any order.
    :param did: the number, with or without 55.
    :param account_rules: number -> rules or calendar of the account's other numbers, for loops over them.
    :param at: the moment whose rules of those calendars count, aware; now when left out.
    :param longest_wait: seconds for which phones may ring for one call, taken together.
    :param include_numbers: show phone numbers in full instead of masked.
    :raises ValueError: a number cannot be.
    """
    number = parse_did(did)
    plain = [as_rule(rule) for rule in rules]
    named = [(rule_name(rule), rule) for rule in plain]
    layout = lay(named)
    findings = [*unreadable(named), *unreachable(layout), *shared_priorities(layout), *repeated(layout)]
    found = (
        (Code.GAP, gaps(layout), "no rule holds"),
        (
            Code.RINGS_OUT,
            rings_out(layout, sound_is_end=False),
            "when nobody picks up, no rule is left, so that nobody answers",
        ),
    )
    findings += [Finding(code, f"{text}: {layout.described(cells)}", "rules") for code, cells, text in found if cells]
    findings += long_waits(layout, longest_wait, "rules")
    others = _others(account_rules)[1](datetime.now(UTC) if at is None else at)
    round_trips = loops(number, {**others, number: plain})
    findings += [_loop_finding(loop, "rules", include_numbers) for loop in round_trips]
    return _errors_first(findings)


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
    """Check a calendar: each of its chains, its hours, what is over, and loops in the year to come. Errors first.

    A calendar leaves no gaps: where a chain has no rule for a call, the call is hung up.

    :param at: now; aware.
    :param account_rules: number -> rules or calendar of the account's other numbers, for loops over them.
    :param longest_wait: seconds for which phones may ring for one call, taken together.
    :param emergency_since: when the emergency was switched on, which the calendar does not know; aware.
    :param longest_emergency_days: how long an emergency without an end may stand.
    :param include_numbers: show phone numbers in full instead of masked.
    :raises ValueError: a moment has no zone, or a number cannot be.
    """
    findings: list[Finding] = []
    for name, chain in _chains(calendar):
        findings += _chain_findings(name, chain, longest_wait)
    findings += _overlapping_hours(calendar.hours)
    findings += _what_is_over(calendar, at, include_numbers)
    findings += _endless_emergency(calendar, at, emergency_since, timedelta(days=longest_emergency_days))
    findings += _calendar_loops(calendar, at, account_rules, include_numbers)
    return _errors_first(findings)


def _chains(calendar: RoutingCalendar) -> Iterator[tuple[str, Chain]]:
    """Every chain that is written down, by its place in a file."""
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
    layout = lay([(f"{name}[{index}]", rule.to_wire()) for index, rule in enumerate(chain)])
    yield from unreachable(layout)
    yield from repeated(layout)
    yield from long_waits(layout, longest_wait, name)
    if gaps(layout):
        yield Finding(Code.RINGS_OUT, "no rule is for callers who are not listed, so they are hung up", name)
    if rings_out(layout, sound_is_end=True):
        yield Finding(Code.RINGS_OUT, "when nobody picks up, the call is hung up without a word", name)


def _overlapping_hours(rows: Sequence[OpeningHours]) -> Iterator[Finding]:
    for (one, first), (other, second) in combinations(enumerate(rows), 2):
        shared = sorted(set(_shared(first, second)))
        if shared:
            times = some_of([f"{_week_minute(begins)} to {_week_minute(ends)}" for begins, ends in shared], ", ")
            yield Finding(
                Code.HOURS_OVERLAP,
                f"shares time with hours[{one}], which is open once all the same: {times}",
                f"hours[{other}]",
            )


def _shared(one: OpeningHours, other: OpeningHours) -> Iterator[tuple[int, int]]:
    """Begin and end, in minutes of the week, of the times in two rows."""
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
    """Weekday and time; a midnight is the start of its day, but the end of the week is Sunday's."""
    day = min(minute // MINUTES_A_DAY, _DAYS_A_WEEK - 1)
    return f"{weekday_name(day + 1)} {clock(minute - day * MINUTES_A_DAY)}"


def _what_is_over(calendar: RoutingCalendar, at: datetime, include_numbers: bool) -> Iterator[Finding]:
    now = calendar.local(at)
    for index, override in enumerate(calendar.overrides):
        _, ends = override.span(calendar.zone)
        if ends <= now:
            text = f"{override.name!r} has ended on {ends:%Y-%m-%d %H:%M}"
            shown = text if include_numbers else mask_numbers_in(text)
            yield Finding(Code.PAST_OVERRIDE, shown, f"overrides[{index}]")
    end = None if calendar.emergency is None else calendar.emergency.ends(calendar.zone)
    if end is not None and end <= now:
        yield Finding(Code.PAST_EMERGENCY, f"it has ended on {end:%Y-%m-%d %H:%M}", "emergency")


def _endless_emergency(
    calendar: RoutingCalendar, at: datetime, since: datetime | None, longest: timedelta
) -> Iterator[Finding]:
    if calendar.emergency is None or calendar.emergency.until is not None:
        return
    if since is None:
        text = "it has no end, and the calendar does not say since when it stands"
        yield Finding(Code.ENDLESS_EMERGENCY, text, "emergency")
    elif at - since > longest:
        text = f"it has no end, and stands since {calendar.local(since):%Y-%m-%d %H:%M} (limit {longest.days} days)"
        yield Finding(Code.ENDLESS_EMERGENCY, text, "emergency")


def _calendar_loops(
    calendar: RoutingCalendar, at: datetime, account_rules: AccountRules | None, include_numbers: bool
) -> Iterator[Finding]:
    others, others_at = _others(account_rules)
    targets = {forward_target(rule.to_wire()) for _, chain in _chains(calendar) for rule in chain}
    if not targets & {calendar.did, *others}:
        return
    found: set[tuple[str, ...]] = set()
    for where, moment, rules in _times_ahead(calendar, at):
        for loop in loops(calendar.did, {**others_at(moment), calendar.did: rules}):
            if loop.numbers not in found:
                found.add(loop.numbers)
                yield _loop_finding(loop, where, include_numbers)


def _times_ahead(calendar: RoutingCalendar, at: datetime) -> Iterator[tuple[str, datetime, list[Rule]]]:
    """The rules of each week of the year to come; an emergency without end, which hides all others, apart."""
    emergency = calendar.emergency
    if emergency is not None and emergency.until is None:
        yield "emergency.chain", at, [rule.to_wire() for rule in emergency.chain]
        calendar = replace(calendar, emergency=None)
    for week in range(_WEEKS_AHEAD):
        begins = at + timedelta(days=_DAYS_A_WEEK * week)
        rules = [rule.to_wire() for rule in rules_for(calendar, begins)]
        yield f"week from {calendar.local(begins).date().isoformat()}", begins, rules


def _loop_finding(loop: Loop, where: str, include_numbers: bool) -> Finding:
    shown: Callable[[str], str] = str if include_numbers else mask_number
    way = " -> ".join(map(shown, [*loop.numbers, loop.numbers[0]]))
    kind = "forwards to itself" if len(loop.numbers) == 1 else "forwards round"
    return Finding(Code.LOOP, f"{kind}: {way}, on {some_of(loop.times)}", where)


def _others(account_rules: AccountRules | None) -> tuple[set[str], _RulesAt]:
    """The account's other numbers, and what gives their rules at a moment."""
    given = {parse_did(did): rules for did, rules in (account_rules or {}).items()}
    plain: dict[str, list[Rule]] = {}
    calendars: dict[str, RoutingCalendar] = {}
    for did, each in given.items():
        if isinstance(each, RoutingCalendar):
            calendars[did] = each
        else:
            plain[did] = [as_rule(rule) for rule in each]

    def rules_at(moment: datetime) -> dict[str, list[Rule]]:
        dated = {did: [rule.to_wire() for rule in rules_for(each, moment)] for did, each in calendars.items()}
        return {**plain, **dated}

    return set(given), rules_at


def _errors_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.severity is Severity.WARNING))
