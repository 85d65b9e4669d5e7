"""Coverage: the treatment of calls by a number's rules, at each time of the week and for each caller.

Rules are read as assumed (docs/directcall-api.md, section 13.6): they are tried from the lowest priority; weekday and
time of day are independent conditions, and a time window whose end is not after its start runs over midnight.

Instead of every moment and caller, the code examines *cells*: a set of weekdays, a time of day between two neighbouring
times that some rule names, and a set of callers, which no rule treats differently within the cell. A set of cells is an
``int`` with one bit a cell.

- All callers in no rule's list count as one more caller.
- A weekday or time that cannot be parsed (the vendor's panel may support others than we do) is a day or a time of its
  own, at which only the rules with the same text apply, and those without the condition.
- Unknown fields are not conditions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby, pairwise
from math import inf
from typing import Final, Protocol, TypeVar

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.comparison import comparable
from airflow_provider_directcall.routing.conditions import (
    CONDITIONS,
    EVERY_DAY,
    MINUTES_A_DAY,
    WEEKDAYS,
    Comparable,
    clock,
    conditions_of,
)

_ALL_DAY: Final = (0, MINUTES_A_DAY)
_DAYS: Final = tuple(map(str, sorted(EVERY_DAY)))
_ANYBODY_ELSE: Final = "anybody else"


class Service(IntEnum):
    """Treatment of a call, from the worst to the best."""

    NO_RULE = 0
    SOUND_ONLY = 1
    HANG_UP = 2
    TAKEN = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule with its cells.

    :ivar priority: infinite for a rule without one, which is tried last.
    :ivar service: its treatment of a call to which it applies.
    :ivar answer: the same text for rules with the same action and details.
    :ivar holds: cells in which the rule applies.
    """

    priority: float
    service: Service
    answer: str = field(repr=False)
    holds: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Served:
    """Treatment of the calls in a set of cells.

    :ivar levels: cells in which some rule applies; in which a rule ends or takes the call; in which one takes it. Where
        rules share a priority, the worst of them counts.
    :ivar answers: answer -> cells in which it may be the first.
    """

    levels: tuple[int, int, int]
    answers: Mapping[str, int] = field(repr=False)


class _HasPriority(Protocol):
    @property
    def priority(self) -> float | None: ...


_Rule = TypeVar("_Rule", bound=_HasPriority)


def in_order(rules: Iterable[_Rule]) -> list[_Rule]:
    """Sort rules as they are tried: from the lowest priority, a rule without one last."""
    return sorted(rules, key=lambda rule: inf if rule.priority is None else rule.priority)


def serve(ordered: Iterable[Placed], within: int) -> Served:
    """Try rules, sorted by priority, on calls.

    :param within: the cells of the calls.
    """
    rest, sound, hung, ended = within, 0, 0, 0
    priority, ending = -inf, 0
    answers: dict[str, int] = {}
    for placed in ordered:
        if placed.priority != priority:
            priority, rest, ending = placed.priority, rest ^ ending, 0
            if not rest:
                break
        here = placed.holds & rest
        if not here:
            continue
        if placed.service is Service.SOUND_ONLY:
            sound |= here
            continue
        ending |= here
        ended |= here
        if placed.service is Service.HANG_UP:
            hung |= here
        answers[placed.answer] = answers.get(placed.answer, 0) | here
    return Served((sound | ended, ended, ended & ~hung), answers)


@dataclass(frozen=True, slots=True)
class _Labels:
    """Conditions of a rule as labels of cells. None means no condition."""

    days: frozenset[str] | None
    hours: tuple[int, int] | str | None
    callers: frozenset[str] | None

    @classmethod
    def of(cls, data: Comparable) -> _Labels:
        read = conditions_of(data)
        days = frozenset([read.days]) if isinstance(read.days, str) else frozenset(map(str, read.days))
        return cls(
            days=None if read.days == EVERY_DAY else days,
            hours=None if read.hours == _ALL_DAY else read.hours,
            callers=read.callers,
        )


class Week:
    """The cells that a set of rules distinguishes.

    :param rules: all rules to be placed later.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        known = {_Labels.of(comparable(rule)) for rule in rules}
        self._days = _classes(_DAYS, [each.days for each in known])
        self._callers = _classes((_ANYBODY_ELSE,), [each.callers for each in known])
        windows = [each.hours for each in known if isinstance(each.hours, tuple)]
        self._points = sorted({0, MINUTES_A_DAY, *(minute for window in windows for minute in window)})
        self._odd_hours = sorted({each.hours for each in known if isinstance(each.hours, str)})
        self._slots = len(self._points) - 1 + len(self._odd_hours)
        self._day_cells = self._slots * len(self._days)
        self._masks = {each: self._mask(each) for each in known}
        #: All cells.
        self.everything: Final = (1 << self._day_cells * len(self._callers)) - 1

    def place(self, rule: Rule) -> Placed:
        """Find the cells of one of the rules."""
        data = comparable(rule)
        details = {name: value for name, value in data.items() if name not in CONDITIONS}
        return Placed(
            priority=inf if rule.priority is None else rule.priority,
            service=_service(rule.action, details),
            answer=json.dumps([rule.action, details], sort_keys=True),
            holds=self._masks[_Labels.of(data)],
        )

    def served(self, rules: Iterable[Rule]) -> Served:
        """Return the treatment of calls at any time, with only these of the rules."""
        return serve(in_order(map(self.place, rules)), self.everything)

    def described(self, cells: int) -> list[str]:
        """Describe a set of cells; callers are counted, not named."""
        lines = []
        for place, (days, callers) in enumerate((days, callers) for callers in self._callers for days in self._days):
            slots = cells >> place * self._slots & ((1 << self._slots) - 1)
            if slots:
                lines.append(f"{_days_text(days)} {', '.join(self._times(slots))} ({_callers_text(callers)})")
        return lines

    def _times(self, slots: int) -> Iterable[str]:
        edges = [*pairwise(self._points)]
        held = [bool(slots >> index & 1) for index in range(self._slots)]
        for is_set, run in groupby(zip(held, edges, strict=False), key=lambda one: one[0]):
            if is_set:
                windows = [window for _, window in run]
                yield f"{clock(windows[0][0])}-{clock(windows[-1][1])}"
        for label, is_set in zip(self._odd_hours, held[len(edges) :], strict=True):
            if is_set:
                yield label

    def _mask(self, labels: _Labels) -> int:
        slots = self._slots_of(labels.hours)
        week = 0
        for place, days in enumerate(self._days):
            if labels.days is None or days[0] in labels.days:
                week |= slots << place * self._slots
        mask = 0
        for place, callers in enumerate(self._callers):
            if labels.callers is None or callers[0] in labels.callers:
                mask |= week << place * self._day_cells
        return mask

    def _slots_of(self, hours: tuple[int, int] | str | None) -> int:
        if hours is None:
            return (1 << self._slots) - 1
        if isinstance(hours, str):
            return 1 << len(self._points) - 1 + self._odd_hours.index(hours)
        begin, end = (1 << self._points.index(minute) for minute in hours)
        return end - begin if begin < end else (1 << len(self._points) - 1) - begin + end - 1


def unserved(rules: Sequence[Rule], *references: Sequence[Rule]) -> list[str]:
    """Describe the calls to which none of the rules applies although one of each reference does."""
    week = Week([*rules, *(rule for reference in references for rule in reference)])
    missing = week.everything & ~week.served(rules).levels[0]
    for reference in references:
        missing &= week.served(reference).levels[0]
    return week.described(missing)


def _service(action: str, details: Comparable) -> Service:
    """Return the treatment by an action; an unknown one counts as taking the call."""
    if action == "hangup":
        return Service.HANG_UP
    goes_on = action == "sound" and details.get("moment") != "end"
    return Service.SOUND_ONLY if goes_on else Service.TAKEN


def _classes(always: Sequence[str], sets: Sequence[frozenset[str] | None]) -> list[tuple[str, ...]]:
    """Group labels that are in the same sets."""
    distinct = {each for each in sets if each is not None}
    labels = [*always, *sorted(frozenset().union(*distinct) - set(always))]
    groups: dict[tuple[bool, ...], list[str]] = {}
    for label in labels:
        groups.setdefault(tuple(label in each for each in distinct), []).append(label)
    return [tuple(group) for group in groups.values()]


def _days_text(days: Sequence[str]) -> str:
    return ", ".join(WEEKDAYS[int(day) - 1].title() if day in _DAYS else repr(day) for day in days)


def _callers_text(callers: Sequence[str]) -> str:
    listed = [caller for caller in callers if caller != _ANYBODY_ELSE]
    if not listed:
        return _ANYBODY_ELSE
    own = f"{len(listed)} listed caller{'s' if len(listed) > 1 else ''}"
    return own if len(listed) == len(callers) else f"{own} and {_ANYBODY_ELSE}"
