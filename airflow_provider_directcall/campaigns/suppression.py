"""Lists of numbers that must not be reached: do-not-call registers, opt-outs, the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.contacts.rows import BAD, FILE, RESERVED
from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.campaigns.key_map import KeyMap, number_key, number_keys
from airflow_provider_directcall.campaigns.left_out import on_list
from airflow_provider_directcall.campaigns.numbers import with_numbers
from airflow_provider_directcall.telephony.numbers import ALL_KINDS

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.contacts.reading import ContactSource

#: Names of the column of the number, in order of preference; without any of them, the first column.
NUMBER_COLUMNS: Final = ("number", "numero", "número", "telefone", "phone")
EXPIRES: Final = "expires"
SOURCE: Final = "source"
#: The columns' names from then on: their own may be ``number``, which the parsed numbers have.
_ENTRY: Final = "_entry"


class SuppressedNumbers:
    """The numbers of suppression lists, with the list and the source of each: twelve bytes for a number.

    :param only: digits; entries of other numbers are not kept. None keeps all.
    :ivar expired: entries of these numbers whose time is over.
    """

    def __init__(self, only: Iterable[str] | None = None) -> None:
        self._only = None if only is None else number_keys(pl.Series(list(only), dtype=pl.String)).unique()
        self._keys = KeyMap()
        self._reasons: dict[str, int] = {}
        self.expired = 0

    def __len__(self) -> int:
        return len(self._keys)

    def read(self, files: ContactSource, today: date) -> None:
        """Read lists of numbers in any spelling; an entry whose ``expires`` is before today does not count.

        An entry that cannot be read stops the plan: the number that it meant would be reached. A number that is there
        twice keeps its first entry.

        :param today: in the account's zone.
        :raises ContactsError: a list cannot be read, or an entry of it.
        """
        for batch in files.batches():
            entries = _entries(batch)
            if self._only is not None:
                entries = entries.filter(pl.col("key").is_in(self._only.implode()))
            is_over = _is_over(entries[EXPIRES], today)
            self.expired += int(is_over.sum())
            entries = entries.filter(~is_over).unique("key", keep="first", maintain_order=True)
            self._add(entries.filter(self._keys.find(entries["key"]).is_null()))

    def _add(self, entries: pl.DataFrame) -> None:
        codes = [
            (file, source, self._reasons.setdefault(on_list(file, source), len(self._reasons)))
            for file, source in entries.select(FILE, SOURCE).unique(maintain_order=True).iter_rows()
        ]
        known = pl.DataFrame(codes, schema={FILE: pl.String, SOURCE: pl.String, "code": pl.UInt32}, orient="row")
        coded = entries.join(known, on=[FILE, SOURCE], how="left", nulls_equal=True, maintain_order="left")
        self._keys.add(coded["key"], coded["code"])

    def reasons(self, keys: pl.Series) -> pl.Series:
        """Return why numbers must not be reached; null for the others.

        :param keys: of :func:`~.key_map.number_key`.
        """
        codes = self._keys.find(keys)
        found = codes.is_not_null()
        reasons = pl.Series(list(self._reasons), dtype=pl.String).gather(codes.filter(found))
        return pl.repeat(None, len(keys), dtype=pl.String, eager=True).scatter(found.arg_true(), reasons)

    def among(self, numbers: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield those of the numbers that must not be reached, each with the reason.

        :param numbers: digits.
        """
        asked = pl.Series(list(numbers), dtype=pl.String)
        for number, reason in zip(asked, self.reasons(number_keys(asked)), strict=True):
            if reason is not None:
                yield number, reason


@dataclass(frozen=True)
class Exclusions:
    """Numbers that must not be reached, and why.

    :ivar suppressed: from lists.
    :ivar opted_out: digits, from replies.
    """

    suppressed: SuppressedNumbers = field(default_factory=SuppressedNumbers, repr=False)
    opted_out: frozenset[str] = field(default=frozenset(), repr=False)


def _entries(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the entries of a batch: key, expiry, file and source of each.

    :raises ContactsError: an entry cannot be read.
    """
    columns = {name.strip().lower(): name for name in batch.columns if name not in RESERVED}
    named = next((columns[name] for name in NUMBER_COLUMNS if name in columns), None)
    own = {_ENTRY: named or next(iter(columns.values())), EXPIRES: columns.get(EXPIRES), SOURCE: columns.get(SOURCE)}
    texts = [(pl.lit(None, pl.String) if name is None else pl.col(name)).alias(alias) for alias, name in own.items()]
    rows = with_numbers(batch.select(*RESERVED, *texts), _ENTRY, ALL_KINDS)
    _reject_unreadable(rows)
    return rows.drop_nulls("number").select(number_key("number").alias("key"), EXPIRES, FILE, SOURCE)


def _reject_unreadable(rows: pl.DataFrame) -> None:
    has_text = pl.col(_ENTRY).fill_null("").str.strip_chars() != ""
    bad = rows.filter(pl.col(BAD).is_not_null() | (has_text & pl.col("number").is_null()))
    if len(bad):
        file, row, reason = bad.select(FILE, "_row", pl.coalesce(BAD, "reason")).row(0)
        raise ContactsError(f"{file}: row {row}: {reason}; the number it means would be reached")


def _is_over(dates: pl.Series, today: date) -> pl.Series:
    """Whether each entry has expired. A date that cannot be read never expires."""
    texts = dates.fill_null("")
    over = [text for text in texts.unique() if _before(text, today)]
    return texts.is_in(over)


def _before(text: str, today: date) -> bool:
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text.strip()[:10], form).replace(tzinfo=UTC).date() < today
        except ValueError:
            continue
    return False
