"""The time, memory, disk and requests of a campaign, phase by phase, each in a process of its own.

The plan reads and writes all contacts. One chunk is sent to a sandbox on the same machine; the files of its waves are
then repeated for all chunks, without requests, and reported on. No figure here has Airflow in it.

    python -m bench.campaign_sizing [--contacts 1000000] [--chunk 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import polars as pl
from rich.console import Console
from rich.table import Table

from airflow_provider_directcall.api.client import AsyncClient
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.campaigns.chunks import chunk_stem
from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.campaigns.report import make_report
from airflow_provider_directcall.campaigns.sending import SendOptions, send_chunk
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress, Wave, WaveLog
from airflow_provider_directcall.delivery.keys import member_key
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts
from bench._sandbox_process import sandbox_process
from bench.campaign_plan import NOW, plan_files, write_contacts

WAVE: Final = 500
ORIGIN: Final = "551130000001"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench.campaign_sizing", description="Measure the phases of a campaign.")
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--chunk", type=int, default=10_000, help="contacts of the chunk that is sent")
    parser.add_argument("--phase", choices=_PHASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase is not None:
        print(json.dumps(_measured(options.phase, options.folder, options.url)))
        return 0
    table = Table(
        "phase", "contacts", "us a contact (CPU)", "contacts/s (wall)", "peak MB", "bytes a contact", "requests"
    )
    with tempfile.TemporaryDirectory() as name, sandbox_process() as settings:
        whole, chunk = Path(name) / "whole", Path(name) / "chunk"
        for path, contacts in ((whole, options.contacts), (chunk, options.chunk)):
            path.mkdir()
            write_contacts(path, contacts)
        for phase, path in (("plan", whole), ("plan", chunk), ("send", chunk), ("logs", whole), ("report", whole)):
            found = _in_process(phase, path, settings.base_url)
            if phase != "plan" or path == whole:
                table.add_row(phase, *_cells(found))
    Console(width=120, highlight=False).print(table)
    return 0


def _cells(found: dict[str, float]) -> list[str]:
    contacts = found["contacts"]
    return [
        f"{contacts:,.0f}",
        f"{found['cpu'] / contacts * 1e6:.1f}",
        f"{contacts / found['wall']:,.0f}",
        f"{found['megabytes']:.0f}",
        f"{found['bytes'] / contacts:.0f}",
        f"{found['requests']:,.0f}",
    ]


def _in_process(phase: str, path: Path, url: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.campaign_sizing", "--phase", phase, "--folder", str(path), "--url", url]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measured(phase: str, path: Path, url: str) -> dict[str, float]:
    campaign = path / "campaign"
    requests, size = _requests(url), _size(campaign)
    wall, cpu = time.perf_counter(), time.process_time()
    contacts = _PHASES[phase](path, LocalFolder(campaign), url)
    return {
        "contacts": contacts,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bytes": _size(campaign) - size,
        "requests": _requests(url) - requests,
    }


def _plan(path: Path, folder: LocalFolder, _: str) -> int:
    return plan_files(path, folder, window=None).contacts


def _send(_: Path, folder: LocalFolder, url: str) -> int:
    """Send one chunk of personal texts."""
    made = CampaignPlan.read(folder)
    options = SendOptions(
        requests=RequestOptions(origin=ORIGIN),
        timeouts=ReconcileTimeouts(settle_seconds=60, longest_seconds=600, poll_interval=30),
    )
    settings, clock = Settings("sandbox@example.com", "sandbox-secret", base_url=url), Clock()

    async def run() -> int:
        async with AsyncClient(settings, clock=clock) as client:
            sent = 0
            for chunk in made.chunks:
                key = member_key("bench", chunk.name)
                outcome = await send_chunk(folder, chunk.name, key=key, client=client, clock=clock, options=options)
                sent += outcome.states["sent"]
            return sent

    return asyncio.run(run())


def _logs(_: Path, folder: LocalFolder, __: str) -> int:
    """Write the files of the waves of all chunks."""
    made = CampaignPlan.read(folder)
    for chunk in made.chunks:
        log = WaveLog(folder, chunk_stem(chunk.name))
        ids = pl.read_parquet(io.BytesIO(folder.read(chunk.name)), columns=["id"]).get_column("id")
        for number, wave in enumerate(ids[place : place + WAVE] for place in range(0, len(ids), WAVE)):
            log.begin(Wave(number, NOW, dict.fromkeys(wave, 1), dict.fromkeys(wave, 1)))
            names = {"callerid": "12345678901234", "message_id": "1234567890"}
            log.finish(number, [ContactResult(own, Progress.SENT, NOW, parts=1, ids=names) for own in wave])
    return made.accepted


def _report(_: Path, folder: LocalFolder, __: str) -> int:
    made = make_report(folder, html=False, now=datetime.now(UTC))
    return int(str(made["contacts"]))


def _requests(url: str) -> int:
    state = httpx.get(f"{url}/_sandbox/state", timeout=60, trust_env=False).json()
    return sum(state["requests"].values())


def _size(path: Path) -> int:
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


_PHASES: Final[dict[str, Callable[[Path, LocalFolder, str], int]]] = {
    "plan": _plan,
    "send": _send,
    "logs": _logs,
    "report": _report,
}

if __name__ == "__main__":
    sys.exit(main())
