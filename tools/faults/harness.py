"""Runs batches of sends under faults, ours and the baseline side by side, and judges them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import httpx

from tools.faults.cases import Case, arguments_of_baseline, arguments_of_ours, cases_of
from tools.faults.disturbances import STEPS, Run
from tools.faults.effects import keys_in
from tools.faults.judge import Account, Report, Tally, Verdict, judge
from tools.faults.logs import last_error, log_folder
from tools.faults.rows import ON_WORKER, Disturbance, Kind, Row
from tools.faults.world import Directcall, World
from tools.live_airflow import JsonObject

OURS: Final = "ours"
BASELINE: Final = "baseline"
#: Seconds between two looks: often enough to disturb in time, otherwise seldom, because each look costs.
_LOOK_SECONDS: Final[Mapping[bool, float]] = MappingProxyType({True: 0.5, False: 2.0})
#: Airflow ends a task as soon as a user marks it; its process or trigger notices some seconds later.
_AFTERMATH_SECONDS: Final[Mapping[Disturbance | None, float]] = MappingProxyType({Disturbance.MARKED_FAILED: 15})


@dataclass(slots=True)
class RowResult:
    """One row, run and judged.

    :ivar seconds: the duration of its batch.
    :ivar disturbed: whether the row's disturbance took place; true for a row without one.
    """

    row: Row
    seed: int
    seconds: float
    disturbed: bool
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)

    def tally(self, by: str) -> Tally:
        """Add up the verdicts on :data:`OURS` or the :data:`BASELINE`."""
        tally = Tally()
        for verdict in self.verdicts.get(by, []):
            tally.add(verdict)
        return tally

    @property
    def surprises(self) -> list[Verdict]:
        """Sends of ours that were duplicated, lost, mistaken or hung up, or ended otherwise than the row expects."""
        return [verdict for verdict in self.verdicts.get(OURS, []) if self._is_surprise(verdict)]

    def _is_surprise(self, verdict: Verdict) -> bool:
        is_stopped_wrongly = self.row.undone is not None and verdict.effects.undone != self.row.undone
        is_wrong = bool(verdict.duplicates) or verdict.is_lost or verdict.is_foreign
        return is_wrong or is_stopped_wrongly or verdict.ending not in self.row.ends_as


def run_batch(
    world: World, rows: Sequence[Row], *, seed: int, ours: int, baseline: int, patience: float
) -> list[RowResult]:
    """Run rows side by side, each with an account of its own; their disturbances are the same.

    :param ours: the number of sends of each row with our operators.
    :param baseline: the number of sends of each row with the baseline; rows without one have none.
    :param patience: seconds after which unfinished sends are judged as they are.
    :raises AirflowDidNotStartError: a component of Airflow has exited.
    """
    started = time.monotonic()
    accounts = {row.name: account for account, row in enumerate(rows)}
    compared = [row for row in rows if row.with_baseline]
    cases = {OURS: cases_of(rows, ours, seed, by=OURS, accounts=accounts)}
    if compared and baseline:
        # Accounts of its own: its rows show no key, and would leave ours in doubt.
        its = {name: account + len(rows) for name, account in accounts.items()}
        cases[BASELINE] = cases_of(compared, baseline, seed, by=BASELINE, among_ways=ON_WORKER, accounts=its)
    for row, directcall in zip([*rows, *rows], world.directcalls, strict=False):
        directcall.open_account(row, seed)
    runs = {by: _start(world, by, of, len(rows)) for by, of in cases.items()}
    ending = {world.directcalls[accounts[row.name]]: row.quirk_seconds for row in rows if row.quirk_seconds is not None}
    disturbed = _attend(runs, rows[0].disturbance, started, patience, ending)
    time.sleep(_AFTERMATH_SECONDS.get(rows[0].disturbance, 0))
    judged = _judged(world, runs, cases, rows)
    seconds = time.monotonic() - started
    for run in runs.values():
        if not run.is_over:
            run.give_up()
    return [RowResult(row, seed, seconds, disturbed, judged[row.name]) for row in rows]


def _judged(
    world: World, runs: Mapping[str, Run], cases: Mapping[str, Sequence[Case]], rows: Sequence[Row]
) -> dict[str, dict[str, list[Verdict]]]:
    """Return the verdicts by the name of the row and by sender."""
    accounts = [_account(directcall) for directcall in world.directcalls[: 2 * len(rows)]]
    judged: dict[str, dict[str, list[Verdict]]] = {row.name: {} for row in rows}
    for by, of in cases.items():
        for case, report in zip(of, _reports(runs[by], of), strict=True):
            verdict = judge(case, report, accounts[case.account])
            judged[case.row.name].setdefault(by, []).append(verdict)
    return judged


def _account(directcall: Directcall) -> Account:
    state = directcall.server.state()
    return Account(state, directcall.witness.shown(keys_in(state)))


def _start(world: World, by: str, cases: Sequence[Case], accounts: int) -> Run:
    """Start a run, which reads its cases from a file: every task gets the run's ``conf``, which must stay small."""
    arguments: JsonObject
    if by == OURS:
        arguments = {kind.value: [arguments_of_ours(case) for case in cases if case.kind is kind] for kind in Kind}
    else:
        arguments = {"cases": [arguments_of_baseline(case) for case in cases]}
    folder = world.airflow.home / "cases"
    folder.mkdir(exist_ok=True)
    path = folder / f"{by}-{time.time_ns()}.json"
    path.write_text(json.dumps(arguments), encoding="utf-8")
    run_id = world.airflow.trigger(by, {"cases_file": str(path)})
    return Run(world, by, run_id, len(cases), world.directcalls[:accounts])


def _attend(
    runs: dict[str, Run],
    disturbance: Disturbance | None,
    started: float,
    patience: float,
    ending: dict[Directcall, float],
) -> bool:
    """Poll until all runs are over and disturb them at the right moment; return whether that happened.

    :param ending: when the quirks of accounts end, in seconds after ``started``.
    """
    steps = [STEPS[disturbance]] if disturbance is not None else []
    while (elapsed := time.monotonic() - started) < patience:
        runs[OURS].world.airflow.check_alive()
        for directcall in [each for each, seconds in ending.items() if seconds <= elapsed]:
            directcall.server.configure(quirks=())
            del ending[directcall]
        if steps and _tolerantly(lambda: steps[0](runs[OURS])):
            steps.clear()
        elif _tolerantly(lambda: all(run.is_over for run in runs.values())):
            break
        time.sleep(_LOOK_SECONDS[bool(steps)])
    return not steps


def _tolerantly(look: Callable[[], bool]) -> bool:
    """Return the result of a look, or False while Airflow's API does not answer because a component is down."""
    try:
        return look()
    except httpx.HTTPError:
        return False


def _reports(run: Run, cases: Iterable[Case]) -> list[Report]:
    """Return the report of each task, in the order of the cases."""
    tasks = {(str(task["task_id"]), task["map_index"]): task for task in run.mapped_tasks()}
    places = [
        (case.kind.value, case.map_index) if run.dag_id == OURS else ("send", position)
        for position, case in enumerate(cases)
    ]
    return [_report(run, *place, tasks.get(place)) for place in places]


def _report(run: Run, task_id: str, map_index: int, task: JsonObject | None) -> Report:
    if task is None:
        return Report("never started", 0)
    state, tries = str(task["state"]), int(str(task["try_number"]))
    airflow = run.world.airflow
    if state == "success":
        return Report(state, tries, result=_result(run, task_id, map_index))
    folder = log_folder(airflow.home, run.dag_id, run.run_id, task_id, map_index)
    was_stopped = (task_id, map_index) in run.stopped
    return Report(state, tries, errors=last_error(folder), was_stopped=was_stopped)


def _result(run: Run, task_id: str, map_index: int) -> object:
    """Return the task's XCom, or None."""
    try:
        return run.world.airflow.xcom(run.dag_id, run.run_id, task_id, map_index=map_index)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return None
