"""Which live rule becomes which wanted rule."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from operator import itemgetter

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.comparison import Comparable, comparable
from airflow_provider_directcall.routing.plans.changes import OUR_FIELDS, with_unknown_of
from airflow_provider_directcall.routing.rules import NumberRule


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule that shall stand.

    :ivar rule: in the vendor's terms.
    :ivar is_exact: whether all of a live rule's data has to be as here. Else unknown fields of a live rule stay.
    """

    rule: Rule
    is_exact: bool

    @classmethod
    def of(cls, rule: NumberRule | Rule) -> Wanted:
        """A rule of ours says nothing about fields that are unknown here; a live or once live rule says everything."""
        return cls(rule, is_exact=True) if isinstance(rule, Rule) else cls(rule.to_wire(), is_exact=False)

    def over(self, live: Rule) -> Rule:
        """The rule with the unknown fields of a live one, where those are to stay."""
        return self.rule if self.is_exact else with_unknown_of(live, self.rule)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Indices of wanted rules -> indices of live ones.

    :ivar standing: wanted rules that stand as they are.
    :ivar partners: wanted rules that best come out of a live one. Rules without a partner are not in it.
    """

    standing: dict[int, int] = field(default_factory=dict)
    partners: dict[int, int] = field(default_factory=dict)


def pair(live: Sequence[Rule], wanted: Sequence[Wanted]) -> Pairing:
    """Pair live rules with wanted ones; no wanted rule stands in vain, so that as few as possible are written.

    A wanted rule with the id of a live one is that rule. Else a rule that stands as wanted is left alone; the same rule
    at another priority is moved; and of the others those are paired that differ in the fewest fields.
    """
    return _Pairer(live, wanted).pairing


def rule_key(rule: Rule, *, ours_only: bool = False) -> str:
    """What a rule does and when, priority left out; the same text for rules that say the same."""
    return _key(rule.action, _ours(comparable(rule)) if ours_only else comparable(rule))


def _key(action: str, data: Comparable) -> str:
    return json.dumps([action, data], sort_keys=True)


def _ours(data: Comparable) -> Comparable:
    return {name: value for name, value in data.items() if name in OUR_FIELDS}


class _Pairer:
    def __init__(self, live: Sequence[Rule], wanted: Sequence[Wanted]) -> None:
        self._live, self._wanted = live, wanted
        self._live_data = [comparable(rule) for rule in live]
        self._live_ours = [_ours(data) for data in self._live_data]
        self._wanted_data = [comparable(each.rule) for each in wanted]
        self._free_live = dict.fromkeys(range(len(live)))
        self._free_wanted = dict.fromkeys(range(len(wanted)))
        self.pairing = Pairing()
        self._by_id()
        for exact in (True, False):  # an exact rule has fewer live ones to choose from
            self._equal(exact, self.pairing.standing, lambda rule, key: (rule.priority, key))
        for exact in (True, False):
            self._equal(exact, self.pairing.partners, lambda rule, key: key)
        self._alike()

    def _by_id(self) -> None:
        ids = {rule.rule_id: index for index, rule in enumerate(self._live) if rule.rule_id is not None}
        for index, each in enumerate(self._wanted):
            found = None if each.rule.rule_id is None else ids.pop(each.rule.rule_id, None)
            if found is not None:
                stands = not self._difference(index, found)
                self._take(self.pairing.standing if stands else self.pairing.partners, index, found)

    def _equal(self, exact: bool, into: dict[int, int], place: Callable[[Rule, str], Hashable]) -> None:
        data = self._live_data if exact else self._live_ours
        found: defaultdict[Hashable, list[int]] = defaultdict(list)
        for index in reversed(self._free_live):
            found[place(self._live[index], _key(self._live[index].action, data[index]))].append(index)
        for index in [index for index in self._free_wanted if self._wanted[index].is_exact is exact]:
            rule = self._wanted[index].rule
            same = found[place(rule, _key(rule.action, self._wanted_data[index]))]
            if same:
                self._take(into, index, same.pop())

    def _alike(self) -> None:
        pairs = product(self._free_wanted, self._free_live)
        ranked = [(self._difference(index, live), index, live) for index, live in pairs]
        for _, index, live in sorted(ranked, key=itemgetter(0)):
            if index in self._free_wanted and live in self._free_live:
                self._take(self.pairing.partners, index, live)

    def _difference(self, wanted: int, live: int) -> int:
        """In how many fields they differ."""
        one, other = self._wanted[wanted], self._live[live]
        ours = self._wanted_data[wanted]
        theirs = self._live_data[live] if one.is_exact else self._live_ours[live]
        places = (one.rule.action != other.action) + (one.rule.priority != other.priority)
        return places + sum(1 for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))

    def _take(self, into: dict[int, int], wanted: int, live: int) -> None:
        into[wanted] = live
        del self._free_wanted[wanted], self._free_live[live]


def stands_exactly(live: Sequence[Rule], wanted: Collection[NumberRule | Rule]) -> bool:
    """Whether the wanted rules stand, all of them and no others, whatever their ids."""
    nameless = [Wanted.of(rule) for rule in wanted]
    nameless = [replace(each, rule=replace(each.rule, rule_id=None)) for each in nameless]
    return len(live) == len(nameless) == len(pair(live, nameless).standing)
