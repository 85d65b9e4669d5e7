"""Number rules at a Directcall that does not behave: every quirk of rules, alone and in pairs, over HTTP."""

from __future__ import annotations

from itertools import combinations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.operators.numbers import DirectcallUpdateNumberRuleOperator
from airflow_provider_directcall.routing.errors import DirectcallApplyError, DirectcallRuleError
from airflow_provider_directcall.sandbox import QUIRKS, Fault

from ..airflow_world.rule_tasks import AFTER, BEFORE, DID, NUMBERS, OFFICE, apply, live, plan, restore, writes

pytestmark = pytest.mark.usefixtures("ordinary_day")

RULES = ("route_other_numbers", "route_empty_first", "route_one_write_behind", "route_unknown_fields")
WRITES = ("ignored_write", "neighbour_write")
COMBINATIONS = [frozenset(names) for size in (1, 2) for names in combinations(RULES + WRITES, size)]


def update():
    return DirectcallUpdateNumberRuleOperator(
        task_id="task", did=DID, rule={"action": "forward", "to": OFFICE, "wait_seconds": 20, "priority": 1}
    )


#: Task -> the rules of the number before, and the desired ones.
TASKS = {
    "apply": (apply, BEFORE, AFTER),
    "update": (update, BEFORE, [(1, "fwd", OFFICE)]),
    "restore": (restore, AFTER, BEFORE),
}


def others(world):
    return {number: rules for number, rules in world.sandbox.state()["rules"].items() if number != DID}


def failure(run, task):
    """Run a task, and return its own error, also where Airflow is asked not to retry."""
    try:
        run.start(task)
    except (DirectcallRuleError, AirflowFailException) as error:
        return error if isinstance(error, DirectcallRuleError) else error.__cause__
    return None


def start(run, world, task):
    """Return a task ready to run; a restore comes after an apply at a Directcall that behaved."""
    make, before, desired = TASKS[task]
    if task == "restore":
        run.start(apply())
    assert live(world) == before
    return make(), before, desired


def test_the_quirks_of_rules_are_all_here():
    assert {name for name in QUIRKS if name.startswith("route_") or name.endswith("_write")} == {*RULES, *WRITES}


@pytest.mark.parametrize("quirks", COMBINATIONS, ids=lambda quirks: "+".join(sorted(quirks)))
@pytest.mark.parametrize("task", TASKS)
def test_the_number_keeps_rules_and_the_error_names_those_that_are_live(run, world, task, quirks, logged):
    ready, before, desired = start(run, world, task)
    neighbours, written = others(world), writes(world)
    world.sandbox.configure(quirks=quirks)
    error = failure(run, ready)
    world.sandbox.configure(quirks=frozenset())
    now, made = live(world), writes(world) - written
    assert now, "the number answers no call"
    assert made <= 4
    if "neighbour_write" not in quirks:
        assert others(world) == neighbours
    if error is None:
        assert now == desired
        return
    text = str(error)
    assert isinstance(error, DirectcallRuleError), text
    assert not [number for number in NUMBERS if number[2:] in text + logged()]
    if made == 0:
        assert (now, "othing was written" in text) == (before, True)
    elif isinstance(error, DirectcallApplyError) and error.state == "previous":
        assert now == before
    else:
        assert "Live rules" in text
        assert "is not shown" in text or "Others changed" in text or "differs in" in text or "still exists" in text


@pytest.mark.parametrize("quirk", ["route_empty_first", "route_unknown_fields"])
@pytest.mark.parametrize("task", TASKS)
def test_what_a_second_read_clears_up_is_no_failure(run, world, task, quirk):
    ready, _, desired = start(run, world, task)
    world.sandbox.configure(quirks=frozenset({quirk}))
    assert failure(run, ready) is None
    assert live(world) == desired


@pytest.mark.parametrize("make", [apply, plan, update, restore])
def test_rules_of_other_numbers_stop_every_task_before_its_first_write(run, world, make):
    run.start(apply())
    made = writes(world)
    world.sandbox.configure(quirks=frozenset({"route_other_numbers"}))
    arguments = {"rules": [{"action": "hangup", "priority": 1}], "did": DID} if make is plan else {}
    error = failure(run, make(**arguments))
    assert "also lists rules of other numbers (rule 18001 of 11*****0002, rule 18002 of 41*****0001)" in str(error)
    assert "Nothing was written" in str(error)
    assert writes(world) == made
    assert not error.retryable


def test_reads_that_never_agree_stop_before_the_first_write(run, world):
    world.sandbox.inject(Fault(kind="empty_list", endpoint="did/route", after=0, times=1))
    world.sandbox.inject(Fault(kind="empty_list", endpoint="did/route", after=2, times=1))
    world.sandbox.inject(Fault(kind="empty_list", endpoint="did/route", after=4, times=1))
    with pytest.raises(DirectcallRuleError, match=r"5 reads of the rules of number .* differ.* Nothing was written"):
        run.start(apply())
    assert (writes(world), "snapshot" in run.ti.xcoms) == (0, False)


def test_a_replica_that_catches_up_is_waited_for_without_a_second_write(run, world):
    world.sandbox.configure(quirks=frozenset({"route_one_write_behind"}))
    world.while_waiting = lambda: world.sandbox.configure(quirks=frozenset())
    assert run.start(apply())["writes"] == 2
    assert (live(world), writes(world)) == (AFTER, 2)


def test_an_accepted_write_without_effect_is_not_retried(run, world):
    world.sandbox.configure(quirks=frozenset({"ignored_write"}))
    error = failure(run, apply(retries=3))
    assert (error.state, error.unserved, error.retryable) == ("mixed", None, False)
    assert writes(world) == 1


def test_a_neighbour_that_was_changed_once_is_rolled_back(run, world):
    world.sandbox.write_rule(did=DID, priority="9", action="hangup")
    before = live(world)
    world.sandbox.inject(Fault(kind="neighbour_write", endpoint="did/save", times=1))
    desired = [
        {"action": "forward", "to": OFFICE, "wait_seconds": 20, "priority": 1},
        {"action": "hangup", "priority": 9},
    ]
    error = failure(run, apply(rules=desired, did=DID))
    assert error.state == "previous"
    assert "In its place, rule 18003 was changed" in str(error)
    assert live(world) == before


# No rules


def without_rules(world):
    world.sandbox.write_rule(did=DID, remove="18000")


def test_a_number_that_had_no_rules_is_restored_to_none_after_our_writes(run, world):
    without_rules(world)
    run.start(apply())
    assert run.start(restore())["writes"] == 2
    assert live(world) == []


def test_an_empty_snapshot_of_a_task_that_wrote_nothing_removes_nothing(run, world):
    without_rules(world)
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="did/save", times=1))
    assert failure(run, apply()).state == "previous"
    world.sandbox.write_rule(did=DID, priority="1", action="hangup")
    error = failure(run, restore())
    assert "has no rules, and nothing was written after it, so the 1 live rules are not removed" in str(error)
    assert len(live(world)) == 1
    assert run.start(restore(snapshot_task_id="task", allow_empty="true"))["writes"] == 1
    assert live(world) == []


@pytest.mark.parametrize("times", [2, 3, 4])
def test_hidden_rules_survive_an_apply_and_its_restore(run, world, times):
    """Two reads may agree and both be wrong: the rules that appear then are kept."""
    world.sandbox.inject(Fault(kind="empty_list", endpoint="did/route", times=times))
    failure(run, apply())
    failure(run, restore())
    assert BEFORE[0] in live(world)
