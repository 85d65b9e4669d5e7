"""One write to a number's rules, and one wanted rule against those that stand: which it is about, and what to write.

Fields of a live rule that we do not know survive: a change is written over the live rule's data, and only fields that
rules of ours can have are ever taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.comparison import differences, is_blank
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.rules import NumberRule

#: Fields of ``data`` that our rules speak of. A live rule that has one which the wanted rule lacks loses it.
OUR_FIELDS: Final = frozenset(
    {"phone", "wait", "record", "soundId", "moment", "email", "week", "start", "end", "source"}
)


class Kind(StrEnum):
    """What a write does."""

    CREATE = "create"
    CHANGE = "change"
    MOVE = "move"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One write.

    :ivar kind: ``move`` is a change of nothing but the priority.
    :ivar before: the live rule that is changed or removed; None for a new one.
    :ivar after: the rule to write, with the live rule's id and its unknown fields; None for a removal.
    :ivar fields: names of the fields that change; empty for a removal.
    :ivar shares_priority: for a moment a rule that has to go yet stands at the same priority. What the vendor does then
        is not known.
    """

    kind: Kind
    before: Rule | None
    after: Rule | None
    fields: tuple[str, ...] = ()
    shares_priority: bool = False


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What one wanted rule means for a number.

    :ivar before: the live rule it is about, or None when a rule is to be created.
    :ivar wanted: the rule to write, with the live rule's id and its unknown fields.
    :ivar live: all rules of the number, as they stood.
    """

    before: Rule | None
    wanted: Rule
    live: tuple[Rule, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that change; never their values, which may be phone numbers."""
        return differences(self.before, self.wanted) if self.before is not None else tuple(self.wanted.data)

    @property
    def is_needed(self) -> bool:
        """Whether anything would change."""
        return self.before is None or bool(self.fields)


def plan_change(live: Sequence[Rule], rule: NumberRule, rule_id: str | None = None) -> RuleChange:
    """Find the live rule that a wanted rule is about, and say what to write.

    :param live: the number's rules.
    :param rule_id: the vendor's id of the rule (``dpId``); None finds it by the wanted rule's priority.
    :raises DirectcallRuleError: no rule has that id, or several stand at that priority.
    """
    wanted = rule.to_wire()
    before = _by_id(live, rule_id) if rule_id is not None else _by_priority(live, wanted.priority)
    if before is None:
        return RuleChange(None, wanted, tuple(live))
    return RuleChange(before, written_over(before, with_unknown_of(before, wanted)), tuple(live))


def with_unknown_of(before: Rule, wanted: Rule) -> Rule:
    """The wanted rule with the fields of the live rule's data that rules of ours do not speak of."""
    kept = {name: value for name, value in before.data.items() if name not in OUR_FIELDS}
    return replace(wanted, data={**kept, **wanted.data})


def written_over(before: Rule, wanted: Rule) -> Rule:
    """The rule to write so that the live rule becomes the wanted one."""
    return replace(wanted, rule_id=before.rule_id, data=wanted.data or _emptied(before))


def _emptied(before: Rule) -> dict[str, Json]:
    """The live rule's data with nothing in it.

    A form cannot carry an empty map, and a write without ``data`` would leave the old one. Where anything else is left
    to write, fields are left out instead: an empty condition may mean something to the vendor that we do not know.
    """
    return {name: "" for name, value in before.data.items() if not is_blank(value)}


def _by_id(live: Sequence[Rule], rule_id: str) -> Rule:
    found = next((rule for rule in live if rule.rule_id == rule_id), None)
    if found is None:
        standing = ", ".join(str(rule.rule_id) for rule in live) or "none"
        raise DirectcallRuleError(f"the number has no rule {rule_id!r}; its rules are: {standing}")
    return found


def _by_priority(live: Sequence[Rule], priority: int | None) -> Rule | None:
    found = [rule for rule in live if rule.priority == priority]
    if len(found) > 1:
        ids = ", ".join(str(rule.rule_id) for rule in found)
        raise DirectcallRuleError(f"several rules stand at priority {priority}: {ids}; name one with rule_id")
    return found[0] if found else None
