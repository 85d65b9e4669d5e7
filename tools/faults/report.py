"""Results as lines of JSON, which a later run continues, and as a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.table import Table

from tools.faults.harness import BASELINE, OURS, RowResult
from tools.faults.judge import COUNTS, Tally, Verdict
from tools.faults.rows import Ending

_COLUMNS = ("sends", "twice", "lost", "foreign", "sent", "refused", "unknown", "not sent", "tries", "unknown %")
#: Endings in the order of the columns; all others are in "not sent".
_COLUMN_ENDINGS = (Ending.SENT, Ending.REFUSED, Ending.UNKNOWN)
#: Fields of a summary that are JSON as they are.
_PLAIN = ("fault", "meaning", "seed", "seconds", "disturbed", "surprises")


@dataclass(frozen=True, slots=True)
class Summary:
    """One row's result.

    :ivar fault: the row's name.
    :ivar tallies: by sender.
    :ivar surprises: a sentence on each send of ours that ended otherwise than it may.
    """

    fault: str
    meaning: str
    seed: int
    seconds: float
    disturbed: bool
    tallies: dict[str, Tally] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, result: RowResult) -> Self:
        """Summarize a result."""
        return cls(
            fault=result.row.name,
            meaning=result.row.meaning,
            seed=result.seed,
            seconds=round(result.seconds, 1),
            disturbed=result.disturbed,
            tallies={by: result.tally(by) for by in result.verdicts},
            surprises=[sentence(verdict) for verdict in result.surprises],
        )

    def as_line(self) -> str:
        """Return it as a line of JSON."""
        tallies = {
            by: {**{name: getattr(tally, name) for name in COUNTS}, "endings": tally.endings}
            for by, tally in self.tallies.items()
        }
        return json.dumps({**{name: getattr(self, name) for name in _PLAIN}, "tallies": tallies}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read a line of JSON."""
        fields = json.loads(line)
        tallies = {by: Tally(**tally) for by, tally in fields.pop("tallies").items()}
        for tally in tallies.values():
            tally.endings = Counter({Ending(name): times for name, times in tally.endings.items()})
        return cls(**fields, tallies=tallies)


def read_summaries(path: Path) -> list[Summary]:
    """Return the results of a file; a missing one has none."""
    if not path.exists():
        return []
    return [Summary.from_line(line) for line in path.read_text(encoding="utf-8").splitlines()]


def total(summaries: Iterable[Summary], by: str) -> Tally:
    """Add up all results of one side."""
    tally = Tally()
    for summary in summaries:
        if by in summary.tallies:
            tally.merge(summary.tallies[by])
    return tally


def show(summaries: Sequence[Summary], console: Console) -> None:
    """Print a table for each side, and the surprises."""
    for by in (OURS, BASELINE):
        rows = [summary for summary in summaries if by in summary.tallies]
        if not rows:
            continue
        table = Table(title=by, title_justify="left")
        table.add_column("fault")
        for column in _COLUMNS:
            table.add_column(column, justify="right")
        for summary in rows:
            table.add_row(summary.fault, *_cells(summary.tallies[by]))
        table.add_section()
        table.add_row("all", *_cells(total(rows, by)))
        console.print(table)
    for summary in summaries:
        if not summary.disturbed:
            console.print(f"{summary.fault}: the disturbance did not take place", markup=False)
        for surprise in summary.surprises:
            console.print(f"{summary.fault} (seed {summary.seed}): {surprise}", markup=False)


def _cells(tally: Tally) -> list[str]:
    reported = [tally.endings[ending] for ending in _COLUMN_ENDINGS]
    twice = f"{tally.duplicates} (+{tally.as_asked} asked for)" if tally.as_asked else str(tally.duplicates)
    counts = [tally.lost, tally.foreign, *reported, tally.sends - sum(reported), tally.tries]
    unknown = f"{tally.share_unknown:.0%}" if tally.endings[Ending.UNKNOWN] else ""
    return [str(tally.sends), twice, *map(str, counts), unknown]


def sentence(verdict: Verdict) -> str:
    """Describe one send: its effects, its ending and the error of its task."""
    case, effects = verdict.case, verdict.effects
    faults = [("twice", verdict.duplicates), ("lost", verdict.is_lost), ("foreign result", verdict.is_foreign)]
    found = "".join(f", {word}" for word, is_so in faults if is_so)
    undone = f" ({effects.undone} undone)" if effects.undone else ""
    error = f": {verdict.error}" if verdict.error else ""
    made = f"{effects.made} effects{undone}{found}, ended as {verdict.ending} in {verdict.tries} tries"
    return f"{case.name} to {case.number} ({case.way}, {case.policy}): {made}{error}"
