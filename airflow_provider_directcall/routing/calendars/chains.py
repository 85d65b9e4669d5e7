"""Chains: the rules that take a call as long as one state of the line lasts, without their times.

The rules of a chain are tried in their order. A chain never goes on into another one: where its rules may leave a call
unanswered, the call is hung up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from airflow_provider_directcall.routing.rule_parsing import ChainRule, chain_rule_from
from airflow_provider_directcall.routing.rules import Forward, HangUp, NumberRule, PlaySound
from airflow_provider_directcall.routing.validation import CalendarError, ParsedBy

#: Rules with the priorities 1, 2, 3... and no conditions but ``sources``.
Chain = tuple[NumberRule, ...]
#: Arguments from which a chain is made.
ChainLike = Sequence[NumberRule | Mapping[str, object]]

#: Rules that a chain has at most.
LONGEST_CHAIN: Final = 19
#: Fields that the calendar decides, so that a chain's rule has none of them.
_NOT_IN_CHAINS: Final = ("priority", "weekdays", "start", "end")


def sealed(chain: Chain) -> Chain:
    """Return the chain with a hang-up at its end, unless its last rule takes every call."""
    if chain and not _leaves_calls(chain[-1]):
        return chain
    return (*chain, HangUp(priority=len(chain) + 1))


def _leaves_calls(rule: NumberRule) -> bool:
    """Return whether the next rule may be tried: after a forward or a greeting, or for another caller."""
    greeting = isinstance(rule, PlaySound) and rule.moment == "start"
    return greeting or isinstance(rule, Forward) or rule.sources is not None


def _check_order(rules: object) -> object:
    """Reject rule objects whose priorities contradict the order of the list, which is the one that counts."""
    least = 0
    for index, rule in enumerate(rules if isinstance(rules, (list, tuple)) else ()):
        if isinstance(rule, NumberRule):
            if rule.priority < least:
                raise CalendarError([f"[{index}].priority: contradicts the order of the list, which is what counts"])
            least = rule.priority
    return rules


def _rule(item: object) -> NumberRule:
    if isinstance(item, NumberRule):
        if (item.weekdays, item.start, item.end) != (None, None, None):
            raise CalendarError(["weekdays, start, end: the calendar says when; a chain's rule has none of them"])
        # A list could still be changed by the caller.
        callers = item.sources
        return replace(item, sources=callers if callers is None or isinstance(callers, str) else tuple(callers))
    unwanted = [name for name in _NOT_IN_CHAINS if isinstance(item, Mapping) and name in item]
    if unwanted:
        raise CalendarError([f"{', '.join(unwanted)}: the calendar says when, the list in which order"])
    return chain_rule_from(item)


def _numbered(chain: Chain) -> Chain:
    return tuple(replace(rule, priority=place) for place, rule in enumerate(chain, start=1))


#: Chain of a record's field.
ChainField = Annotated[
    tuple[Annotated[NumberRule, ParsedBy(_rule, ChainRule)], ...],
    Field(min_length=1, max_length=LONGEST_CHAIN),
    BeforeValidator(_check_order),
    AfterValidator(_numbered),
]
