"""Applying what a person has approved, and nothing else."""

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
    somebody_writes,
    writes,
)
from ..airflow_world.world import Killed, Run

pytestmark = pytest.mark.usefixtures("ordinary_day")

# Approving


def test_an_approved_plan_is_applied(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    assert run.start(apply(expected_digest=f"{{{{ '{digest}' }}}}"))["changed"]
    assert live(world) == AFTER


def test_an_approval_that_is_not_there_is_no_leave_to_write(run, world):
    task = apply(expected_digest="of the plan")
    task.expected_digest = None  # as Airflow renders the XCom of a plan that was marked as success, and gave none
    with pytest.raises(AirflowFailException, match="expected_digest: it is empty"):
        run.start(task)
    assert writes(world) == 0


@pytest.mark.parametrize("what", ["the live rules", "the wanted rules"])
def test_what_nobody_approved_is_refused_for_good(run, world, what):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    wanted = RULES
    if what == "the live rules":
        somebody_writes(world, priority="7", action="hangup")
    else:
        wanted = [{**FORWARD, "to": MOBILE}, VOICEMAIL]
    before = live(world)
    with pytest.raises(AirflowFailException, match="not the one that was approved"):
        run.start(apply(rules=wanted, did=DID, expected_digest=digest))
    assert (live(world), writes(world)) == (before, 0)


def test_a_retry_finishes_what_was_approved(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(Killed):
        run.start(apply(expected_digest=digest, retries=1), dies="after did/save")
    run.retry()
    run.start(apply(expected_digest=digest, retries=1))
    assert live(world) == AFTER


def test_a_retry_does_not_finish_what_somebody_else_has_changed_since(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(Killed):
        run.start(apply(expected_digest=digest, retries=1), dies="after did/save")
    somebody_writes(world, priority="7", action="hangup")
    run.retry()
    with pytest.raises(AirflowFailException, match="not the one that was approved"):
        run.start(apply(expected_digest=digest, retries=1))


@pytest.mark.parametrize("remembers", [True, False])
def test_a_retry_finishes_nothing_where_it_is_not_known_who_has_changed_what(world, remembers):
    run = Run(world, remembers=remembers)
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(Killed):
        run.start(apply(expected_digest=digest, retries=1), dies="after did/save")
    somebody_writes(world, priority="7", action="hangup")
    world.variables.kept.clear()
    before = live(world)
    run.retry()
    with pytest.raises(AirflowFailException, match="not the one that was approved"):
        run.start(apply(expected_digest=digest, retries=1))
    assert live(world) == before
