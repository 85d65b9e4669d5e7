"""What has to be written so that a number's rules become the wanted ones, in the order of writing. Only reads.

The order keeps callers served; :mod:`~airflow_provider_directcall.routing.plans.ordering` says what exactly is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from airflow_provider_directcall.api.methods import save_rule
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.routing.equality import differences
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.changes import written_over
from airflow_provider_directcall.routing.plans.coverage import Week
from airflow_provider_directcall.routing.plans.digests import rules_digest
from airflow_provider_directcall.routing.plans.ordering import Step, order
from airflow_provider_directcall.routing.plans.pairing import Pairing, Wanted, pair
from airflow_provider_directcall.routing.plans.views import plan_json, plan_text, summary
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.telephony.numbers import parse_did


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
class Plan:
    """The difference between live and wanted rules.

    :ivar did: the number, without 55.
    :ivar live: the rules as they stood when the plan was made.
    :ivar desired: the wanted rules, as they were given.
    :ivar changes: the writes in the order of writing.
    :ivar digest: tells whether the live rules are still the same (64 hex digits, keyed with the client secret).
    :ivar fewest_writes: how many writes would do if nobody called meanwhile. More of them are made where else
        some caller would be worse served for a moment than both before and after.
    """

    did: str = field(repr=False)
    live: tuple[Rule, ...]
    desired: tuple[NumberRule | Rule, ...] = field(repr=False)
    changes: tuple[Change, ...]
    digest: str
    fewest_writes: int

    @property
    def has_changes(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.changes)

    def summary(self) -> str:
        """Such as ``2 to create, 1 to change, 0 to move, 1 to remove``."""
        return summary([change.kind for change in self.changes])

    def as_text(self, include_numbers: bool = False) -> str:
        """The plan for a log: one block a write, field by field; ``+`` create, ``~`` change, ``>`` move, ``-`` remove.

        :param include_numbers: show phone numbers and e-mail addresses in full instead of masked.
        """
        return plan_text(self, include_numbers=include_numbers)

    def as_json(self, include_numbers: bool = False) -> JsonObject:
        """The plan as a JSON-ready object, for an XCom.

        Keys: ``did``, ``digest``, ``has_changes``, ``summary``, ``writes``, ``fewest_writes``, and ``changes``, each
        with ``kind``, ``rule_id``, ``priority``, ``before``, ``after``, ``fields`` (name -> ``{"before", "after"}``)
        and ``shares_priority``.

        :param include_numbers: show phone numbers and e-mail addresses in full instead of masked.
        """
        return plan_json(self, include_numbers=include_numbers)


def plan_rules(did: str, live: Sequence[Rule], desired: Sequence[NumberRule | Rule], *, secret: str) -> Plan:
    """Compare the live rules of a number with the wanted ones, and say what to write.

    Rules that stand as wanted are left alone. A changed rule keeps its id, and the fields of its data that are unknown
    here, unless the wanted rule is a :class:`Rule`: that says everything about its data, and when it has the id of a
    live rule it is that rule. There are as few writes as the difference needs, and more only for the sake of callers.

    :param did: the number, with or without 55.
    :param live: its rules, as ``list_rules`` gives them.
    :param desired: all rules that shall stand; a live rule that is not among them is removed.
    :param secret: the connection's client secret, which keys the digest.
    :raises ValueError: a wanted rule cannot be written.
    :raises DirectcallRuleError: a live rule that has to change has no id.
    """
    number = parse_did(did)
    wanted = [Wanted.of(rule) for rule in desired]
    pairing = pair(live, wanted)
    week = Week((*live, *(each.rule for each in wanted)))
    steps = order(
        [week.place(rule) for rule in live],
        [week.place(each.rule) for each in wanted],
        pairing,
        week.everything,
    )
    changes = tuple(_change(step, live, wanted, _heirs(steps, pairing)) for step in steps)
    for change in changes:
        _check_writable(number, change)
    return Plan(
        did=number,
        live=tuple(live),
        desired=tuple(desired),
        changes=changes,
        digest=rules_digest(number, live, secret),
        fewest_writes=max(len(live), len(wanted)) - len(pairing.standing),
    )


def _heirs(steps: Sequence[Step], pairing: Pairing) -> dict[int, int]:
    """Wanted rules that are created in place of a live rule that goes, and so take over its unknown fields."""
    removed = {step.before for step in steps if step.after is None}
    created = [step.after for step in steps if step.before is None and step.after is not None]
    partners = pairing.partners
    return {after: partners[after] for after in created if partners.get(after) in removed}


def _change(step: Step, live: Sequence[Rule], wanted: Sequence[Wanted], heirs: dict[int, int]) -> Change:
    before = None if step.before is None else live[step.before]
    if step.after is None:
        return Change(Kind.REMOVE, before, None)
    goal = wanted[step.after]
    if before is None:
        rule = goal.over(live[heirs[step.after]]) if step.after in heirs else goal.rule
        after = replace(rule, rule_id=None)
        return Change(Kind.CREATE, None, after, ("action", "priority", *after.data), step.shares_priority)
    after = written_over(before, goal.over(before))
    fields = differences(before, after)
    kind = Kind.MOVE if fields == ("priority",) else Kind.CHANGE
    return Change(kind, before, after, fields, step.shares_priority)


def _check_writable(did: str, change: Change) -> None:
    """Find out before the first write, rather than in the middle."""
    if change.before is not None and change.before.rule_id is None:
        raise DirectcallRuleError("a live rule has no id (dpId), so it can be neither changed nor removed")
    if change.after is not None:
        save_rule(did, change.after)
