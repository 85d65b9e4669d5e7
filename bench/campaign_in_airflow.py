"""Contacts a second of a campaign, from ``plan`` to ``report`` in tasks of a real Airflow, over mapped HttpOperators.

Target: 150 times. Both send personal texts to one sandbox, on the same Airflow and the same cores, in turns. For the
HttpOperators, the clock runs from the start of the first of the mapped tasks to the end of the last one; for the
campaign, from the start of ``plan`` to the end of ``report``, with all that is between. Neither follows deliveries.
CPU time is that of all processes of Airflow, without the sandbox. The rest of the output names where the time goes.

    python -m bench.campaign_in_airflow [--contacts 10000] [--mapped 100] [--rounds 3] [--chunks 1]
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # a dependency of Airflow's, without types

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.settings import Settings
from bench._sandbox_process import sandbox_process
from bench._sends import CONNECTION, connection_json
from bench.dags.campaign_throughput import ORIGIN, TEXT
from tools.faults.components import descendants
from tools.live_airflow import JsonObject, LiveAirflow, live_airflow

ROOT = Path(__file__).resolve().parent.parent
TARGET = 150
PATIENCE = 1800.0
CONCURRENCY = 20
STEPS = ("plan", "chunks", "send", "report")


@dataclass(frozen=True)
class Cost:
    """Seconds for one message."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Campaign:
    """One campaign, and where its time went.

    :ivar parts: name -> seconds, in their order; they sum up to the whole.
    """

    cost: Cost
    parts: Mapping[str, float]


def main() -> int:
    """Print the ratios; return 1 if a run fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--mapped", type=int, default=100, help="messages of HttpOperators in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chunks", type=int, default=1, help="send tasks of the campaign")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="campaign-in-airflow-"))
    with sandbox_process() as settings:
        environment = {
            CONNECTION: connection_json(settings),
            "AIRFLOW_CONN_DIRECTCALL_HTTP": json.dumps({"conn_type": "http", "host": settings.base_url}),
            "PYTHONPATH": str(ROOT),
        }
        with live_airflow(home / "home", ROOT / "bench" / "dags", environment) as airflow:
            rounds = []
            for number in range(arguments.rounds):
                bare = asyncio.run(_bare(settings, 1000))
                mapped = _mapped(airflow, settings, home, arguments.mapped)
                campaign = _campaign(airflow, home / str(number), arguments.contacts, arguments.chunks)
                rounds.append((bare, mapped, campaign))
                _print_round(number, bare, mapped, campaign, arguments.contacts)
    for clock in ("wall", "cpu"):
        ratios = [getattr(mapped, clock) / getattr(campaign.cost, clock) for _, mapped, campaign in rounds]
        print(
            f"campaign over mapped HttpOperators, {clock} time: {statistics.median(ratios):.0f} "
            f"(from {min(ratios):.0f} to {max(ratios):.0f}), target {TARGET}"
        )
    shutil.rmtree(home, ignore_errors=True)
    return 0


def _print_round(number: int, bare: float, mapped: Cost, campaign: Campaign, contacts: int) -> None:
    ours = campaign.cost
    print(
        f"round {number}: campaign {1 / ours.wall:.0f} contacts/s, {1000 * ours.cpu:.2f} ms of CPU each; "
        f"HttpOperator {1 / mapped.wall:.2f} messages/s, {1000 * mapped.cpu:.0f} ms of CPU each; "
        f"bare httpx {1 / bare:.0f} messages/s"
    )
    whole = sum(campaign.parts.values())
    for name, seconds in campaign.parts.items():
        print(f"    {name:<44} {seconds:6.1f} s {seconds / whole:6.1%}")
    print(f"    {'(as long as bare httpx needs for as many)':<44} {bare * contacts:6.1f} s", flush=True)


def _campaign(airflow: LiveAirflow, folder: Path, contacts: int, chunks: int) -> Campaign:
    """Run one campaign.

    :raises RuntimeError: it fails.
    """
    folder.mkdir()
    path = folder / "contacts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "phone", "name", "code"))
        for place in range(contacts):
            writer.writerow((f"c{place}", f"+55 (11) 9{place // 10**4:04}-{place % 10**4:04}", "Ana", place))
    conf: JsonObject = {"contacts": str(path), "storage": str(folder), "chunk_size": -(-contacts // chunks)}
    before = _cpu(airflow)
    tasks = _tasks(airflow, "campaign", conf)
    cpu = _cpu(airflow) - before
    report = airflow.xcom("campaign", str(tasks[0]["dag_run_id"]), "sms.report")
    if not isinstance(report, dict) or report["states"] != {"sent": contacts}:
        raise RuntimeError(f"the campaign was not sent as it should: {report}")
    begins = {step: min(_moment(task, "start_date") for task in _of(tasks, step)) for step in STEPS}
    ends = {step: max(_moment(task, "end_date") for task in _of(tasks, step)) for step in STEPS}
    waves = [path.stat().st_mtime for path in (folder / "campaign").glob("*/sms.plan/0/waves/*/*.*")]
    parts = {
        "plan: the task": ends["plan"] - begins["plan"],
        "Airflow between plan and chunks": begins["chunks"] - ends["plan"],
        "chunks: the task": ends["chunks"] - begins["chunks"],
        "Airflow between chunks and send": begins["send"] - ends["chunks"],
        "send: from its start to the first wave": min(waves) - begins["send"],
        "send: the waves": max(waves) - min(waves),
        "send: from the last wave to its end": ends["send"] - max(waves),
        "Airflow between send and report": begins["report"] - ends["send"],
        "report: the task": ends["report"] - begins["report"],
    }
    return Campaign(Cost((ends["report"] - begins["plan"]) / contacts, cpu / contacts), parts)


def _mapped(airflow: LiveAirflow, settings: Settings, folder: Path, messages: int) -> Cost:
    """Send messages by mapped HttpOperators."""
    path = folder / "messages.json"
    token = _token(settings)
    path.write_text(json.dumps([_fields(token, place) for place in range(messages)]), encoding="utf-8")
    before = _cpu(airflow)
    tasks = [task for task in _tasks(airflow, "mapped", {"messages": str(path)}) if task["task_id"] == "send"]
    cpu = _cpu(airflow) - before
    seconds = max(_moment(task, "end_date") for task in tasks) - min(_moment(task, "start_date") for task in tasks)
    return Cost(seconds / messages, cpu / messages)


async def _bare(settings: Settings, messages: int) -> float:
    """Return the seconds for one message of bare httpx, with as many requests at once as a campaign has."""
    token, places = _token(settings), iter(range(messages))
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:

        async def worker() -> None:
            for place in places:
                answer = await client.post(f"{settings.base_url}/sms/send", data=_fields(token, place))
                answer.raise_for_status().json()

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
        return (time.perf_counter() - started) / messages


def _fields(token: str, place: int) -> dict[str, str]:
    return {
        "access_token": token,
        "origem": ORIGIN,
        "destino": f"55119{place:08}",
        "texto": TEXT.format(name="Ana", code=place),
        "tipo": "texto",
        "campos[campaign]": "bench",
        "format": "JSON",
    }


def _token(settings: Settings) -> str:
    with Client(settings) as client:
        token: str = client.send(methods.request_token(settings)).value
        return token


def _tasks(airflow: LiveAirflow, dag_id: str, conf: JsonObject) -> list[JsonObject]:
    """Run a DAG and return its task instances.

    :raises RuntimeError: it fails.
    """
    run_id = airflow.trigger(dag_id, conf)
    state = airflow.wait_for_run(dag_id, run_id, PATIENCE)
    if state != "success":
        raise RuntimeError(f"{dag_id} ended as {state}; see {airflow.home}")
    return airflow.task_instances(dag_id, run_id)


def _of(tasks: list[JsonObject], step: str) -> list[JsonObject]:
    return [task for task in tasks if task["task_id"] == f"sms.{step}"]


def _moment(task: JsonObject, name: str) -> float:
    return datetime.fromisoformat(str(task[name])).timestamp()


def _cpu(airflow: LiveAirflow) -> float:
    """Return the seconds of CPU that all processes of Airflow have used, those that have ended included."""
    seconds = 0.0
    for process in descendants(os.getpid()):
        with suppress(psutil.NoSuchProcess):
            if "directcall.sandbox" not in " ".join(process.cmdline()):
                seconds += sum(process.cpu_times()[:4])
    return seconds


if __name__ == "__main__":
    sys.exit(main())
