"""DirectcallApplyNumberRulesOperator with ``on_drift``: rules changed outside Airflow."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from ..airflow_world.rule_tasks import (
    AFTER,
    BEFORE,
    DID,
    FORWARD,
    MOBILE,
    OTHERS,
    RULES,
    VOICEMAIL,
    apply,
    live,
    next_run,
    plan,
    restore,
    rule_ids,
    start_killed,
    write_elsewhere,
    writes,
)
from ..airflow_world.world import Run

pytestmark = pytest.mark.usefixtures("ordinary_day")


def test_drift_is_overwritten_and_logged(run, world, logged):
    run.start(apply())
    write_elsewhere(
        world, dpId=rule_ids(world)[0], priority="1", action="fwd", **{"data[phone]": OTHERS, "data[wait]": "9"}
    )
    result = next_run(world).start(apply())
    assert result["drift"] == {
        "known": True,
        "unexpected": ["rule 18000: fwd, priority 1"],
        "missing": ["rule 18000: fwd, priority 1"],
        "done": "overwrite",
    }
    assert live(world) == AFTER
    assert "the rules of number 11*****0001 were changed elsewhere" in logged()
    assert not next_run(world).start(apply())["drift"]["unexpected"]


def test_drift_is_kept_as_long_as_the_policy_says_so(run, world):
    run.start(apply())
    forward, voicemail = rule_ids(world)
    write_elsewhere(world, dpId=forward, priority="1", action="fwd", **{"data[phone]": OTHERS, "data[wait]": "9"})
    write_elsewhere(world, remove=voicemail)
    for _ in range(2):
        result = next_run(world).start(apply(on_drift="keep"))
        assert (result["changed"], live(world)) == (False, [(1, "fwd", OTHERS)])
        assert result["drift"]["done"] == "keep"
        assert result["drift"]["missing"] == ["rule 18000: fwd, priority 1", f"rule {voicemail}: voicemail, priority 2"]
    added = [FORWARD, {"action": "hangup", "priority": 3}]
    next_run(world).start(apply(rules=added, did=DID, on_drift="keep"))
    assert live(world) == [(1, "fwd", OTHERS), (3, "hangup", None)]
    next_run(world).start(apply())
    assert live(world) == AFTER


def test_kept_drift_may_not_leave_the_number_without_a_rule(run, world):
    run.start(apply(rules=[VOICEMAIL], did=DID))
    write_elsewhere(world, remove=rule_ids(world)[0])
    with pytest.raises(
        AirflowFailException, match=r"removed or changed: \[rule \d+: voicemail, priority 2\].*would have no rule"
    ):
        next_run(world).start(apply(rules=[VOICEMAIL], did=DID, on_drift="keep"))
    assert next_run(world).start(apply(rules=[VOICEMAIL], did=DID))["changed"]


def test_keeping_does_not_go_with_an_approved_plan(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(AirflowFailException, match="'keep' would write something else than what was approved"):
        run.start(apply(expected_digest=digest, on_drift="keep"))
    assert live(world) == BEFORE


def test_drift_can_fail_the_task_for_good_until_it_is_overwritten(run, world):
    run.start(apply())
    write_elsewhere(world, priority="5", action="hangup")
    before, written = live(world), writes(world)
    for _ in range(2):
        other = next_run(world)
        with pytest.raises(AirflowFailException, match=r"hangup, priority 5.*nothing was written"):
            other.start(apply(on_drift="fail"))
        assert "snapshot" in other.ti.xcoms
    assert (live(world), writes(world)) == (before, written)
    next_run(world).start(apply())
    assert live(world) == AFTER


@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("on_drift", ["fail", "keep"])
def test_our_own_half_way_writes_are_no_drift(world, remembers, on_drift):
    Run(world).start(apply(rules=[FORWARD], did=DID))
    rules = [{**FORWARD, "to": MOBILE}, {**VOICEMAIL, "sources": [OTHERS]}, {"action": "hangup", "priority": 3}]
    run = next_run(world, remembers=remembers)
    start_killed(run, apply(rules=rules, did=DID, retries=1, on_drift=on_drift))
    result = run.start(apply(rules=rules, did=DID, retries=1, on_drift=on_drift))
    assert result["drift"]["done"] is None
    assert live(world) == [(1, "fwd", MOBILE), AFTER[1], (3, "hangup", None)]


def test_writes_of_another_dag_are_no_drift(run, world):
    run.start(apply())
    next_run(world).start(apply(rules=[FORWARD], did=DID, on_drift="fail"))
    next_run(world).start(restore(snapshot=run.ti.xcoms["snapshot"]))
    assert not next_run(world).start(apply(on_drift="fail"))["drift"]["unexpected"]


@pytest.mark.parametrize("broken", ["no JSON", "[]", '{"standing": 3}'])
def test_an_unreadable_variable_counts_as_none(run, world, broken, logged):
    run.start(apply())
    (name,) = world.variables.kept
    world.variables.kept[name] = broken
    assert next_run(world).start(apply(on_drift="fail"))["drift"]["known"] is False
    assert "drift is not detected this time" in logged()


def test_an_airflow_without_variables_does_not_stop_the_rules(run, world, logged):
    world.variables.is_down = True
    assert run.start(apply())["changed"]
    assert live(world) == AFTER
    assert "could not be written (AirflowRuntimeError)" in logged()
