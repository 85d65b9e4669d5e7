"""DirectcallApplyNumberRulesOperator: failed writes and the snapshot."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallNotSent, DirectcallUnavailable
from airflow_provider_directcall.routing.errors import DirectcallApplyError, DirectcallSnapshotError
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.rule_tasks import (
    AFTER,
    BEFORE,
    DID,
    FORWARD,
    NUMBERS,
    apply,
    live,
    next_run,
    restore,
    start_killed,
    write_elsewhere,
    writes,
)
from ..airflow_world.world import Killed

pytestmark = pytest.mark.usefixtures("ordinary_day")

# Failures


def test_a_dead_network_is_left_to_retries(run, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        run.start(apply())
    assert "snapshot" not in run.ti.xcoms


def test_a_wrong_secret_is_left_to_retries_and_not_shown(run, connect, logged):
    connect(password="not the secret")
    with pytest.raises(DirectcallAuthError) as caught:
        run.start(apply())
    assert "not the secret" not in str(caught.value) + logged()


def test_an_unknown_number_fails_for_good(run):
    with pytest.raises(AirflowFailException, match="refused with code 010"):
        run.start(apply(did="1130000009"))


@pytest.mark.parametrize("after", [0, 1])
def test_a_refused_write_is_rolled_back_and_fails_for_good(run, world, logged, after):
    rules = (
        [FORWARD, {"action": "sound", "sound_id": 4711, "priority": 2}]
        if after
        else [{"action": "sound", "sound_id": 4711, "priority": 1}]
    )
    with pytest.raises(AirflowFailException, match=r"state: previous") as caught:
        run.start(apply(rules=rules, did=DID))
    assert isinstance(caught.value.__cause__, DirectcallApplyError)
    assert live(world) == BEFORE
    log = logged()
    assert "State of the rules: previous. A retry would not help." in log
    assert not [number for number in NUMBERS if number[2:] in str(caught.value) + log]


def test_a_failed_rollback_is_left_to_a_retry(run, world, logged):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="did/save", after=1))
    with pytest.raises(DirectcallApplyError, match="state: mixed"):
        run.start(apply(retries=1))
    assert "A retry begins with the live rules." in logged()
    world.sandbox.clear_faults()
    snapshot = run.ti.xcoms["snapshot"]
    run.retry()
    result = run.start(apply(retries=1))
    assert (result["state"], live(world)) == ("desired", AFTER)
    assert result["drift"] == {"known": True, "unexpected": [], "missing": [], "done": None}
    assert run.ti.xcoms["snapshot"] == snapshot


@pytest.mark.parametrize("kind", ["cut_after", "html_502_after"])
def test_a_write_of_unknown_outcome_is_found_by_reading(run, world, kind):
    world.sandbox.inject(Fault(kind=kind, endpoint="did/save", times=1))
    assert run.start(apply())["writes"] == 2
    assert (live(world), writes(world)) == (AFTER, 2)


def test_rules_that_cannot_be_read_are_left_to_retries(run, world):
    world.sandbox.inject(Fault(kind="html_502_before", endpoint="did/route"))
    with pytest.raises(DirectcallUnavailable):
        run.start(apply())
    assert writes(world) == 0


def test_a_timeout_rolls_nothing_back(run, world):
    def ends_here():
        raise AirflowTaskTimeout

    world.sandbox.inject(Fault(kind="cut_before", endpoint="did/save", times=1, after=1))
    world.while_waiting = ends_here
    with pytest.raises(AirflowTaskTimeout):
        run.start(apply())
    assert writes(world) == 2
    assert len(live(world)) in {1, 2}


def test_a_snapshot_that_cannot_be_kept_stops_everything(run, world, tmp_path):
    with pytest.raises(DirectcallSnapshotError, match="could not be written"):
        run.start(apply(snapshot_path=tmp_path / "missing" / "snapshot.json"))
    assert writes(world) == 0


# Results and snapshots


def test_the_result_lists_the_writes_and_the_next_run_writes_nothing(run, world, logged):
    result = run.start(apply())
    digest = result.pop("digest_before")
    assert result == {
        "did": "11*****0001",
        "state": "desired",
        "changed": True,
        "writes": 2,
        "summary": "1 to create, 1 to change, 0 to move, 0 to remove",
        "drift": {"known": False, "unexpected": [], "missing": [], "done": None},
        "snapshot_path": None,
        "findings": [],
        "warnings": [],
    }
    assert (live(world), writes(world)) == (AFTER, 2)
    again = next_run(world).start(apply())
    assert (again["changed"], again["writes"], writes(world)) == (False, 0, 2)
    assert again["drift"]["known"]
    assert again["digest_before"] != digest
    shown = json.dumps([result, world.variables.history]) + logged()
    assert not [number for number in NUMBERS if number[2:] in shown]


def test_the_snapshot_is_an_xcom_before_the_first_write_and_also_without_one(run, world):
    with pytest.raises(Killed):
        run.start(apply(), dies="before did/save")
    sealed = run.ti.xcoms["snapshot"]
    assert not [number for number in NUMBERS if number[2:] in sealed]
    other = next_run(world)
    run.retry()
    run.start(apply(retries=1))
    other.start(apply())
    assert other.ti.xcoms["snapshot"] not in {None, sealed}


@pytest.mark.parametrize("point", ["after did/save", "after write 1"])
def test_a_retry_keeps_the_first_snapshot(run, world, point):
    with pytest.raises(Killed):
        run.start(apply(retries=2), dies=point)
    for _ in range(2):
        run.retry()
        run.start(apply(retries=2))
    assert live(world) == AFTER
    assert run.start(restore())["changed"]
    assert live(world) == BEFORE


@pytest.mark.parametrize("kind", ["error_500_before", "cut_before"])
@pytest.mark.parametrize("with_file", [True, False])
def test_a_try_without_effect_leaves_no_snapshot_to_the_next_one(run, world, tmp_path, kind, with_file):
    arguments = {"retries": 1, **({"snapshot_path": tmp_path / "snapshot.json"} if with_file else {})}
    world.sandbox.inject(Fault(kind=kind, endpoint="did/save", times=1))
    with pytest.raises(DirectcallApplyError, match="state: previous"):
        run.start(apply(**arguments))
    assert not list(tmp_path.iterdir())
    write_elsewhere(world, priority="7", action="hangup")
    changed = live(world)
    run.retry()
    run.start(apply(**arguments))
    assert live(world) == AFTER
    run.start(restore())
    assert live(world) == changed


def test_a_retry_that_fails_does_not_lose_the_first_snapshot(run, world):
    start_killed(run, apply(retries=2))
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="did/save", times=1))
    with pytest.raises(DirectcallApplyError, match="state: previous"):
        run.start(apply(retries=2))
    run.retry()
    run.start(apply(retries=2))
    run.start(restore())
    assert live(world) == BEFORE


def test_a_run_that_changes_nothing_leaves_the_file_of_an_earlier_one(run, world, tmp_path):
    path = tmp_path / "snapshot.json"
    run.start(apply(snapshot_path=path))
    kept = path.read_bytes()
    assert next_run(world).start(apply(snapshot_path=path))["snapshot_path"] is None
    assert path.read_bytes() == kept
    run.start(restore(snapshot_path=path))
    assert live(world) == BEFORE


def test_a_retry_that_cannot_even_read_has_the_first_snapshot_too(run, world, connect, dead_port):
    with pytest.raises(Killed):
        run.start(apply(retries=2), dies="after did/save")
    first = run.ti.xcoms["snapshot"]
    run.retry()
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        run.start(apply(retries=2))
    assert run.ti.xcoms["snapshot"] == first


def test_a_clear_takes_a_new_snapshot(run, world):
    run.start(apply())
    run.clear()
    run.start(apply())
    assert not run.start(restore())["changed"]
    assert live(world) == AFTER


def test_another_number_than_before_takes_a_new_snapshot(run, world):
    start_killed(run, apply(retries=1))
    run.start(apply(did="1130000002", retries=1))
    result = run.start(restore(snapshot_task_id="task", include_numbers=True))
    assert result["did"] == "1130000002"


def test_without_a_store_a_retry_takes_the_half_way_state(run_without_store, world):
    start_killed(run_without_store, apply(retries=1))
    run_without_store.start(apply(retries=1))
    run_without_store.start(restore())
    assert live(world) not in (BEFORE, AFTER)


def test_without_a_store_the_file_of_this_run_keeps_the_first_snapshot(run_without_store, world, tmp_path):
    path = tmp_path / "snapshot.json"
    run = run_without_store
    start_killed(run, apply(retries=1, snapshot_path=str(path)))
    at = world.now().timestamp() + 1
    os.utime(path, (at, at))
    result = run.start(apply(retries=1, snapshot_path=str(path)))
    assert result["snapshot_path"] == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    run.start(restore())
    assert live(world) == BEFORE


def test_without_a_store_the_file_of_an_older_run_is_not_taken(run_without_store, world, tmp_path):
    path = tmp_path / "snapshot.json"
    run = run_without_store
    run.start(apply(snapshot_path=path))
    old = (world.now() - timedelta(hours=1)).timestamp()
    os.utime(path, (old, old))
    run.retry()
    run.start(apply(snapshot_path=path, retries=1))
    assert not run.start(restore())["changed"]
    path.unlink()
    run.retry()
    run.start(apply(snapshot_path=path, retries=2))
    assert not run.start(restore())["changed"]


def test_a_snapshot_that_is_too_large_for_the_store_is_an_xcom_all_the_same(run, world, monkeypatch, logged):
    monkeypatch.setattr("airflow_provider_directcall.runtime.number_rules.snapshots._LARGEST_KEPT", 10)
    run.start(apply())
    assert "too large for the task's state store" in logged()
    assert run.store.kept == {}
    assert run.start(restore())["changed"]
    assert live(world) == BEFORE
