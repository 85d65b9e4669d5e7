"""Plans of CSV texts, for tests of who gets which text when."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
from airflow_provider_directcall.campaigns.frequency import FrequencyLedger
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.campaigns.planning import plan
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.campaigns.suppression import Exclusions, SuppressedNumbers
from airflow_provider_directcall.translations.languages import ENGLISH, Language

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)  # a Wednesday, noon in Brasília
TEXT = "Ola {name}, ate {day}."


@dataclass
class PlannedCampaign:
    """A plan, its accepted rows in their order, and the others by the number of their row."""

    made: CampaignPlan
    accepted: pl.DataFrame | None
    others: dict[int, dict[str, Any]]
    folder: LocalFolder


def on_list(numbers: Iterable[str], path: Path, entries: str = "") -> SuppressedNumbers:
    """Return the numbers of a list ``blocked.csv``, and of further lines with a source."""
    source, scratch = path / "blocked.csv", path / "scratch"
    scratch.mkdir(exist_ok=True)
    source.write_text("number;source\n" + "".join(f"{number};\n" for number in numbers) + entries)
    suppressed = SuppressedNumbers()
    suppressed.read(ContactFiles([source], scratch), NOW.date())
    return suppressed


def planned_csv(
    path: Path,
    contacts: str,
    *,
    now: datetime = NOW,
    suppressed: Any = (),
    entries: str = "",
    opted_out: Any = (),
    ledger: FrequencyLedger | None = None,
    batch_rows: int = 3,
    name: str = "plan",
    language: Language = ENGLISH,
    **settings: Any,
) -> PlannedCampaign:
    """Plan a CSV text in the folder ``name``."""
    source, folder = path / "contacts.csv", LocalFolder(path / name)
    source.write_text(contacts)
    scratch = path / "scratch"
    scratch.mkdir(exist_ok=True)
    made = plan(
        CampaignSettings(**{"text": TEXT, "id_column": "id", **settings}),
        ContactFiles([source], scratch, batch_rows=batch_rows).batches(),
        folder,
        exclusions=Exclusions(on_list(suppressed, path, entries), frozenset(opted_out)),
        now=now,
        ledger=ledger,
        language=language,
    )
    read = [pl.read_parquet(io.BytesIO(folder.read(each.name))) for each in made.chunks]
    others = pl.read_parquet(io.BytesIO(folder.read("others.parquet")))
    by_row = {row["_row"]: row for row in others.iter_rows(named=True)}
    return PlannedCampaign(made, pl.concat(read) if read else None, by_row, folder)
