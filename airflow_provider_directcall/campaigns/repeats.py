"""Contacts that must not be reached, and those whose number or id another one had before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED
from airflow_provider_directcall.campaigns.states import ContactState

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.suppression import Exclusions


class Excluded:
    """Numbers that must not be reached.

    :param exclusions: digits, and why.
    """

    def __init__(self, exclusions: Exclusions) -> None:
        self._keys = {
            ContactState.OPTED_OUT: _keys_of(exclusions.opted_out),
            ContactState.SUPPRESSED: _keys_of(exclusions.suppressed),
        }

    def marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give excluded contacts their state."""
        keys = rows.select(_accepted(number_key("number"))).to_series()
        for state, excluded in self._keys.items():
            found = excluded.holds(keys)
            if found.any():
                is_it = found & (pl.col("state") == ACCEPTED)
                rows = rows.with_columns(state=pl.when(is_it).then(pl.lit(state.value)).otherwise("state"))
        return rows


class Repeats:
    """Remembers the numbers and ids of accepted contacts over all batches."""

    def __init__(self) -> None:
        self._numbers = KeySet()
        self._ids = KeySet()

    def marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Mark contacts whose number or id an accepted one had before; others block no one."""
        keyed = rows.select(_accepted(number_key("number")), id_key("id"))
        places = keyed.get_column("number").is_not_null()
        numbers, ids = (keyed.get_column(name).filter(places) for name in ("number", "id"))
        repeated = self._repeated(numbers, ids)
        if repeated.any():
            states = rows.get_column("state").clone()
            states = states.scatter(places.arg_true().filter(repeated), ContactState.DUPLICATE.value)
            rows = rows.with_columns(states)
        self._numbers.add(numbers.filter(~repeated))
        self._ids.add(ids.filter(~repeated))
        return rows

    def _repeated(self, numbers: pl.Series, ids: pl.Series) -> pl.Series:
        seen = self._numbers.holds(numbers) | self._ids.holds(ids)
        suspects = seen | ~numbers.is_unique() | ~ids.is_unique()
        if not suspects.any():
            return suspects
        return _none_of(len(numbers)).scatter(
            suspects.arg_true(), _repeated(*(each.filter(suspects) for each in (numbers, ids, seen)))
        )


def _accepted(value: pl.Expr) -> pl.Expr:
    return pl.when(pl.col("state") == ACCEPTED).then(value)


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
    keys.add(
        pl.DataFrame({"number": list(digits)}, schema={"number": pl.String}).select(number_key("number")).to_series()
    )
    return keys
