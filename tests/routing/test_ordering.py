"""Order of writes: no call is served worse for a moment than both before and after, and few writes are additional."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.plans.planning import Plan, plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp, NumberRule, PlaySound, Voicemail

from .line import Line, calls, content, met, unfair
from .number import DID
from .rule_sets import PHONES, UNKNOWN, sets

ONE, OTHER = PHONES


def planned(live, wanted) -> Plan:
    return plan_rules(DID, live, wanted, secret="s", allow_empty=True)


def numbered(*rules: NumberRule) -> list[Rule]:
    return [rule.to_wire(str(index)) for index, rule in enumerate(rules, start=1)]


def states(live, plan: Plan) -> list[list[Rule]]:
    """Return the rules after each write."""
    return Line.of(live).write(plan.changes)


@settings(max_examples=250, deadline=None)
@given(sets())
def test_order_never_serves_a_call_worse_than_both_before_and_after(rules):
    live, wanted = rules
    new = [rule.to_wire() for rule in wanted]
    all_calls = calls(live, new)
    for state in states(live, planned(live, wanted)):
        assert not unfair(state, live, new, all_calls)


@settings(max_examples=100, deadline=None)
@given(sets(most=3))
def test_order_costs_at_most_one_write_more_than_the_best_order(rules):
    live, wanted = rules
    new = [rule.to_wire() for rule in wanted]
    plan = planned(live, wanted)
    old_contents = Counter(content(rule, UNKNOWN) for rule in live)
    new_contents = Counter(content(rule) for rule in new)
    obsolete, missing = (old_contents - new_contents).total(), (new_contents - old_contents).total()
    assert plan.fewest_writes == max(obsolete, missing)
    assert len(plan.changes) <= obsolete + missing
    assert len(plan.changes) <= plan.fewest_writes + 1 or not some_order(live, new, len(plan.changes) - 2)


def some_order(live: list[Rule], new: list[Rule], writes: int) -> bool:
    """Return whether some fair sequence of so many writes leads from the old to the new rules."""
    known = {content(rule): rule for rule in new}
    goal = Counter(known[content(rule)] and content(rule) for rule in new)
    rules = {content(rule, UNKNOWN): rule for rule in live} | known
    all_calls = calls(live, new)
    served = [(call, min(met(live, call), met(new, call))) for call in all_calls]
    fair: dict[tuple[str, ...], bool] = {}

    def is_fair(state: Counter[str]) -> bool:
        key = tuple(sorted(state.elements()))
        if key not in fair:
            state_rules = [rules[name] for name in key]
            fair[key] = all(met(state_rules, call) >= least for call, least in served)
        return fair[key]

    reached = {tuple(sorted(content(rule, UNKNOWN) for rule in live))}
    for _ in range(writes):
        follows = set()
        for state in reached:
            count = Counter(state)
            for gone, come in product([None, *(count - goal)], [None, *(goal - count)]):
                after = count - Counter([gone] if gone else []) + Counter([come] if come else [])
                if after != count and is_fair(after):
                    follows.add(tuple(sorted(after.elements())))
        reached |= follows
    return tuple(sorted(goal.elements())) in reached


def test_order_adds_a_hang_up_after_the_forward_that_precedes_it():
    live = numbered(Forward(to=ONE, priority=10))
    wanted = [HangUp(priority=2), Forward(to=OTHER, priority=1)]
    first, *_ = states(live, planned(live, wanted))
    assert [rule.action for rule in first if rule.priority == 2] == []


def test_order_creates_a_rule_where_no_change_in_place_is_safe():
    live = numbered(Forward(to=ONE, priority=1, weekdays="1-3"), Forward(to=ONE, priority=2, weekdays="4-7"))
    wanted = [Forward(to=OTHER, priority=1, weekdays="1,4"), Forward(to=OTHER, priority=2, weekdays="2,3,5-7")]
    plan = planned(live, wanted)
    assert [change.kind for change in plan.changes] == ["create", "change", "remove"]
    assert plan.fewest_writes == 2
    assert "1 of these writes more than the difference needs" in plan.as_text()


def test_order_passes_unknown_fields_to_a_rule_created_in_place_of_a_change():
    live = [
        Rule("fwd", {"phone": ONE, "wait": 10, "week": "1,2,3", "fila": "vendas"}, 1, "1"),
        Rule("fwd", {"phone": ONE, "wait": 10, "week": "4,5,6,7", "fila": "suporte"}, 2, "2"),
    ]
    wanted = [Forward(to=OTHER, priority=1, weekdays="1,4"), Forward(to=OTHER, priority=2, weekdays="2,3,5-7")]
    assert [rule.data["fila"] for rule in states(live, planned(live, wanted))[-1]] == ["vendas", "suporte"]


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        (
            numbered(Forward(to=ONE, priority=1)),
            [Forward(to=ONE, priority=2), Voicemail(email="a@example.com", priority=1)],
        ),
        (numbered(Forward(to=ONE, priority=1), HangUp(priority=2)), [HangUp(priority=1)]),
        (
            numbered(Forward(to=ONE, priority=1), Forward(to=OTHER, priority=2), HangUp(priority=3)),
            [Forward(to=ONE, priority=2), Forward(to=OTHER, priority=3), HangUp(priority=4)],
        ),
    ],
    ids=["in front", "first one goes", "all move up"],
)
def test_order_avoids_a_shared_priority(live, wanted):
    plan = planned(live, wanted)
    assert not any(change.shares_priority for change in plan.changes)
    for state in states(live, plan):
        assert len({rule.priority for rule in state}) == len(state)


def test_plan_mentions_a_priority_shared_by_swapped_rules():
    live = numbered(Forward(to=ONE, priority=1), Forward(to=OTHER, priority=2))
    plan = planned(live, [Forward(to=OTHER, priority=1), Forward(to=ONE, priority=2)])
    assert [change.shares_priority for change in plan.changes] == [True, False]
    assert plan.as_text().count("for a moment another rule has the same priority") == 1


def test_order_does_not_count_a_sound_as_taking_the_call():
    live = numbered(Forward(to=ONE, priority=1))
    wanted = [PlaySound(sound_id=1, priority=1), Forward(to=OTHER, priority=2)]
    first, _ = states(live, planned(live, wanted))
    assert [rule.data["phone"] for rule in first if rule.action == "fwd"]


def test_order_of_two_hundred_rules_has_as_many_writes_as_differ():
    def rules(phone, shift=0):
        return [
            Forward(
                to=phone,
                priority=1 + (n + shift) % 200,
                weekdays=1 + n % 7,
                start=f"{n % 23:02}:00",
                end=f"{n % 23:02}:30",
            )
            for n in range(200)
        ]

    live = numbered(*rules(ONE))
    assert len(planned(live, [*rules(ONE)[:190], *rules(OTHER)[190:]]).changes) == 10
    assert len(planned(live, rules(ONE, shift=1)).changes) == 200
    assert len(planned(live, rules(ONE)[:-3]).changes) == 3
    assert not planned(live, rules(ONE)).has_changes
