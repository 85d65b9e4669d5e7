"""Concurrent writers while a plan is applied: detected, reported, and their changes kept if possible."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.errors import DirectcallApplyError
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp
from airflow_provider_directcall.routing.writes.apply import apply_plan
from airflow_provider_directcall.sandbox import Fault

from .line import contents
from .number import DID, RULE_ID
from .rule_sets import UNKNOWN
from .scenarios import (
    AT_EACH_WRITE,
    ONE,
    OTHER,
    SCENARIOS,
    SECRET,
    Case,
    closing,
    live_rules_of,
    opening,
    swapping,
)

OTHERS_WRITES = {
    "adds": {"priority": "4", "action": "voicemail", "data[email]": "b@example.com"},
    "hides": {"priority": "1", "action": "hangup"},
    "changes": {"dpId": RULE_ID, "data[phone]": "5511990000098", "data[wait]": "5"},
    "removes": {"remove": RULE_ID},
}
#: Trace that has to remain; a removal leaves none.
TRACES = {"adds": '"b@example.com"', "hides": '"hangup", 1', "changes": '"5511990000098"', "removes": ""}


@AT_EACH_WRITE
@pytest.mark.parametrize("effect", OTHERS_WRITES)
def test_second_writer_is_detected_and_reported_and_keeps_its_changes(line, scenario, index, effect):
    case = Case(line, scenario)
    case.fault("second_writer", index, times=1, write={"did": DID, **OTHERS_WRITES[effect]})
    error = case.failure()
    after = contents(live_rules_of(line.number), without=UNKNOWN)
    assert after
    if error is None:
        # A write over the rule that they have just written looks like one over the old rule.
        assert case.plan.changes[index].before.rule_id == RULE_ID
        assert after == contents(case.new)
    else:
        assert (error.state, error.unserved) == ("previous", ())
        assert "Others changed rules meanwhile: " in str(error)
        assert any(TRACES[effect] in each for each in after)
        assert effect == "removes" or len(after) == len(case.old) + (effect != "changes")


def test_rollback_restores_the_only_rule_removed_by_another(line):
    desired = [Forward(to=OTHER, priority=1)]
    plan = plan_rules(DID, line.list_rules(DID), desired, secret=SECRET)
    line.number.sandbox.inject(
        Fault(kind="second_writer", endpoint="did/save", times=1, write={"did": DID, "remove": RULE_ID})
    )
    with pytest.raises(DirectcallApplyError, match=f"Others changed rules meanwhile: removed rule {RULE_ID}") as caught:
        apply_plan(line, plan, secret=SECRET, sleep=lambda seconds: None)
    assert caught.value.state == "previous"
    (rule,) = live_rules_of(line.number)
    assert rule.data["phone"] == ONE


def test_apply_accepts_that_a_rule_to_remove_is_gone(line):
    case = Case(line, closing)
    index = next(number for number, change in enumerate(case.plan.changes) if change.after is None)
    gone = case.plan.changes[index].before.rule_id
    case.fault("second_writer", index, times=1, write={"did": DID, "remove": gone})
    assert case.outcome() == "desired"


def test_rollback_removes_a_superfluous_rule(line):
    """Simulate an account with another name for a rule's id: the change creates a new rule."""
    case = Case(line, swapping)
    save = line.number.hook.save_rule
    first = []

    def create_another(did, rule):
        if first:
            return save(did, rule)
        first.append(rule)
        return save(did, Rule(rule.action, rule.data, rule.priority))

    line.save_rule = create_another
    assert case.outcome() == "previous"


def test_rollback_reports_calls_without_a_rule(line):
    desired = [Forward(to=OTHER, priority=1), HangUp(priority=9)]
    plan = plan_rules(DID, line.list_rules(DID), desired, secret=SECRET)
    theirs = {"did": DID, "dpId": RULE_ID, "data[phone]": ONE, "data[start]": "08:00", "data[end]": "18:00"}
    line.number.sandbox.inject(Fault(kind="second_writer", endpoint="did/save", after=1, times=1, write=theirs))
    assert plan.changes[1].before is None, "theirs would be written over"
    with pytest.raises(DirectcallApplyError, match=r"No rule applies to calls on Monday, .* 00:00-08:00, 18:00-24:00"):
        apply_plan(line, plan, secret=SECRET, sleep=lambda seconds: None)
    (rule,) = live_rules_of(line.number)
    assert rule.data["start"] == "08:00"


def test_failed_rollback_reports_desired_rules_besides_those_of_others(line):
    case = Case(line, opening)
    last = SCENARIOS[opening] - 1
    case.fault("second_writer", last, times=1, write={"did": DID, **OTHERS_WRITES["adds"]})
    line.dead_from = SCENARIOS[opening]
    error = case.failure()
    assert error.state == "desired"
    assert "The desired rules are live, besides the changes of others (state: desired)" in str(error)
