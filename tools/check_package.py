"""Build the wheel, install it in clean environments and check that Airflow lists the provider.

Run by ``make package``. The wheel is built from the source distribution, so both are checked. Each file in
``constraints/``, that is each supported Airflow minor, gets an environment that holds the wheel and its dependencies
only, in a temporary directory. The exit code is 0 when all checks pass, else 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTION = "airflow-provider-directcall"
PACKAGE = "airflow_provider_directcall"
CONNECTION_TYPE = "directcall"
HOOK = f"{PACKAGE}.hooks.directcall.DirectcallHook"
BUILD_CONSTRAINTS = ROOT / "constraints" / "airflow-3.3.txt"
REQUIRED_IN_PACKAGE = ("py.typed", "provider_info.py")
REQUIRED_IN_METADATA = ("entry_points.txt", "licenses/LICENSE", "licenses/NOTICE")
# Variables that would leak the developer's own Airflow or source tree into the clean environments.
FOREIGN_VARIABLES = ("AIRFLOW_", "COVERAGE_", "PYTEST_", "PYTHON", "VIRTUAL_ENV")
# Fails on a module with an undeclared dependency. Only the pytest plugin may import pytest.
IMPORT_ALL = f"""
import importlib, pkgutil, {PACKAGE} as package
found = [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in found:
    if name.split(".")[1] != "testing" and not name.endswith(".__main__"):
        importlib.import_module(name)
print(len(found))
"""


class PackageError(Exception):
    """The built package is not usable; the text names the reason."""


def clean_variables(variables: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment variables for a clean environment, with ``home`` as AIRFLOW_HOME."""
    kept = {name: value for name, value in variables.items() if not name.startswith(FOREIGN_VARIABLES)}
    return kept | {"AIRFLOW_HOME": str(home)}


def run(command: list[str], scratch: Path) -> str:
    """Run a command inside ``scratch`` and return its standard output.

    :raises PackageError: the command failed.
    """
    variables = clean_variables(os.environ, scratch / "airflow")
    done = subprocess.run(command, cwd=scratch, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(scratch: Path) -> Path:
    """Build the wheel into ``scratch``, from the source distribution."""
    uv = [sys.executable, "-m", "uv", "build", "--quiet", "--build-constraints", str(BUILD_CONSTRAINTS)]
    run([*uv, "--out-dir", str(scratch / "dist"), str(ROOT)], scratch)
    wheels = list((scratch / "dist").glob("*.whl"))
    if len(wheels) != 1:
        raise PackageError(f"expected one wheel, found {[wheel.name for wheel in wheels]}")
    return wheels[0]


def contents_faults(names: Iterable[str], version: str) -> list[str]:
    """Return one sentence for each fault in the file names of a wheel."""
    present = set(names)
    metadata = f"{PACKAGE}-{version}.dist-info"
    required = [f"{PACKAGE}/{name}" for name in REQUIRED_IN_PACKAGE]
    required += [f"{metadata}/{name}" for name in REQUIRED_IN_METADATA]
    unexpected = sorted(name for name in present if name.split("/")[0] not in (PACKAGE, metadata))
    tests = sorted(name for name in present if "tests" in Path(name).parts and name not in unexpected)
    faults = [f"the wheel lacks {name}" for name in required if name not in present]
    faults += [f"the wheel holds a file outside the package: {name}" for name in unexpected]
    return faults + [f"the wheel holds a test: {name}" for name in tests]


def parse_rows(output: str) -> list[dict[str, str]]:
    """Return the rows printed by ``airflow ... --output json``, below any log lines."""
    lines = [line for line in output.splitlines() if line.startswith("[{")]
    if not lines:
        raise PackageError(f"no rows in the answer of Airflow:\n{output}")
    rows: list[dict[str, str]] = json.loads(lines[-1])
    return rows


def provider_faults(providers: list[dict[str, str]], hooks: list[dict[str, str]], version: str) -> list[str]:
    """Return one sentence for each fault in Airflow's lists of providers and hooks."""
    versions = [row["version"] for row in providers if row["package_name"] == DISTRIBUTION]
    classes = [row["class"] for row in hooks if row["connection_type"] == CONNECTION_TYPE]
    faults = []
    if versions != [version]:
        faults.append(f"Airflow lists {DISTRIBUTION} with versions {versions}, expected [{version!r}]")
    if classes != [HOOK]:
        faults.append(f"connection type {CONNECTION_TYPE} has hooks {classes}, expected [{HOOK!r}]")
    return faults


def check_installed(wheel: Path, version: str, constraints: Path, scratch: Path) -> list[str]:
    """Install the wheel under one constraints file; return one sentence for each fault."""
    scratch.mkdir()
    uv = [sys.executable, "-m", "uv"]
    binaries = scratch / "venv" / "bin"
    python = str(binaries / "python")
    run([*uv, "venv", "--quiet", "--python", sys.executable, str(scratch / "venv")], scratch)
    install = [*uv, "pip", "install", "--quiet", "--python", python, "--constraints", str(constraints)]
    run([*install, f"{wheel}[campaigns,redis,report]"], scratch)
    modules = run([python, "-c", IMPORT_ALL], scratch).split()[-1]
    print(f"  {modules} modules import without development tools")
    run([str(binaries / "directcall-sandbox"), "--help"], scratch)
    print("  directcall-sandbox starts")
    airflow = [str(binaries / "airflow"), "providers"]
    faults = provider_faults(
        parse_rows(run([*airflow, "list", "--output", "json"], scratch)),
        parse_rows(run([*airflow, "hooks", "--output", "json"], scratch)),
        version,
    )
    if not faults:
        print(f"  Airflow lists {DISTRIBUTION} {version} and the connection type {CONNECTION_TYPE}")
    return faults


def check(scratch: Path) -> list[str]:
    """Run all checks inside ``scratch``; return one sentence for each fault."""
    print("Building the source distribution, and the wheel from it")
    wheel = build(scratch)
    version = str(parse_wheel_filename(wheel.name)[1])
    with zipfile.ZipFile(wheel) as archive:
        faults = contents_faults(archive.namelist(), version)
    print(f"  {wheel.name}, {wheel.stat().st_size // 1024} KiB")
    if faults:
        return faults
    for constraints in sorted((ROOT / "constraints").glob("*.txt")):
        print(f"Installing it in a clean environment, {constraints.name}")
        faults += check_installed(wheel, version, constraints, scratch / constraints.stem)
    return faults


def main() -> int:
    """Run the checks, print progress and faults, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="check-package-") as scratch:
        try:
            faults = check(Path(scratch))
        except PackageError as error:
            faults = [str(error)]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    print("package failed" if faults else "package passed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
