"""DirectcallApplyNumberRulesOperator with ``expected_digest``: only the approved plan is applied."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from ..airflow_world.rule_tasks import (
    AFTER,
    DID,
    FORWARD,
    MOBILE,
    RULES,
    VOICEMAIL,
    apply,
    live,
    plan,
    start_killed,
    write_elsewhere,
    writes,
)
from ..airflow_world.world import Run

pytestmark = pytest.mark.usefixtures("ordinary_day")


def test_an_approved_plan_is_applied(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    assert run.start(apply(expected_digest=f"{{{{ '{digest}' }}}}"))["changed"]
    assert live(world) == AFTER


def test_a_missing_approval_writes_nothing(run, world):
    task = apply(expected_digest="of the plan")
    task.expected_digest = None  # as Airflow renders the XCom of a plan that was marked as success, and gave none
    with pytest.raises(AirflowFailException, match="expected_digest: it is empty"):
        run.start(task)
    assert writes(world) == 0


@pytest.mark.parametrize("changed", ["live rules", "desired rules"])
def test_another_plan_than_the_approved_one_fails_for_good(run, world, changed):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    desired = RULES
    if changed == "live rules":
        write_elsewhere(world, priority="7", action="hangup")
    else:
        desired = [{**FORWARD, "to": MOBILE}, VOICEMAIL]
    before = live(world)
    with pytest.raises(AirflowFailException, match="not the approved one"):
        run.start(apply(rules=desired, did=DID, expected_digest=digest))
    assert (live(world), writes(world)) == (before, 0)


def test_a_retry_finishes_the_approved_plan(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    start_killed(run, apply(expected_digest=digest, retries=1))
    run.start(apply(expected_digest=digest, retries=1))
    assert live(world) == AFTER


@pytest.mark.parametrize(("remembers", "knows_drift"), [(True, True), (True, False), (False, False)])
def test_a_retry_does_not_finish_the_plan_after_drift(world, remembers, knows_drift):
    run = Run(world, remembers=remembers)
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    start_killed(run, apply(expected_digest=digest, retries=1))
    write_elsewhere(world, priority="7", action="hangup")
    if not knows_drift:
        world.variables.kept.clear()
    before = live(world)
    with pytest.raises(AirflowFailException, match="not the approved one"):
        run.start(apply(expected_digest=digest, retries=1))
    assert live(world) == before
