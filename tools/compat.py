"""Run the fault matrix on the other Airflows: older ones have no task state store, 3.4 empties it on Clear.

Run by ``make compat``. Each file in ``constraints/`` except for that of ``make`` itself gets an environment with the
source tree, its dependencies and the development tools. Environments are kept in ``.cache/compat`` and rebuilt when the
constraints or the project's requirements change. The exit code is 0 when all pass, else 1.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.check_package import clean_variables

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENTS: Final = ROOT / ".cache" / "compat"
#: Tested by ``make faults``.
_OF_MAKE: Final = "airflow-3.3"
_TESTS: Final = ("tests/processes/test_delivery_faults.py",)


def other_airflows() -> list[Path]:
    """Return the constraints files of all Airflows except for the one that ``make`` works with."""
    return [path for path in sorted((ROOT / "constraints").glob("*.txt")) if path.stem != _OF_MAKE]


def environment_of(constraints: Path, *packages: str) -> Path:
    """Return the folder of the environment; it depends on the constraints and the requirements."""
    wanted = constraints.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + f"{sys.version} {packages}".encode()
    return ENVIRONMENTS / f"{constraints.stem}-{hashlib.sha256(wanted).hexdigest()[:12]}"


def installed(constraints: Path, *packages: str) -> Path:
    """Install the environment if needed and return its Python.

    :param packages: further requirements.
    :raises CalledProcessError: the installation failed.
    """
    environment = environment_of(constraints, *packages)
    python, stamp = environment / "bin" / "python", environment / "installed"
    if not stamp.exists():
        uv = [sys.executable, "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)])
        limits = ["--constraints", str(constraints), "--build-constraints", str(constraints)]
        install = [*uv, "pip", "install", "--quiet", "--python", str(python), *limits]
        _run([*install, "--editable", str(ROOT), "--group", "dev", *packages])
        stamp.touch()
    return python


def check(constraints: Path, arguments: Sequence[str]) -> bool:
    """Return whether the matrix passes with one Airflow.

    :param arguments: further arguments for pytest.
    """
    started = time.monotonic()
    python = installed(constraints)
    ready = time.monotonic()
    done = _run([str(python), "-m", "pytest", "-m", "faults", *_TESTS, *arguments], check=False)
    took = f"{ready - started:.0f} s to install, {time.monotonic() - ready:.0f} s to run"
    print(f"{constraints.stem}: {'failed' if done.returncode else 'passed'} ({took})", flush=True)
    return done.returncode == 0


def main(arguments: Sequence[str] = ()) -> int:
    """Check every other Airflow, also after a failure; return the exit code."""
    passed = [check(constraints, arguments) for constraints in other_airflows()]
    print("compat passed" if all(passed) else "compat failed")
    return 0 if all(passed) else 1


def _run(command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    variables = clean_variables(os.environ, ENVIRONMENTS / "airflow")
    return subprocess.run(command, cwd=ROOT, env=variables, check=check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
