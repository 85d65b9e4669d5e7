"""Run tests on the other Airflows: older ones have no task state store and no shared streams, 3.4 empties the store.

Run by ``make compat``. First the rooms, in one process: the example DAGs are parsed, and sensors, watchers, the
notifier, the decorator, the receiver, archives, exports and the campaigns' task group run against the sandbox. Then
the fault matrix on a whole Airflow, and the page Telephony in a real browser. ``--part rooms`` chooses one of the
three, and ``--airflow 3.1`` one minor. Each file in ``constraints/`` except for that of ``make`` itself gets an
environment with the source tree, its dependencies and the development tools. Environments are kept in
``.cache/compat`` and rebuilt when the constraints or the project's requirements change. The exit code is 0 when all
pass, else 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
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
_IN_PROCESS: Final = ("-m", "not airflow and not browser and not long", "-W", "default")
_PARTS: Final[Mapping[str, Sequence[str]]] = {
    "rooms": (*_IN_PROCESS, *_ROOMS),
    "faults": ("-m", "faults", "tests/processes/test_delivery_faults.py"),
    "page": ("-m", "browser", "tests/plugin/test_page_in_a_browser.py"),
}


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
        _run([*install, "--editable", str(ROOT), "--group", "dev", "--group", "browser", *packages])
        stamp.touch()
    return python


def check(constraints: Path, parts: Collection[str], arguments: Sequence[str]) -> bool:
    """Return whether all tests pass with one Airflow; each part runs after a failure of another too.

    :param parts: which parts.
    :param arguments: further arguments for pytest.
    """
    started = time.monotonic()
    python = installed(constraints)
    ready = time.monotonic()
    codes = {
        part: _run([str(python), "-m", "pytest", *tests, *arguments], check=False).returncode
        for part, tests in _PARTS.items()
        if part in parts
    }
    failed = [part for part, code in codes.items() if code]
    took = f"{ready - started:.0f} s to install, {time.monotonic() - ready:.0f} s to run"
    result = f"failed: {', '.join(failed)}" if failed else "passed"
    print(f"{constraints.stem}: {result} ({took})", flush=True)
    return not failed


def main(arguments: Sequence[str] = ()) -> int:
    """Check every other Airflow, also after a failure; return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.compat", description="Run tests on the other Airflows.")
    parser.add_argument("--part", choices=_PARTS, action="append", help="repeatable; default: all")
    parser.add_argument("--airflow", metavar="MINOR", action="append", help="such as 3.1; repeatable; default: all")
    options, rest = parser.parse_known_args(arguments)
    chosen = [
        path
        for path in other_airflows()
        if not options.airflow or path.stem.removeprefix("airflow-") in options.airflow
    ]
    passed = [check(constraints, options.part or list(_PARTS), rest) for constraints in chosen]
    print("compat passed" if passed and all(passed) else "compat failed")
    return 0 if passed and all(passed) else 1


def _run(command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    variables = clean_variables(os.environ, ENVIRONMENTS / "airflow")
    return subprocess.run(command, cwd=ROOT, env=variables, check=check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
