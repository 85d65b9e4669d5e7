"""Fail when branch coverage is too low: ``python -m tools.coverage_gate coverage.json``.

Coverage's own ``fail_under`` mixes statements and branches, so statements hide missing branches. The limit is the same
``fail_under`` of pyproject.toml.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def limit(pyproject: Path = PYPROJECT) -> float:
    """Return the lowest accepted branch coverage, in percent."""
    tools = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]
    return float(tools["coverage"]["report"]["fail_under"])


def taken(report: Path) -> float:
    """Return the branch coverage, in percent, of a report by ``coverage json``.

    :raises ValueError: the report has no branches, so nothing was measured.
    """
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    if not totals.get("num_branches"):
        raise ValueError(f"{report} holds no branches: was branch coverage on?")
    return 100.0 * float(totals["covered_branches"]) / float(totals["num_branches"])


def main(arguments: list[str]) -> int:
    """Print the branch coverage; return 0 at or above the limit, else 1."""
    share, least = taken(Path(arguments[0])), limit()
    print(f"branches taken: {share:.1f} % (at least {least:g} %)")
    return 0 if share >= least else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
