"""Somebody else writes rules while a plan is applied: noticed, left alone where it can be, and told."""

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
    opening,
    standing,
    swapping,
)

THEIRS = {
    "adds": {"priority": "4", "action": "voicemail", "data[email]": "b@example.com"},
    "hides": {"priority": "1", "action": "hangup"},
    "changes": {"dpId": RULE_ID, "data[phone]": "5511990000098", "data[wait]": "5"},
    "removes": {"remove": RULE_ID},
}
#: What has to be left of it; of a removal, nothing has to.
TRACES = {"adds": '"b@example.com"', "hides": '"hangup", 1', "changes": '"5511990000098"', "removes": ""}


@AT_EACH_WRITE
@pytest.mark.parametrize("what", THEIRS)
def test_a_second_writer_is_noticed_left_alone_and_named(line, scenario, index, what):
    case = Case(line, scenario)
    case.fault("second_writer", index, times=1, write={"did": DID, **THEIRS[what]})
    error = case.failure()
    after = contents(standing(line.number), without=UNKNOWN)
    assert after
    if error is None:
        # A write over the rule that they wrote just before cannot be told from one over the old rule.
        assert case.plan.changes[index].before.rule_id == RULE_ID
        assert after == contents(case.new)
    else:
        assert (error.state, error.unserved) == ("previous", ())
        assert "Others changed rules meanwhile: " in str(error)
        assert any(TRACES[what] in each for each in after)
        assert what == "removes" or len(after) == len(case.old) + (what != "changes")


def test_the_only_rule_that_somebody_removes_meanwhile_comes_back(line):
    desired = [Forward(to=OTHER, priority=1)]
    plan = plan_rules(DID, line.list_rules(DID), desired, secret=SECRET)
    line.number.sandbox.inject(
        Fault(kind="second_writer", endpoint="did/save", times=1, write={"did": DID, "remove": RULE_ID})
    )
    with pytest.raises(DirectcallApplyError, match=f"Others changed rules meanwhile: removed rule {RULE_ID}") as caught:
        apply_plan(line, plan, secret=SECRET, sleep=lambda seconds: None)
    assert caught.value.state == "previous"
    (rule,) = standing(line.number)
    assert rule.data["phone"] == ONE


def test_a_rule_to_remove_that_is_gone_already_is_no_failure(line):
    case = Case(line, closing)
    index = next(number for number, change in enumerate(case.plan.changes) if change.after is None)
    gone = case.plan.changes[index].before.rule_id
    case.fault("second_writer", index, times=1, write={"did": DID, "remove": gone})
    assert case.outcome() == "desired"


def test_a_rule_that_is_made_too_many_goes_again(line):
    """As where the account's name for a rule's id is another one than ours: the change makes a new rule."""
    case = Case(line, swapping)
    save = line.number.hook.save_rule
    first = []

    def makes_another(did, rule):
        if first:
            return save(did, rule)
        first.append(rule)
        return save(did, Rule(rule.action, rule.data, rule.priority))

    line.save_rule = makes_another
    assert case.outcome() == "previous"


def test_who_finds_no_rule_any_more_is_said(line):
    desired = [Forward(to=OTHER, priority=1), HangUp(priority=9)]
    plan = plan_rules(DID, line.list_rules(DID), desired, secret=SECRET)
    theirs = {"did": DID, "dpId": RULE_ID, "data[phone]": ONE, "data[start]": "08:00", "data[end]": "18:00"}
    line.number.sandbox.inject(Fault(kind="second_writer", endpoint="did/save", after=1, times=1, write=theirs))
    assert plan.changes[1].before is None, "theirs would be written over"
    with pytest.raises(DirectcallApplyError, match=r"No rule applies to calls on Monday, .* 00:00-08:00, 18:00-24:00"):
        apply_plan(line, plan, secret=SECRET, sleep=lambda seconds: None)
    (rule,) = standing(line.number)
    assert rule.data["start"] == "08:00"


def test_the_wanted_rules_stand_besides_theirs_when_putting_back_fails(line):
    case = Case(line, opening)
    last = SCENARIOS[opening] - 1
    case.fault("second_writer", last, times=1, write={"did": DID, **THEIRS["adds"]})
    line.dead_from = SCENARIOS[opening]
    error = case.failure()
    assert error.state == "desired"
    assert "The desired rules are live, besides the changes of others (state: desired)" in str(error)
