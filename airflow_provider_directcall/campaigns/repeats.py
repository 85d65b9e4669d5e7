"""Contacts that must not be reached, and those whose number or id another one had before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED
from airflow_provider_directcall.campaigns.states import ContactState

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.suppression import Exclusions


class Repeats:
    """Remembers the numbers and ids of accepted contacts over all batches.

    :param exclusions: digits that must not be reached.
    """

    def __init__(self, exclusions: Exclusions) -> None:
        self._excluded = {
            ContactState.OPTED_OUT: _keys_of(exclusions.opted_out),
            ContactState.SUPPRESSED: _keys_of(exclusions.suppressed),
        }
        self._numbers = KeySet()
        self._ids = KeySet()

    def marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Mark excluded contacts, and those whose number or id an accepted one had before: others block no one."""
        keyed = rows.select(
            pl.when(pl.col("state") == ACCEPTED).then(number_key("number")).alias("number"),
            id_key("id").alias("id"),
        )
        places = keyed.get_column("number").is_not_null()
        candidates = keyed if places.all() else keyed.filter(places)
        states = self._states_of(candidates.get_column("number"), candidates.get_column("id"))
        if len(states) == len(rows):
            return rows.with_columns(states.alias("state"))
        return rows.with_columns(rows.get_column("state").scatter(places.arg_true(), states))

    def _states_of(self, numbers: pl.Series, ids: pl.Series) -> pl.Series:
        states = pl.repeat(ACCEPTED, len(numbers), dtype=pl.String, eager=True)
        left = pl.repeat(value=True, n=len(numbers), dtype=pl.Boolean, eager=True)
        for state, keys in self._excluded.items():
            found = keys.holds(numbers)
            if found.any():
                states = states.scatter((found & left).arg_true(), state.value)
                left &= ~found
        seen = self._numbers.holds(numbers) | self._ids.holds(ids)
        suspects = left & (seen | ~numbers.is_unique() | ~ids.is_unique())
        fresh = left & ~suspects
        if suspects.any():
            places = suspects.arg_true()
            repeated = _repeated(*(each.filter(suspects) for each in (numbers, ids, seen)))
            states = states.scatter(places.filter(repeated), ContactState.DUPLICATE.value)
            fresh = fresh.scatter(places.filter(~repeated), values=True) if not repeated.all() else fresh
        self._numbers.add(numbers.filter(fresh))
        self._ids.add(ids.filter(fresh))
        return states


def _repeated(numbers: pl.Series, ids: pl.Series, seen: pl.Series) -> pl.Series:
    """Return which of the contacts in question an accepted one was before, in the order of rows."""
    known_numbers: set[int] = set()
    known_ids: set[int] = set()
    repeated = []
    for number, contact, is_repeated in zip(numbers, ids, seen, strict=True):
        again = is_repeated or number in known_numbers or contact in known_ids
        if not again:
            known_numbers.add(number)
            known_ids.add(contact)
        repeated.append(again)
    return pl.Series(repeated, dtype=pl.Boolean)


class KeySet:
    """A set of integers that takes eight bytes for each.

    Sorted runs, the largest first: two of them are merged when the smaller one has become large enough.
    """

    def __init__(self) -> None:
        self._runs: list[pl.Series] = []

    def add(self, keys: pl.Series) -> None:
        """Add integers."""
        if not len(keys):
            return
        self._runs.append(keys.sort())
        while len(self._runs) > 1 and len(self._runs[-2]) < _GROWTH * len(self._runs[-1]):
            smaller, larger = (self._runs.pop().to_frame("key") for _ in range(2))
            self._runs.append(larger.merge_sorted(smaller, "key").get_column("key"))

    def holds(self, keys: pl.Series) -> pl.Series:
        """Return which of the integers are in it."""
        if not self._runs:
            return _none_of(len(keys))
        # In order, neighbours are found in the same memory.
        order = keys.arg_sort()
        ordered = keys.gather(order)
        found = _none_of(len(keys))
        for run in self._runs:
            places = run.search_sorted(ordered).clip(upper_bound=len(run) - 1)
            found |= run.gather(places) == ordered
        return _none_of(len(keys)).scatter(order.filter(found), values=True) if found.any() else found


_GROWTH: Final = 8
#: Before the digits of a number of the vendor's network, which then has more digits than any other number.
_SIP: Final = "100000"
#: Digits of an integer that stands for itself.
_PLAIN_ID: Final = "^[1-9][0-9]{0,17}$"


def number_key(column: str) -> pl.Expr:
    """Return the expression of a number as an integer, a different one for each number."""
    return pl.col(column).str.replace("ip", _SIP, literal=True).cast(pl.Int64)


def id_key(column: str) -> pl.Expr:
    """Return the expression of an id as an integer: its own, or a negative hash of 63 bits.

    Among ten million ids that are no integers, two share a hash with a probability of 1 in 200,000.
    """
    text = pl.col(column)
    hashed = -1 - (text.hash() // 2).cast(pl.Int64)
    return pl.when(text.str.contains(_PLAIN_ID)).then(text.cast(pl.Int64, strict=False)).otherwise(hashed)


def _none_of(count: int) -> pl.Series:
    return pl.repeat(value=False, n=count, dtype=pl.Boolean, eager=True)


def _keys_of(digits: Iterable[str]) -> KeySet:
    keys = KeySet()
    keys.add(pl.DataFrame({"number": list(digits)}, schema={"number": pl.String}).select(number_key("number")).to_series())
    return keys
