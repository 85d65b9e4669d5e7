"""Figures of a measurement beside their targets, a line each."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from tools.live_campaigns.traces import Searcher, search_home


class Targets:
    """Prints each figure, and keeps the names of the targets that were missed."""

    def __init__(self) -> None:
        self._missed: list[str] = []

    def check(self, name: str, passed: bool, figure: str) -> None:
        """Print a line."""
        if not passed:
            self._missed.append(name)
        print(f"{'PASS' if passed else 'FAIL'}  {name}: {figure}", flush=True)

    def search(self, home: Path, secrets: Collection[str], sample: str) -> None:
        """Search an AIRFLOW_HOME for personal data: its database, and its logs.

        :param sample: has a value of each kind that could be there: a search that finds nothing proves something only
            if it finds those.
        """
        kinds = Searcher(secrets).kinds(sample.encode())
        traces = search_home(home, secrets)
        self.check("no personal data kept", not traces.found and {"number", "text", "token"} <= kinds, str(traces))

    def end(self, root: Path, *, stays: bool) -> int:
        """Print the result, and return the exit code.

        :param root: the folder of all files, which is removed unless a target was missed.
        :param stays: never remove it.
        """
        print(f"FAILED: {', '.join(self._missed)}; the files are in {root}" if self._missed else "passed")
        if not (stays or self._missed):
            shutil.rmtree(root, ignore_errors=True)
        return 1 if self._missed else 0
