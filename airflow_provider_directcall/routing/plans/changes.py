"""One write to a number's rules, and the change that one desired rule makes among the live ones.

Unknown fields of a live rule survive: a change is merged into the live rule's data, and only fields that our own rules
can have are ever removed.
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

#: Fields of ``data`` that our rules can have. A live rule loses those that the desired rule lacks.
OUR_FIELDS: Final = frozenset(
    {"phone", "wait", "record", "soundId", "moment", "email", "week", "start", "end", "source"}
)


class ChangeKind(StrEnum):
    """Kind of a write."""

    CREATE = "create"
    CHANGE = "change"
    MOVE = "move"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One write.

    :ivar kind: ``move`` changes nothing but the priority.
    :ivar before: the live rule that is changed or removed; None for a new one.
    :ivar after: the rule to write, with the live rule's id and its unknown fields; None for a removal.
    :ivar fields: names of the fields that change; empty for a removal.
    :ivar shares_priority: whether, for a moment, an obsolete rule has the same priority. Which of them the vendor tries
        first is unknown.
    """

    kind: ChangeKind
    before: Rule | None
    after: Rule | None
    fields: tuple[str, ...] = ()
    shares_priority: bool = False


@dataclass(frozen=True, slots=True)
class RuleChange:
    """The change that one desired rule makes to a number.

    :ivar before: the live rule to change, or None when a rule is to be created.
    :ivar after: the rule to write, with the live rule's id and its unknown fields.
    :ivar live: all live rules of the number.
    """

    before: Rule | None
    after: Rule
    live: tuple[Rule, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that change; never their values, which may be phone numbers."""
        return differences(self.before, self.after) if self.before is not None else tuple(self.after.data)

    @property
    def is_needed(self) -> bool:
        """Whether anything would change."""
        return self.before is None or bool(self.fields)


def plan_change(live: Sequence[Rule], rule: NumberRule, rule_id: str | None = None) -> RuleChange:
    """Find the live rule that a desired rule replaces, and build the rule to write.

    :param live: the number's live rules.
    :param rule_id: the vendor's id of the rule (``dpId``); None finds it by the desired rule's priority.
    :raises DirectcallRuleError: no rule has that id, or several have that priority.
    """
    desired = rule.to_wire()
    before = _by_id(live, rule_id) if rule_id is not None else _by_priority(live, desired.priority)
    if before is None:
        return RuleChange(None, desired, tuple(live))
    return RuleChange(before, written_over(before, with_unknown_of(before, desired)), tuple(live))


def with_unknown_of(before: Rule, desired: Rule) -> Rule:
    """Return the desired rule with the unknown fields of the live rule's data."""
    kept = {name: value for name, value in before.data.items() if name not in OUR_FIELDS}
    return replace(desired, data={**kept, **desired.data})


def written_over(before: Rule, desired: Rule) -> Rule:
    """Return the rule to write so that the live rule becomes the desired one."""
    return replace(desired, rule_id=before.rule_id, data=desired.data or _emptied(before))


def _emptied(before: Rule) -> dict[str, Json]:
    """Return the live rule's data with all fields empty.

    A form cannot carry an empty map, and a write without ``data`` would leave the old one. Where there is other data to
    write, fields are left out instead, because the vendor's meaning of an empty condition is unknown.
    """
    return {name: "" for name, value in before.data.items() if not is_blank(value)}


def _by_id(live: Sequence[Rule], rule_id: str) -> Rule:
    found = next((rule for rule in live if rule.rule_id == rule_id), None)
    if found is None:
        existing = ", ".join(str(rule.rule_id) for rule in live) or "none"
        raise DirectcallRuleError(f"the number has no rule {rule_id!r}; its rules are: {existing}")
    return found


def _by_priority(live: Sequence[Rule], priority: int | None) -> Rule | None:
    found = [rule for rule in live if rule.priority == priority]
    if len(found) > 1:
        ids = ", ".join(str(rule.rule_id) for rule in found)
        raise DirectcallRuleError(f"several rules have priority {priority}: {ids}; name one with rule_id")
    return found[0] if found else None
