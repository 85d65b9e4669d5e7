"""Contacts that must not be reached, and those whose number or id another one had before."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

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
        self._exclusions = exclusions
        self._numbers: set[str] = set()
        self._ids: set[str] = set()

    def marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Mark excluded contacts, and those whose number or id an accepted one had before: others block no one."""
        candidates = rows.filter(pl.col("state") == ACCEPTED)
        numbers, ids = candidates.get_column("number"), candidates.get_column("id")
        excluded = self._excluded(numbers.to_list())
        left = ~numbers.is_in(list(excluded)) if excluded else pl.repeat(True, len(numbers), eager=True)
        suspects = left & (self._may_repeat(numbers, self._numbers) | self._may_repeat(ids, self._ids))
        self._numbers.update(numbers.filter(left & ~suspects).to_list())
        self._ids.update(ids.filter(left & ~suspects).to_list())
        states = numbers.replace_strict(excluded, default=ACCEPTED, return_dtype=pl.String)
        if suspects.any():
            repeated = self._states_of_suspects(numbers.filter(suspects), ids.filter(suspects))
            states = states.scatter(suspects.arg_true(), repeated)
        places = (rows.get_column("state") == ACCEPTED).arg_true()
        return rows.with_columns(rows.get_column("state").scatter(places, states))

    def _excluded(self, numbers: Collection[str]) -> dict[str, str]:
        """Return those of the numbers that must not be reached, with the state of their contacts."""
        lists = {
            ContactState.SUPPRESSED: self._exclusions.suppressed,
            ContactState.OPTED_OUT: self._exclusions.opted_out,
        }
        return {number: state.value for state, digits in lists.items() for number in digits.intersection(numbers)}

    @staticmethod
    def _may_repeat(values: pl.Series, seen: set[str]) -> pl.Series:
        """Whether each value is there twice, or was seen in an earlier batch."""
        earlier = seen.intersection(values.to_list())
        twice = ~values.is_unique()
        return twice | values.is_in(list(earlier)) if earlier else twice

    def _states_of_suspects(self, numbers: pl.Series, ids: pl.Series) -> list[str]:
        states = []
        for number, contact in zip(numbers, ids, strict=True):
            is_repeated = number in self._numbers or contact in self._ids
            if not is_repeated:
                self._numbers.add(number)
                self._ids.add(contact)
            states.append(ContactState.DUPLICATE.value if is_repeated else ACCEPTED)
        return states
