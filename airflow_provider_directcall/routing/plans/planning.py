"""What has to be written so that a number's rules become the wanted ones, in the order of writing. Only reads.

The order keeps callers served; :mod:`~airflow_provider_directcall.routing.plans.ordering` says what exactly is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from airflow_provider_directcall.api.methods import save_rule
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.routing.conditions import masked_repr
from airflow_provider_directcall.routing.equality import differences
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.changes import Change, Kind, written_over
from airflow_provider_directcall.routing.plans.coverage import Week
from airflow_provider_directcall.routing.plans.digests import rules_digest
from airflow_provider_directcall.routing.plans.ordering import Step, order
from airflow_provider_directcall.routing.plans.pairing import Pairing, Wanted, pair
from airflow_provider_directcall.routing.plans.views import change_json, plan_text, summary
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.telephony.numbers import mask_number, parse_did

_NOTHING_WRITTEN: Final = "Nothing was written. Set it right or remove it in Directcall's panel, and plan again"
#: Kind of a write -> what happens to the live rule that it is about.
_HAS_TO: Final = {Kind.CHANGE: "change", Kind.MOVE: "move", Kind.REMOVE: "go"}


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
        return summary(self.changes)

    def as_text(self, include_numbers: bool = False) -> str:
        """The plan for a log: one block a write, field by field; ``+`` create, ``~`` change, ``>`` move, ``-`` remove.

        :param include_numbers: show phone numbers and e-mail addresses in full instead of masked.
        """
        return plan_text(self.did, self.changes, self.fewest_writes, include_numbers=include_numbers)

    def as_json(self, include_numbers: bool = False) -> JsonObject:
        """The plan as a JSON-ready object, for an XCom.

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
    """Compare the live rules of a number with the wanted ones, and say what to write.

    Rules that stand as wanted are left alone. A changed rule keeps its id, and the fields of its data that are unknown
    here, unless the wanted rule is a :class:`Rule`: that says everything about its data, and when it has the id of a
    live rule it is that rule. There are as few writes as the difference needs, and more only for the sake of callers.

    What a plan changes or removes can be written back, so that a failure in the middle leads back.

    :param did: the number, with or without 55.
    :param live: its rules, as ``list_rules`` gives them.
    :param desired: all rules that shall stand; a live rule that is not among them is removed.
    :param secret: the connection's client secret, which keys the digest.
    :param allow_empty: take no wanted rule at all for what is meant. Such a number answers nobody.
    :raises ValueError: ``did`` is no number.
    :raises DirectcallRuleError: no rule is wanted; or a rule cannot be written, or has to change or go and could not be
        written back.
    """
    number = parse_did(did)
    if not desired and not allow_empty:
        raise DirectcallRuleError(
            f"no rule is wanted for number {mask_number(number)}, and a number without rules answers nobody. Want at "
            "least one rule, such as a hang-up; allow_empty=True says that none is meant"
        )
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
    """Find out before the first write, rather than in the middle, that a rule cannot be written, or not back."""
    before, after = change.before, change.after
    if before is not None:
        if before.rule_id is None:
            raise DirectcallRuleError("a live rule has no id (dpId), so it can be neither changed nor removed")
        fate = f"has to {_HAS_TO[change.kind]}, and could not be put back if a later write failed"
        with _explained(f"number {mask_number(did)}: rule {before.rule_id} {fate}"):
            save_rule(did, before)
    if after is not None:
        place = "without priority" if after.priority is None else f"at priority {after.priority}"
        name = f"the wanted rule {place} ({masked_repr(after.action)})"
        with _explained(f"number {mask_number(did)}: {name} cannot be written"):
            save_rule(did, after)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise DirectcallRuleError(f"{what} ({error}). {_NOTHING_WRITTEN}") from error
