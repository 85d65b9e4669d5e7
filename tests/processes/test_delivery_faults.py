"""Never twice, never silently lost: the whole fault matrix with a few sends for each row, from real task processes.

``python -m bench.delivery_faults`` is the same with many more.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.faults.harness import BASELINE, OURS, run_batch
from tools.faults.matrix import MATRIX
from tools.faults.report import sentence
from tools.faults.rows import Row, side_by_side
from tools.faults.world import World, running_world

pytestmark = pytest.mark.faults

#: One send of each kind for each row; the ways differ from row to row.
SENDS = 4
SEED = 20
PATIENCE = 300.0
ROWS_AT_ONCE = 12
GROUPS = side_by_side(MATRIX, ROWS_AT_ONCE)

#: Faults under which the baseline must send twice; otherwise the harness detects nothing.
DUPLICATED_BY_BASELINE = frozenset(
    {"cut_after", "cut_in_body", "hang_after", "error_500_after", "html_502_after", "killed_after_reply"}
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A separate Airflow, whose components are killed; its logs are large."""
    home: Path = tmp_path_factory.mktemp("faults") / "home"
    with running_world(home, parallelism=10) as running:
        yield running
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("rows", GROUPS, ids=[f"{rows[0].name}-{len(rows)}" for rows in GROUPS])
def test_nothing_is_sent_twice_or_silently_lost(world: World, rows: list[Row]) -> None:
    results = run_batch(world, rows, seed=SEED, ours=SENDS, baseline=1, patience=PATIENCE)

    surprises = {result.row.name: [sentence(verdict) for verdict in result.surprises] for result in results}
    assert {name: found for name, found in surprises.items() if found} == {}
    assert [result.row.name for result in results if not result.disturbed] == []
    assert all(result.tally(OURS).sends == SENDS for result in results)
    doubled = {result.row.name for result in results if result.tally(BASELINE).duplicates}
    assert doubled >= DUPLICATED_BY_BASELINE & {row.name for row in rows}
