"""Messages per second of a campaign's chunk over those of bare httpx, which sends one request a message.

Targets: 0.9 for personal texts, 10 for one text to all, 20 by lots, durable waves included. Bare httpx sends the same
fields as the personal texts, with a prefetched token and as many requests at once, and decodes the JSON. The sides
alternate in rounds against one sandbox process. Each ratio is given by wall time, which includes the sandbox and
whatever else runs on the machine, and by the CPU time of the client's process.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import polars as pl

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import AsyncClient
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.sending import SendOptions, send_chunk
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.delivery.keys import member_key
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts
from bench._sandbox_process import sandbox_process

CONCURRENCY = 20
ORIGIN = "551130000001"
CHUNK = "chunks/00000.parquet"
PERSONAL, TO_ALL, LOTS = "personal texts", "one text to all", "personal texts by lots"
TARGETS = {PERSONAL: 0.9, TO_ALL: 10.0, LOTS: 20.0}
TIMEOUTS = ReconcileTimeouts(settle_seconds=60, longest_seconds=600, poll_interval=30)


@dataclass(frozen=True)
class Cost:
    """Seconds for one message."""

    wall: float
    cpu: float


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1000, help="personal texts in a round; ten times as many else")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with sandbox_process() as settings, tempfile.TemporaryDirectory() as path:
        rounds = asyncio.run(_rounds(settings, Path(path), arguments.contacts, arguments.rounds))
    for name, target in TARGETS.items():
        for clock in ("wall", "cpu"):
            ratios = [getattr(bare, clock) / getattr(ours[name], clock) for bare, ours in rounds]
            low, high = min(ratios), max(ratios)
            label = f"{name}, {clock} time"
            print(f"{label:<36} {statistics.median(ratios):6.2f} (from {low:.2f} to {high:.2f}), target {target:g}")
    bare = statistics.median(bare.wall for bare, _ in rounds)
    print(f"bare httpx: {1 / bare:.0f} messages/s of wall time, {arguments.rounds} rounds of {arguments.contacts}")


async def _rounds(settings: Settings, path: Path, contacts: int, rounds: int) -> list[tuple[Cost, dict[str, Cost]]]:
    token = await _token(settings)
    folders = {
        PERSONAL: _planned(path / "personal", contacts, lambda place: f"Ola, o seu codigo de consulta e {place}."),
        TO_ALL: _planned(path / "to-all", 10 * contacts, lambda place: "Ola, a loja abre amanha as nove horas."),
        LOTS: _planned(path / "lots", 10 * contacts, lambda place: f"Ola, o seu codigo de consulta e {place}."),
    }
    measured = []
    for number in range(rounds):
        sides: dict[str, Awaitable[None]] = {
            "bare": _bare(settings, token, contacts, _key("bare", number)),
            **{name: _ours(settings, folder, name, number) for name, folder in folders.items()},
        }
        counts = {"bare": contacts, PERSONAL: contacts, TO_ALL: 10 * contacts, LOTS: 10 * contacts}
        order = list(sides) if number % 2 else list(reversed(sides))
        costs = {name: await _cost(sides[name], counts[name]) for name in order}
        measured.append((costs.pop("bare"), costs))
    return measured


def _key(name: str, number: int) -> str:
    return member_key("bench", f"{name} {number}")


async def _cost(side: Awaitable[None], messages: int) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    await side
    return Cost((time.perf_counter() - wall) / messages, (time.process_time() - cpu) / messages)


async def _token(settings: Settings) -> str:
    async with AsyncClient(settings) as client:
        token: str = (await client.send(methods.request_token(settings))).value
        return token


async def _bare(settings: Settings, token: str, contacts: int, lot: str) -> None:
    url, places = f"{settings.base_url}/sms/send", itertools.count(1)
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=100, max_keepalive_connections=20)) as client:

        async def worker() -> None:
            while (place := next(places)) <= contacts:
                fields = {
                    "access_token": token,
                    "origem": ORIGIN,
                    "texto": f"Ola, o seu codigo de consulta e {place}.",
                    "tipo": "texto",
                    "short_number": "s",
                    "id_origem": "n",
                    "destino": f"551{1 + place // 10**8}9{place:08}",
                    "campos[campaign]": "bench",
                    "campos[airflow_key]": lot,
                    "campos[airflow_lot]": lot,
                    "format": "JSON",
                }
                (await client.post(url, data=fields)).raise_for_status().json()

        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


async def _ours(settings: Settings, folder: LocalFolder, name: str, number: int) -> None:
    options = SendOptions(
        requests=RequestOptions(origin=ORIGIN, by_lots=name == LOTS), concurrency=CONCURRENCY, timeouts=TIMEOUTS
    )
    clock = Clock()
    async with AsyncClient(settings, clock=clock) as client:
        outcome = await send_chunk(
            folder,
            CHUNK,
            key=_key(name, number),
            client=client,
            clock=clock,
            options=options,
            log_name=f"round-{number}",
        )
    if set(outcome.states) != {"sent"} or outcome.stopped is not None:
        raise RuntimeError(f"{name}: {outcome}")


def _planned(path: Path, contacts: int, text: Callable[[int], str]) -> LocalFolder:
    """Write a plan of one chunk."""
    places = range(1, contacts + 1)
    rows = pl.DataFrame(
        {
            "id": [f"c{place}" for place in places],
            "number": [f"5511{900_000_000 + place}" for place in places],
            "text": [text(place) for place in places],
            "parts": [1] * contacts,
            "opens_at": pl.Series([None] * contacts, dtype=pl.Datetime("us", "UTC")),
            "tag campaign": ["bench"] * contacts,
        }
    )
    content = io.BytesIO()
    rows.write_parquet(content)
    folder = LocalFolder(path)
    folder.write(CHUNK, content.getvalue())
    digest = hashlib.blake2b(content.getvalue(), digest_size=16).hexdigest()
    folder.write("plan.json", json.dumps({"chunks": [{"name": CHUNK, "digest": digest}]}).encode())
    return folder


if __name__ == "__main__":
    main()
