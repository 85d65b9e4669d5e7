"""One wanted rule against the rules that stand: which one it is about, what would change, and whether it was done.

Fields of a live rule that we do not know survive: a change is written over the live rule's data, and only fields that
rules of ours can have are ever taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.telephony.numbers import mask_number

#: Fields of ``data`` that our rules speak of. A live rule that has one which the wanted rule lacks loses it.
_OUR_FIELDS: Final = frozenset(
    {"phone", "wait", "record", "soundId", "moment", "email", "week", "start", "end", "source"}
)
#: Fields whose absence means the same as this value.
_DEFAULTS: Final[Mapping[str, str]] = {"record": "n"}
_FIELDS_WITH_NUMBERS: Final = ("phone", "source")

RuleView = dict[str, Json]


class DirectcallRuleError(DirectcallError):
    """A rule could not be found, or what stands after the write is not what was asked for."""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What one wanted rule means for a number.

    :ivar before: the live rule it is about, or None when a rule is created.
    :ivar wanted: the rule to write, with the live rule's id and its unknown fields.
    """

    before: Rule | None
    wanted: Rule

    @property
    def is_needed(self) -> bool:
        """Whether anything would change."""
        return self.before is None or not same_rule(self.before, self.wanted)


def plan_change(live: Sequence[Rule], rule: NumberRule, rule_id: str | None = None) -> RuleChange:
    """Find the live rule that a wanted rule is about, and say what to write.

    :param live: the number's rules.
    :param rule_id: the vendor's id of the rule; None finds it by the wanted rule's priority.
    :raises DirectcallRuleError: no rule has that id, or several stand at that priority.
    """
    before = _by_id(live, rule_id) if rule_id is not None else _by_priority(live, rule)
    wanted = rule.to_wire(before.rule_id if before is not None else None)
    if before is None:
        return RuleChange(None, wanted)
    kept = {name: value for name, value in before.data.items() if name not in _OUR_FIELDS}
    return RuleChange(before, replace(wanted, data={**kept, **wanted.data}))


def find_written(after: Iterable[Rule], saved: Rule, wanted: Rule) -> Rule | None:
    """The rule among those read back that the write was about: by its id, else one that is as wanted."""
    written_id = saved.rule_id or wanted.rule_id
    for rule in after:
        if rule.rule_id == written_id if written_id is not None else same_rule(rule, wanted):
            return rule
    return None


def same_rule(one: Rule, other: Rule) -> bool:
    """Whether two rules do the same at the same place; numbers and texts of digits count as equal."""
    return (one.action, one.priority) == (other.action, other.priority) and _comparable(one) == _comparable(other)


def differences(asked: Rule, stands: Rule) -> tuple[str, ...]:
    """Names of the fields in which two rules differ; never their values, which may be phone numbers."""
    ours, theirs = _comparable(asked), _comparable(stands)
    names = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
    places = [name for name in ("action", "priority") if getattr(asked, name) != getattr(stands, name)]
    return (*places, *names)


def rule_view(rule: Rule | None, *, include_numbers: bool) -> RuleView | None:
    """A rule as JSON for an XCom or a log, phone numbers masked unless asked for."""
    if rule is None:
        return None
    data = dict(rule.data)
    if not include_numbers:
        data |= {name: _masked(data[name]) for name in _FIELDS_WITH_NUMBERS if name in data}
    return {"rule_id": rule.rule_id, "priority": rule.priority, "action": rule.action, "data": data}


def _masked(value: Json) -> Json:
    return ";".join(mask_number(number) for number in str(value).split(";"))


def _by_id(live: Sequence[Rule], rule_id: str) -> Rule:
    found = next((rule for rule in live if rule.rule_id == rule_id), None)
    if found is None:
        standing = ", ".join(str(rule.rule_id) for rule in live) or "none"
        raise DirectcallRuleError(f"the number has no rule {rule_id!r}; its rules are: {standing}")
    return found


def _by_priority(live: Sequence[Rule], rule: NumberRule) -> Rule | None:
    priority = rule.to_wire().priority
    found = [candidate for candidate in live if candidate.priority == priority]
    if len(found) > 1:
        ids = ", ".join(str(candidate.rule_id) for candidate in found)
        raise DirectcallRuleError(f"several rules stand at priority {priority}: {ids}; name one with rule_id")
    return found[0] if found else None


def _comparable(rule: Rule) -> dict[str, str]:
    """The rule's data with texts for numbers, and without what is the same as absent."""
    texts = {name: _text(value) for name, value in rule.data.items() if value is not None}
    return {name: text for name, text in texts.items() if _DEFAULTS.get(name) != text}


def _text(value: Json) -> str:
    if isinstance(value, dict):
        return repr(sorted((name, _text(item)) for name, item in value.items()))
    if isinstance(value, list):
        return repr([_text(item) for item in value])
    return str(value)
