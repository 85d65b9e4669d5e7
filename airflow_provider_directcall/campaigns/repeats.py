"""Contacts that must not be reached, and those whose number or id another one had before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.contacts.rows import FILE, ROW
from airflow_provider_directcall.campaigns.key_map import KeyMap, id_key, number_key, number_keys
from airflow_provider_directcall.campaigns.left_out import RowPlaces, left_out, same_as
from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED
from airflow_provider_directcall.campaigns.states import ContactState

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.suppression import Exclusions


class Excluded:
    """Numbers that must not be reached.

    :param exclusions: digits, and why.
    """

    def __init__(self, exclusions: Exclusions) -> None:
        self._suppressed = exclusions.suppressed
        self._opted_out = KeyMap()
        keys = number_keys(pl.Series(list(exclusions.opted_out), dtype=pl.String))
        self._opted_out.add(keys, pl.zeros(len(keys), dtype=pl.UInt32, eager=True))

    def marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give excluded contacts their state, and their reason."""
        places = _accepted_places(rows)
        keys = rows.select(number_key("number")).to_series().gather(places)
        has_opted_out = self._opted_out.find(keys).is_not_null()
        reasons = self._suppressed.reasons(keys)
        is_on_list = reasons.is_not_null() & ~has_opted_out
        rows = left_out(rows, places.filter(has_opted_out), ContactState.OPTED_OUT, None)
        return left_out(rows, places.filter(is_on_list), ContactState.SUPPRESSED, reasons.filter(is_on_list))


class Repeats:
    """Remembers the numbers and ids of accepted contacts over all batches."""

    def __init__(self) -> None:
        self._numbers = KeyMap()
        self._ids = KeyMap()
        self._rows = RowPlaces()

    def marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Mark contacts whose number or id an accepted one had before; others block no one."""
        places = _accepted_places(rows)
        keyed = rows.select(number_key("number"), id_key("id"))[places]
        own = (places.cast(pl.Int64) + self._rows.add(rows)).cast(pl.UInt32)
        keyed = keyed.with_columns(
            own.alias("own"),
            by_number=self._numbers.find(keyed["number"]),
            by_id=self._ids.find(keyed["id"]),
        )
        repeated = self._repeated(keyed)
        if len(repeated):
            rows = left_out(rows, places.gather(repeated["place"]), ContactState.DUPLICATE, self._reasons(repeated))
            keyed = keyed.filter(~_is_in(repeated["place"], len(keyed)))
        self._numbers.add(keyed["number"], keyed["own"])
        self._ids.add(keyed["id"], keyed["own"])
        return rows

    def _repeated(self, keyed: pl.DataFrame) -> pl.DataFrame:
        """Return the places of the repeated contacts, and those of the earlier ones with the same number or id."""
        seen = keyed["by_number"].is_not_null() | keyed["by_id"].is_not_null()
        suspects = (seen | ~keyed["number"].is_unique() | ~keyed["id"].is_unique()).arg_true()
        return pl.DataFrame(_repeated(keyed[suspects], suspects), schema=_REPEATED, orient="row")

    def _reasons(self, repeated: pl.DataFrame) -> pl.Series:
        first = self._rows.of(repeated.select(pl.coalesce("by_number", "by_id")).to_series())
        row, file = pl.col(ROW), pl.col(FILE)
        by_number = pl.when(pl.col("by_number").is_not_null()).then(same_as("number", row, file))
        return (
            first.with_columns(repeated["by_number"]).select(by_number.otherwise(same_as("id", row, file))).to_series()
        )


_REPEATED: Final = {"place": pl.UInt32, "by_number": pl.UInt32, "by_id": pl.UInt32}


def _repeated(suspects: pl.DataFrame, places: pl.Series) -> list[tuple[int, int | None, int | None]]:
    """Return which of the contacts in question an accepted one was before, in the order of rows."""
    numbers: dict[int, int] = {}
    ids: dict[int, int] = {}
    repeated = []
    for place, (number, contact, own, by_number, by_id) in zip(places, suspects.iter_rows(), strict=True):
        same_number = numbers.get(number) if by_number is None else by_number
        same_id = ids.get(contact) if by_id is None else by_id
        if same_number is None and same_id is None:
            numbers[number] = ids[contact] = own
        else:
            repeated.append((place, same_number, same_id))
    return repeated


def _accepted_places(rows: pl.DataFrame) -> pl.Series:
    return (rows["state"] == ACCEPTED).arg_true()


def _is_in(places: pl.Series, count: int) -> pl.Series:
    return pl.repeat(value=False, n=count, dtype=pl.Boolean, eager=True).scatter(places, values=True)
