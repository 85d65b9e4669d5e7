"""Drift: the changes that others made to a number's rules since our last write, and the choice who wins.

The last state is remembered as marks: a keyed fingerprint of each rule's content and priority, with a readable label.
No phone number can be recovered from them. Unknown fields are not part of a mark, because we never write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from airflow_provider_directcall.api.digests import keyed_digest
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.routing.plans.pairing import DesiredRule, rule_key
from airflow_provider_directcall.routing.rules import NumberRule

_PURPOSE: Final = "directcall rule mark 1"
_MARK_DIGITS: Final = 32

#: Mark -> label such as ``rule 18003: fwd, priority 100``.
Labels = Mapping[str, str]


class OnDrift(StrEnum):
    """Handling of rules that others have changed."""

    OVERWRITE = "overwrite"
    """Apply all desired rules."""
    KEEP = "keep"
    """Keep the changes of others, and apply the rest."""
    FAIL = "fail"
    """Write nothing."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The remembered state of a number's rules.

    :ivar live: the live rules at our last read or write.
    :ivar writing: the rules of an unfinished write; None when there is none.
    """

    live: Labels
    writing: Labels | None = None

    def as_json(self) -> JsonObject:
        """Return the memory as a JSON-ready object."""
        return {"standing": dict(self.live), "writing": None if self.writing is None else dict(self.writing)}

    @classmethod
    def from_json(cls, value: object) -> Memory:
        """Return the memory from the result of ``as_json``.

        :raises ValueError: it is something else.
        """
        if not isinstance(value, Mapping):
            raise ValueError("memory: a mapping is needed")
        writing = value.get("writing")
        return cls(_labels(value.get("standing")), None if writing is None else _labels(writing))


@dataclass(frozen=True, slots=True)
class Drift:
    """Changes that others made to rules.

    :ivar known: whether there was a memory; there is none at the first read.
    :ivar unexpected: live rules that are neither remembered nor written by us, by mark.
    :ivar missing: remembered rules that are no longer live. A changed rule is in both.
    """

    known: bool
    unexpected: Mapping[str, Rule] = field(default_factory=dict, repr=False)
    missing: Labels = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether anything changed."""
        return bool(self.unexpected or self.missing)

    def __str__(self) -> str:
        """Describe the changes, without phone numbers."""
        parts = {"added or changed": labels_of(self.unexpected), "removed or changed": self.missing}
        return "; ".join(f"{change}: {_listed(labels)}" for change, labels in parts.items() if labels)


@dataclass(frozen=True, slots=True)
class RuleMarks:
    """Marks of one number's rules.

    :ivar did: the number, without 55.
    :ivar secret: the connection's client secret, the key of the marks.
    """

    did: str = field(repr=False)
    secret: str = field(repr=False)

    def of(self, rules: Iterable[Rule | NumberRule]) -> dict[str, Rule]:
        """Map marks to rules. Equal rules at the same priority count as one, because callers notice no difference."""
        marked: dict[str, Rule] = {}
        for rule in rules:
            marked.setdefault(self._mark(rule), DesiredRule.of(rule).rule)
        return marked

    def drift(self, memory: Memory | None, live: Iterable[Rule]) -> Drift:
        """Compare the live rules with the remembered ones. After an interrupted write no rule counts as missing."""
        if memory is None:
            return Drift(known=False)
        marked = self.of(live)
        expected = {**memory.live, **(memory.writing or {})}
        unexpected = {mark: rule for mark, rule in marked.items() if mark not in expected}
        gone = {} if memory.writing is not None else memory.live
        return Drift(True, unexpected, {mark: label for mark, label in gone.items() if mark not in marked})

    def keep(self, drift: Drift, desired: Sequence[NumberRule | Rule], live: Iterable[Rule]) -> list[NumberRule | Rule]:
        """Merge the changes of others into the desired rules.

        Unexpected rules replace the desired ones at their priorities, and missing rules stay missing. When others have
        removed all rules, the result is empty, and ``plan_rules`` rejects it.
        """
        live_marks = self.of(live)
        theirs = drift.missing.keys() | drift.unexpected.keys()
        taken = {rule.priority for rule in drift.unexpected.values()}
        ours = ((self._mark(rule), rule) for rule in desired)
        kept = [
            rule for mark, rule in ours if mark not in theirs and (mark in live_marks or rule.priority not in taken)
        ]
        return [*kept, *drift.unexpected.values()]

    def remembered(
        self, rules: Iterable[Rule | NumberRule], kept: Drift, desired: Iterable[NumberRule | Rule]
    ) -> Labels:
        """Return the labels of live rules to remember.

        Kept changes of others are not remembered as ours, so they are drift the next time too. A missing rule is
        forgotten as soon as it is no longer desired.
        """
        still_desired = self.of(desired)
        ours = {mark: rule for mark, rule in self.of(rules).items() if mark not in kept.unexpected}
        missing = {mark: label for mark, label in kept.missing.items() if mark in still_desired}
        return {**labels_of(ours), **missing}

    def _mark(self, rule: Rule | NumberRule) -> str:
        wire = DesiredRule.of(rule).rule
        text = f"{self.did} {wire.priority} {rule_key(wire, ours_only=True)}"
        return keyed_digest(self.secret, _PURPOSE, text)[:_MARK_DIGITS]


def labels_of(rules: Mapping[str, Rule]) -> Labels:
    """Return the labels of marked rules, without personal data."""
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
