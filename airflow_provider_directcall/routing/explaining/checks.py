"""Checks of a number's rules, and of rules that are tried one after another.

Rules are evaluated as in :mod:`~airflow_provider_directcall.routing.explaining.explain`. The checks work on the cells
of :mod:`~airflow_provider_directcall.routing.plans.coverage`, so they cover every time of the week and every caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations, groupby
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.calendars.compiling import rules_for
from airflow_provider_directcall.routing.explaining.loops import Loop, loops
from airflow_provider_directcall.routing.explaining.wording import (
    as_rule,
    is_readable,
    ring_seconds,
    rule_name,
    surely_ends,
    times_in_words,
    weekdays_in_words,
)
from airflow_provider_directcall.routing.plans.coverage import Placed, Week
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.telephony.masking import mask_number
from airflow_provider_directcall.telephony.numbers import parse_did

LONGEST_WAIT_SECONDS: Final = 120
"""Default limit of the ringing time of one call, all phones taken together (our choice)."""

#: Items that a text lists in full.
_LISTED: Final = 4

#: Number -> its rules, or its calendar.
AccountRules = Mapping[str, Sequence[Rule | NumberRule] | RoutingCalendar]


class Severity(StrEnum):
    """An error is certainly a mistake; a warning may be one."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """Kind of a finding."""

    UNREACHABLE = "unreachable"
    """A rule that is never tried: others in front of it end every call for which it holds."""
    SAME_PRIORITY = "same_priority"
    """Two rules at one priority hold at once and do different things. Which is tried first is not known."""
    REPEATED = "repeated"
    """Two rules do the very same for the same calls."""
    GAP = "gap"
    """At some times, or for some callers, no rule holds. The vendor's behaviour then is not known."""
    RINGS_OUT = "rings_out"
    """Only rules hold that go on to the next one: an unanswered call meets no further rule, or a chain hangs up."""
    LOOP = "loop"
    """A call is forwarded to the number itself, or comes back over others of the account."""
    LONG_WAIT = "long_wait"
    """Phones ring for longer than the limit, taken together, before the call ends."""
    UNREADABLE = "unreadable"
    """A rule's weekdays or times cannot be parsed, so the checks leave it out."""
    HOURS_OVERLAP = "hours_overlap"
    """Two rows of opening hours share some time."""
    PAST_OVERRIDE = "past_override"
    """An override is over."""
    PAST_EMERGENCY = "past_emergency"
    """The emergency is over."""
    ENDLESS_EMERGENCY = "endless_emergency"
    """An emergency without an end is active for longer than the limit, or since an unknown time."""


_ERRORS: Final = frozenset({Code.UNREACHABLE, Code.SAME_PRIORITY, Code.GAP, Code.LOOP})


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    :ivar text: for people; phone numbers are masked.
    :ivar where: its subject: ``rule 18000 at priority 2``, ``open[1]``, ``overrides[0]``, ``rules``.
    """

    code: Code
    text: str
    where: str

    @property
    def severity(self) -> Severity:
        """Severity of the finding's kind."""
        return Severity.ERROR if self.code in _ERRORS else Severity.WARNING

    def __str__(self) -> str:
        """Format the finding on one line."""
        return f"{self.severity}: {self.where}: {self.text} [{self.code}]"


@dataclass(frozen=True, slots=True)
class RankedRule:
    """A rule with its cells.

    :ivar name: its name in findings.
    :ivar reach: cells in which it may be tried, because it holds and no rule in front surely ends the call.
    """

    rule: Rule
    name: str
    placed: Placed = field(repr=False)
    reach: int = field(repr=False)

    @property
    def ends(self) -> bool:
        """Whether the rule surely ends every call for which it holds."""
        return surely_ends(self.rule)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rules in the order of trying, with the week of their cells."""

    week: Week
    rules: tuple[RankedRule, ...]

    def described(self, cells: int) -> str:
        """Describe a set of cells, with a limited number of items."""
        return shortened(self.week.described(cells))


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

    :param rules: live or desired ones, in any order.
    :param did: the number, with or without 55.
    :param account_rules: number -> rules or calendar of the account's other numbers, for loops over them.
    :param at: the moment whose rules of those calendars count, aware; now when left out.
    :param longest_wait: limit of the ringing time of one call in seconds, all phones taken together.
    :param include_numbers: show phone numbers in full instead of masked.
    :raises ValueError: a number is invalid.
    """
    number = parse_did(did)
    plain = [as_rule(rule) for rule in rules]
    named = [(rule_name(rule), rule) for rule in plain]
    ranking = rank_rules(named)
    findings = [*unreadable(named), *unreachable(ranking), *shared_priorities(ranking), *repeated(ranking)]
    unanswered = "when nobody picks up, no rule is left, so that nobody answers"
    for code, cells, text in (
        (Code.GAP, gaps(ranking), "no rule holds"),
        (Code.RINGS_OUT, rings_out(ranking, sound_is_end=False), unanswered),
    ):
        if cells:
            findings.append(Finding(code, f"{text}: {ranking.described(cells)}", "rules"))
    findings += long_waits(ranking, longest_wait, "rules")
    others = other_rules(account_rules)(datetime.now(UTC) if at is None else at)
    findings += [loop_finding(loop, "rules", include_numbers) for loop in loops(number, {**others, number: plain})]
    return errors_first(findings)


def other_rules(account_rules: AccountRules | None) -> Callable[[datetime], dict[str, list[Rule]]]:
    """Return a function of a moment that returns the rules of the account's other numbers, without 55."""
    given = {parse_did(did): rules for did, rules in (account_rules or {}).items()}

    def rules_at(moment: datetime) -> dict[str, list[Rule]]:
        return {
            did: list(map(as_rule, rules_for(each, moment) if isinstance(each, RoutingCalendar) else each))
            for did, each in given.items()
        }

    return rules_at


def loop_finding(loop: Loop, where: str, include_numbers: bool) -> Finding:
    """Describe a loop."""
    way = " -> ".join(each if include_numbers else mask_number(each) for each in [*loop.numbers, loop.numbers[0]])
    kind = "forwards to itself" if len(loop.numbers) == 1 else "forwards round"
    return Finding(Code.LOOP, f"{kind}: {way}, on {shortened(loop.times)}", where)


def errors_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort errors before warnings."""
    return tuple(sorted(findings, key=lambda finding: finding.severity is Severity.WARNING))


def rank_rules(named: Sequence[tuple[str, Rule]]) -> Ranking:
    """Find the cells of rules, each with its name. Rules whose conditions cannot be parsed are left out."""
    readable = [(name, rule) for name, rule in named if is_readable(rule)]
    week = Week(rule for _, rule in readable)
    placed = sorted(((week.place(rule), name, rule) for name, rule in readable), key=lambda each: each[0].priority)
    ranked: list[RankedRule] = []
    ended = 0
    for _, group in groupby(placed, key=lambda each: each[0].priority):
        together = [RankedRule(rule, name, place, place.holds & ~ended) for place, name, rule in group]
        for each in together:
            ended |= each.placed.holds if each.ends else 0
        ranked += together
    return Ranking(week, tuple(ranked))


def unreadable(named: Sequence[tuple[str, Rule]]) -> Iterator[Finding]:
    """Find rules whose weekdays or times cannot be parsed."""
    for name, rule in named:
        if not is_readable(rule):
            when = f"{weekdays_in_words(rule)}, {times_in_words(rule)}"
            yield Finding(Code.UNREADABLE, f"when it holds cannot be read ({when}); the checks leave it out", name)


def unreachable(ranking: Ranking) -> Iterator[Finding]:
    """Find rules that are never tried."""
    for each in ranking.rules:
        if each.reach:
            continue
        front = [
            other.name
            for other in ranking.rules
            if other.ends and other.placed.priority < each.placed.priority and other.placed.holds & each.placed.holds
        ]
        verb = "ends" if len(front) == 1 else "end"
        text = f"is never tried: {shortened(front, ', ')} {verb} every call for which it holds"
        yield Finding(Code.UNREACHABLE, text, each.name)


def shared_priorities(ranking: Ranking) -> Iterator[Finding]:
    """Find rules at one priority that hold at once and do different things."""
    for one, other, both in _overlaps(ranking):
        if one.placed.priority == other.placed.priority and one.placed.answer != other.placed.answer:
            text = f"{other.name} has the same priority and holds at the same times: {ranking.described(both)}"
            yield Finding(Code.SAME_PRIORITY, text, one.name)


def repeated(ranking: Ranking) -> Iterator[Finding]:
    """Find rules that do the same as another one for the same calls."""
    for one, other, both in _overlaps(ranking):
        if one.placed.answer == other.placed.answer:
            text = f"does the same as {one.name} for the same calls: {ranking.described(both)}"
            yield Finding(Code.REPEATED, text, other.name)


def _overlaps(ranking: Ranking) -> Iterator[tuple[RankedRule, RankedRule, int]]:
    """Yield each two rules with the cells in which both may be tried."""
    for one, other in combinations(ranking.rules, 2):
        if both := one.reach & other.reach:
            yield one, other, both


def gaps(ranking: Ranking) -> int:
    """Return the cells in which no rule holds."""
    held = 0
    for each in ranking.rules:
        held |= each.placed.holds
    return ranking.week.everything & ~held


def rings_out(ranking: Ranking, *, sound_is_end: bool) -> int:
    """Return the cells in which no rule is left for an unanswered call.

    :param sound_is_end: whether a sound at the very end will do, because a hang-up follows it.
    """
    open_end = 0
    for each in ranking.rules:
        if each.rule.action == "fwd" or (each.rule.action == "sound" and not each.ends and not sound_is_end):
            open_end |= each.reach
        else:
            open_end &= ~each.placed.holds
    return open_end


def long_waits(ranking: Ranking, longest_wait: int, where: str) -> Iterator[Finding]:
    """Find phones that ring for too long, taken together."""
    cells_by_wait = {0: ranking.week.everything}
    for each in ranking.rules:
        if seconds := ring_seconds(each.rule):
            cells_by_wait = _with_wait(cells_by_wait, each.reach, seconds)
    most = max(cells_by_wait)
    if most > longest_wait:
        late = sum(cells for seconds, cells in cells_by_wait.items() if seconds > longest_wait)  # no cell is in two
        limit = f"(limit {longest_wait} s)"
        text = f"phones ring for up to {most} s {limit} before the call ends: {ranking.described(late)}"
        yield Finding(Code.LONG_WAIT, text, where)


def shortened(texts: Sequence[str], between: str = "; ") -> str:
    """Join the first texts of a list, with the number of the others."""
    more = len(texts) - _LISTED
    return between.join([*texts[:_LISTED], *([f"and {more} more"] if more > 0 else [])])


def _with_wait(cells_by_wait: dict[int, int], reach: int, seconds: int) -> dict[int, int]:
    longer: dict[int, int] = {}
    for waited, cells in cells_by_wait.items():
        for total, part in ((waited, cells & ~reach), (waited + seconds, cells & reach)):
            if part:
                longer[total] = longer.get(total, 0) | part
    return longer
