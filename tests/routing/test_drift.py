"""Drift: its detection, and the rules that result when it is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.plans.digests import approval_digest
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp
from airflow_provider_directcall.routing.writes.drift import Drift, Memory, RuleMarks, labels_of

from .rule_sets import live_rules, sets

DID, SECRET = "1130000001", "a secret"
MARKS = RuleMarks(DID, SECRET)
PHONE = "5511990000011"
FORWARD = Rule("fwd", {"phone": PHONE, "wait": 12}, 1, "18000")
HANGUP = Rule("hangup", {}, 9, "18001")
OTHERS = Rule("fwd", {"phone": "5511990000012", "wait": 12}, 1, "18000")


def memory(*live, writing=None):
    return Memory(labels_of(MARKS.of(live)), None if writing is None else labels_of(MARKS.of(writing)))


def drift(remembered, *live):
    found = MARKS.drift(remembered, live)
    return list(found.unexpected.values()), sorted(found.missing.values())


def contents(rules):
    return sorted(MARKS.of(rules))


@pytest.mark.parametrize(
    "value", [None, [], "x", {}, {"standing": []}, {"standing": None}, {"standing": {}, "writing": 3}]
)
def test_memory_rejects_other_values(value):
    with pytest.raises(ValueError, match="memory: "):
        Memory.from_json(value)


def test_drift_is_unknown_without_a_memory():
    assert not MARKS.drift(None, [FORWARD])
    assert not MARKS.drift(None, [FORWARD]).known
    assert MARKS.drift(memory(), []).known


def test_a_changed_rule_is_gone_and_another_one_is_there():
    assert drift(memory(FORWARD, HANGUP), OTHERS, HANGUP) == ([OTHERS], ["rule 18000: fwd, priority 1"])


@pytest.mark.parametrize(
    "live",
    [
        replace(FORWARD, rule_id="19000"),
        replace(FORWARD, data={"phone": PHONE, "wait": "12", "week": "1,2,3,4,5,6,7"}),
        replace(FORWARD, data={**FORWARD.data, "fila": "vendas"}, timeout=5, raw={"x": "y"}),
    ],
    ids=["another id", "another spelling", "unknown fields"],
)
def test_drift_ignores_equivalent_rules(live):
    assert drift(memory(FORWARD), live) == ([], [])


def test_another_place_is_drift():
    moved = replace(FORWARD, priority=2)
    assert drift(memory(FORWARD), moved) == ([moved], ["rule 18000: fwd, priority 1"])


def test_drift_ignores_a_duplicate_rule():
    copy = replace(FORWARD, rule_id="18009")
    assert drift(memory(FORWARD), FORWARD, copy) == ([], [])
    assert drift(memory(FORWARD, copy), FORWARD) == ([], [])


def test_drift_ignores_an_interrupted_write():
    half_way = memory(FORWARD, HANGUP, writing=[OTHERS])
    assert drift(half_way, OTHERS, HANGUP) == ([], [])
    assert drift(half_way, FORWARD) == ([], [])
    stranger = Rule("voicemail", {"email": "a@example.com"}, 5, "18005")
    assert drift(half_way, OTHERS, stranger) == ([stranger], [])


def test_memory_holds_no_number_and_depends_on_the_secret():
    text = json.dumps(memory(FORWARD, HANGUP).as_json())
    assert PHONE[2:] not in text
    assert DID not in text
    assert RuleMarks(DID, "another").of([FORWARD]).keys().isdisjoint(MARKS.of([FORWARD]))
    assert RuleMarks("1130000002", SECRET).of([FORWARD]).keys().isdisjoint(MARKS.of([FORWARD]))
    assert SECRET not in repr(MARKS)
    assert PHONE not in repr(MARKS.drift(memory(), [FORWARD]))


def test_drift_in_words():
    found = MARKS.drift(memory(HANGUP), [FORWARD])
    assert (
        str(found)
        == "added or changed: [rule 18000: fwd, priority 1]; removed or changed: [rule 18001: hangup, priority 9]"
    )
    assert list(labels_of(MARKS.of([HangUp(priority=3)])).values()) == ["new rule: hangup, priority 3"]


@settings(deadline=None)
@given(live_rules())
def test_remembered_rules_are_no_drift_after_a_round_trip_through_json(rules):
    remembered = Memory(MARKS.remembered(rules, Drift(known=True), []))
    again = Memory.from_json(json.loads(json.dumps(remembered.as_json())))
    assert again == remembered
    assert not MARKS.drift(again, list(reversed(rules)))


# Keep


def keep(remembered, live, desired):
    found = MARKS.drift(remembered, live)
    return found, MARKS.keep(found, desired, live)


def test_keep_replaces_a_desired_rule_by_a_changed_one():
    wanted = [Forward(to=PHONE, wait_seconds=12, priority=1), HangUp(priority=9)]
    _, kept = keep(memory(FORWARD, HANGUP), [OTHERS, HANGUP], wanted)
    assert contents(kept) == contents([OTHERS, HANGUP])
    assert OTHERS in kept


def test_keep_leaves_a_removed_rule_out_while_it_is_desired_unchanged():
    wanted = [Forward(to=PHONE, wait_seconds=12, priority=1), HangUp(priority=9)]
    found, kept = keep(memory(FORWARD, HANGUP), [FORWARD], wanted)
    assert contents(kept) == contents([FORWARD])
    remembered = Memory(MARKS.remembered([FORWARD], found, wanted))
    again, kept = keep(remembered, [FORWARD], wanted)
    assert contents(kept) == contents([FORWARD])
    other = [wanted[0], Forward(to=PHONE, wait_seconds=20, priority=9)]
    _, kept = keep(remembered, [FORWARD], other)
    assert contents(kept) == contents(other)
    assert list(MARKS.remembered([FORWARD], again, other).values()) == ["rule 18000: fwd, priority 1"]


def test_keep_leaves_out_a_removed_rule_with_unknown_fields():
    odd = replace(HANGUP, data={"fila": "vendas"})
    _, kept = keep(
        memory(FORWARD, odd), [FORWARD], [Forward(to=PHONE, wait_seconds=12, priority=1), HangUp(priority=9)]
    )
    assert contents(kept) == contents([FORWARD])


@settings(deadline=None)
@given(sets(), live_rules())
def test_keep_is_stable(two, remembered):
    live, desired = two
    known = Memory(MARKS.remembered(remembered, Drift(known=True), []))
    found, kept = keep(known, live, desired)
    after = list(MARKS.of(kept).values())
    assert found.unexpected.keys() <= MARKS.of(after).keys()
    remembered_then = Memory(MARKS.remembered(after, found, desired))
    found_then, kept_then = keep(remembered_then, after, desired)
    assert found_then.unexpected.keys() == found.unexpected.keys()
    assert contents(kept_then) == contents(kept)


@settings(deadline=None)
@given(sets())
def test_keep_without_drift_changes_nothing(two):
    live, desired = two
    _, kept = keep(memory(*live), live, desired)
    assert kept == desired


# Approval


def test_approval_digest_covers_the_live_and_the_desired_rules():
    wanted = [HangUp(priority=1), HangUp(priority=2)]

    def digest(live, desired, secret=SECRET):
        return approval_digest(plan_rules(DID, live, desired, secret=secret), secret)

    first = digest([FORWARD], wanted)
    assert digest([FORWARD], wanted[::-1]) == first
    assert len({first, digest([OTHERS], wanted), digest([FORWARD], wanted[:1]), digest([FORWARD], wanted, "x")}) == 4
    assert len(first) == 64
