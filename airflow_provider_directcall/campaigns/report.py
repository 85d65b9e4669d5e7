"""Report on a campaign: each contact's one final state, totals, the list of those who were not reached, a page.

Chunk by chunk, with pieces on the disk of this machine, so that memory does not grow with the contacts.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from airflow_provider_directcall.api.replies import CallOutcome
from airflow_provider_directcall.campaigns.columns import COLUMN
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.left_out import reason_kind
from airflow_provider_directcall.campaigns.plan_summary import PLAN_FILE
from airflow_provider_directcall.campaigns.plan_times import zone_name
from airflow_provider_directcall.campaigns.results import AGAIN, RESULTS, chunk_results, other_results
from airflow_provider_directcall.campaigns.rows_file import WRITERS, RowsFile
from airflow_provider_directcall.campaigns.scratch import private_scratch
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.translations.languages import ENGLISH, Language

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder

SUMMARY_FILE: Final = "report/report.json"
PAGE_FILE: Final = "report/report.html"
RESULTS_FILE: Final = "report/results.parquet"
AGAIN_STEM: Final = "report/again"
#: Is there when the contacts of a campaign that has sent something were removed. Its name has two uses: where there are
#: waves, something was sent, and a Clear of the old run neither plans nor sends again.
PURGED_FILE: Final = "waves/purged"

_REACHED: Final = [ContactState.DELIVERED.value, CallOutcome.ANSWERED.value]
_CENTS: Final = Decimal("0.01")
#: Reasons are the vendor's and the plan's words; so many of them are counted one by one.
_MOST_REASONS: Final = 200
#: Of these, the most frequent ones are in the task's result.
_SHOWN_REASONS: Final = 20
#: A curve in the task's result has one more moment.
_CURVE_STEPS: Final = 60


@dataclass
class Totals:
    """The counts of a campaign; no contact is in them.

    :ivar states: state -> contacts.
    :ivar costs: state -> BRL, of contacts whose cost is known.
    :ivar cost_from: where the costs come from -> contacts.
    :ivar reasons: (state, reason) -> contacts.
    :ivar minutes: minute of the request -> contacts.
    :ivar hours: hour of the day of the request -> contacts, and those of them who were reached.
    """

    states: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[str] = field(default_factory=Counter)
    costs: dict[str, Decimal] = field(default_factory=dict)
    cost_from: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    minutes: Counter[datetime] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    reached: Counter[int] = field(default_factory=Counter)
    parts: int = 0
    again: int = 0

    @property
    def contacts(self) -> int:
        """The number of rows of the contacts' files."""
        return sum(self.states.values())

    @property
    def cost_brl(self) -> Decimal | None:
        """The sum of the known costs; None where none is known."""
        return sum(self.costs.values(), Decimal(0)) if self.costs else None

    def add(self, rows: pl.DataFrame) -> None:
        """Count contacts."""
        self.states.update(_counted(rows, "state"))
        self.deliveries.update(_counted(rows, "delivery"))
        self.cost_from.update(_counted(rows, "cost_from"))
        self.parts += int(rows.get_column("parts").sum())
        self.again += int(rows.get_column(AGAIN).sum())
        costs = rows.drop_nulls("cost_brl").group_by("state").agg(pl.col("cost_brl").sum())
        for state, cost in costs.iter_rows():
            self.costs[state] = self.costs.get(state, Decimal(0)) + cost
        for state, reason, contacts in _reasons(rows):
            is_counted = (state, reason) in self.reasons or len(self.reasons) < _MOST_REASONS
            self.reasons[state, reason if is_counted else "other reasons"] += contacts
        sent = rows.drop_nulls("sent_at")
        self.minutes.update(_counted(sent.select(pl.col("sent_at").dt.truncate("1m")), "sent_at"))

    def add_hours(self, rows: pl.DataFrame, zone: str) -> None:
        """Count contacts by the hour of their request, and those of them who were reached."""
        hours = rows.drop_nulls("sent_at").select(
            hour=pl.col("sent_at").dt.convert_time_zone(zone).dt.hour(), reached=pl.col("state").is_in(_REACHED)
        )
        self.hours.update(_counted(hours, "hour"))
        self.reached.update(_counted(hours.filter("reached"), "hour"))

    def curve(self) -> dict[str, object] | None:
        """Return the contacts sent to by moments at equal distances; None where there are none."""
        if not self.minutes:
            return None
        minutes = sorted(self.minutes)
        sent = [0, *accumulate(self.minutes[minute] for minute in minutes)]
        first, last = minutes[0], minutes[-1]
        steps = max(1, min(_CURVE_STEPS, (last - first) // timedelta(minutes=1)))
        moments = [first + (last - first) * step / steps for step in range(steps + 1)]
        counts = [sent[bisect_right(minutes, moment)] for moment in moments]
        return {"since": first.isoformat(), "until": last.isoformat(), "sent": counts}

    def hourly(self) -> list[list[int]]:
        """Return hour, requests and reached contacts."""
        return [[hour, self.hours[hour], self.reached[hour]] for hour in sorted(self.hours)]

    def as_json(self) -> dict[str, object]:
        """Return the totals as JSON values."""
        return {
            "contacts": self.contacts,
            "states": dict(self.states),
            "deliveries": dict(self.deliveries),
            "parts": self.parts,
            "cost_brl": money(self.cost_brl),
            "costs": {state: money(cost) for state, cost in self.costs.items()},
            "cost_from": dict(self.cost_from),
            "reasons": [[*reason, contacts] for reason, contacts in self.reasons.most_common()],
            "minutes": {moment.isoformat(): contacts for moment, contacts in sorted(self.minutes.items())},
            "hours": {str(hour): counts for hour, *counts in self.hourly()},
            "again": self.again,
        }


def make_report(
    folder: Folder,
    *,
    results_uri: str | None = None,
    html: bool = True,
    now: datetime,
    folder_at: Callable[[str], Folder] | None = None,
    language: Language = ENGLISH,
) -> dict[str, object]:
    """Write the report of a campaign, and return where it is, with the totals.

    Make it after the campaign has ended: contacts without a turn count as stopped, and are in the list ``again``.

    :param folder: of the campaign.
    :param results_uri: where the results go, ``.parquet`` or ``.csv``; None keeps them in the folder as Parquet.
    :param html: write a page.
    :param now: aware; its zone is that of the hours in the page.
    :param folder_at: opens the folder of a URI; None knows this machine's paths only.
    :param language: of the page.
    :raises CampaignError: the results cannot be written there, or the contacts were purged.
    :raises OSError: a file cannot be read or written.
    """
    suffix = Path(results_uri or RESULTS_FILE).suffix
    if suffix not in WRITERS:
        raise CampaignError(f"results: a name that ends with {' or '.join(WRITERS)} is needed, not {suffix!r}")
    if folder.names(PURGED_FILE):
        raise CampaignError("the contacts of this campaign were purged; the report made before is still there")
    plan = json.loads(folder.read(PLAN_FILE))
    totals = Totals()
    with private_scratch() as scratch:
        results, again = RowsFile(scratch, "results"), RowsFile(scratch, "again")
        for rows in _all_results(folder, plan):
            totals.add(rows)
            totals.add_hours(rows, zone_name(now))
            results.add(rows.select(*RESULTS))
            originals = rows.filter(AGAIN).select(f"^{COLUMN}.*$")
            again.add(originals.rename(lambda name: name.removeprefix(COLUMN)))
        target, name = _target(folder, results_uri, folder_at or _local_folder)
        uris = {
            "results": _rows_written(target, name, results),
            "again": _rows_written(folder, AGAIN_STEM + suffix, again),
        }
    summary = {**totals.as_json(), "made_at": now.isoformat(), "planned_at": plan.get("planned_at")}
    uris["report"] = _written(folder, SUMMARY_FILE, json.dumps(summary, indent=1).encode())
    uris["html"] = _page(folder, totals, now, language) if html else ""
    return {
        "report": uris["report"],
        "html": uris["html"] or None,
        "results": uris["results"],
        "again": uris["again"],
        "contacts": totals.contacts,
        "states": dict(totals.states),
        "parts": totals.parts,
        "cost_brl": money(totals.cost_brl),
        "reasons": [[*reason, contacts] for reason, contacts in totals.reasons.most_common(_SHOWN_REASONS)],
        "curve": totals.curve(),
        "hours": totals.hourly(),
        "timezone": zone_name(now),
    }


def money(amount: Decimal | None) -> str | None:
    """Return an amount with cents, and with more places only where it has them."""
    if amount is None:
        return None
    return str(amount.quantize(_CENTS) if amount == amount.quantize(_CENTS) else amount.normalize())


def _all_results(folder: Folder, plan: Mapping[str, list[Mapping[str, str]]]) -> Iterable[pl.DataFrame]:
    price = _price(plan)
    for chunk in plan["chunks"]:
        yield chunk_results(folder, chunk["name"], price)
    yield from other_results(folder)


def _price(plan: Mapping[str, object]) -> Decimal | None:
    """Return the price of one part, with which the plan was made."""
    cost, parts = plan.get("cost_brl"), int(str(plan["parts"]))
    return Decimal(str(cost)) / parts if cost is not None and parts else None


def _counted(rows: pl.DataFrame, column: str) -> dict[Any, int]:
    """Return value -> rows; the values have the column's type."""
    return dict(rows.drop_nulls(column).group_by(column).len().iter_rows())


def _reasons(rows: pl.DataFrame) -> Iterable[tuple[str, str, int]]:
    """Return state, reason and number of contacts."""
    return rows.drop_nulls("reason").group_by("state", reason_kind()).len().iter_rows()


def _page(folder: Folder, totals: Totals, now: datetime, language: Language) -> str:
    from airflow_provider_directcall.campaigns.report_page import page

    return _written(folder, PAGE_FILE, page(totals, now, language).encode())


def _rows_written(folder: Folder, name: str, rows: RowsFile) -> str:
    rows.write(folder, name)
    return _uri(folder, name)


def _written(folder: Folder, name: str, content: bytes) -> str:
    folder.write(name, content)
    return _uri(folder, name)


def _uri(folder: Folder, name: str) -> str:
    return f"{folder.uri.rstrip('/')}/{name}"


def _target(folder: Folder, results_uri: str | None, folder_at: Callable[[str], Folder]) -> tuple[Folder, str]:
    if results_uri is None:
        return folder, RESULTS_FILE
    parent, _, name = results_uri.rpartition("/")
    return folder_at(parent or "."), name


def _local_folder(uri: str) -> Folder:
    path = uri.removeprefix("file://")
    if "://" in path:
        raise CampaignError("results: only paths of this machine can be written without Airflow")
    return LocalFolder(Path(path))
