"""Pairing: which live rule becomes which desired rule."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from operator import itemgetter

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.comparison import OUR_FIELDS, comparable
from airflow_provider_directcall.routing.conditions import Comparable
from airflow_provider_directcall.routing.plans.changes import with_unknown_of
from airflow_provider_directcall.routing.rules import NumberRule


@dataclass(frozen=True, slots=True)
class DesiredRule:
    """A desired rule in the vendor's terms.

    :ivar rule: the rule itself.
    :ivar is_exact: whether all of a live rule's data has to match. Otherwise unknown fields of a live rule stay.
    """

    rule: Rule
    is_exact: bool

    @classmethod
    def of(cls, rule: NumberRule | Rule) -> DesiredRule:
        """Wrap a rule: one of ours leaves unknown fields open, one in the vendor's terms is exact."""
        return cls(rule, is_exact=True) if isinstance(rule, Rule) else cls(rule.to_wire(), is_exact=False)

    def over(self, live: Rule) -> Rule:
        """Return the rule, unless it is exact with the unknown fields of a live one."""
        return self.rule if self.is_exact else with_unknown_of(live, self.rule)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Indices of desired rules -> indices of live ones.

    :ivar unchanged: desired rules that are live already.
    :ivar partners: desired rules that are best made of a live one. It omits rules without a partner.
    """

    unchanged: dict[int, int] = field(default_factory=dict)
    partners: dict[int, int] = field(default_factory=dict)


def pair(live: Sequence[Rule], desired: Sequence[DesiredRule]) -> Pairing:
    """Pair live rules with desired ones so that as few rules as possible are written.

    A desired rule with the id of a live one is that rule. Otherwise an identical live rule is left alone, one that
    differs only in priority is moved, and the others are paired by the fewest different fields.
    """
    return _Pairer(live, desired).pairing


def rules_match(live: Sequence[Rule], desired: Collection[NumberRule | Rule]) -> bool:
    """Return whether the live rules are exactly the desired ones, whatever their ids."""
    without_ids = [DesiredRule.of(rule) for rule in desired]
    without_ids = [replace(each, rule=replace(each.rule, rule_id=None)) for each in without_ids]
    return len(live) == len(without_ids) == len(pair(live, without_ids).unchanged)


def rule_key(rule: Rule, *, ours_only: bool = False) -> str:
    """Return a text of a rule's action, details and conditions, equal for equivalent rules of any priority."""
    return _key(rule.action, _ours(comparable(rule)) if ours_only else comparable(rule))


def _key(action: str, data: Comparable) -> str:
    return json.dumps([action, data], sort_keys=True)


def _ours(data: Comparable) -> Comparable:
    return {name: value for name, value in data.items() if name in OUR_FIELDS}


class _Pairer:
    def __init__(self, live: Sequence[Rule], desired: Sequence[DesiredRule]) -> None:
        self._live, self._desired = live, desired
        self._live_data = [comparable(rule) for rule in live]
        self._live_ours = [_ours(data) for data in self._live_data]
        self._desired_data = [comparable(each.rule) for each in desired]
        self._free_live = dict.fromkeys(range(len(live)))
        self._free_desired = dict.fromkeys(range(len(desired)))
        self.pairing = Pairing()
        self._by_id()
        for exact in (True, False):  # an exact rule has fewer live ones to choose from
            self._equal(exact, self.pairing.unchanged, lambda rule, key: (rule.priority, key))
        for exact in (True, False):
            self._equal(exact, self.pairing.partners, lambda rule, key: key)
        self._alike()

    def _by_id(self) -> None:
        ids = {rule.rule_id: index for index, rule in enumerate(self._live) if rule.rule_id is not None}
        for index, each in enumerate(self._desired):
            found = None if each.rule.rule_id is None else ids.pop(each.rule.rule_id, None)
            if found is not None:
                is_equal = not self._difference(index, found)
                self._take(self.pairing.unchanged if is_equal else self.pairing.partners, index, found)

    def _equal(self, exact: bool, into: dict[int, int], identity: Callable[[Rule, str], Hashable]) -> None:
        data = self._live_data if exact else self._live_ours
        found: defaultdict[Hashable, list[int]] = defaultdict(list)
        for index in reversed(self._free_live):
            found[identity(self._live[index], _key(self._live[index].action, data[index]))].append(index)
        for index in [index for index in self._free_desired if self._desired[index].is_exact is exact]:
            rule = self._desired[index].rule
            same = found[identity(rule, _key(rule.action, self._desired_data[index]))]
            if same:
                self._take(into, index, same.pop())

    def _alike(self) -> None:
        pairs = product(self._free_desired, self._free_live)
        ranked = [(self._difference(index, live), index, live) for index, live in pairs]
        for _, index, live in sorted(ranked, key=itemgetter(0)):
            if index in self._free_desired and live in self._free_live:
                self._take(self.pairing.partners, index, live)

    def _difference(self, desired: int, live: int) -> int:
        """Count the fields in which they differ."""
        one, other = self._desired[desired], self._live[live]
        ours = self._desired_data[desired]
        theirs = self._live_data[live] if one.is_exact else self._live_ours[live]
        own = (one.rule.action != other.action) + (one.rule.priority != other.priority)
        return own + sum(1 for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))

    def _take(self, into: dict[int, int], desired: int, live: int) -> None:
        into[desired] = live
        del self._free_desired[desired], self._free_live[live]
