"""Peak memory of reading a statement of 200,000 rows, compared with one of 2,000. Target: less than 100 MB more.

A separate process reads each statement row by row; the operating system reports its peak.
"""

from __future__ import annotations

import json
import subprocess
import sys

import httpx

from bench._sandbox_process import sandbox_process

SMALL, LARGE = 2_000, 200_000
#: The large statement fills ten weeks of the window.
SECONDS_BETWEEN_ROWS = 30

_READER = """
import json, resource, sys
from datetime import datetime
from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.settings import Settings
url, since, until = json.loads(sys.argv[1])
settings = Settings(client_id="sandbox@example.com", client_secret="sandbox-secret", base_url=url)
with Client(settings) as client:
    listing = methods.list_statement(datetime.fromisoformat(since), datetime.fromisoformat(until))
    rows = sum(1 for _ in client.rows(listing))
print(json.dumps([rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
WINDOW = ("2026-01-01T00:00:00-03:00", "2026-12-31T23:59:59-03:00")


def peak_megabytes(rows: int) -> float:
    """Return the peak memory of a process that reads that many rows."""
    with sandbox_process() as settings:
        seeded = httpx.post(
            f"{settings.base_url}/_sandbox/seed",
            json={"count": rows, "first_at": WINDOW[0], "step_seconds": SECONDS_BETWEEN_ROWS},
            timeout=120,
        )
        seeded.raise_for_status()
        argument = json.dumps([settings.base_url, *WINDOW])
        done = subprocess.run([sys.executable, "-c", _READER, argument], capture_output=True, check=True, text=True)
    read, megabytes = json.loads(done.stdout)
    if read != rows:
        raise RuntimeError(f"{rows} rows were there, and {read} were read")
    return float(megabytes)


def main() -> None:
    """Print both peaks and their difference."""
    small, large = peak_megabytes(SMALL), peak_megabytes(LARGE)
    print(f"peak memory: {large:.0f} MB for {LARGE:,} rows, {small:.0f} MB for {SMALL:,} rows")
    print(f"more for the large one: {large - small:.0f} MB ({large / small:.2f} times)")


if __name__ == "__main__":
    main()
