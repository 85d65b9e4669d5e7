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
from tools.faults.judge import Report, Tally, Verdict, effects_in, judge
from tools.faults.logs import last_error, log_folder
from tools.faults.rows import ON_WORKER, Disturbance, Kind, Row
from tools.faults.world import World
from tools.live_airflow import JsonObject

OURS: Final = "ours"
BASELINE: Final = "baseline"
_LOOK_SECONDS: Final = 0.5
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
            tally.add(verdict, may_duplicate=self.row.may_duplicate and by == OURS)
        return tally

    @property
    def surprises(self) -> list[Verdict]:
        """Sends of ours that were duplicated, lost or hung up, or ended otherwise than the row expects."""
        return [verdict for verdict in self.verdicts.get(OURS, []) if self._is_surprise(verdict)]

    def _is_surprise(self, verdict: Verdict) -> bool:
        is_duplicate = bool(verdict.duplicates) and not self.row.may_duplicate
        is_stopped_wrongly = self.row.undone is not None and verdict.effects.undone != self.row.undone
        return is_duplicate or is_stopped_wrongly or verdict.is_lost or verdict.ending not in self.row.ends_as


def run_batch(
    world: World, rows: Sequence[Row], *, seed: int, ours: int, baseline: int, patience: float
) -> list[RowResult]:
    """Run rows with equal settings side by side.

    :param ours: the number of sends of each row with our operators.
    :param baseline: the number of sends of each row with the baseline; rows without one have none.
    :param patience: seconds after which unfinished sends are judged as they are.
    :raises AirflowDidNotStartError: a component of Airflow has exited.
    """
    started = time.monotonic()
    compared = [row for row in rows if row.with_baseline]
    cases = {OURS: cases_of(rows, ours, seed, by=OURS)}
    if compared and baseline:
        cases[BASELINE] = cases_of(compared, baseline, seed, by=BASELINE, among_ways=ON_WORKER)
    _prepare(world, rows, [case for of in cases.values() for case in of], seed)
    runs = {by: _start(world, by, of) for by, of in cases.items()}
    disturbed = _attend(runs, rows[0].disturbance, deadline=started + patience)
    time.sleep(_AFTERMATH_SECONDS.get(rows[0].disturbance, 0))
    state = world.directcall.server.state()
    seconds = time.monotonic() - started
    results = {row.name: RowResult(row, seed, seconds, disturbed) for row in rows}
    for by, of in cases.items():
        effects = effects_in(state, of)
        reports = _reports(runs[by], of)
        for case in of:
            verdict = judge(case, reports[case.name], effects[case.name])
            results[case.row.name].verdicts.setdefault(by, []).append(verdict)
    for run in runs.values():
        if not run.is_over:
            run.give_up()
    return list(results.values())


def _prepare(world: World, rows: Sequence[Row], cases: Sequence[Case], seed: int) -> None:
    (setting,) = {row.setting for row in rows}
    server = world.directcall.server
    server.reset()
    server.configure(pace=setting.pace, statement_delay=setting.statement_seconds * setting.pace)
    server.inject(*setting.faults())
    for row in rows:
        server.inject(*row.faults(seed, [case.name for case in cases if case.row is row]))


def _start(world: World, by: str, cases: Sequence[Case]) -> Run:
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
    return Run(world, by, world.airflow.trigger(by, {"cases_file": str(path)}), len(cases))


def _attend(runs: dict[str, Run], disturbance: Disturbance | None, *, deadline: float) -> bool:
    """Poll until all runs are over and disturb them at the right moment; return whether that happened."""
    steps = [STEPS[disturbance]] if disturbance is not None else []
    while time.monotonic() < deadline:
        runs[OURS].world.airflow.check_alive()
        if steps and _tolerantly(lambda: steps[0](runs[OURS])):
            steps.clear()
        elif _tolerantly(lambda: all(run.is_over for run in runs.values())):
            break
        time.sleep(_LOOK_SECONDS)
    return not steps


def _tolerantly(look: Callable[[], bool]) -> bool:
    """Return the result of a look, or False while Airflow's API does not answer because a component is down."""
    try:
        return look()
    except httpx.HTTPError:
        return False


def _reports(run: Run, cases: Iterable[Case]) -> dict[str, Report]:
    """Return the report of each task, by the name of its case."""
    tasks = {(str(task["task_id"]), task["map_index"]): task for task in run.mapped_tasks()}
    reports = {}
    for position, case in enumerate(cases):
        place = (case.kind.value, case.map_index) if run.dag_id == OURS else ("send", position)
        reports[case.name] = _report(run, *place, tasks.get(place))
    return reports


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
