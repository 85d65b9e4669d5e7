"""Import time of our modules over ``import airflow.sdk``, paid by every DAG file at each parse. Target: at most 5 %.

Each sample is a fresh process that imports and times airflow.sdk, then all operator, sensor, trigger and link modules.
"""

from __future__ import annotations

import json
import pkgutil
import statistics
import subprocess
import sys

import airflow_provider_directcall

SAMPLES = 7
PACKAGES = ("task_groups", "operators", "sensors", "triggers", "links")
#: Libraries that our modules must not load into a DAG file.
HEAVY = ("polars", "httpx", "phonenumbers", "holidays", "tenacity", "pydantic", "starlette", "uvicorn")

_SAMPLE = """
import importlib, json, sys, time
modules, heavy = json.loads(sys.argv[1])
started = time.perf_counter()
import airflow.sdk
airflow_seconds = time.perf_counter() - started
before = set(sys.modules)
started = time.perf_counter()
for name in modules:
    importlib.import_module(name)
ours_seconds = time.perf_counter() - started
loaded = sorted(name for name in heavy if name in sys.modules and name not in before)
print(json.dumps([airflow_seconds, ours_seconds, loaded]))
"""


def modules() -> list[str]:
    """Return every module that a DAG file can import from us."""
    root = airflow_provider_directcall.__path__
    packages = [info.name for info in pkgutil.iter_modules(root) if info.name in PACKAGES]
    return [
        f"airflow_provider_directcall.{package}.{info.name}"
        for package in packages
        for info in pkgutil.iter_modules([f"{root[0]}/{package}"])
    ]


def sample() -> tuple[float, float, list[str]]:
    """Return the seconds for Airflow, the seconds for ours, and the heavy libraries that ours loaded."""
    arguments = json.dumps([modules(), HEAVY])
    done = subprocess.run([sys.executable, "-c", _SAMPLE, arguments], capture_output=True, check=True, text=True)
    airflow_seconds, ours_seconds, loaded = json.loads(done.stdout.splitlines()[-1])
    return airflow_seconds, ours_seconds, loaded


def main() -> None:
    """Print the median ratio of several fresh processes."""
    sample()
    samples = [sample() for _ in range(SAMPLES)]
    ratios = [ours / airflow for airflow, ours, _ in samples]
    loaded = sorted({name for _, _, names in samples for name in names})
    print(f"modules imported: {len(modules())}; heavy libraries loaded by them: {', '.join(loaded) or 'none'}")
    print(f"added to import airflow.sdk: {statistics.median(ratios):.1%} (from {min(ratios):.1%} to {max(ratios):.1%})")


if __name__ == "__main__":
    main()
