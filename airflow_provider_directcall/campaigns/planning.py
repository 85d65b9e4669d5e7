"""Contacts -> plan: who gets which text when, at what cost, and who does not and why. Sends nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.chunk_writer import ChunkWriter
from airflow_provider_directcall.campaigns.columns import FURTHER, ORIGINALS, TAG
from airflow_provider_directcall.campaigns.contacts.rows import FILE, ROW
from airflow_provider_directcall.campaigns.deciding import Decisions
from airflow_provider_directcall.campaigns.digests import digest
from airflow_provider_directcall.campaigns.errors import CampaignError, ContactsError
from airflow_provider_directcall.campaigns.frequency import FrequencyLedger, ReachedNumbers, source_of
from airflow_provider_directcall.campaigns.left_out import left_out, reason_kind
from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED, PLAN_FILE, CampaignPlan, reasons_text
from airflow_provider_directcall.campaigns.plan_times import OpeningCounts, zone_name
from airflow_provider_directcall.campaigns.priorities import PriorityOrder
from airflow_provider_directcall.campaigns.repeats import Excluded, Repeats
from airflow_provider_directcall.campaigns.rows_file import RowsFile
from airflow_provider_directcall.campaigns.samples import Samples
from airflow_provider_directcall.campaigns.scratch import private_scratch
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.translations.languages import ENGLISH, Language

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
    from airflow_provider_directcall.campaigns.contacts.reading import ContactFile
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.campaigns.suppression import Exclusions

#: Tags and the columns of the contacts' file follow.
_CHUNK_COLUMNS: Final = [FILE, ROW, "id", "number", f"^{FURTHER}$", "text", "opens_at", "not_after", "zone", "parts"]
OTHERS_FILE: Final = "others.parquet"
PREVIEW_FILE: Final = "preview.html"


def plan(
    settings: CampaignSettings,
    batches: Iterable[pl.DataFrame],
    folder: Folder,
    *,
    exclusions: Exclusions,
    now: datetime,
    sources: Callable[[], Iterable[ContactFile]] = tuple,
    on_batch: Callable[[int], None] = lambda rows: None,
    ledger: FrequencyLedger | None = None,
    language: Language = ENGLISH,
) -> CampaignPlan:
    """Plan a campaign and write its files: chunks of accepted contacts, all the others, the summary.

    :param batches: of texts, with the columns of :mod:`.contacts.rows`.
    :param folder: where the files go.
    :param now: aware; the earliest moment of a send. Its zone is that of the times that people read.
    :param sources: returns the files of the batches, once these were taken.
    :param on_batch: called with the number of rows that are done.
    :param ledger: of the storage; None counts no numbers over campaigns.
    :param language: of the preview.
    :raises CampaignError: a column is missing, or the window never opens.
    :raises ContactsError: there are no contacts, or all of them were rejected, as by a wrong column.
    :raises OSError: a file cannot be written.
    """
    if settings.frequency_cap is not None and ledger is None:
        raise CampaignError("frequency_cap: it needs the storage that all campaigns share")
    with private_scratch() as scratch:
        planner = _Planner(settings, folder, exclusions, now, scratch, ledger)
        try:
            for batch in batches:
                planner.add(batch)
                on_batch(planner.rows)
            return planner.finish(sources(), language)
        except BaseException:
            planner.discard()
            raise


class _Planner:
    def __init__(
        self,
        settings: CampaignSettings,
        folder: Folder,
        exclusions: Exclusions,
        now: datetime,
        scratch: Path,
        ledger: FrequencyLedger | None,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._now = now.astimezone(UTC)
        self._zone = zone_name(now)
        self._decisions: Decisions | None = None
        self._excluded = Excluded(exclusions)
        self._ledger = ledger
        self._reached = self._reached_numbers()
        self._repeats = Repeats()
        self._order = PriorityOrder(scratch) if settings.priority_column is not None else None
        self._chunks = ChunkWriter(folder, settings.chunk_size, settings.most_chunks)
        self._others = RowsFile(scratch, "others")
        self._states: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._parts = 0
        self._transliterated = 0
        self._samples = Samples()
        self._openings = OpeningCounts()

    def _reached_numbers(self) -> ReachedNumbers | None:
        cap = self._settings.frequency_cap
        if self._ledger is None or cap is None:
            return None
        self._ledger.begin()
        self._ledger.tidy(self._now)
        reached = ReachedNumbers(self._ledger, cap, source_of(self._folder))
        reached.refresh(self._now)
        return reached

    @property
    def rows(self) -> int:
        """How many rows were decided on."""
        return sum(self._states.values())

    def add(self, batch: pl.DataFrame) -> None:
        """Decide on a batch's contacts, and write the chunks that are full."""
        if self._decisions is None:
            self._decisions = Decisions(self._settings, batch.columns, self._now)
        allowed = self._excluded.marked(self._decisions.decided(batch))
        if self._reached is not None:
            allowed = _capped(allowed, self._reached)
        decided = self._repeats.marked(allowed)
        accepted = decided.filter(pl.col("state") == ACCEPTED)
        self._others.add(
            decided.filter(pl.col("state") != ACCEPTED).select(
                FILE, ROW, "id", "number", "state", "reason", pl.when(_MAY_FOLLOW).then(ORIGINALS).name.keep()
            )
        )
        self._states.update(dict(decided.group_by("state").len().iter_rows()))
        reasons = decided.select("reason").drop_nulls().group_by(reason_kind()).len()
        self._reasons.update(dict(reasons.iter_rows()))
        self._parts += int(accepted.get_column("parts").sum())
        self._transliterated += int(accepted.get_column("is_changed").sum())
        self._samples.add(accepted)
        self._openings.add(accepted, self._decisions.moved(accepted))
        if self._order is not None:
            self._order.add(accepted.select("priority", *_CHUNK_COLUMNS, pl.col(f"^{TAG}.*$"), ORIGINALS))
        else:
            self._chunks.add(accepted.select(*_CHUNK_COLUMNS, pl.col(f"^{TAG}.*$"), ORIGINALS))

    def discard(self) -> None:
        """Remove the files of a plan that failed, which hold numbers, and of one before it, whose files it replaced."""
        for name in self._folder.names():
            if name in {PLAN_FILE, OTHERS_FILE, PREVIEW_FILE} or name.startswith("chunks/"):
                self._folder.remove(name)

    def finish(self, sources: Iterable[ContactFile], language: Language) -> CampaignPlan:
        """Write the rest."""
        if not self._states:
            raise ContactsError("there are no contacts: the file has no rows")
        if set(self._states) == {ContactState.REJECTED}:
            raise ContactsError(
                f"contacts: all {self.rows} rows are rejected: {reasons_text(self._reasons)}. Look at the columns that "
                "the arguments name"
            )
        for batch in self._order.batches() if self._order is not None else ():
            self._chunks.add(batch)
        chunks = self._chunks.finish()
        self._others.write(self._folder, OTHERS_FILE)
        price = self._settings.price_brl
        made = CampaignPlan(
            digest=digest("".join([self._settings.fingerprint, *(each.digest for each in chunks)]).encode()),
            chunks=chunks,
            states=dict(self._states),
            reasons=dict(self._reasons),
            parts=self._parts,
            cost_brl=None if price is None else price * self._parts,
            transliterated=self._transliterated,
            channel=self._settings.channel,
            fingerprint=self._settings.fingerprint,
            planned_at=self._now,
            sources=tuple(sources),
            frequency_cap=self._settings.frequency_cap,
            ledger=self._ledger.storage if self._ledger is not None and self._ledger.exists() else None,
            times=self._openings.times(self._zone),
        )
        self._folder.write(PREVIEW_FILE, self._samples.page(made, language).encode())
        self._folder.write(PLAN_FILE, json.dumps(made.as_json(), indent=1).encode())
        return made


def _capped(rows: pl.DataFrame, reached: ReachedNumbers) -> pl.DataFrame:
    """Suppress contacts whose numbers were reached often enough, on the day on which they would be."""
    places = (rows.get_column("state") == ACCEPTED).arg_true()
    asked = rows.select("number", "opens_at")[places]
    reasons = reached.reasons(asked.get_column("number"), asked.get_column("opens_at"))
    over = reasons.is_not_null()
    return left_out(rows, places.filter(over), ContactState.SUPPRESSED, reasons.filter(over))


#: A contact whose window does not open may get another campaign; the rows of all others have no further use.
_MAY_FOLLOW: Final = pl.col("state") == ContactState.OUT_OF_WINDOW.value
