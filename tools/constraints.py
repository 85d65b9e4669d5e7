"""Renew ``constraints/airflow-3.x.txt``, one file for each supported Airflow minor, and ``constraints/docs.txt``.

Run by ``make constraints``. Each of the first pins the newest patch release of that Airflow, the project's dependencies
and its tools, the last the tools of the documentation site, for every supported Python version (with markers where they
differ).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINORS = ("3.1", "3.2", "3.3", "3.4")
#: Minors of which there is no release yet: the beta to take, with its parts, which uv takes by name only.
BETAS = {"3.4": ("apache-airflow==3.4.0b2", "apache-airflow-core==3.4.0b2", "apache-airflow-task-sdk==1.4.0b2")}
OLDEST_PYTHON = "3.11"
#: Versions that an Airflow's own requirements allow, and that break it.
UPPER_BOUNDS = {
    # Its API server does not start with later ones, which reject the discriminators of its unions.
    "3.2": ("fastapi<0.140",),
}
PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.!+]*( ; .+)?")
HEADER = """\
# Apache Airflow {airflow} with all that the project and its tools need, for Python {python} and newer.
# Made by a tool; do not edit. Renew with: make constraints
"""
DOCS_HEADER = """\
# What builds the documentation site, for Python {python} and newer.
# Made by a tool; do not edit. Renew with: make constraints
"""


class UnpinnedLineError(ValueError):
    """The resolver printed a line other than ``name==version ; marker``."""


def pins(resolved: str) -> list[str]:
    """Return the pins in the resolver's output, in order.

    :raises UnpinnedLineError: another line, such as an address, a path or a hash, which must not get into the files.
    """
    lines = [line.strip() for line in resolved.splitlines() if line.strip()]
    for line in lines:
        if not PIN.fullmatch(line):
            raise UnpinnedLineError(f"expected name==version, the resolver printed: {line}")
    return lines


def resolve(requirements: Iterable[str], *project: str) -> list[str]:
    """Return all pins that satisfy ``requirements`` and the given uv arguments.

    :raises SystemExit: a conflict; uv has printed its reasons.
    """
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "airflow.in"
        wanted.write_text("\n".join(requirements), encoding="utf-8")
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"),
            *("--universal", "--python-version", OLDEST_PYTHON, *project, str(wanted)),
        ]
        answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode:
        raise SystemExit(answer.returncode)
    return pins(answer.stdout)


def newest_patch(minor: str) -> str:
    """Return the newest release of an Airflow minor, such as ``3.3.2`` for ``3.3``.

    Resolved alone: together with the project's requirements, a conflict would silently select an old patch release.
    """
    found = resolve([f"apache-airflow~={minor}.0"])
    return next(pin.removeprefix("apache-airflow==") for pin in found if pin.startswith("apache-airflow=="))


def renew(minor: str) -> None:
    """Write the constraints file of one Airflow minor."""
    wanted = BETAS.get(minor) or (f"apache-airflow=={newest_patch(minor)}",)
    airflow = wanted[0].removeprefix("apache-airflow==")
    bounds = UPPER_BOUNDS.get(minor, ())
    resolved = resolve([*wanted, *bounds], "pyproject.toml", "--group", "dev", "--group", "browser")
    write(f"airflow-{minor}.txt", HEADER.format(airflow=airflow, python=OLDEST_PYTHON), resolved)


def write(name: str, header: str, resolved: list[str]) -> None:
    """Write one constraints file."""
    target = ROOT / "constraints" / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(header + "\n".join(resolved) + "\n", encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(resolved)} pins")


def main() -> None:
    """Renew the files of all supported minors, and that of the site."""
    for minor in MINORS:
        renew(minor)
    write("docs.txt", DOCS_HEADER.format(python=OLDEST_PYTHON), resolve([], "--group", "docs"))


if __name__ == "__main__":
    main()
