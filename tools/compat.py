"""Run tests on the other Airflows: older ones have no task state store and no shared streams, 3.4 empties the store.

Run by ``make compat``. First the rooms, in one process: the example DAGs are parsed, and sensors, watchers, the
notifier, the decorator, the receiver, archives, exports and the campaigns' task group run against the sandbox. Then the
fault matrix on a whole Airflow; ``--rooms`` leaves it out, and ``--airflow 3.1`` chooses one minor. Each file in
``constraints/`` except for that of ``make`` itself gets an environment with the source tree, its dependencies and the
development tools. Environments are kept in ``.cache/compat`` and rebuilt when the constraints or the project's
requirements change. The exit code is 0 when all pass, else 1.
"""

from __future__ import annotations

import argparse
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
_ROOMS: Final = (
    "tests/runtime/test_example_files.py",
    "tests/decorators",
    "tests/notifications",
    "tests/plugin",
    "tests/sensors",
    "tests/task_groups",
    "tests/triggers/test_watchers.py",
    "tests/operators/test_archive_recordings.py",
    "tests/operators/test_export_statement.py",
    "tests/operators/test_webhooks.py",
)
#: An older Airflow warns of its own parts.
_IN_PROCESS: Final = ("-m", "not airflow and not long", "-W", "default")
_FAULTS: Final = ("-m", "faults", "tests/processes/test_delivery_faults.py")


def other_airflows() -> list[Path]:
    """Return the constraints files of all Airflows except for the one that ``make`` works with."""
    return [path for path in sorted((ROOT / "constraints").glob("airflow-*.txt")) if path.stem != _OF_MAKE]


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


def check(constraints: Path, arguments: Sequence[str], *, only_rooms: bool = False) -> bool:
    """Return whether all tests pass with one Airflow; the matrix runs after a failure too.

    :param arguments: further arguments for pytest.
    :param only_rooms: leave the matrix out.
    """
    started = time.monotonic()
    python = installed(constraints)
    ready = time.monotonic()
    rounds = [(*_IN_PROCESS, *_ROOMS)] if only_rooms else [(*_IN_PROCESS, *_ROOMS), _FAULTS]
    codes = [_run([str(python), "-m", "pytest", *tests, *arguments], check=False).returncode for tests in rounds]
    took = f"{ready - started:.0f} s to install, {time.monotonic() - ready:.0f} s to run"
    print(f"{constraints.stem}: {'failed' if any(codes) else 'passed'} ({took})", flush=True)
    return not any(codes)


def main(arguments: Sequence[str] = ()) -> int:
    """Check every other Airflow, also after a failure; return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.compat", description="Run tests on the other Airflows.")
    parser.add_argument("--rooms", action="store_true", help="leave the fault matrix out")
    parser.add_argument("--airflow", metavar="MINOR", action="append", help="such as 3.1; repeatable; default: all")
    options, rest = parser.parse_known_args(arguments)
    chosen = [
        path
        for path in other_airflows()
        if not options.airflow or path.stem.removeprefix("airflow-") in options.airflow
    ]
    passed = [check(constraints, rest, only_rooms=options.rooms) for constraints in chosen]
    print("compat passed" if passed and all(passed) else "compat failed")
    return 0 if passed and all(passed) else 1


def _run(command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    variables = clean_variables(os.environ, ENVIRONMENTS / "airflow")
    return subprocess.run(command, cwd=ROOT, env=variables, check=check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
