"""The one final state of each contact: the plan, the logs of the waves and of the tracking, joined chunk by chunk."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from airflow_provider_directcall.api.errors import RETURN_CODES
from airflow_provider_directcall.api.replies import CallOutcome
from airflow_provider_directcall.campaigns import wave_log
from airflow_provider_directcall.campaigns.chunks import chunk_stem
from airflow_provider_directcall.campaigns.columns import COLUMN, FURTHER
from airflow_provider_directcall.campaigns.contacts.rows import FILE, ROW
from airflow_provider_directcall.campaigns.planning import OTHERS_FILE
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.voice import attempt_name, attempts_made
from airflow_provider_directcall.campaigns.wave_log import Progress, waves_in
from airflow_provider_directcall.telephony.masking import mask_number

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder

#: Whether a contact surely was not reached, and may be fed back.
AGAIN: Final = "_again"
#: Where a cost comes from: the prices that the vendor's statement shows, or parts x the price of the plan.
BY_STATEMENT: Final = "statement"
BY_PRICE: Final = "parts x price"
MONEY: Final = pl.Decimal(38, 6)
MOMENT: Final = pl.Datetime("us", "UTC")

#: Columns of the results, in their order.
RESULTS: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact": pl.String,
    "number": pl.String,
    "attempts": pl.Int64,
    "state": pl.String,
    "outcome": pl.String,
    "delivery": pl.String,
    "parts": pl.Int64,
    "cost_brl": MONEY,
    "cost_from": pl.String,
    "answered_seconds": pl.Int64,
    "recording": pl.String,
    "sent_at": MOMENT,
    "reason": pl.String,
    "file": pl.String,
    "row": pl.Int64,
}
_WAVE: Final = {
    "contact": pl.String,
    "progress": pl.String,
    "since": pl.String,
    "parts": pl.Int64,
    "code": pl.String,
    "reason": pl.String,
    "place": pl.Int64,
}
_TRACK: Final = {
    "contact": pl.String,
    "state": pl.String,
    "delivery": pl.String,
    "cost_brl": pl.String,
    "outcome": pl.String,
    "answered_seconds": pl.Int64,
    "recording": pl.String,
}
#: A contact without any result had no turn; so has one whose request surely was not sent, with turns left.
_STATE_OF: Final[Mapping[str, str]] = {
    **{state.value: state.value for state in ContactState},
    **{progress.value: state.value for progress, state in wave_log.STATE_OF.items()},
    Progress.NOT_SENT.value: ContactState.STOPPED.value,
}
#: States of contacts who surely were not reached, whatever the reason was.
_UNREACHED: Final = [
    *(state.value for state in (ContactState.FAILED, ContactState.STOPPED, ContactState.OUT_OF_WINDOW)),
    *(outcome.value for outcome in (CallOutcome.BUSY, CallOutcome.NO_ANSWER, CallOutcome.CANCELLED)),
]
#: Progress of requests that left, or may have left.
_LEFT: Final = [Progress.SENT.value, Progress.DOUBTFUL.value, Progress.UNKNOWN.value]
#: A contact whose refusals have another code was refused again and again, each time without an effect.
_FINAL_CODES: Final = [code for code, meaning in RETURN_CODES.items() if not meaning.transient]
#: States of contacts to whom nothing left.
_NOT_SENT: Final = [
    state.value
    for state in (
        ContactState.REFUSED,
        ContactState.STOPPED,
        ContactState.OUT_OF_WINDOW,
        ContactState.SUPPRESSED,
        ContactState.OPTED_OUT,
    )
]
#: States in which no cost is computed: an unknown contact costs something only where the statement shows it.
_FREE: Final = [*_NOT_SENT, ContactState.UNKNOWN.value]
#: Erased contacts have no number.
_IS_KNOWN: Final = pl.col("number").is_not_null()
_MASKED_IN_FULL: Final = 12
_OTHERS_AT_ONCE: Final = 50_000


def chunk_results(folder: Folder, chunk_name: str, price_brl: Decimal | None) -> pl.DataFrame:
    """Return the contacts of a chunk with the columns of :data:`RESULTS`, :data:`AGAIN` and those of their file.

    :param price_brl: of one part, for contacts for whom the statement shows no price.
    """
    content = folder.read(f"chunks/{chunk_stem(chunk_name)}.parquet")
    contacts = pl.read_parquet(io.BytesIO(content))
    contacts = contacts.select(FILE, ROW, "id", "number", f"^{FURTHER}$", "parts", f"^{COLUMN}.*$")
    attempts = [_attempt(folder, chunk_name, number) for number in attempts_made(folder, chunk_name)]
    ends = _last_of(pl.concat(attempts)) if attempts else _last_of(_no_attempts())
    rows = contacts.join(ends, left_on="id", right_on="contact", how="left", maintain_order="left")
    return _finished(_with_called_number(rows), price_brl)


def other_results(folder: Folder) -> Iterator[pl.DataFrame]:
    """Yield the contacts that the plan left out, as :func:`chunk_results` does."""
    others = pl.read_parquet(io.BytesIO(folder.read(OTHERS_FILE)))
    for rows in others.iter_slices(_OTHERS_AT_ONCE):
        missing = {
            name: kind for name, kind in RESULTS.items() if name not in {*rows.columns, "contact", "file", "row"}
        }
        yield _shaped(
            rows.with_columns(**{name: pl.lit(None, kind) for name, kind in missing.items()})
            .with_columns(attempts=pl.lit(0, pl.Int64), parts=pl.lit(0, pl.Int64))
            .with_columns(((pl.col("state") == ContactState.OUT_OF_WINDOW.value) & _IS_KNOWN).alias(AGAIN))
        )


def _with_called_number(rows: pl.DataFrame) -> pl.DataFrame:
    """Return contacts with the number of their last call in place of their first one."""
    if FURTHER not in rows.columns:
        return rows
    further = pl.col(FURTHER).list.get(pl.col("place") - 1, null_on_oob=True)
    number = pl.when(pl.col("number").is_not_null() & (pl.col("place") > 0)).then(further).otherwise("number")
    return rows.with_columns(number=number).drop(FURTHER)


def _attempt(folder: Folder, chunk_name: str, number: int) -> pl.DataFrame:
    """Return the last wave's result and the last track line of each contact that had this attempt."""
    log = attempt_name(chunk_name, number)
    waves = _waves(folder, log).unique("contact", keep="last", maintain_order=True)
    lines = b"".join(folder.read(name) for name in folder.names(f"track/{log}/"))
    tracked = pl.read_ndjson(io.BytesIO(lines), schema=_TRACK).unique("contact", keep="last", maintain_order=True)
    # Parts that may be charged by now: a message that was sent again on request has more than its text.
    waves = waves.rename({"parts": "sent_parts"})
    return waves.join(tracked, on="contact", how="left", maintain_order="left").with_columns(attempt=pl.lit(number))


def _waves(folder: Folder, log: str) -> pl.DataFrame:
    """Return the results of all waves in their order; contacts of an unfinished wave are in doubt."""
    waves = [
        pl.read_ndjson(io.BytesIO(folder.read(f"{stem}.{wave_log.RESULTS}")), schema=_WAVE)
        if is_finished
        else _in_doubt(json.loads(folder.read(f"{stem}.{wave_log.INTENT}")))
        for stem, is_finished in waves_in(folder.names(f"waves/{log}/"))
    ]
    return pl.concat(waves) if waves else pl.DataFrame(schema=_WAVE)


def _in_doubt(intent: Mapping[str, Any]) -> pl.DataFrame:
    places = intent.get("places", {})
    contacts = {"contact": list(intent["sends"]), "place": [places.get(own, 0) for own in intent["sends"]]}
    return pl.DataFrame(contacts, schema={"contact": pl.String, "place": pl.Int64}).select(
        "contact",
        progress=pl.lit(Progress.DOUBTFUL.value),
        since=pl.lit(intent["since"]),
        parts=pl.lit(0, pl.Int64),
        code=pl.lit(None, pl.String),
        reason=pl.lit("the process ended before the outcome of its request was known"),
        place="place",
    )


def _no_attempts() -> pl.DataFrame:
    return pl.DataFrame(schema={**_WAVE, **_TRACK, "sent_parts": pl.Int64, "attempt": pl.Int32}).drop("parts")


def _last_of(attempts: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each contact: its last attempt that left, the number of attempts, the sum of their costs.

    A further attempt that was refused, left out, or had no turn, changes nothing about the one before.
    """
    has_left = pl.col("progress").is_in(_LEFT) | pl.col("state").is_not_null()
    counted = attempts.filter(has_left | (pl.col("attempt") == 1)).with_columns(
        pl.col("cost_brl").cast(MONEY), pl.col("since").str.to_datetime(time_unit="us", time_zone="UTC")
    )
    kept = [name for name in counted.columns if name not in {"contact", "attempt", "cost_brl", "sent_parts"}]
    return counted.group_by("contact").agg(
        pl.col(kept).sort_by("attempt").last(),
        sent_parts=pl.col("sent_parts").sum(),
        attempts=pl.col("progress").is_in([*_LEFT, Progress.REFUSED.value]).sum().cast(pl.Int64),
        cost_brl=pl.when(pl.col("cost_brl").is_not_null().any()).then(pl.col("cost_brl").sum()),
    )


def _finished(rows: pl.DataFrame, price_brl: Decimal | None) -> pl.DataFrame:
    progress = pl.col("progress").fill_null(Progress.NOT_SENT.value)
    mapped = progress.replace_strict(_STATE_OF, default=ContactState.UNKNOWN.value, return_dtype=pl.String)
    # By the log: a statement's word for a call that was made may be the same.
    is_refused = (pl.col("state") == ContactState.REFUSED.value) & (progress == Progress.REFUSED.value)
    is_transient = is_refused & ~pl.col("code").is_in(_FINAL_CODES)
    may_cost = ~pl.col("state").is_in(_FREE) & pl.col("cost_brl").is_null() & pl.lit(price_brl is not None)
    price = pl.lit(price_brl or Decimal(0), MONEY)
    return _shaped(
        rows.with_columns(
            state=pl.coalesce("state", mapped),
            attempts=pl.col("attempts").fill_null(0),
            parts=pl.when(pl.col("sent_parts") > 0).then("sent_parts").otherwise("parts"),
        ).with_columns(
            ((pl.col("state").is_in(_UNREACHED) | is_transient.fill_null(False)) & _IS_KNOWN).alias(AGAIN),
            cost_from=pl.when(pl.col("cost_brl").is_not_null())
            .then(pl.lit(BY_STATEMENT))
            .when(may_cost)
            .then(pl.lit(BY_PRICE)),
            cost_brl=pl.when(may_cost).then((pl.col("parts") * price).cast(MONEY)).otherwise("cost_brl"),
            parts=pl.when(pl.col("state").is_in(_FREE)).then(0).otherwise("parts"),
            sent_at=pl.when(~pl.col("state").is_in(_NOT_SENT)).then("since"),
            reason=pl.when(pl.col("reason") != "").then("reason"),
        )
    )


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    named = rows.rename({"id": "contact", FILE: "file", ROW: "row"})
    return named.with_columns(number=masked("number")).select(
        *(pl.col(name).cast(kind) for name, kind in RESULTS.items()), AGAIN, f"^{COLUMN}.*$"
    )


def masked(column: str) -> pl.Expr:
    """Return the expression of :func:`~airflow_provider_directcall.telephony.masking.mask_number` for digits."""
    digits = pl.col(column)
    usual = pl.concat_str(digits.str.slice(0, 4), pl.lit("*****"), digits.str.slice(-4))
    is_usual = digits.str.len_chars() >= _MASKED_IN_FULL
    short = pl.when(~is_usual).then(digits).map_elements(mask_number, return_dtype=pl.String)
    return pl.when(is_usual).then(usual).otherwise(short)
