"""Forwarding loops: to the number itself, or over several of the account's numbers.

Whether a forwarded call keeps its caller's number is not known. So a rule for some callers may begin a loop, but ends
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.explaining.wording import condition, is_readable, listed_callers, surely_ends
from airflow_provider_directcall.routing.plans.coverage import Placed, Week
from airflow_provider_directcall.telephony.numbers import parse_did


@dataclass(frozen=True, slots=True)
class Loop:
    """A forwarding loop.

    :ivar numbers: the numbers in the order of forwarding, without 55; the checked number first, if it is one of them.
    :ivar times: times of the week at which it exists, in words.
    """

    numbers: tuple[str, ...]
    times: tuple[str, ...]


#: Target of a forward, and the cells in which it may be tried.
_Edge = tuple[str, int]


def forward_target(rule: Rule) -> str | None:
    """Return the number (DID) to which a rule forwards, without 55; None when there is none."""
    if rule.action != "fwd":
        return None
    try:
        return parse_did(condition(rule, "phone"))
    except ValueError:
        return None


def loops(did: str, rules_of: Mapping[str, Sequence[Rule]]) -> list[Loop]:
    """Find all loops that a call to the number can enter.

    :param did: the number, without 55.
    :param rules_of: number, without 55 -> its rules, for every number that may be part of a loop.
    """
    readable = {number: [rule for rule in rules if is_readable(rule)] for number, rules in rules_of.items()}
    week = Week(_without_callers(rule) for rules in readable.values() for rule in rules)
    edges = {number: _edges(week, rules, readable) for number, rules in readable.items()}
    # Several ways may enter one loop, at different numbers of it.
    cells_of: dict[tuple[str, ...], int] = {}
    for numbers, cells in _rounds((did,), week.everything, edges, {did: week.everything}):
        least = numbers.index(did if did in numbers else min(numbers))
        turned = (*numbers[least:], *numbers[:least])
        cells_of[turned] = cells_of.get(turned, 0) | cells
    return [
        Loop(numbers, tuple(line.removesuffix(" (anybody else)") for line in week.described(cells)))
        for numbers, cells in cells_of.items()
    ]


def _edges(week: Week, rules: Sequence[Rule], known: Mapping[str, object]) -> list[_Edge]:
    """Return the forwards to known numbers."""
    edges: list[_Edge] = []
    ended = 0
    placed = [(week.place(_without_callers(rule)), rule) for rule in rules]
    for _, group in groupby(sorted(placed, key=_priority), key=_priority):
        together = list(group)
        for place, rule in together:
            target = forward_target(rule)
            if target is not None and target in known:
                edges.append((target, place.holds & ~ended))
        for place, rule in together:
            ended |= place.holds if surely_ends(rule) and not listed_callers(rule) else 0
    return edges


def _priority(placed: tuple[Placed, Rule]) -> float:
    return placed[0].priority


def _rounds(
    way: tuple[str, ...], cells: int, edges: Mapping[str, Sequence[_Edge]], seen: dict[str, int]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Search depth first from the last number of a way, entering each number once at any one time of the week."""
    for target, times in edges[way[-1]]:
        here = cells & times
        if here and target in way:
            yield way[way.index(target) :], here
        elif new := here & ~seen.get(target, 0):
            seen[target] = seen.get(target, 0) | new
            yield from _rounds((*way, target), new, edges, seen)


def _without_callers(rule: Rule) -> Rule:
    return replace(rule, data={name: value for name, value in rule.data.items() if name != "source"})
