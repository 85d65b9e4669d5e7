"""DirectcallRestoreNumberRulesOperator."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG

from airflow_provider_directcall.operators.numbers import DirectcallApplyNumberRulesOperator
from airflow_provider_directcall.routing.errors import DirectcallApplyError, DirectcallSnapshotError
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.rule_tasks import (
    AFTER,
    BEFORE,
    DID,
    RULES,
    apply,
    live,
    restore,
    rule_ids,
    write_elsewhere,
)

pytestmark = pytest.mark.usefixtures("ordinary_day")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"snapshot": None}, "one of them is needed"),
        ({"snapshot": "x", "snapshot_path": "y"}, "one of them is needed"),
        ({"snapshot": "x"}, "not a sealed snapshot"),
        ({"snapshot": "dcr1.AAAA"}, "another client secret, or the text is damaged"),
    ],
)
def test_a_wrong_snapshot_is_final(run, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.start(restore(**arguments))


def test_a_snapshot_of_another_secret_is_final_and_nothing_is_written(run, world, connect):
    run.start(apply())
    world.sandbox.configure(client_secret="the new one")
    connect(password="the new one")
    with pytest.raises(AirflowFailException, match="sealed with another client secret"):
        run.start(restore())
    assert live(world) == AFTER


def test_a_missing_file_is_left_to_retries(run, tmp_path):
    with pytest.raises(DirectcallSnapshotError, match="could not be read"):
        run.start(restore(snapshot_path=str(tmp_path / "snapshot.json")))


def test_a_task_that_pushed_nothing_wrote_nothing(run, world):
    assert run.start(restore()) == {"did": None, "changed": False, "writes": 0, "not_restored": [], "warnings": []}
    assert run.start(restore(snapshot="{{ None }}"))["did"] is None
    assert not world.requests


def test_an_unknown_task_id_is_final(run):
    with DAG("routing", schedule=None):
        task = restore(snapshot_task_id="aply")
    with pytest.raises(AirflowFailException, match="the DAG has no task 'aply'"):
        run.start(task)


def test_the_many_snapshots_of_a_mapped_task_are_not_guessed_at(run):
    with DAG("routing", schedule=None):
        DirectcallApplyNumberRulesOperator.partial(task_id="many", rules=RULES).expand(did=[DID])
        task = restore(snapshot_task_id="many")
    run.ti.map_index = -1
    with pytest.raises(AirflowFailException, match="'many' is mapped"):
        run.start(task)


@pytest.mark.parametrize("way", ["task", "text", "file"])
def test_the_rules_are_restored(run, world, tmp_path, way):
    path = tmp_path / "snapshot.json"
    run.start(apply(snapshot_path=path))
    arguments = {
        "task": {"snapshot_task_id": "task"},
        "text": {"snapshot": run.ti.xcoms["snapshot"]},
        "file": {"snapshot_path": path},
    }[way]
    result = run.start(restore(**arguments))
    assert result == {"did": "11*****0001", "changed": True, "writes": 2, "not_restored": [], "warnings": []}
    assert live(world) == BEFORE
    assert run.start(restore(**arguments))["changed"] is False


def test_the_result_lists_what_cannot_be_restored(run, world):
    run.start(apply(rules=[{"action": "hangup", "priority": 5}], did=DID))
    write_elsewhere(world, remove=rule_ids(world)[0])
    write_elsewhere(world, priority="5", action="hangup")
    result = run.start(restore())
    assert live(world) == BEFORE
    assert result["not_restored"] == [f"rule 18000 is rule {rule_ids(world)[0]} now"]


def test_a_refused_restore_reports_the_live_rules(run, world):
    run.start(apply())
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="did/save"))
    with pytest.raises(DirectcallApplyError, match="state: "):
        run.start(restore())
