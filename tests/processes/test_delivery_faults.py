"""Never twice, never silently lost, no foreign result: the whole fault matrix with few sends, from real task processes.

A row of quirks has one send, whose kind, way and policy differ from day to day; ``DIRECTCALL_FAULTS_SEED`` repeats the
choice of a day. ``python -m bench.delivery_faults`` is the same with many more sends.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tools.faults.harness import BASELINE, OURS, run_batch
from tools.faults.matrix import FAULTS, MATRIX
from tools.faults.private import leaks_in
from tools.faults.report import sentence
from tools.faults.rows import Row, side_by_side
from tools.faults.world import World, running_world

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("DIRECTCALL_FAULTS_SEED") or datetime.now(UTC).date().toordinal())
PATIENCE = 600.0
#: One send of each kind for each row of faults; the ways differ from row to row.
FAULT_SENDS, FAULT_ROWS_AT_ONCE = 4, 24
QUIRK_SENDS, QUIRK_ROWS_AT_ONCE = 1, 90
BATCHES = [
    *((rows, FAULT_SENDS) for rows in side_by_side(FAULTS, FAULT_ROWS_AT_ONCE)),
    *((rows, QUIRK_SENDS) for rows in side_by_side(MATRIX[len(FAULTS) :], QUIRK_ROWS_AT_ONCE)),
]

#: Faults under which the baseline must send twice; otherwise the harness detects nothing.
DUPLICATED_BY_BASELINE = frozenset(
    {"cut_after", "cut_in_body", "hang_after", "error_500_after", "html_502_after", "killed_after_reply"}
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A separate Airflow, whose components are killed; its logs are large."""
    home: Path = tmp_path_factory.mktemp("faults") / "home"
    with running_world(home, parallelism=12, accounts=QUIRK_ROWS_AT_ONCE) as running:
        yield running
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize(("rows", "sends"), BATCHES, ids=[f"{rows[0].name}-{len(rows)}" for rows, _ in BATCHES])
def test_nothing_is_sent_twice_silently_lost_or_mistaken(world: World, rows: list[Row], sends: int) -> None:
    compared = int(rows[0] in FAULTS)
    results = run_batch(world, rows, seed=SEED, ours=sends, baseline=compared, patience=PATIENCE)

    surprises = {result.row.name: [sentence(verdict) for verdict in result.surprises] for result in results}
    assert {name: found for name, found in surprises.items() if found} == {}
    assert [result.row.name for result in results if not result.disturbed] == []
    assert all(result.tally(OURS).sends == sends for result in results)
    doubled = {result.row.name for result in results if result.tally(BASELINE).duplicates}
    assert doubled >= DUPLICATED_BY_BASELINE & {row.name for row in rows}


def test_no_private_data_is_left_behind(world: World) -> None:
    """Runs last, over all that the batches have left."""
    tokens = {token for directcall in world.directcalls for token in directcall.witness.tokens}
    assert leaks_in(world.airflow.home, tokens) == []
