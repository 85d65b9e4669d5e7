"""Application of whole plans, with a fault at every write; every call is served throughout."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.errors import (
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallReplyError,
    DirectcallRuleError,
)
from airflow_provider_directcall.routing.errors import DirectcallApplyError, DirectcallStalePlanError
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp, Voicemail
from airflow_provider_directcall.routing.writes.apply import apply_plan

from .line import Line, calls, contents, unfair
from .number import DID, RULE_ID
from .rule_sets import UNKNOWN, sets
from .scenarios import (
    AT_EACH_WRITE,
    ONE,
    SCENARIOS,
    SECRET,
    Case,
    add,
    live_rules_of,
    opening,
)

# Without faults


@settings(max_examples=60, deadline=None)  # test_planning.py has more examples
@given(sets())
def test_apply_makes_the_desired_rules_live(rules):
    live, desired = rules
    memory = Line.of(live)
    plan = plan_rules(DID, memory.live, desired, secret=SECRET, allow_empty=True)
    progress = []
    applied = apply_plan(memory, plan, secret=SECRET, sleep=None, on_progress=lambda *both: progress.append(both))
    assert contents(applied.rules, without=UNKNOWN) == contents(rule.to_wire() for rule in desired)
    assert list(applied.rules) == memory.live
    assert len(memory.seen) == applied.writes == len(plan.changes)
    assert progress == [(done, applied.writes) for done in range(1, applied.writes + 1)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_over_http(line, scenario):
    case = Case(line, scenario)
    assert case.outcome() == "desired"
    assert len(line.seen) == SCENARIOS[scenario]
    assert not case.planned().has_changes


def test_no_change_is_no_write(line):
    case = Case(line, opening)
    case.apply()
    case.plan = case.planned()
    assert case.apply().writes == 0
    assert len(line.seen) == SCENARIOS[opening]


def test_apply_warns_of_fields_that_a_write_resets(line):
    line.number.other_writes(dpId=RULE_ID, queue="vendas")
    case = Case(line, opening)
    reset = line.number.hook.save_rule

    def save(did, rule):
        saved = reset(did, rule)
        line.number.other_writes(dpId=saved.rule_id, queue="")
        return saved

    line.save_rule = save
    (warning, *_) = case.apply().warnings
    assert f"rule {RULE_ID} of number 11*****0001: fields that were to stay have changed: queue" in warning


# Stale


def test_apply_rejects_a_stale_plan(line):
    case = Case(line, opening)
    add(line.number, 4, "hangup")
    with pytest.raises(DirectcallStalePlanError, match="nothing was written") as caught:
        case.apply()
    assert caught.value.retryable
    assert line.seen == []


def test_apply_writes_nothing_when_the_rules_cannot_be_read(line):
    case = Case(line, opening)
    line.unreadable = {line.reads + 1}
    with pytest.raises(DirectcallReplyError):
        case.apply()
    assert line.seen == []


def test_plan_that_could_not_be_rolled_back_is_rejected():
    nameless = replace(Forward(to=ONE, priority=1).to_wire("10"), priority=None)
    others = [Voicemail(email="a@example.com", priority=2).to_wire("11"), HangUp(priority=3).to_wire("12")]
    with pytest.raises(DirectcallRuleError, match="rule 10 has to be removed, and could not be restored"):
        plan_rules(DID, [nameless, *others], [HangUp(priority=3)], secret=SECRET)
    kept = plan_rules(DID, [nameless, *others], [nameless, HangUp(priority=3)], secret=SECRET)
    assert [change.before for change in kept.changes] == [others[0]]


# A fault at a write

WITHOUT_EFFECT = [
    "cut_before",
    "error_500_before",
    "html_502_before",
    "garbage_before",
    "unavailable",
    "too_many_requests",
]
WITH_EFFECT = [
    "cut_after",
    "cut_in_body",
    "error_500_after",
    "html_502_after",
    "garbage_after",
    "truncated",
    "expired_token",
]


@AT_EACH_WRITE
@pytest.mark.parametrize("kind", WITHOUT_EFFECT)
def test_rollback_after_a_write_without_effect(line, scenario, index, kind):
    case = Case(line, scenario)
    case.fault(kind, index, times=1)
    assert case.outcome() == "previous"


@AT_EACH_WRITE
@pytest.mark.parametrize("times", [1, None], ids=["once", "from then on"])
def test_an_accepted_write_that_is_not_shown_leaves_the_state_unknown(line, scenario, index, times):
    case = Case(line, scenario)
    for endpoint in ("did/save", "did/remove") if times is None else (case.endpoints[index],):
        case.inject("ignored_write", endpoint, index, times=times)
    error = case.failure()
    is_rolled_back = times == 1 and index > 0
    assert error.state == ("previous" if is_rolled_back else "mixed")
    assert not error.retryable
    assert ("a write was accepted and is not shown" in str(error)) is not is_rolled_back
    assert "or took effect and is not shown yet" in str(error)
    assert len(line.seen) <= 2 * index + 2
    if index == 0 or times == 1:
        assert contents(live_rules_of(line.number), without=UNKNOWN) == contents(case.old, without=UNKNOWN)
    case.check_callers()


@AT_EACH_WRITE
@pytest.mark.parametrize("kind", WITH_EFFECT)
def test_a_write_with_a_lost_answer_is_found_and_never_repeated(line, scenario, index, kind):
    case = Case(line, scenario)
    case.fault(kind, index, times=1)
    assert case.outcome() == "desired"
    assert len(line.seen) == SCENARIOS[scenario]


@AT_EACH_WRITE
@pytest.mark.parametrize("error", [DirectcallRefused("no", code="001"), DirectcallNotSent("x"), ValueError("x")])
def test_rollback_after_a_refused_or_unsent_write(line, scenario, index, error):
    case = Case(line, scenario)
    line.stops[index] = error
    with pytest.raises(DirectcallApplyError) as caught:
        case.apply()
    assert caught.value.state == "previous"
    assert caught.value.__cause__ is error
    assert caught.value.retryable is getattr(error, "retryable", False)
    assert contents(live_rules_of(line.number), without=UNKNOWN) == contents(case.old, without=UNKNOWN)
    case.check_callers()


@AT_EACH_WRITE
@pytest.mark.parametrize("kind", ["cut_before", "unavailable"])
def test_failed_rollback_is_reported_and_every_call_served(line, scenario, index, kind):
    case = Case(line, scenario)
    case.fault_from(kind, index)
    assert case.outcome() == ("mixed" if index else "previous")


def test_mixed_state_reports_the_live_rules_and_the_cause(line):
    case = Case(line, opening)
    line.dead_from = 2
    with pytest.raises(DirectcallApplyError) as caught:
        case.apply()
    error = caught.value
    assert (error.state, error.unserved, error.retryable) == ("mixed", (), True)
    assert "could not be applied. Neither the previous nor the desired rules are live (state: mixed)." in str(error)
    assert "The rollback failed: no route" in str(error)
    assert "A rule applies to every call that both the previous and the desired rules serve" in str(error)
    assert 'Live rules: [{"rule_id": ' in str(error)
    assert ONE not in str(error)


@AT_EACH_WRITE
def test_apply_accepts_a_write_that_takes_effect_late(line, scenario, index):
    case = Case(line, scenario)
    change = case.plan.changes[index]
    case.fault("cut_before", index, times=1)

    def arrives(seconds):
        if change.after is None:
            line.number.other_writes(remove=change.before.rule_id)
        else:
            data = {f"data[{name}]": str(value) for name, value in change.after.data.items()}
            known = {} if change.before is None else {"dpId": change.before.rule_id}
            line.number.other_writes(**known, priority=str(change.after.priority), action=change.after.action, **data)

    applied = apply_plan(line, case.plan, secret=SECRET, sleep=arrives)
    assert contents(applied.rules, without=UNKNOWN) == contents(case.new)


# Read-back


@AT_EACH_WRITE
def test_rollback_after_a_failed_read_back(line, scenario, index):
    case = Case(line, scenario)
    line.unreadable = {line.reads + index + 2}
    is_last = index == SCENARIOS[scenario] - 1
    assert case.outcome() == ("desired" if is_last else "previous")


def test_apply_reports_that_the_live_rules_are_unknown(line):
    case = Case(line, opening)
    line.unreadable = range(3, 99)
    with pytest.raises(DirectcallApplyError) as caught:
        case.apply()
    assert (caught.value.state, caught.value.unserved, caught.value.retryable) == ("mixed", None, True)
    assert "The live rules could not be read" in str(caught.value)
    assert "Whether a rule applies to every call is unknown" in str(caught.value)
    assert line.number.pauses == [2.0, 5.0]
    assert len(line.seen) == 2


def test_unsent_first_write_leaves_the_previous_state_without_reading(line):
    case = Case(line, opening)
    line.stops[0] = DirectcallNotSent("no route")
    line.unreadable = range(2, 99)
    with pytest.raises(DirectcallApplyError, match="The previous rules are live") as caught:
        case.apply()
    assert (caught.value.state, line.number.pauses) == ("previous", [])


@pytest.mark.parametrize("broken_methods", [["list_rules"], ["save_rule", "remove_rule"]])
def test_rollback_reports_any_error(broken_methods):
    memory = Line.of([Forward(to=ONE, priority=1).to_wire("10"), HangUp(priority=3).to_wire("11")])
    desired = [Voicemail(email="a@example.com", priority=1), HangUp(priority=2), HangUp(priority=3)]
    plan = plan_rules(DID, memory.live, desired, secret=SECRET)

    def fail(done, total):
        for each in broken_methods:
            setattr(memory, each, broken)
        raise OSError("disk full")

    def broken(*arguments):
        raise KeyError(ONE)

    with pytest.raises(DirectcallApplyError, match="Cause: OSError: disk full") as caught:
        apply_plan(memory, plan, secret=SECRET, sleep=lambda seconds: None, on_progress=fail)
    unserved = None if "list_rules" in broken_methods else ()
    assert (caught.value.state, caught.value.unserved) == ("mixed", unserved)
    assert "The rollback failed: KeyError" in str(caught.value)
    assert ONE not in str(caught.value)


# The end of the process


@settings(max_examples=100, deadline=None)
@given(sets(), st.integers(0, 6), st.sampled_from([SystemExit, KeyboardInterrupt]), st.booleans())
def test_apply_after_a_killed_try_reaches_the_desired_rules(rules, index, end, after_effect):
    live, desired = rules
    memory = Line.of(live)
    plan = plan_rules(DID, memory.live, desired, secret=SECRET, allow_empty=True)

    def stop(count, total=None):
        if count == index + (total is not None):
            raise end

    memory.before_write = stop if not after_effect else memory.before_write
    try:
        apply_plan(memory, plan, secret=SECRET, sleep=None, on_progress=stop if after_effect else None)
    except end:
        assert len(memory.seen) == index + after_effect
    memory.before_write = lambda count: None
    new = [rule.to_wire() for rule in desired]
    all_calls = calls(live, new)
    assert not any(unfair(state, live, new, all_calls) for state in memory.seen)
    again = plan_rules(DID, memory.live, desired, secret=SECRET, allow_empty=True)
    apply_plan(memory, again, secret=SECRET, sleep=None)
    assert contents(memory.live, without=UNKNOWN) == contents(new)


@settings(max_examples=150, deadline=None)
@given(sets(), st.integers(0, 6), st.sampled_from([DirectcallRefused("x", code="001"), DirectcallOutcomeUnknown("x")]))
def test_rollback_after_a_failure_at_any_write_serves_every_call(rules, index, error):
    live, desired = rules
    memory = Line.of(live)
    plan = plan_rules(DID, memory.live, desired, secret=SECRET, allow_empty=True)
    errors = {index: error}

    def fail(count):
        if count in errors:
            raise errors.pop(count)

    memory.before_write = fail
    new = [rule.to_wire() for rule in desired]
    if index < len(plan.changes):
        with pytest.raises(DirectcallApplyError, match=r"\(state: previous\)"):
            apply_plan(memory, plan, secret=SECRET, sleep=lambda seconds: None)
        assert contents(memory.live) == contents(live)
    all_calls = calls(live, new)
    assert not any(unfair(state, live, new, all_calls) for state in memory.seen)


@pytest.mark.parametrize("index", range(3))
def test_rollback_when_progress_raises_before_the_last_write(line, index):
    case = Case(line, opening)

    def full(done, total):
        if done == index + 1:
            raise OSError("disk full")

    assert case.outcome(on_progress=full) == ("desired" if index == 2 else "previous")
