"""Never twice, never silently lost: sends from real Airflow task processes under every fault of the matrix.

Each row runs with our operators and with the baseline. Target: no duplicate and no silent loss in at least 2,000 sends
of ours.

    python -m bench.delivery_faults [--row NAME ...] [--sends 54] [--baseline 15] [--seed 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tools.faults.harness import OURS, RowResult, run_batch
from tools.faults.matrix import MATRIX, row_named
from tools.faults.report import as_json, show, total
from tools.faults.rows import side_by_side
from tools.faults.world import running_world

PARALLELISM = 10
#: Seconds after which the unfinished sends of a batch are judged as they are.
PATIENCE = 900.0
#: Rows that run at the same time: enough to keep the processors busy, few enough for one DAG run.
ROWS_AT_ONCE = 6

console = Console(width=130, highlight=False)


def main(argv: list[str] | None = None) -> int:
    """Run the matrix; return 1 if a send of ours was duplicated, lost, or ended otherwise than its row expects."""
    options = _parser().parse_args(argv)
    # Stop as on Ctrl-C, which background jobs ignore: an abandoned Airflow would run on.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    rows = [row_named(name) for name in options.row] or list(MATRIX)
    home = options.home or Path(tempfile.mkdtemp(prefix="delivery-faults-")) / "home"
    results: list[RowResult] = []
    started = time.monotonic()
    with running_world(home, parallelism=PARALLELISM) as world:
        for number, group in enumerate(side_by_side(rows, ROWS_AT_ONCE)):
            batch = run_batch(
                world,
                group,
                seed=options.seed + number,
                ours=options.sends,
                baseline=options.baseline,
                patience=PATIENCE,
            )
            results += batch
            _print_batch(batch)
    show(results, console)
    console.print(f"took {time.monotonic() - started:.0f} s")
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(results), indent=1), encoding="utf-8")
    if options.home is None:
        shutil.rmtree(home.parent, ignore_errors=True)
    ours = total(results, OURS)
    surprising = any(not result.disturbed or result.surprises for result in results)
    return 1 if ours.duplicates or ours.lost or surprising else 0


def _print_batch(batch: list[RowResult]) -> None:
    ours = total(batch, OURS)
    names = ", ".join(result.row.name for result in batch)
    found = f"{ours.duplicates} twice, {ours.lost} lost, {sum(len(result.surprises) for result in batch)} surprises"
    console.print(f"{ours.sends} sends in {batch[0].seconds:.0f} s, {found}: {names}", markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.delivery_faults", description="Sends under faults.")
    parser.add_argument("--row", action="append", default=[], metavar="NAME", help="only this row; may be repeated")
    parser.add_argument("--sends", type=int, default=54, help="sends of ours a row, default %(default)s")
    parser.add_argument("--baseline", type=int, default=15, help="sends of the baseline a row, default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the first row; the next has the next")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="a new folder for logs and database, which stays")
    return parser


if __name__ == "__main__":
    sys.exit(main())
