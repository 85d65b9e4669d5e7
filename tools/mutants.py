"""Plant mistakes in the code of once-only sending and check that its tests find them.

Run by ``make mutants``; mutmut makes the mutants (``[tool.mutmut]`` in pyproject.toml), in an environment of its own. A
seed draws a sample of them. The exit code is 1 when one survives. A mutant that cannot change the behaviour is marked
in the source by ``# pragma: no mutate`` and the reason.

    python -m tools.mutants [--sample 40] [--seed 1] [NAME ...]
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.check_package import BUILD_CONSTRAINTS, clean_variables
from tools.compat import ROOT, installed

MUTMUT: Final = "mutmut==3.8.1"

_NOT_KILLED: Final = frozenset({"survived", "no tests", "suspicious"})
_RESULT: Final = re.compile(r"^ +(\S+): ([a-z ]+)$", re.MULTILINE)
#: Matches no mutant: mutmut makes all of them, measures their tests and fails.
_NONE: Final = "none*"


def results(output: str) -> dict[str, str]:
    """Return the state of each mutant from the output of ``mutmut results``."""
    return dict(_RESULT.findall(output))


def sample(names: Sequence[str], size: int, seed: int) -> list[str]:
    """Draw mutants; all of them if there are not more."""
    return random.Random(seed).sample(sorted(names), min(size, len(names)))


def changes_prose_only(diff: str) -> bool:
    """Return whether a mutant changes only a text with spaces: wording, which tests may leave open."""
    removed = [line[1:] for line in diff.splitlines() if line.startswith("-") and not line.startswith("---")]
    added = [line[1:] for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    texts = [text for line in removed for text in re.findall(r"""(["'])(.*?)\1""", line)]
    same = [line.replace("XX", "").casefold() for line in added] == [line.casefold() for line in removed]
    return same and any(" " in text for _, text in texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants, print the survivors as diffs and return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.mutants", description="Mutation testing of once-only sending.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants; * is any text")
    parser.add_argument("--sample", type=int, default=40, help="number of mutants, default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample, default %(default)s")
    options = parser.parse_args(arguments)
    mutmut = installed(BUILD_CONSTRAINTS, MUTMUT).parent / "mutmut"
    names = options.names
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    if not names:
        _run(mutmut, "run", _NONE, check=False)
        found = results(_run(mutmut, "results", "--all", "true"))
        if not found:
            raise SystemExit("mutmut made no mutants: see its output with `mutmut run`")
        names = sample(list(found), options.sample, options.seed)
        print(f"{len(found)} mutants, {len(names)} of them drawn with seed {options.seed}", flush=True)
    log = _run(mutmut, "run", "--max-children", "2", *names, check=False)
    states = results(_run(mutmut, "results", "--all", "true"))
    checked = {name: state for name, state in states.items() if state != "not checked"}
    diffs = [_run(mutmut, "show", name) for name, state in checked.items() if state in _NOT_KILLED]
    survivors = [diff for diff in diffs if not changes_prose_only(diff)]
    print(*survivors, sep="\n")
    if not checked:
        print(log)
    prose = len(diffs) - len(survivors)
    print(f"{len(checked)} mutants checked, {len(survivors)} survived; {prose} more with another wording only")
    return 1 if survivors or not checked else 0


def _run(mutmut: Path, *arguments: str, check: bool = True) -> str:
    variables = clean_variables(os.environ, ROOT / ".cache" / "airflow")
    command = [str(mutmut), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout if check else done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
