"""Plans of the writes that turn a number's live rules into the desired ones. Planning only reads.

The order of the writes keeps callers served, see :mod:`~airflow_provider_directcall.routing.plans.ordering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from airflow_provider_directcall.api.methods import save_rule
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.routing.comparison import differences
from airflow_provider_directcall.routing.conditions import masked_repr
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.changes import (
    Change,
    ChangeKind,
    check_understood,
    with_flags_of,
    written_over,
)
from airflow_provider_directcall.routing.plans.coverage import Week
from airflow_provider_directcall.routing.plans.digests import rules_digest
from airflow_provider_directcall.routing.plans.ordering import WriteStep, order
from airflow_provider_directcall.routing.plans.pairing import DesiredRule, Pairing, pair
from airflow_provider_directcall.routing.plans.views import change_json, plan_text, summary
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.telephony.masking import mask_number
from airflow_provider_directcall.telephony.numbers import parse_did

_NOTHING_WRITTEN: Final = "Nothing was written. Correct it or remove it in Directcall's panel, and plan again"
#: Kind of a write -> its verb, in the error about a live rule that could not be restored.
_VERBS: Final = {ChangeKind.CHANGE: "changed", ChangeKind.MOVE: "moved", ChangeKind.REMOVE: "removed"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between live and desired rules.

    :ivar did: the number, without 55.
    :ivar live: the live rules when the plan was made.
    :ivar desired: the desired rules, as given.
    :ivar changes: the writes, in order.
    :ivar digest: changes with the live rules (64 hex digits, keyed with the client secret).
    :ivar fewest_writes: number of writes that would suffice if no calls came meanwhile. A plan has more where a caller
        would otherwise, for a moment, be served worse than both before and after.
    """

    did: str = field(repr=False)
    live: tuple[Rule, ...]
    desired: tuple[NumberRule | Rule, ...] = field(repr=False)
    changes: tuple[Change, ...]
    digest: str
    fewest_writes: int

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.changes)

    def summary(self) -> str:
        """Return a text such as ``2 to create, 1 to change, 0 to move, 1 to remove``."""
        return summary(self.changes)

    def as_text(self, include_numbers: bool = False) -> str:
        """Return the plan for a log: each write field by field; ``+`` create, ``~`` change, ``>`` move, ``-`` remove.

        :param include_numbers: show phone numbers and e-mail addresses in full instead of masked.
        """
        return plan_text(self.did, self.changes, self.fewest_writes, include_numbers=include_numbers)

    def as_json(self, include_numbers: bool = False) -> JsonObject:
        """Return the plan as a JSON-ready object, for an XCom.

        Keys: ``did``, ``digest``, ``has_changes``, ``summary``, ``writes``, ``fewest_writes``, and ``changes``, each
        with ``kind``, ``rule_id``, ``priority``, ``before``, ``after``, ``fields`` (name -> ``{"before", "after"}``)
        and ``shares_priority``.

        :param include_numbers: show phone numbers and e-mail addresses in full instead of masked.
        """
        return {
            "did": self.did if include_numbers else mask_number(self.did),
            "digest": self.digest,
            "has_changes": self.has_changes,
            "summary": self.summary(),
            "writes": len(self.changes),
            "fewest_writes": self.fewest_writes,
            "changes": [change_json(change, include_numbers=include_numbers) for change in self.changes],
        }


def plan_rules(
    did: str,
    live: Sequence[Rule],
    desired: Sequence[NumberRule | Rule],
    *,
    secret: str,
    allow_empty: bool = False,
) -> Plan:
    """Plan the writes that turn the live rules of a number into the desired ones.

    Rules that are live already are left alone. A changed rule keeps its id and the unknown fields of its data, unless
    the desired rule is a :class:`Rule`: its data is complete, and with the id of a live rule it is that rule. There are
    seldom more writes than the difference needs, and then only to keep callers served.

    All that a plan changes or removes could be written again, so that a failed plan can be rolled back.

    :param did: the number, with or without 55.
    :param live: its live rules, from ``list_rules``.
    :param desired: all desired rules; other live rules are removed.
    :param secret: the connection's client secret, the key of the digest.
    :param allow_empty: accept an empty ``desired``. A number without rules answers no call.
    :raises ValueError: ``did`` is not a valid number.
    :raises DirectcallRuleError: ``desired`` is empty, a rule cannot be written, or a live rule that has to be
        changed or removed could not be restored.
    """
    number = parse_did(did)
    if not desired and not allow_empty:
        raise DirectcallRuleError(
            f"no rule is desired for number {mask_number(number)}, and a number without rules answers no call. Give at "
            "least one rule, such as a hang-up, or allow_empty=True"
        )
    wrapped = [DesiredRule.of(rule) for rule in desired]
    pairing = pair(live, wrapped)
    week = Week((*live, *(each.rule for each in wrapped)))
    steps = order(
        [week.place(rule) for rule in live],
        [week.place(each.rule) for each in wrapped],
        pairing,
        week.everything,
    )
    changes = tuple(_change(step, live, wrapped, _heirs(steps, pairing)) for step in steps)
    for change, step in zip(changes, steps, strict=True):
        if change.before is not None and step.after is not None and not wrapped[step.after].is_exact:
            check_understood(change.before, wrapped[step.after].rule)
        _check_writable(number, change)
    return Plan(
        did=number,
        live=tuple(live),
        desired=tuple(desired),
        changes=changes,
        digest=rules_digest(number, live, secret),
        fewest_writes=max(len(live), len(wrapped)) - len(pairing.unchanged),
    )


def _heirs(steps: Sequence[WriteStep], pairing: Pairing) -> dict[int, int]:
    """Map desired rules that are created to the removed live rules whose unknown fields they take over."""
    removed = {step.before for step in steps if step.after is None}
    created = [step.after for step in steps if step.before is None and step.after is not None]
    partners = pairing.partners
    return {after: partners[after] for after in created if partners.get(after) in removed}


def _change(step: WriteStep, live: Sequence[Rule], desired: Sequence[DesiredRule], heirs: dict[int, int]) -> Change:
    before = None if step.before is None else live[step.before]
    if step.after is None:
        return Change(ChangeKind.REMOVE, before, None)
    goal = desired[step.after]
    if before is None:
        heir = live[heirs[step.after]] if step.after in heirs else None
        after = replace(_spelled(goal, heir, live), rule_id=None)
        return Change(ChangeKind.CREATE, None, after, ("action", "priority", *after.data), step.shares_priority)
    after = written_over(before, _spelled(goal, before, live))
    fields = differences(before, after)
    kind = ChangeKind.MOVE if fields == ("priority",) else ChangeKind.CHANGE
    return Change(kind, before, after, fields, step.shares_priority)


def _spelled(goal: DesiredRule, before: Rule | None, live: Sequence[Rule]) -> Rule:
    """Return the rule to write, in the account's own spelling unless it is exact, over a live one if there is one."""
    rule = goal.rule if before is None else goal.over(before)
    return rule if goal.is_exact else with_flags_of(live if before is None else (before, *live), rule)


def _check_writable(did: str, change: Change) -> None:
    """Check before the first write, rather than half-way, that rules can be written, and restored after a failure."""
    before, after = change.before, change.after
    if before is not None:
        if before.rule_id is None:
            raise DirectcallRuleError("a live rule has no id (dpId), so it can be neither changed nor removed")
        fate = f"has to be {_VERBS[change.kind]}, and could not be restored if a later write failed"
        with _explained(f"number {mask_number(did)}: rule {before.rule_id} {fate}"):
            save_rule(did, before)
    if after is not None:
        place = "without priority" if after.priority is None else f"at priority {after.priority}"
        name = f"the desired rule {place} ({masked_repr(after.action)})"
        with _explained(f"number {mask_number(did)}: {name} cannot be written"):
            save_rule(did, after)


@contextmanager
def _explained(problem: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise DirectcallRuleError(f"{problem} ({error}). {_NOTHING_WRITTEN}") from error
