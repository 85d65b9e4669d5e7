"""One write to a number's rules, and the change that one desired rule makes among the live ones.

Unknown fields of a live rule survive: a change is merged into the live rule, and only fields of its data that our own
rules can have are ever removed, and those only where their value is understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.comparison import OUR_FIELDS, differences, is_blank, not_understood
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.flags import read_flag, write_flag
from airflow_provider_directcall.routing.rules import NumberRule


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
        return RuleChange(None, with_flags_of(live, desired), tuple(live))
    check_understood(before, desired)
    merged = with_flags_of((before, *live), with_unknown_of(before, desired))
    return RuleChange(before, written_over(before, merged), tuple(live))


def check_understood(before: Rule, desired: Rule) -> None:
    """Reject a change that would replace or remove a value that this package does not understand.

    :raises DirectcallRuleError: there is one; it names the fields.
    """
    lost = [name for name in not_understood(before) if name in differences(before, desired)]
    if lost:
        raise DirectcallRuleError(
            f"rule {before.rule_id} has values that are not understood and would be lost: {', '.join(lost)}. Nothing "
            "was written. Correct or remove the rule in Directcall's panel"
        )


def with_unknown_of(before: Rule, desired: Rule) -> Rule:
    """Return the desired rule with all that the live rule has besides: unknown fields, and the blank ones as they are.

    A recording that ends is written as a plain no, because the meaning of a missing flag is assumed.
    """
    kept = {name: value for name, value in before.data.items() if name not in OUR_FIELDS or is_blank(value)}
    if desired.action == before.action and not is_blank(before.data.get("record")):
        kept["record"] = write_flag(False, like=before.data["record"])
    return replace(desired, data={**kept, **desired.data}, timeout=before.timeout, raw=before.raw)


def with_flags_of(live: Sequence[Rule], desired: Rule) -> Rule:
    """Return the desired rule with its flag in the spelling of the live rules, the first ones first."""
    if "record" not in desired.data or is_blank(desired.data["record"]):
        return desired
    spelled = [rule.data["record"] for rule in live if not is_blank(rule.data.get("record"))]
    like = next((value for value in spelled if _meaning(value) is not None), None)
    flag = _meaning(desired.data["record"])
    if like is None or flag is None:
        return desired
    value = like if _meaning(like) is flag else write_flag(flag, like=like)
    return replace(desired, data={**desired.data, "record": value})


def _meaning(value: Json) -> bool | None:
    try:
        return read_flag(str(value))
    except ValueError:
        return None


def written_over(before: Rule, desired: Rule) -> Rule:
    """Return the rule to write so that the live rule becomes the desired one."""
    own = desired if desired.raw else replace(desired, raw=before.raw, timeout=before.timeout)
    is_empty = all(map(is_blank, desired.data.values()))
    return replace(own, rule_id=before.rule_id, data={**(_emptied(before) if is_empty else {}), **desired.data})


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
