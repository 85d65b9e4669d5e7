"""Drift: what changed among a number's rules since they were last written from here, and who is to win.

What was left is remembered as marks: keyed digests of what each rule does and where it stands, with a label for people.
No phone number can be told from them. Fields that this package does not know leave no mark: nobody here writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from airflow_provider_directcall.api.digests import keyed_digest
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.routing.plans.pairing import Wanted, rule_key
from airflow_provider_directcall.routing.rules import NumberRule

_PURPOSE: Final = "directcall rule mark 1"
_MARK_DIGITS: Final = 32

#: Mark -> label such as ``rule 18003: fwd, priority 100``.
Labels = Mapping[str, str]


class OnDrift(StrEnum):
    """Who wins where somebody else has changed rules."""

    OVERWRITE = "overwrite"
    """The wanted rules are made to stand."""
    KEEP = "keep"
    """What somebody else changed stays; all else is made to stand."""
    FAIL = "fail"
    """Nothing is written."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a number's rules.

    :ivar standing: the rules that stood when they were last looked at or written from here.
    :ivar writing: rules that were about to be written; None when that came to its end, or nothing was to be written.
    """

    standing: Labels
    writing: Labels | None = None

    def as_json(self) -> JsonObject:
        """As a JSON-ready object."""
        return {"standing": dict(self.standing), "writing": None if self.writing is None else dict(self.writing)}

    @classmethod
    def from_json(cls, value: object) -> Memory:
        """From what ``as_json`` gave.

        :raises ValueError: it is something else.
        """
        if not isinstance(value, Mapping):
            raise ValueError("memory: a mapping is needed")
        writing = value.get("writing")
        return cls(_labels(value.get("standing")), None if writing is None else _labels(writing))


@dataclass(frozen=True, slots=True)
class Drift:
    """What somebody else changed.

    :ivar known: whether anything was remembered; nothing is when the rules are looked at for the first time.
    :ivar unexpected: rules that stand and were not left or written from here, by mark.
    :ivar missing: rules that were left and do not stand any more. A changed rule is both.
    """

    known: bool
    unexpected: Mapping[str, Rule] = field(default_factory=dict, repr=False)
    missing: Labels = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.unexpected or self.missing)

    def __str__(self) -> str:
        """For people, without numbers."""
        parts = {"added or changed": labels_of(self.unexpected), "no longer as it was left": self.missing}
        return "; ".join(f"{what}: {_listed(labels)}" for what, labels in parts.items() if labels)


@dataclass(frozen=True, slots=True)
class RuleMarks:
    """Makes the marks of one number's rules.

    :ivar did: the number, without 55.
    :ivar secret: the connection's client secret; marks made with another one are all different.
    """

    did: str = field(repr=False)
    secret: str = field(repr=False)

    def of(self, rules: Iterable[Rule | NumberRule]) -> dict[str, Rule]:
        """Mark -> rule. Rules that do the same at the same place count as one: no caller can tell."""
        marked: dict[str, Rule] = {}
        for rule in rules:
            marked.setdefault(self._mark(rule), Wanted.of(rule).rule)
        return marked

    def drift(self, memory: Memory | None, live: Iterable[Rule]) -> Drift:
        """What of the live rules is not as it was left. After a write that was broken off nothing counts as missing."""
        if memory is None:
            return Drift(known=False)
        marked = self.of(live)
        expected = {**memory.standing, **(memory.writing or {})}
        unexpected = {mark: rule for mark, rule in marked.items() if mark not in expected}
        gone = {} if memory.writing is not None else memory.standing
        return Drift(True, unexpected, {mark: label for mark, label in gone.items() if mark not in marked})

    def keeping(
        self, drift: Drift, desired: Sequence[NumberRule | Rule], live: Iterable[Rule]
    ) -> list[NumberRule | Rule]:
        """The wanted rules with what somebody else changed left as it is.

        Unexpected rules stay in place of what is wanted at their priorities, and what is missing stays missing. Where
        somebody has removed all rules, none is left to want: the list is empty, and ``plan_rules`` refuses it.
        """
        standing = self.of(live)
        theirs = drift.missing.keys() | drift.unexpected.keys()
        taken = {rule.priority for rule in drift.unexpected.values()}
        wanted = ((self._mark(rule), rule) for rule in desired)
        kept = [
            rule for mark, rule in wanted if mark not in theirs and (mark in standing or rule.priority not in taken)
        ]
        return [*kept, *drift.unexpected.values()]

    def left(self, rules: Iterable[Rule | NumberRule], kept: Drift, desired: Iterable[NumberRule | Rule]) -> Labels:
        """What to remember of rules that stand.

        What somebody else changed and was kept is not taken for ours: it is drift the next time too. What is missing is
        forgotten as soon as it is not wanted any more.
        """
        wanted = self.of(desired)
        ours = {mark: rule for mark, rule in self.of(rules).items() if mark not in kept.unexpected}
        missing = {mark: label for mark, label in kept.missing.items() if mark in wanted}
        return {**labels_of(ours), **missing}

    def _mark(self, rule: Rule | NumberRule) -> str:
        wire = Wanted.of(rule).rule
        text = f"{self.did} {wire.priority} {rule_key(wire, ours_only=True)}"
        return keyed_digest(self.secret, _PURPOSE, text)[:_MARK_DIGITS]


def labels_of(rules: Mapping[str, Rule]) -> Labels:
    """What people read of marked rules: nothing personal."""
    return {mark: _label(rule) for mark, rule in rules.items()}


def _label(rule: Rule) -> str:
    name = "new rule" if rule.rule_id is None else f"rule {rule.rule_id}"
    return f"{name}: {rule.action}, priority {rule.priority}"


def _listed(labels: Labels) -> str:
    return ", ".join(f"[{label}]" for label in labels.values())


def _labels(value: object) -> Labels:
    if not isinstance(value, Mapping):
        raise ValueError("memory: labels by mark are needed")
    return {str(mark): str(label) for mark, label in value.items()}
