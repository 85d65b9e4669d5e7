"""Where the contacts of a batch are, between which times they may be reached, and when the window opens for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from airflow_provider_directcall.campaigns.columns import COLUMN, MOMENT
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.moments import parse_moment
from airflow_provider_directcall.campaigns.numbers import COUNTRY
from airflow_provider_directcall.campaigns.openings import LAST_MINUTE, Openings
from airflow_provider_directcall.campaigns.places import parse_zone, place_of
from airflow_provider_directcall.campaigns.plan_times import OWN_TIME
from airflow_provider_directcall.telephony.areas import AREAS

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings

Schema: TypeAlias = "dict[str, type[pl.DataType] | pl.DataType]"

#: Column of the reason to reject a contact because of its zone or its times.
TIMES_REASON: Final = "_times_reason"
_AREA: Final = "_area"
_NOT_BEFORE: Final = "_not_before"


class ContactTimes:
    """Adds the zone, the times and the opening of contacts.

    :param now: aware; the earliest moment of a send.
    """

    def __init__(self, settings: CampaignSettings, now: datetime) -> None:
        self._settings = settings
        self._now = now.astimezone(UTC)
        self._openings = Openings(settings.window)

    def added(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add the columns ``zone``, ``not_after``, ``opens_at`` and that of the reason.

        :raises CampaignError: the window never opens.
        """
        number = pl.col("number")
        area = pl.when(~number.str.starts_with("00")).then(number.str.slice(len(COUNTRY), 2))
        rows = rows.with_columns(
            area.alias(_AREA),
            *(pl.lit(None, MOMENT).alias(name) for name in (_NOT_BEFORE, "not_after")),
            pl.lit(None, pl.String).alias("zone"),
            pl.lit(None, pl.String).alias(TIMES_REASON),
        )
        settings = self._settings
        rows = self._parsed(rows, settings.zone_column, "zone", lambda text, *_: parse_zone(text))
        rows = self._parsed(rows, settings.not_before_column, _NOT_BEFORE, _begin)
        rows = self._parsed(rows, settings.not_after_column, "not_after", _end)
        return self._with_openings(rows)

    def _parsed(
        self,
        rows: pl.DataFrame,
        column: str | None,
        target: str,
        parse: Callable[[str, str | None, str | None], object],
    ) -> pl.DataFrame:
        """Parse a column, each combination of text and place once."""
        if column is None:
            return rows
        text = pl.col(COLUMN + column).str.strip_chars()
        given = rows.with_columns(pl.when(text != "").then(text).alias("_text"))
        key = ["_text", _AREA, "zone"] if target != "zone" else ["_text"]
        found = []
        for values in given.select(key).drop_nulls("_text").unique().iter_rows():
            try:
                found.append((*values, parse(*(values if len(key) > 1 else (*values, None, None))), None))
            except ValueError as error:
                found.append((*values, None, f"the column {column}: {error}"))
        schema: Schema = {**dict.fromkeys(key, pl.String), "_value": rows.schema[target], "_why": pl.String}
        joined = given.join(
            pl.DataFrame(found, schema=schema, orient="row"),
            on=key,
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        return joined.with_columns(
            pl.col("_value").alias(target), pl.coalesce(TIMES_REASON, "_why").alias(TIMES_REASON)
        ).drop("_text", "_value", "_why")

    def _with_openings(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self._settings.window is not None and not self._opens_anywhere:
            raise CampaignError(f"window: {self._settings.window.name} does not open anywhere within a year")
        key: Schema = {_AREA: pl.String, "zone": pl.String, _NOT_BEFORE: MOMENT}
        found = [
            (area, zone, not_before, self._openings.next_at(place_of(area, zone), self._since(not_before)))
            for area, zone, not_before in rows.select(*key).unique().iter_rows()
        ]
        return self._between(_joined(rows, found, {**key, "opens_at": MOMENT}, list(key)))

    def _since(self, not_before: datetime | None) -> datetime:
        return max(self._now, not_before or self._now)

    def moved(self, accepted: pl.DataFrame) -> Counter[str]:
        """Count the contacts that are not reached at once, by the rule: few of them differ in place, day and opening.

        :param accepted: rows of :meth:`added`.
        """
        since = pl.max_horizontal(pl.col(_NOT_BEFORE), pl.lit(self._now, MOMENT)).alias("since")
        later = accepted.select(_AREA, "zone", since, "opens_at").filter(pl.col("opens_at") > self._now)
        moved = later.filter(pl.col("opens_at") > pl.col("since"))
        counts = Counter({OWN_TIME: len(later) - len(moved)})
        # Zones differ by whole quarters of an hour, so that all moments of one have the same day.
        key = (_AREA, "zone", pl.col("since").dt.truncate("15m"), "opens_at")
        for area, zone, moment, opening, contacts in moved.group_by(*key).len().iter_rows():
            if (place := place_of(area, zone)) is not None:
                counts[self._openings.moved_by(place, moment, opening)] += contacts
        return +counts

    def _between(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Take the opening from contacts that must not be reached any more by then."""
        reasons = [pl.col(TIMES_REASON)]
        if self._settings.window is not None:
            is_abroad = pl.col(_AREA).is_null() & pl.col("zone").is_null() & pl.col("number").is_not_null()
            reasons.append(pl.when(is_abroad).then(pl.lit("the time zone of a number abroad is not known")))
        if self._settings.not_before_column is not None and self._settings.not_after_column is not None:
            is_empty = pl.col(_NOT_BEFORE) >= pl.col("not_after")
            reasons.append(pl.when(is_empty).then(pl.lit("its latest time is not after its earliest")))
        is_passed = pl.col("opens_at") >= pl.col("not_after") - LAST_MINUTE
        return rows.with_columns(
            pl.coalesce(reasons).alias(TIMES_REASON),
            opens_at=pl.when(~is_passed.fill_null(value=False)).then("opens_at"),
        )

    @cached_property
    def _opens_anywhere(self) -> bool:
        return any(self._openings.next_at(place_of(code, None), self._now) for code in AREAS)


def _joined(
    rows: pl.DataFrame,
    found: Sequence[tuple[object, ...]],
    schema: Schema,
    key: list[str],
) -> pl.DataFrame:
    """Add the values of each key."""
    values = pl.DataFrame(found, schema=schema, orient="row")
    return rows.join(values, on=key, how="left", nulls_equal=True, maintain_order="left")


def _begin(text: str, area: str | None, zone: str | None) -> datetime:
    return parse_moment(text, place_of(area, zone))


def _end(text: str, area: str | None, zone: str | None) -> datetime:
    return parse_moment(text, place_of(area, zone), is_end=True)
