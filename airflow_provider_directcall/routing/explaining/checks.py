"""Checks of rules that are tried one after another: of a number, or of one chain of a calendar.

They look at the cells of :mod:`~airflow_provider_directcall.routing.plans.coverage`, so they see every time of the
week and every caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.comparison import comparable
from airflow_provider_directcall.routing.conditions import conditions_of
from airflow_provider_directcall.routing.explaining.findings import Code, Finding
from airflow_provider_directcall.routing.explaining.wording import (
    ring_seconds,
    surely_ends,
    times_in_words,
    weekdays_in_words,
)
from airflow_provider_directcall.routing.plans.coverage import Placed, Week

__all__ = [
    "Laid",
    "Layout",
    "gaps",
    "is_readable",
    "lay",
    "long_waits",
    "repeated",
    "rings_out",
    "shared_priorities",
    "some_of",
    "unreachable",
    "unreadable",
]

#: What a text lists before it says how many more there are.
_LISTED: Final = 4


@dataclass(frozen=True, slots=True)
class Laid:
    """A rule with its cells.

    :ivar name: how findings call it.
    :ivar reach: cells in which it may be tried, because it holds and nothing in front surely ends the call.
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
class Layout:
    """Rules in the order of trying, with the week in which they have their cells."""

    week: Week
    rules: tuple[Laid, ...]

    def described(self, cells: int) -> str:
        """A set of cells in words, at most some of them."""
        return some_of(self.week.described(cells))


def lay(named: Sequence[tuple[str, Rule]]) -> Layout:
    """Find the cells of rules, each with its name. Rules whose conditions cannot be read are left out."""
    readable = [(name, rule) for name, rule in named if is_readable(rule)]
    week = Week(rule for _, rule in readable)
    placed = sorted(((week.place(rule), name, rule) for name, rule in readable), key=lambda each: each[0].priority)
    laid: list[Laid] = []
    ended = 0
    for _, group in groupby(placed, key=lambda each: each[0].priority):
        together = [Laid(rule, name, place, place.holds & ~ended) for place, name, rule in group]
        for each in together:
            ended |= each.placed.holds if each.ends else 0
        laid += together
    return Layout(week, tuple(laid))


def is_readable(rule: Rule) -> bool:
    """Whether the rule's weekdays and times can be read."""
    return conditions_of(comparable(rule)).is_readable


def unreadable(named: Sequence[tuple[str, Rule]]) -> Iterator[Finding]:
    """Rules whose weekdays or times cannot be read."""
    for name, rule in named:
        if not is_readable(rule):
            when = f"{weekdays_in_words(rule)}, {times_in_words(rule)}"
            yield Finding(Code.UNREADABLE, f"when it holds cannot be read ({when}); the checks leave it out", name)


def unreachable(layout: Layout) -> Iterator[Finding]:
    """Rules that are never tried."""
    for each in layout.rules:
        if each.reach:
            continue
        front = [
            other.name
            for other in layout.rules
            if other.ends and other.placed.priority < each.placed.priority and other.placed.holds & each.placed.holds
        ]
        verb = "ends" if len(front) == 1 else "end"
        text = f"is never tried: {some_of(front, ', ')} {verb} every call for which it holds"
        yield Finding(Code.UNREACHABLE, text, each.name)


def shared_priorities(layout: Layout) -> Iterator[Finding]:
    """Rules at one priority that hold at once and do different things."""
    for one, other in combinations(layout.rules, 2):
        both = one.reach & other.reach
        if both and one.placed.priority == other.placed.priority and one.placed.answer != other.placed.answer:
            text = f"{other.name} has the same priority and holds at the same times: {layout.described(both)}"
            yield Finding(Code.SAME_PRIORITY, text, one.name)


def repeated(layout: Layout) -> Iterator[Finding]:
    """Rules that do what another one has done for the same calls."""
    for one, other in combinations(layout.rules, 2):
        both = one.reach & other.reach
        if both and one.placed.answer == other.placed.answer:
            text = f"does the same as {one.name} for the same calls: {layout.described(both)}"
            yield Finding(Code.REPEATED, text, other.name)


def gaps(layout: Layout) -> int:
    """Cells in which no rule holds."""
    held = 0
    for each in layout.rules:
        held |= each.placed.holds
    return layout.week.everything & ~held


def rings_out(layout: Layout, *, sound_is_end: bool) -> int:
    """Cells in which no rule is left when nobody picks up.

    :param sound_is_end: whether a sound at the very end will do, because a hang-up follows it.
    """
    open_end = 0
    for each in layout.rules:
        if each.rule.action == "fwd" or (each.rule.action == "sound" and not each.ends and not sound_is_end):
            open_end |= each.reach
        else:
            open_end &= ~each.placed.holds
    return open_end


def long_waits(layout: Layout, longest_wait: int, where: str) -> Iterator[Finding]:
    """Phones that ring for too long, taken together."""
    cells_by_wait = {0: layout.week.everything}
    for each in layout.rules:
        seconds = ring_seconds(each.rule)
        if seconds:
            cells_by_wait = _with_wait(cells_by_wait, each.reach, seconds)
    most = max(cells_by_wait)
    if most > longest_wait:
        late = sum(cells for seconds, cells in cells_by_wait.items() if seconds > longest_wait)  # no cell is in two
        text = f"phones ring for up to {most} s (limit {longest_wait} s) before the call ends: {layout.described(late)}"
        yield Finding(Code.LONG_WAIT, text, where)


def some_of(texts: Sequence[str], between: str = "; ") -> str:
    """Some texts of many, and how many more there are."""
    more = len(texts) - _LISTED
    return between.join([*texts[:_LISTED], *([f"and {more} more"] if more > 0 else [])])


def _with_wait(cells_by_wait: dict[int, int], reach: int, seconds: int) -> dict[int, int]:
    longer: dict[int, int] = {}
    for waited, cells in cells_by_wait.items():
        for total, part in ((waited, cells & ~reach), (waited + seconds, cells & reach)):
            if part:
                longer[total] = longer.get(total, 0) | part
    return longer
