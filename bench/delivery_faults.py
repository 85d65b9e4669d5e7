"""Never twice, never silently lost, no foreign result: sends from real Airflow task processes under the whole matrix.

Target: no violation in at least 5,000 sends of ours over at least 150 rows. Rows of the baseline, for comparison, run
with ``--baseline``. The results of each row are appended to ``--results``; rows that are in it already are left out, so
a run that was cut can be continued.

    python -m bench.delivery_faults [--row NAME ...] [--sends 16] [--baseline 0] [--seed 1]
        [--results FILE] [--shard 1/2] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console

from tools.faults.harness import OURS, run_batch
from tools.faults.matrix import MATRIX
from tools.faults.private import leaks_in
from tools.faults.report import Summary, read_summaries, show, total
from tools.faults.rows import Row, side_by_side
from tools.faults.world import running_world

PARALLELISM = 16
#: Seconds after which the unfinished sends of a batch are judged as they are.
PATIENCE = 1200.0
#: Rows that run at the same time: enough to keep the processors busy, few enough to lose little when cut.
ROWS_AT_ONCE = 24

console = Console(width=130, highlight=False)


def main(argv: list[str] | None = None) -> int:
    """Run the matrix; return 1 if a send of ours was wrong or ended otherwise than its row expects, or for a leak."""
    options = _parser().parse_args(argv)
    # Stop as on Ctrl-C, which background jobs ignore: an abandoned Airflow would run on.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    home = options.home or Path(tempfile.mkdtemp(prefix="delivery-faults-")) / "home"
    results = options.results or home.parent / "results.jsonl"
    done = {summary.fault for summary in read_summaries(results)}
    rows = [row for row in _chosen(options.row, options.shard) if row.name not in done]
    started = time.monotonic()
    leaks = _run(rows, options, home, results) if rows else []
    summaries = read_summaries(results)
    show(summaries, console)
    for leak in leaks:
        console.print(f"leak: {leak}", markup=False)
    ours = total(summaries, OURS)
    # All rows of a batch have the same duration.
    seconds = sum({(summary.seed, summary.seconds): summary.seconds for summary in summaries}.values())
    per_minute = 60 * ours.sends / max(1.0, seconds)
    console.print(
        f"{len(summaries)} rows, {ours.sends} sends of ours: {ours.duplicates} twice, {ours.lost} lost, "
        f"{ours.foreign} foreign, {ours.share_unknown:.1%} unknown; {per_minute:.0f} sends a minute; "
        f"took {time.monotonic() - started:.0f} s"
    )
    if options.home is None:
        shutil.rmtree(home.parent, ignore_errors=True)
    surprising = any(not summary.disturbed or summary.surprises for summary in summaries)
    return 1 if surprising or leaks else 0


def _run(rows: list[Row], options: argparse.Namespace, home: Path, results: Path) -> list[str]:
    """Run rows, batch by batch, and return what the logs and the database should not hold."""
    accounts = ROWS_AT_ONCE * (2 if options.baseline else 1)
    with running_world(home, parallelism=options.parallelism, accounts=accounts) as world:
        for number, group in enumerate(side_by_side(rows, ROWS_AT_ONCE), start=options.seed):
            batch = [
                Summary.of(result)
                for result in run_batch(
                    world, group, seed=number, ours=options.sends, baseline=options.baseline, patience=PATIENCE
                )
            ]
            with results.open("a", encoding="utf-8") as file:
                file.writelines(summary.as_line() for summary in batch)
            _print_batch(batch)
        tokens = {token for directcall in world.directcalls for token in directcall.witness.tokens}
    return leaks_in(home, tokens)


def _chosen(patterns: list[str], shard: tuple[int, int]) -> list[Row]:
    """Return the rows whose names match one of the patterns, all without one, of one shard.

    :raises SystemExit: a pattern matches no row.
    """
    for pattern in patterns:
        if not any(fnmatchcase(row.name, pattern) for row in MATRIX):
            raise SystemExit(f"--row: no row is named {pattern}")
    rows = [row for row in MATRIX if not patterns or any(fnmatchcase(row.name, each) for each in patterns)]
    part, parts = shard
    return rows[part - 1 :: parts]


def _print_batch(batch: list[Summary]) -> None:
    ours = total(batch, OURS)
    surprises = sum(len(summary.surprises) for summary in batch)
    found = f"{ours.duplicates} twice, {ours.lost} lost, {ours.foreign} foreign, {surprises} surprises"
    names = ", ".join(summary.fault for summary in batch)
    console.print(f"{ours.sends} sends in {batch[0].seconds:.0f} s, {found}: {names}", markup=False)


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"such as 1/2, got {text}")
    return int(part), int(parts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.delivery_faults", description="Sends under faults.")
    parser.add_argument("--row", action="append", default=[], metavar="NAME", help="only these rows; may have * and ?")
    parser.add_argument("--sends", type=int, default=16, help="sends of ours a row, default %(default)s")
    parser.add_argument("--baseline", type=int, default=0, help="sends of the baseline a row, default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch; the next has the next")
    parser.add_argument("--shard", type=_shard, default=(1, 1), metavar="I/N", help="only every Nth row, from the Ith")
    parser.add_argument("--results", type=Path, metavar="FILE", help="append there; leave out the rows that it has")
    parser.add_argument("--parallelism", type=int, default=PARALLELISM, help="task processes, default %(default)s")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="a new folder for logs and database, which stays")
    return parser


if __name__ == "__main__":
    sys.exit(main())
