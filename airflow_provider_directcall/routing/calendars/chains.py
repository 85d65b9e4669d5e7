"""Chains: what happens to a call as long as one state of the line lasts, without a word on when that is.

The rules of a chain are tried in their order. A chain never goes on into another one: where its rules may leave a call
unanswered, the call is hung up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from airflow_provider_directcall.routing.calendars.problems import Problems, listed
from airflow_provider_directcall.routing.calendars.rule_items import kept, path_of, rule_of_file
from airflow_provider_directcall.routing.conditions import shown
from airflow_provider_directcall.routing.rules import Forward, HangUp, NumberRule, PlaySound

__all__ = ["LONGEST_CHAIN", "Chain", "ChainLike", "chain_from", "sealed"]

#: Rules with the priorities 1, 2, 3... and no conditions but ``sources``.
Chain = tuple[NumberRule, ...]
#: What a chain is made from.
ChainLike = Sequence[NumberRule | Mapping[str, object]]

#: Rules that a chain has at most.
LONGEST_CHAIN: Final = 19
#: What a calendar says, and its rules therefore do not.
_NOT_IN_CHAINS: Final = ("priority", "weekdays", "start", "end")


def chain_from(name: str, value: object) -> Chain:
    """Read a chain: 1 to 19 rules or mappings as ``rule_from`` takes them, without ``priority`` and times.

    A rule object has to have some priority. In a chain the order of the list counts, so the priorities of the objects
    must not run against it; otherwise they mean nothing.

    :param name: what the chain is called, for the errors.
    :raises CalendarError: all that is wrong with any of its rules.
    """
    items = listed(name, value)
    problems = Problems()
    if not 1 <= len(items) <= LONGEST_CHAIN:
        problems.add(f"{name}: 1 to {LONGEST_CHAIN} rules are needed, not {len(items)}")
    chain: list[NumberRule] = []
    least = 0
    for index, item in enumerate(items):
        try:
            rule = _rule(item, index + 1)
        except ValueError as error:
            problems.add(f"{name}[{index}]{path_of(str(error))}")
            continue
        if isinstance(item, NumberRule):
            if item.priority < least:
                problems.add(f"{name}[{index}].priority: runs against the order of the list, which is what counts")
            least = item.priority
        chain.append(rule)
    problems.tell()
    return tuple(chain)


def sealed(chain: Chain) -> Chain:
    """The chain with a hang-up at its end, unless its last rule takes every call."""
    if chain and not _leaves_calls(chain[-1]):
        return chain
    return (*chain, HangUp(priority=len(chain) + 1))


def _leaves_calls(rule: NumberRule) -> bool:
    """Whether the next rule may be tried: nobody answers, only a greeting is played, or the caller is another."""
    greeting = isinstance(rule, PlaySound) and rule.moment == "start"
    return greeting or isinstance(rule, Forward) or rule.sources is not None


def _rule(item: object, priority: int) -> NumberRule:
    if isinstance(item, NumberRule):
        if (item.weekdays, item.start, item.end) != (None, None, None):
            raise ValueError("weekdays, start, end: the calendar says when; a chain's rule has none of them")
        return kept(replace(item, priority=priority))
    if not isinstance(item, Mapping):
        raise ValueError(f"rule: a mapping or a rule is needed, not {shown(item)}")
    unwanted = [name for name in _NOT_IN_CHAINS if name in item]
    if unwanted:
        raise ValueError(f"{', '.join(unwanted)}: the calendar says when, the list in which order")
    return rule_of_file({**item, "priority": priority}, given_elsewhere=_NOT_IN_CHAINS)
