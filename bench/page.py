"""The cost of an open page Telephony while a campaign runs: requests and bytes a minute, and the API server's CPU time.

The page shows a campaign of 100,000 contacts in ten chunks while it is sent. Minutes with a page and without one take
turns; the CPU time is that of all processes of the API server, which works for the campaign's tasks as well.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tools.browser import MISSING, chromium, headless_browser
from tools.page_world import VIEWER, PageWorld, page_world

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tools.live_airflow import LiveAirflow

CHUNKS: Final = 10
#: Parts a second: slow enough that the campaign outlasts the bench.
RATE: Final = 20
ROUNDS: Final = 3
_DAG: Final = "reminders"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Traffic:
    """The requests of a page to Airflow's API."""

    def __init__(self, page: Page) -> None:
        self.requests = self.bytes = 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._count)
        session.on("Network.loadingFinished", self._add)

    def _count(self, event: dict[str, dict[str, str]]) -> None:
        self.requests += "/api/v2/" in event["request"]["url"]

    def _add(self, event: dict[str, float]) -> None:
        self.bytes += int(event["encodedDataLength"])


def cpu_seconds(airflow: LiveAirflow) -> float:
    """Return the CPU time so far of the API server."""
    return sum(_cpu_seconds(process) for process in Path("/proc").glob("[0-9]*") if _is_server(process, airflow.port))


def _is_server(process: Path, port: int) -> bool:
    """Whether a process is a worker of it; they name themselves so."""
    try:
        command = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return b"airflow api_server" in command and f"port:{port}".encode() in command


def _cpu_seconds(process: Path) -> float:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def open_page(world: PageWorld, browser: Browser, path: str) -> Iterator[Traffic]:
    """Show a view of the page as a viewer."""
    context = browser.new_context(storage_state=world.session(VIEWER))
    page = context.new_page()
    traffic = Traffic(page)
    page.goto(world.page + path)
    page.locator("article, .card").first.wait_for(timeout=300_000)
    yield traffic
    context.close()


def watch(world: PageWorld, browser: Browser, path: str, seconds: float) -> tuple[float, float, float]:
    """Return requests a minute, bytes a minute and CPU seconds a minute with a page open."""
    with open_page(world, browser, path) as traffic:
        # The first round, with all that is read once, is over.
        traffic.requests = traffic.bytes = 0
        used, began = cpu_seconds(world.airflow), time.monotonic()
        # The browser's events arrive while Playwright waits.
        browser.contexts[-1].pages[0].wait_for_timeout(seconds * 1000)
        minutes = (time.monotonic() - began) / 60
        return (
            traffic.requests / minutes,
            traffic.bytes / minutes,
            (cpu_seconds(world.airflow) - used) / minutes,
        )


def idle(world: PageWorld, seconds: float) -> float:
    """Return the CPU seconds a minute of the API server without a page."""
    used, began = cpu_seconds(world.airflow), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(world.airflow) - used) / ((time.monotonic() - began) / 60)


def wait_for_progress(world: PageWorld, run_id: str) -> None:
    """Wait until the first chunk has reported its progress."""
    deadline = time.monotonic() + 1800
    while True:
        tasks = world.airflow.task_instances(_DAG, run_id)
        if any(task["task_id"] == "sms.send" and task["state"] == "running" for task in tasks):
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the campaign does not send")
        time.sleep(5)


def main() -> None:
    """Print the medians of some minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=60, help="of one measurement")
    options = parser.parse_args()
    if chromium() is None:
        print(MISSING)
        return
    sizes = {"PAGE_RATE": str(RATE), "PAGE_CHUNK_SIZE": str(max(1, options.contacts // CHUNKS))}
    with (
        tempfile.TemporaryDirectory() as folder,
        page_world(Path(folder) / "world", contacts=options.contacts, **sizes) as world,
        headless_browser() as browser,
    ):
        run_id = world.airflow.trigger(_DAG)
        wait_for_progress(world, run_id)
        campaign = f"?view=campaign&dag={_DAG}&run={quote(run_id, safe='')}&group=sms"
        alone, watched = [], []
        for _ in range(options.rounds):
            alone.append(idle(world, options.seconds))
            watched.append(watch(world, browser, campaign, options.seconds))
        listed = watch(world, browser, "", options.seconds)
    requests, size, cpu = (statistics.median(values) for values in zip(*watched, strict=True))
    print(f"contacts: {options.contacts}, chunks: {CHUNKS}, medians of {options.rounds}")
    print(f"one campaign: {requests:.0f} requests and {size / 1024:.0f} kB a minute")
    print(f"all campaigns: {listed[0]:.0f} requests and {listed[1] / 1024:.0f} kB a minute")
    without = statistics.median(alone)
    print(f"CPU of the API server, s a minute: {without:.1f} without a page, {cpu:.1f} with one ({cpu - without:+.1f})")


if __name__ == "__main__":
    main()
