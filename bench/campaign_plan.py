"""The plan of a campaign against the time that ``phonenumbers.parse`` alone takes for the same numbers.

Targets, for 1,000,000 contacts of mixed notations with 100,000 suppressed numbers, windows, texts, parts, cost and
digest, written as Parquet: 5 times as fast as ``phonenumbers.parse``, below 500 MB, and a cost for each contact that
stays within 20 % from 100,000 on. Each size is planned in a process of its own, whose peak memory it is.

    python -m bench.campaign_plan [--contacts 100000 1000000]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import phonenumbers
from rich.console import Console
from rich.table import Table

from airflow_provider_directcall.telephony.areas import AREAS

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
    from airflow_provider_directcall.campaigns.storage import LocalFolder
    from airflow_provider_directcall.telephony.windows import Window

#: Of the contacts, one in so many is suppressed: 100,000 of a million.
SUPPRESSED: Final = 10
#: Numbers that ``phonenumbers.parse`` is timed with; its cost does not depend on their count.
PARSED: Final = 50_000
#: Monday noon in Brasília.
NOW: Final = datetime(2026, 3, 2, 15, tzinfo=UTC)
TEXT: Final = "Olá {name}, sua consulta é {day} às {hour}."
NOTATIONS: Final = (
    "55{area}{number}",
    "+55 {area} {first}-{last}",
    "({area}) {first}-{last}",
    "{area}{number}",
    "0{area} {first} {last}",
    "{area} {first}.{last}",
)
NAMES: Final = ("João", "Conceição", "Bia", "Ana", "Ítalo")


def main(argv: list[str] | None = None) -> int:
    """Plan campaigns of each size and print the cost of a contact."""
    parser = argparse.ArgumentParser(prog="bench.campaign_plan", description="Plan campaigns.")
    parser.add_argument("--contacts", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.plan is not None:
        with tempfile.TemporaryDirectory() as folder:
            write_contacts(Path(folder), 10)
            _plan(Path(folder))  # late imports, and facts that are read once
        print(json.dumps(_plan(options.plan)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        show([_measured(Path(folder), contacts) for contacts in options.contacts])
    return 0


def numbers(count: int) -> Iterator[str]:
    """Yield mobile numbers of mixed notations; about one of a hundred is there twice."""
    chosen = random.Random(7)
    areas = sorted(AREAS)
    for _ in range(count):
        digits = f"9{chosen.randrange(min(50 * count, 10**8)):08}"
        fields = {"area": chosen.choice(areas), "number": digits, "first": digits[:5], "last": digits[5:]}
        yield chosen.choice(NOTATIONS).format(**fields)


def write_contacts(folder: Path, contacts: int) -> None:
    """Write ``contacts.csv``, and ``suppressed.csv`` with the numbers of a tenth of them."""
    with (folder / "contacts.csv").open("w", encoding="utf-8") as file:
        file.write("id;phone;name;day;hour\n")
        for place, number in enumerate(numbers(contacts)):
            file.write(f"{place};{number};{NAMES[place % len(NAMES)]} {place};12/03;10:30\n")
    with (folder / "suppressed.csv").open("w", encoding="utf-8") as file:
        file.write("number\n")
        file.writelines(f"{number}\n" for number in islice(numbers(contacts), 0, None, SUPPRESSED))


def _measured(folder: Path, contacts: int) -> dict[str, float]:
    """Plan in a process of its own, between two halves of the comparison."""
    write_contacts(folder, contacts)
    compared = list(numbers(PARSED))
    before = _parsed(compared[::2])
    command = [sys.executable, "-m", "bench.campaign_plan", "--plan", str(folder)]
    planned = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds = before + _parsed(compared[1::2])
    return {**json.loads(planned.stdout), "parse": seconds / PARSED}


def _parsed(texts: list[str]) -> float:
    started = time.process_time()
    for text in texts:
        phonenumbers.parse(text, "BR")
    return time.process_time() - started


def _plan(folder: Path) -> dict[str, float]:
    from airflow_provider_directcall.campaigns.storage import LocalFolder
    from airflow_provider_directcall.telephony.windows import PRESETS

    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as name:
        made = plan_files(folder, LocalFolder(Path(name)), PRESETS["strict"])
        return {
            "contacts": made.contacts,
            "accepted": made.accepted,
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def plan_files(folder: Path, target: LocalFolder, window: Window | None) -> CampaignPlan:
    """Plan the files of :func:`write_contacts`."""
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
    from airflow_provider_directcall.campaigns.contacts.places import files_at
    from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
    from airflow_provider_directcall.campaigns.planning import plan
    from airflow_provider_directcall.campaigns.suppression import Exclusions, SuppressedNumbers

    with tempfile.TemporaryDirectory() as name:
        files = {name: files_at([str(folder / f"{name}.csv")], _no_store) for name in ("suppressed", "contacts")}
        suppressed = SuppressedNumbers()
        suppressed.read(ContactFiles(files["suppressed"], Path(name)), NOW.date())
        settings = CampaignSettings(
            id_column="id", text=TEXT, window=window, price_brl=Decimal("0.09"), origin="551130000001"
        )
        batches = ContactFiles(files["contacts"], Path(name)).batches()
        return plan(settings, batches, target, exclusions=Exclusions(suppressed), now=NOW)


def _no_store(place: str) -> NoReturn:
    raise AssertionError(f"{place} is a file of this machine")


def show(results: list[dict[str, float]]) -> None:
    """Print what a contact costs, in processor time, against one call of ``phonenumbers.parse``."""
    table = Table("contacts", "accepted", "us a contact (CPU)", "us a contact (wall)", "us a parse", "times", "peak MB")
    for each in results:
        cpu, wall = each["cpu"] / each["contacts"], each["wall"] / each["contacts"]
        table.add_row(
            f"{each['contacts']:,.0f}",
            f"{each['accepted']:,.0f}",
            f"{cpu * 1e6:.2f}",
            f"{wall * 1e6:.2f}",
            f"{each['parse'] * 1e6:.2f}",
            f"{each['parse'] / cpu:.1f} (CPU), {each['parse'] / wall:.1f} (wall)",
            f"{each['megabytes']:.0f}",
        )
    Console(width=130, highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
