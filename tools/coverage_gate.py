"""Fails when too few branches were taken: ``python -m tools.coverage_gate coverage.json``.

Coverage's own ``fail_under`` looks at statements and branches together, and statements hide missing branches.
The limit is the same ``fail_under`` of pyproject.toml.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def limit(pyproject: Path = PYPROJECT) -> float:
    """The least share of branches in percent."""
    tools = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]
    return float(tools["coverage"]["report"]["fail_under"])


def taken(report: Path) -> float:
    """The share of branches taken, in percent, of a report by ``coverage json``.

    Raises ValueError when the report has no branches: then nothing was measured.
    """
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    if not totals.get("num_branches"):
        raise ValueError(f"{report} holds no branches: was branch coverage on?")
    return 100.0 * float(totals["covered_branches"]) / float(totals["num_branches"])


def main(arguments: list[str]) -> int:
    """Prints the share and returns the exit code: 0 at or above the limit, 1 below."""
    share, least = taken(Path(arguments[0])), limit()
    print(f"branches taken: {share:.1f} % (at least {least:g} %)")
    return 0 if share >= least else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
