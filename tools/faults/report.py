"""The results as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tools.faults.harness import BASELINE, OURS, RowResult
from tools.faults.judge import Tally, Verdict
from tools.faults.rows import Ending
from tools.live_airflow import JsonObject

_COLUMNS = ("sends", "effects twice", "silent losses", "sent", "refused", "unknown", "not sent", "tries")
#: Endings in the order of the columns; all others are in "not sent".
_COLUMN_ENDINGS = (Ending.SENT, Ending.REFUSED, Ending.UNKNOWN)


def total(results: Iterable[RowResult], by: str) -> Tally:
    """Add up all results of one side."""
    tally = Tally()
    for result in results:
        tally.merge(result.tally(by))
    return tally


def show(results: Sequence[RowResult], console: Console) -> None:
    """Print a table for each side, and the surprises."""
    for by in (OURS, BASELINE):
        table = Table(title=by, title_justify="left")
        table.add_column("fault")
        for column in _COLUMNS:
            table.add_column(column, justify="right")
        for result in results:
            if by in result.verdicts:
                table.add_row(result.row.name, *_cells(result.tally(by)))
        table.add_section()
        table.add_row("all", *_cells(total(results, by)))
        console.print(table)
    for result in results:
        if not result.disturbed:
            console.print(f"{result.row.name}: the disturbance did not take place", markup=False)
        for verdict in result.surprises:
            console.print(f"{result.row.name}: {sentence(verdict)}", markup=False)


def as_json(results: Sequence[RowResult]) -> JsonObject:
    """Return the results with every surprise in full."""
    return {
        "rows": [_row(result) for result in results],
        "totals": {by: _tally(total(results, by)) for by in (OURS, BASELINE)},
    }


def _row(result: RowResult) -> JsonObject:
    return {
        "fault": result.row.name,
        "meaning": result.row.meaning,
        "seed": result.seed,
        "seconds": round(result.seconds, 1),
        "disturbed": result.disturbed,
        **{by: _tally(result.tally(by)) for by in result.verdicts},
        "surprises": [_verdict(verdict) for verdict in result.surprises],
    }


def _tally(tally: Tally) -> JsonObject:
    return {**asdict(tally), "endings": {ending.value: tally.endings[ending] for ending in Ending}}


def _verdict(verdict: Verdict) -> JsonObject:
    return {
        "case": verdict.case.name,
        "way": verdict.case.way.value,
        "ending": verdict.ending.value,
        "made": verdict.effects.made,
        "undone": verdict.effects.undone,
        "duplicates": verdict.duplicates,
        "lost": verdict.is_lost,
        "tries": verdict.tries,
        "error": verdict.error,
    }


def _cells(tally: Tally) -> list[str]:
    reported = [tally.endings[ending] for ending in _COLUMN_ENDINGS]
    twice = f"{tally.duplicates} (+{tally.by_design} asked for)" if tally.by_design else str(tally.duplicates)
    counts = [tally.lost, *reported, tally.sends - sum(reported), tally.tries]
    return [str(tally.sends), twice, *map(str, counts)]


def sentence(verdict: Verdict) -> str:
    """Describe one send: its effects, its ending and the error of its task."""
    case, effects = verdict.case, verdict.effects
    lost = ", lost" if verdict.is_lost else ""
    undone = f" ({effects.undone} undone)" if effects.undone else ""
    error = f": {verdict.error}" if verdict.error else ""
    return f"{case.name} ({case.way}): {effects.made} effects{undone}{lost}, ended as {verdict.ending}{error}"
