"""Accepted contacts in the order of their priority, over all batches: on disk, as a list may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

#: Rows that are sorted at once, and of which one is remembered.
_ROWS_AT_ONCE: Final = 200_000
_SAMPLED: Final = 256
_ORDER: Final = "_order"


class PriorityOrder:
    """Keeps contacts on disk until all are known.

    :param scratch: an empty private folder of this machine; the caller removes it.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._runs: list[_Run] = []
        self._samples: list[pl.Series] = []

    def add(self, contacts: pl.DataFrame) -> None:
        """Keep contacts with the column ``priority``."""
        path = self._scratch / f"{len(self._runs)}.arrow"
        ordered = contacts.with_columns((-pl.col("priority")).alias(_ORDER)).sort(_ORDER, maintain_order=True)
        ordered.drop("priority").write_ipc(path)
        self._runs.append(_Run(path))
        self._samples.append(ordered.get_column(_ORDER).gather_every(_SAMPLED))

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield the contacts, those of the highest priority first, those of one priority in the order of their rows."""
        samples = pl.concat(self._samples).sort() if self._samples else pl.Series(dtype=pl.Int64)
        cuts: list[int | None] = [*samples.gather_every(_ROWS_AT_ONCE // _SAMPLED).unique(maintain_order=True), None]
        for cut in cuts:
            before = [run.taken(cut, inclusive=False) for run in self._runs]
            if any(map(len, before)):
                yield pl.concat(before).sort(_ORDER, maintain_order=True).drop(_ORDER)
            # One priority may have any number of contacts; they are in order as they are.
            yield from (run.taken(cut, inclusive=True).drop(_ORDER) for run in self._runs if cut is not None)


@dataclass
class _Run:
    """A sorted file.

    :ivar begin: its first row that was not taken yet.
    """

    path: Path
    begin: int = 0

    def taken(self, cut: int | None, *, inclusive: bool) -> pl.DataFrame:
        """Take the rows before a place of the order, or up to it; None takes the rest."""
        rows = pl.scan_ipc(self.path)
        begin, length = self.begin, None
        if cut is not None:
            order = rows.select(_ORDER).collect().get_column(_ORDER)
            self.begin = int(order.search_sorted(cut, side="right" if inclusive else "left"))
            length = self.begin - begin
        return rows.slice(begin, length).collect()
