"""Import time of our modules over ``import airflow.sdk``, paid by every DAG file at each parse. Target: at most 5 %.

Each sample is a fresh process that imports and times airflow.sdk, then all operator, sensor, trigger and link modules.
Every process of Airflow, each task's among them, also loads the plugin; it is measured in the same way, alone.
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
HEAVY = ("polars", "httpx", "phonenumbers", "holidays", "tenacity", "pydantic", "fastapi", "starlette", "uvicorn")
PLUGIN = "airflow_provider_directcall.plugin"

_SAMPLE = """
import importlib, json, sys, time
modules, heavy = json.loads(sys.argv[1])
started = time.perf_counter()
import airflow.sdk
from airflow.providers.common.compat.sdk import AirflowPlugin
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


def sample(names: list[str]) -> tuple[float, float, list[str]]:
    """Return the seconds for Airflow, the seconds for ours, and the heavy libraries that ours loaded."""
    arguments = json.dumps([names, HEAVY])
    done = subprocess.run([sys.executable, "-c", _SAMPLE, arguments], capture_output=True, check=True, text=True)
    airflow_seconds, ours_seconds, loaded = json.loads(done.stdout.splitlines()[-1])
    return airflow_seconds, ours_seconds, loaded


def ratios(names: list[str]) -> str:
    """Return how much longer imports take, as the median of fresh processes, and the heavy libraries that they load."""
    sample(names)
    samples = [sample(names) for _ in range(SAMPLES)]
    found = [ours / airflow for airflow, ours, _ in samples]
    loaded = sorted({name for _, _, heavy in samples for name in heavy})
    span = f"{statistics.median(found):.1%} (from {min(found):.1%} to {max(found):.1%})"
    return f"{span}; heavy libraries loaded: {', '.join(loaded) or 'none'}"


def main() -> None:
    """Print the median ratios."""
    print(f"modules imported: {len(modules())}")
    print(f"added to import airflow.sdk: {ratios(modules())}")
    print(f"added by the plugin alone: {ratios([PLUGIN])}")


if __name__ == "__main__":
    main()
