"""Campaigns of 10,000 SMS and 500 calls on a real Airflow while processes are killed and Directcall fails.

LocalExecutor, scheduler, triggerer and real task processes on SQLite. A task's process is killed by SIGKILL within a
wave three times, once of them with its worker, and the scheduler once, with or without its tasks; the sandbox loses
answers before and after the effect, answers as gateways do, and shows rows late and in other forms. Target: each
contact has exactly one final state, nothing is sent twice, nothing is silently lost, the report's totals are the
sandbox's, and no value of a contact is in Airflow's database or logs.

    python -m bench.campaign_faults [--seeds 1 2 3 4 5] [--sms 10000] [--calls 500] [--way personal] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from airflow_provider_directcall.sandbox import SandboxConfig
from tools.faults.world import World, running_world
from tools.live_campaigns.judge import Judgement, judge
from tools.live_campaigns.people import invent
from tools.live_campaigns.runs import DAGS, start, write_files
from tools.live_campaigns.traces import check_search, search_home
from tools.live_campaigns.weather import SETTLE_SECONDS, WAYS, Weather

PARALLELISM = 6
SMS_CHUNKS = 4
#: Seconds in which a run must end.
PATIENCE = 3600.0
CHANNELS = {"sms": "sms", "calls": "call"}

console = Console(width=150, highlight=False)


@dataclass(frozen=True)
class SeedResult:
    """The judged campaigns of one seed.

    :ivar missed: kills that did not happen.
    """

    seed: int
    way: str
    quirks: Sequence[str]
    state: str
    seconds: float
    judgements: dict[str, Judgement]
    killed: list[str]
    missed: list[str]

    @property
    def is_right(self) -> bool:
        """Whether there is no violation, and all kills took place."""
        is_complete = len(self.judgements) == len(CHANNELS) and self.state == "success"
        return is_complete and not self.missed and all(each.is_right for each in self.judgements.values())


def main(argv: list[str] | None = None) -> int:
    """Run the seeds; return 1 for a violation, a kill that did not happen, or a trace of a contact."""
    options = _parser().parse_args(argv)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    root = options.home or Path(tempfile.mkdtemp(prefix="campaign-faults-"))
    home = root / "home"
    results = []
    with running_world(home, parallelism=PARALLELISM, accounts=1, dags=DAGS) as world:
        for seed in options.seeds:
            results.append(run_seed(world, root / f"seed-{seed}", seed, options))
            console.print(_line(results[-1]), markup=False)
        secrets = {*world.directcalls[0].witness.tokens, SandboxConfig().client_secret}
    check_search(root / f"seed-{options.seeds[0]}", secrets)
    traces = search_home(home, secrets)
    _show(results)
    console.print(f"{traces}; {len(secrets) - 1} tokens", markup=False)
    is_right = all(result.is_right for result in results) and not traces.found
    console.print("no violation" if is_right else f"VIOLATIONS: see above, and the files in {root}")
    if options.home is None and is_right:
        shutil.rmtree(root, ignore_errors=True)
    return 0 if is_right else 1


def run_seed(world: World, files: Path, seed: int, options: argparse.Namespace) -> SeedResult:
    """Run and judge both campaigns of one seed."""
    dice, taken = random.Random(f"people {seed}"), set[str]()
    people = {
        "sms": invent(options.sms, dice, taken),
        "calls": invent(options.calls, dice, taken),
    }
    way = options.way or list(WAYS)[(seed - 1) % len(WAYS)]
    weather, (directcall,) = Weather.of(seed), world.directcalls
    weather.break_out(directcall, *people.values())
    conf: dict[str, object] = {
        "settle_seconds": SETTLE_SECONDS,
        "track_timeout": 90,
        "chunk_size": max(1, options.sms // SMS_CHUNKS),
        "wave_size": max(20, options.sms // 50),
        **WAYS[way],
    }
    for group, of_group in people.items():
        conf |= write_files(files, group, of_group)
    run = start(world, "campaigns", files / "storage", conf)
    killed = run.attend(weather.steps(run, directcall, options.sms + options.calls), options.patience)
    state, truth = run.state, directcall.server.state()
    seconds = time.monotonic() - run.started
    judgements = {}
    for group, of_group in people.items():
        report = run.report(group)
        if report:
            results = Path(str(report["results"]))
            judgements[group] = judge(of_group, CHANNELS[group], results, report, truth)
    missed = [victim for _, victim in weather.kills][len(killed) :]
    return SeedResult(seed, way, weather.quirks, state, seconds, judgements, killed, missed)


def _show(results: list[SeedResult]) -> None:
    table = Table(title="campaigns under faults", title_justify="left")
    for name in (
        "seed",
        "campaign",
        "rows",
        "twice",
        "lost",
        "wrong",
        "totals differ",
        "unknown",
        "run",
        "s",
        "states",
    ):
        table.add_column(name, justify="left" if name in {"campaign", "states", "run"} else "right")
    for result in results:
        for group, each in result.judgements.items():
            counts = (each.contacts, each.twice, each.lost, each.wrong.total(), len(each.differences), each.unknown)
            states = " ".join(f"{name} {count}" for name, count in each.states.most_common())
            label = f"{group}, {result.way}" if group == "sms" else group
            table.add_row(str(result.seed), label, *map(str, counts), result.state, f"{result.seconds:.0f}", states)
    console.print(table)
    for result in results:
        for line in _remarks(result):
            console.print(f"seed {result.seed}: {line}", markup=False)


def _line(result: SeedResult) -> str:
    counts = ", ".join(f"{group}: {each.twice} twice, {each.lost} lost" for group, each in result.judgements.items())
    return f"seed {result.seed} ended as {result.state} after {result.seconds:.0f} s: {counts}"


def _remarks(result: SeedResult) -> Iterator[str]:
    yield f"statement with {', '.join(result.quirks)}; killed in this order: {', '.join(result.killed)}"
    if result.missed:
        yield f"NOT killed: {', '.join(result.missed)}"
    for group in CHANNELS.keys() - result.judgements.keys():
        yield f"{group} has no report; the run is {result.state}"
    for group, each in result.judgements.items():
        yield from (f"{group}: {problem}" for problem in each.problems)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.campaign_faults", description="Campaigns under faults.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--sms", type=int, default=10_000, help="accepted contacts, default %(default)s")
    parser.add_argument("--calls", type=int, default=500, help="accepted contacts, default %(default)s")
    parser.add_argument("--way", choices=WAYS, help="how SMS are sent; by default another one for each seed in turn")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds a run may take, default %(default)s")
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="a new folder for all files, which stays")
    return parser


if __name__ == "__main__":
    sys.exit(main())
