"""A campaign of 10,000 SMS that is stopped, resumed twice and cleared once, and one whose list ``again`` is fed back.

On a real Airflow: LocalExecutor, scheduler, triggerer, real task processes on SQLite. The first campaign is stopped by
a file, resumed by a Clear, stopped by a Variable, resumed by a Clear, and cleared as a whole after its end. Target:
each contact got one message. The second campaign is stopped half way, and the list ``again`` of its report is the
contacts of another run. Target: that run sends exactly once to exactly those who were not reached, but for numbers that
Directcall refuses each time, and reports these as refused.

    python -m bench.campaign_resumed [--contacts 10000] [--seed 1] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import polars as pl
from rich.console import Console

from airflow_provider_directcall.campaigns.guards import STOP_FILE
from airflow_provider_directcall.sandbox.magic_numbers import MAGIC_NUMBERS
from tools.faults.world import Directcall, World, running_world
from tools.live_airflow import JsonObject
from tools.live_campaigns.judge import judge, truths_of
from tools.live_campaigns.people import People, invent
from tools.live_campaigns.runs import DAGS, CampaignRun, effects, start, write_files
from tools.live_campaigns.weather import WAYS, Weather

PARALLELISM = 4
CHUNKS = 4
#: As users know it; the module that has it would start Airflow's own logging in this process.
STOP_VARIABLE = "directcall_campaign_stop"
PATIENCE = 1800.0
#: States of a report whose contacts surely were not reached.
UNREACHED = frozenset({"failed", "stopped", "out_of_window"})
#: Last digits of the numbers to which the sandbox refuses each message, so that no run can reach them.
REFUSED = tuple(each.suffix for each in MAGIC_NUMBERS if each.refused_message)


@dataclass(frozen=True)
class Brake:
    """A way in which a user stops a campaign, and lets it go on."""

    name: str
    pull: Callable[[CampaignRun], object]
    release: Callable[[CampaignRun], object]


def _set_variable(run: CampaignRun, value: str) -> None:
    fields: JsonObject = {"key": STOP_VARIABLE, "value": value}
    try:
        run.world.airflow.fetch("PATCH", f"/variables/{STOP_VARIABLE}", fields)
    except httpx.HTTPStatusError:
        run.world.airflow.fetch("POST", "/variables", fields)


FILE = Brake(
    "the stop file",
    lambda run: (run.folder("sms") / STOP_FILE).touch(),
    lambda run: (run.folder("sms") / STOP_FILE).unlink(),
)
VARIABLE = Brake("the Variable", lambda run: _set_variable(run, "true"), lambda run: _set_variable(run, "false"))

console = Console(width=130, highlight=False)


def main(argv: list[str] | None = None) -> int:
    """Run both campaigns; return 1 for a violation."""
    options = _parser().parse_args(argv)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    root = options.home or Path(tempfile.mkdtemp(prefix="campaign-resumed-"))
    with running_world(root / "home", parallelism=PARALLELISM, accounts=1, dags=DAGS) as world:
        problems = [
            *_resumed(world, root / "resumed", options.contacts, options.seed),
            *_fed_back(world, root / "fed-back", options.contacts, options.seed),
        ]
    for problem in problems:
        console.print(f"VIOLATION: {problem}", markup=False)
    console.print("no violation" if not problems else f"the files are in {root}")
    if options.home is None and not problems:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if problems else 0


def _resumed(world: World, files: Path, contacts: int, seed: int) -> list[str]:
    """Stop, resume, stop, resume, clear; return the violations."""
    directcall, people, run = _started(world, files, contacts, seed)
    problems = []
    for share, brake in ((0.25, FILE), (0.55, VARIABLE)):
        state = _stopped(run, directcall, share * contacts, brake)
        states = run.report("sms").get("states")
        console.print(f"stopped by {brake.name}: run {state}, {effects(directcall)} messages, {states}", markup=False)
        if state != "failed" or not (isinstance(states, Mapping) and states.get("stopped")):
            problems.append(f"{brake.name} has not stopped the campaign")
        brake.release(run)
        run.clear("sms.send")
    state = run.wait(PATIENCE)
    before = effects(directcall)
    console.print(f"resumed to its end: run {state}, {before} messages", markup=False)
    run.clear("sms.plan")
    state = run.wait(PATIENCE)
    console.print(f"cleared as a whole: run {state}, {effects(directcall)} messages", markup=False)
    if state != "success" or effects(directcall) != before:
        problems.append(f"the Clear ended as {state} and sent {effects(directcall) - before} messages")
    report = run.report("sms")
    judgement = judge(people, "sms", Path(str(report["results"])), report, directcall.server.state())
    console.print(f"{judgement.twice} twice, {judgement.lost} lost: {dict(judgement.states)}", markup=False)
    if not judgement.is_right or judgement.unknown:
        problems += [
            f"{judgement.twice} twice, {judgement.lost} lost, {judgement.unknown} unknown",
            *judgement.problems,
        ]
    return problems


def _fed_back(world: World, files: Path, contacts: int, seed: int) -> list[str]:
    """Stop half way, and send to the list ``again`` in another run; return the violations."""
    directcall, people, run = _started(world, files, contacts, seed + 1)
    _stopped(run, directcall, 0.5 * contacts, FILE)
    report = run.report("sms")
    rows = pl.read_parquet(str(report["results"])).select("contact", "state")
    state_of = dict(rows.iter_rows())
    unreached = {person.number for person in people.accepted if state_of[person.id] in UNREACHED}
    refused = {number for number in unreached if number.endswith(REFUSED)}
    before = Counter({number: truth.times for number, truth in truths_of("sms", directcall.server.state()).items()})
    conf = {**_conf(files / "again", contacts), "sms": report["again"], "sms_suppressed": ""}
    run = start(world, "sms_alone", files / "again", conf)
    state = run.wait(PATIENCE)
    states = run.report("sms").get("states")
    after = Counter({number: truth.times for number, truth in truths_of("sms", directcall.server.state()).items()})
    reached = after - before
    console.print(
        f"stopped half way: {before.total()} messages, {dict(Counter(state_of.values()))}; "
        f"fed back: run {state}, {reached.total()} messages to {len(reached)} of {len(unreached)} contacts, "
        f"{len(refused)} of which are always refused: {states}",
        markup=False,
    )
    problems = []
    if state != "success":
        problems.append(f"the run of the list 'again' ended as {state}")
    if not isinstance(states, Mapping) or states.get("refused", 0) != len(refused):
        problems.append("not the refused numbers alone are reported as refused")
    wanted = unreached - refused
    if set(reached) != wanted or reached.total() != len(wanted):
        missed, others = len(wanted - set(reached)), len(set(reached) - wanted)
        problems.append(f"the list 'again': {missed} not sent to, {others} others sent to, {reached.total()} messages")
    return problems


def _started(world: World, files: Path, contacts: int, seed: int) -> tuple[Directcall, People, CampaignRun]:
    (directcall,) = world.directcalls
    people = invent(contacts, random.Random(f"people {seed}"), set())
    Weather(seed, (), ()).open_account(directcall, people)
    conf = {**_conf(files, contacts), **write_files(files, "sms", people)}
    return directcall, people, start(world, "sms_alone", files / "storage", conf)


def _conf(files: Path, contacts: int) -> dict[str, object]:
    return {
        "settle_seconds": 12,
        "track_timeout": 30,
        "chunk_size": max(1, contacts // CHUNKS),
        "wave_size": max(10, contacts // 100),
        **WAYS["personal"],
    }


def _stopped(run: CampaignRun, directcall: Directcall, sends: float, brake: Brake) -> str:
    """Stop a run after so many sends, wait for its end and return its state."""

    def step() -> bool:
        if effects(directcall) < sends:
            return False
        brake.pull(run)
        return True

    run.attend([(step, "stop")], PATIENCE)
    return run.state


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.campaign_resumed", description="Stop, resume, clear, feed back.")
    parser.add_argument("--contacts", type=int, default=10_000, help="accepted ones, default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, metavar="FOLDER", help="a new folder for all files, which stays")
    return parser


if __name__ == "__main__":
    sys.exit(main())
