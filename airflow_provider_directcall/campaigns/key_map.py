"""Numbers and ids as integers, and a map of very many of them."""

from __future__ import annotations

from typing import Final

import polars as pl


class KeyMap:
    """A map of integers to small ones, which takes twelve bytes for each.

    Sorted runs, the largest first: two of them are merged when the smaller one has become large enough.
    """

    def __init__(self) -> None:
        self._runs: list[pl.DataFrame] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, keys: pl.Series, values: pl.Series) -> None:
        """Add integers that are not in it yet, with their values below 2**32."""
        if not len(keys):
            return
        order = keys.arg_sort()
        self._runs.append(
            pl.DataFrame([keys.gather(order).alias("key"), values.cast(pl.UInt32).gather(order).alias("value")])
        )
        while len(self._runs) > 1 and len(self._runs[-2]) < _GROWTH * len(self._runs[-1]):
            smaller, larger = self._runs.pop(), self._runs.pop()
            self._runs.append(larger.merge_sorted(smaller, "key"))

    def find(self, keys: pl.Series) -> pl.Series:
        """Return the values of integers; null for those that are not in it."""
        values = pl.repeat(None, len(keys), dtype=pl.UInt32, eager=True)
        if not self._runs or not len(keys):
            return values
        # In order, neighbours are found in the same memory.
        order = keys.arg_sort()
        ordered = keys.gather(order)
        for run in self._runs:
            places = run["key"].search_sorted(ordered).clip(upper_bound=len(run) - 1)
            found = run["key"].gather(places) == ordered
            if found.any():
                values = values.scatter(order.filter(found), run["value"].gather(places.filter(found)))
        return values


_GROWTH: Final = 8
#: Before the digits of a number of the vendor's network, which then has more digits than any other number.
_SIP: Final = "100000"
#: Digits of an integer that stands for itself.
_PLAIN_ID: Final = "^[1-9][0-9]{0,17}$"


def number_key(column: str) -> pl.Expr:
    """Return the expression of a number as an integer, a different one for each number."""
    return pl.col(column).str.replace("ip", _SIP, literal=True).cast(pl.Int64)


def number_keys(numbers: pl.Series) -> pl.Series:
    """Return numbers as integers."""
    return pl.DataFrame([numbers.alias("number")]).select(number_key("number")).to_series()


def id_key(column: str) -> pl.Expr:
    """Return the expression of an id as an integer: its own, or a negative hash of 63 bits.

    Among ten million ids that are no integers, two share a hash with a probability of 1 in 200,000.
    """
    text = pl.col(column)
    hashed = -1 - (text.hash() // 2).cast(pl.Int64)
    return pl.when(text.str.contains(_PLAIN_ID)).then(text.cast(pl.Int64, strict=False)).otherwise(hashed)
