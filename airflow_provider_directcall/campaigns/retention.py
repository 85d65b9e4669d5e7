"""Retention: remove the files of old campaigns, and one number from the files of all campaigns.

Counts stay: of a purged campaign its plan and its report, which hold none of its contacts; of an erased contact its
row, without anything about the person. Neither makes a contact appear unsent: nothing is ever sent again because of it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.campaign_files import CampaignFiles, Json, campaigns_below, remains_below
from airflow_provider_directcall.campaigns.columns import FURTHER
from airflow_provider_directcall.campaigns.contacts.rows import FILE, ROW
from airflow_provider_directcall.campaigns.frequency import FrequencyLedger
from airflow_provider_directcall.campaigns.left_out import reason_kind
from airflow_provider_directcall.campaigns.numbers import with_numbers
from airflow_provider_directcall.campaigns.plan_summary import PLAN_FILE
from airflow_provider_directcall.campaigns.planning import OTHERS_FILE
from airflow_provider_directcall.campaigns.report import AGAIN_STEM, PAGE_FILE, PURGED_FILE, SUMMARY_FILE
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder

#: Files without a contact, which stay.
_COUNTS: Final = (PLAN_FILE, SUMMARY_FILE, PAGE_FILE)
#: Begins the ids of erased contacts; the rest is their place in the chunk.
_ERASED: Final = "erased "
#: Columns of an erased contact that stay: its place, and what is counted.
_KEPT: Final = frozenset({"_file", "_row", "id", "opens_at", "parts", "state", "reason"})
_RESULTS_STEM: Final = "report/results"
#: Columns that say which contact of a plan it is.
_PLACE: Final = ("id", FILE, ROW)
#: Fields of a line of a log that lead to a person: the vendor's ids, and a recording.
_LEADING: Final[Mapping[str, object]] = {"ids": {}, "recording": None}


def purge(base: Folder, older_than: timedelta, now: datetime) -> int:
    """Remove the contacts of campaigns that were planned longer ago than that, and return how many campaigns.

    A campaign that has sent nothing is removed as a whole. So is, uncounted, what is left of a plan whose process was
    killed, and what was half written by one, once it is as old. Files that are not a campaign's stay.

    :param base: the folder below which all campaigns are.
    :param now: aware.
    :raises OSError: a file cannot be removed.
    """
    purged = 0
    for campaign in campaigns_below(base):
        if campaign.planned_at >= now - older_than:
            continue
        has_begun = campaign.has_begun()
        old = _contact_files(campaign) if has_begun else campaign.names()
        if has_begun and old:
            # Before anything is removed: a purge that is killed leaves no campaign that seems unsent.
            campaign.write(PURGED_FILE, now.isoformat().encode())
        # The plan last: without it, what a purge that is killed leaves would not be found again.
        for name in sorted([*old, *campaign.leftovers()], key=lambda each: each == PLAN_FILE):
            campaign.remove(name)
        purged += bool(old)
    _remove_remains(base, now - older_than)
    FrequencyLedger(base).tidy(now)
    return purged


def erase_number(base: Folder, number: str) -> int:
    """Remove everything about a number from the files of all campaigns, and return how many rows had it.

    Also the contacts' ids, which may be a person's: those of erased contacts are their places. What killed processes
    have left is removed as a whole. Do it while no campaign is planned or sends; a call that was interrupted is
    completed by the next one. Results that were written elsewhere, and the contacts' own files, are the caller's.

    :param base: the folder below which all campaigns are, and their ledger.
    :param number: in any spelling.
    :raises ValueError: it is no number.
    :raises OSError: a file cannot be written.
    """
    digits = parse_number(number, allow=ALL_KINDS).digits
    _remove_remains(base)
    return FrequencyLedger(base).erase(digits) + sum(_erase_in(campaign, digits) for campaign in campaigns_below(base))


def _contact_files(campaign: CampaignFiles) -> list[str]:
    """Return the files that may have contacts, of a campaign whose counts stay."""
    return [name for name in campaign.names() if name not in {*_COUNTS, PURGED_FILE}]


def _remove_remains(base: Folder, before: datetime | None = None) -> None:
    """Remove what killed processes have left.

    :param before: aware; later ones stay, as their process may be at work. None removes all.
    """
    for name in remains_below(base):
        changed_at = base.changed_at(name) if before is not None else None
        if before is None or (changed_at is not None and changed_at < before):
            base.remove(name)


def _erase_in(campaign: CampaignFiles, digits: str) -> int:
    """Erase a number from one campaign, in an order in which it can be killed and called again.

    First lists and pages, then the numbers, so that nothing is sent to them, and last the ids, in the logs before the
    chunks: a contact whose logs had another id than its chunk would seem unsent. A row without a number whose id is not
    yet replaced shows where an earlier call was interrupted.
    """
    if campaign.names(PURGED_FILE):
        # Of a purge that was killed some files are left, which cannot be read without the others.
        for name in _contact_files(campaign):
            campaign.remove(name)
        return 0
    chunks = campaign.names("chunks/")
    others = _left_out(campaign, digits)
    if len(others) or any(_has_number(_rows(campaign.read(name)), digits).any() for name in chunks):
        _remove_from_lists(campaign, digits)
        _remove_pages(campaign)
    if len(others):
        _rewrite_results(campaign, others)
    count = sum(_rewrite_rows(campaign, name, lambda rows: _without_number(rows, digits)) for name in chunks)
    count += _rewrite_rows(campaign, OTHERS_FILE, lambda rows: _without_contact(rows, digits))
    for name in chunks:
        unfinished = _unfinished(campaign.read(name), name)
        if len(unfinished):
            new = dict(unfinished.select("id", "new").iter_rows())
            _rewrite_logs(campaign, new)
            _rewrite_results(campaign, unfinished)
            _rewrite_rows(campaign, name, partial(_with_ids, new=new))
    _keep_digests(campaign)
    return count


def _without_number(rows: pl.DataFrame, digits: str) -> tuple[pl.DataFrame, int]:
    is_it = _has_number(rows, digits)
    emptied = [pl.when(is_it).then(None).otherwise(name).alias(name) for name in rows.columns if name not in _KEPT]
    if "reason" in rows.columns:
        # What a list says about the number goes with it.
        emptied.append(pl.when(is_it).then(reason_kind()).otherwise("reason").alias("reason"))
    return rows.with_columns(emptied), int(is_it.sum())


def _has_number(rows: pl.DataFrame, digits: str) -> pl.Series:
    """Whether each contact has a number, as its first or as a further one."""
    is_it = pl.col("number") == digits
    if FURTHER in rows.columns:
        is_it |= pl.col(FURTHER).list.contains(digits)
    return rows.select(is_it.fill_null(value=False)).to_series()


def _without_contact(rows: pl.DataFrame, digits: str) -> tuple[pl.DataFrame, int]:
    """Remove number and id of contacts that were left out at once: no log has their ids."""
    new = pl.when(pl.col("number") == digits).then(_others_id()).otherwise("id").alias("id")
    return _without_number(rows.with_columns(new), digits)


def _left_out(campaign: CampaignFiles, digits: str) -> pl.DataFrame:
    """Return the contacts with this number that the plan left out, each with its new id."""
    rows = _rows(campaign.read(OTHERS_FILE), *_PLACE, "number").with_columns(_others_id().alias("new"))
    return rows.filter(pl.col("number") == digits)


def _others_id() -> pl.Expr:
    return pl.concat_str(pl.lit(f"{_ERASED}{OTHERS_FILE}:"), pl.int_range(pl.len()).cast(pl.String))


def _unfinished(content: bytes, name: str) -> pl.DataFrame:
    """Return a chunk's contacts without a number whose ids are still their own, each with its new id."""
    new = pl.concat_str(pl.lit(f"{_ERASED}{name}:"), pl.int_range(pl.len()).cast(pl.String))
    rows = _rows(content, *_PLACE, "number").with_columns(new.alias("new"))
    return rows.filter(pl.col("number").is_null() & ~pl.col("id").str.starts_with(_ERASED))


def _with_ids(rows: pl.DataFrame, new: Mapping[str, str]) -> tuple[pl.DataFrame, int]:
    return rows.with_columns(pl.col("id").replace(new)), len(new)


def _rewrite_logs(campaign: CampaignFiles, new: Mapping[str, str]) -> None:
    """Replace ids in the logs of the waves and of the tracking."""
    for name in [*campaign.names("waves/"), *campaign.names("track/")]:
        before = campaign.read(name)
        if name.endswith(".jsonl"):
            lines = [_line(json.loads(line), new) for line in before.splitlines()]
            after = "".join(json.dumps(line) + "\n" for line in lines).encode()
        elif name.endswith(".json"):
            after = json.dumps(_intent(json.loads(before), new)).encode()
        else:
            continue
        if after != before:
            campaign.write(name, after)


def _line(fields: Json, new: Mapping[str, str]) -> Json:
    contact = new.get(str(fields["contact"]))
    if contact is None:
        return fields
    emptied = {name: value for name, value in _LEADING.items() if name in fields}
    return {**fields, **emptied, "contact": contact}


def _intent(fields: Json, new: Mapping[str, str]) -> Json:
    return {
        name: {new.get(contact, contact): number for contact, number in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in fields.items()
    }


def _rewrite_results(campaign: CampaignFiles, erased: pl.DataFrame) -> None:
    """Replace ids in the results, by the place of the row too: a duplicate has the id of another contact."""
    own = ["contact", "file", "row"]
    places = erased.select(*(pl.col(name).cast(pl.String) for name in _PLACE), "new")
    places = places.rename(dict(zip(_PLACE, own, strict=True)))

    def renamed(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        texts = rows.select(pl.col(own).cast(pl.String))
        new = texts.join(places, on=own, how="left", maintain_order="left").get_column("new")
        private = [pl.when(new.is_null()).then(name).otherwise(None).alias(name) for name in ("number", "recording")]
        reason = pl.when(new.is_null()).then("reason").otherwise(reason_kind()).alias("reason")
        return rows.with_columns(pl.coalesce(new, "contact").alias("contact"), reason, *private), new.count()

    for name in campaign.names(f"{_RESULTS_STEM}."):
        _rewrite_rows(campaign, name, renamed)


def _remove_pages(campaign: CampaignFiles) -> None:
    """Remove the page of the plan, which shows texts as people get them."""
    for name in campaign.names():
        if name.endswith(".html") and name != PAGE_FILE:
            campaign.remove(name)


def _remove_from_lists(campaign: CampaignFiles, digits: str) -> None:
    """Remove the number's rows from the list to feed back, whatever column and spelling it is in."""

    def without(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        has_it = pl.Series([False] * len(rows), dtype=pl.Boolean)
        for column in rows.columns:
            texts = rows.select(pl.col(column).cast(pl.String).alias("_text"))
            has_it |= (with_numbers(texts, "_text", ALL_KINDS).get_column("number") == digits).fill_null(value=False)
        return rows.filter(~has_it), int(has_it.sum())

    for name in campaign.names(f"{AGAIN_STEM}."):
        _rewrite_rows(campaign, name, without)


def _rewrite_rows(
    campaign: CampaignFiles, name: str, change: Callable[[pl.DataFrame], tuple[pl.DataFrame, int]]
) -> int:
    """Replace a file of rows by what a change makes of it, if it changes any; return how many."""
    is_csv = name.endswith(".csv")
    content = campaign.read(name)
    # All columns of a CSV as texts: numbers and ids keep their zeros.
    before = pl.read_csv(io.BytesIO(content), infer_schema=False) if is_csv else _rows(content)
    after, count = change(before)
    if count:
        target = io.BytesIO()
        after.write_csv(target) if is_csv else after.write_parquet(target)
        campaign.write(name, target.getvalue())
    return count


def _rows(content: bytes, *columns: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(content), columns=list(columns) or None)


def _keep_digests(campaign: CampaignFiles) -> None:
    """Let the plan have the digests of its chunks as they are now, so that those who are left can be sent to.

    Only chunks with erased contacts: a chunk that was changed by another hand has to be found out.
    """
    chunks = campaign.plan["chunks"]
    assert isinstance(chunks, list)  # noqa: S101 - for the type checker; the file is this package's own
    changed = False
    for chunk in chunks:
        content = campaign.read(chunk["name"])
        digest = hashlib.blake2b(content, digest_size=len(chunk["digest"]) // 2).hexdigest()
        if digest != chunk["digest"] and _rows(content).get_column("number").null_count():
            chunk["digest"], changed = digest, True
    if changed:
        campaign.write(PLAN_FILE, json.dumps(campaign.plan, indent=1).encode())
