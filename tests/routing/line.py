"""A number's rules in memory, and the treatment of calls by them, independent of the routing code.

The local Directcall decides whether a rule applies. Where rules share a priority, the worst of them counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from airflow_provider_directcall.api.errors import DirectcallRefused
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.plans.changes import Change
from airflow_provider_directcall.sandbox.incoming_calls import IncomingCall, holds
from airflow_provider_directcall.sandbox.records import RuleRecord

MONDAY = datetime(2026, 1, 5)
STRANGER = "5541990000099"


@dataclass
class Line:
    """The API of one number, as in docs/directcall-api.md, section 13.6. ``seen`` holds the rules after each write."""

    rules: dict[str, Rule]
    before_write: Callable[[int], None] = lambda count: None
    seen: list[list[Rule]] = field(default_factory=list)
    next_id: int = 900

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Line:
        return cls({str(rule.rule_id): rule for rule in rules})

    @property
    def live(self) -> list[Rule]:
        return sorted(self.rules.values(), key=lambda rule: (rule.priority, rule.rule_id))

    def list_rules(self, did: str) -> list[Rule]:
        return self.live

    def save_rule(self, did: str, rule: Rule) -> Rule:
        self.before_write(len(self.seen))
        if rule.rule_id is not None and rule.rule_id not in self.rules:
            raise DirectcallRefused("no such rule", code="010")
        old = self.rules.get(rule.rule_id or "")
        data = {name: value for name, value in rule.data.items() if value is not None}
        if old is not None and not data:
            data = dict(old.data)
        self.next_id += 1
        rule_id = rule.rule_id or str(self.next_id)
        saved = replace(rule, rule_id=rule_id, data=data, raw={} if old is None else old.raw)
        self.rules[rule_id] = saved
        self.seen.append(self.live)
        return saved

    def write(self, changes: Iterable[Change]) -> list[list[Rule]]:
        """Make the writes of a plan, and return the rules after each."""
        for change in changes:
            if change.after is None:
                self.remove_rule("", change.before.rule_id)
            else:
                self.save_rule("", change.after)
        return self.seen

    def remove_rule(self, did: str, rule_id: str) -> None:
        self.before_write(len(self.seen))
        if rule_id not in self.rules:
            raise DirectcallRefused("no such rule", code="010")
        del self.rules[rule_id]
        self.seen.append(self.live)


def calls(*rule_sets: Sequence[Rule]) -> list[IncomingCall]:
    """Return a call from each caller at each time of the week at which one of the rules may start or stop to apply."""
    data = [rule.data for rules in rule_sets for rule in rules]
    times = {"00:00", *(str(each[name]) for each in data for name in ("start", "end") if each.get(name))}
    callers = {STRANGER, *(caller for each in data for caller in str(each.get("source") or "").split(";") if caller)}
    moments = [
        MONDAY + timedelta(days=day, hours=int(time[:2]), minutes=int(time[3:])) for day in range(7) for time in times
    ]
    return [IncomingCall(caller, moment) for caller in callers for moment in moments]


def met(rules: Iterable[Rule], call: IncomingCall) -> int:
    """Return 3 when the call is taken, 2 when it is hung up, 1 when only a sound plays, 0 when no rule applies."""
    holding = [rule for rule in rules if holds(record(rule), call)]
    for _, group in groupby(sorted(holding, key=priority), key=priority):
        ends = [2 if rule.action == "hangup" else 3 for rule in group if not goes_on(rule)]
        if ends:
            return min(ends)
    return 1 if holding else 0


def unfair(state: Sequence[Rule], old: Sequence[Rule], new: Sequence[Rule], some: Iterable[IncomingCall]) -> list[str]:
    """Return the calls that are served worse than both before and after."""
    return [
        f"{call.at:%a %H:%M} {call.source}: {met(state, call)}"
        for call in some
        if met(state, call) < min(met(old, call), met(new, call))
    ]


def goes_on(rule: Rule) -> bool:
    return rule.action == "sound" and rule.data.get("moment") != "end"


def priority(rule: Rule) -> int:
    return rule.priority or 0


def record(rule: Rule) -> RuleRecord:
    return RuleRecord(
        rule_id=str(rule.rule_id), did="1130000001", priority=priority(rule), action=rule.action, data=dict(rule.data)
    )


def contents(rules: Iterable[Rule], *, without: Iterable[str] = ()) -> list[str]:
    """Return the sorted contents of rules, without ids."""
    return sorted(content(rule, without) for rule in rules)


def content(rule: Rule, without: Iterable[str] = ()) -> str:
    left_out = set(without)
    data: Mapping[str, object] = {
        name: value for name, value in rule.data.items() if value not in (None, "", [], {}) and name not in left_out
    }
    return json.dumps([rule.action, rule.priority, data], sort_keys=True, default=str)
