"""Lists of numbers that must not be reached: do-not-call registers, opt-outs, the user's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.contacts.rows import BAD, RESERVED
from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.campaigns.numbers import with_numbers
from airflow_provider_directcall.telephony.numbers import ALL_KINDS

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.contacts.reading import ContactSource

#: Names of the column of the number, in order of preference; without any of them, the first column.
NUMBER_COLUMNS: Final = ("number", "numero", "número", "telefone", "phone")
EXPIRES: Final = "expires"
#: The column's name from then on: its own may be ``number``, which the parsed numbers have.
_ENTRY: Final = "_entry"


@dataclass(frozen=True)
class Exclusions:
    """Digits that must not be reached, and why.

    :ivar suppressed: from lists.
    :ivar opted_out: from replies.
    """

    suppressed: frozenset[str] = field(default=frozenset(), repr=False)
    opted_out: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True)
class SuppressionList:
    """Numbers that are suppressed now.

    :ivar digits: on the wire.
    :ivar expired: entries whose time is over.
    """

    digits: frozenset[str] = field(repr=False)
    expired: int


def read_suppression(files: ContactSource, today: date) -> SuppressionList:
    """Read lists of numbers in any spelling; an entry whose ``expires`` is before today does not count.

    An entry that cannot be read stops the plan: the number that it meant would be reached.

    :param today: in the account's zone.
    :raises ContactsError: a list cannot be read, or an entry of it.
    """
    digits: set[str] = set()
    expired = 0
    for batch in files.batches():
        columns = {name.strip().lower(): name for name in batch.columns if name not in RESERVED}
        named = next((columns[name] for name in NUMBER_COLUMNS if name in columns), None)
        column = named or next(iter(columns.values()))
        rows = with_numbers(batch.rename({column: _ENTRY}), _ENTRY, ALL_KINDS)
        _reject_unreadable(rows)
        is_over = _is_over(rows, columns.get(EXPIRES), today)
        expired += int(is_over.sum())
        digits.update(rows.filter(~is_over).get_column("number").drop_nulls().to_list())
    return SuppressionList(frozenset(digits), expired)


def _reject_unreadable(rows: pl.DataFrame) -> None:
    has_text = pl.col(_ENTRY).fill_null("").str.strip_chars() != ""
    bad = rows.filter(pl.col(BAD).is_not_null() | (has_text & pl.col("number").is_null()))
    if len(bad):
        file, row, reason = bad.select("_file", "_row", pl.coalesce(BAD, "reason")).row(0)
        raise ContactsError(f"{file}: row {row}: {reason}; the number it means would be reached")


def _is_over(rows: pl.DataFrame, column: str | None, today: date) -> pl.Series:
    """Whether each entry has expired. A date that cannot be read never expires."""
    if column is None:
        return pl.Series([False] * len(rows), dtype=pl.Boolean)
    return pl.Series([_before(text, today) for text in rows.get_column(column)], dtype=pl.Boolean)


def _before(text: str | None, today: date) -> bool:
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime((text or "").strip()[:10], form).replace(tzinfo=UTC).date() < today
        except ValueError:
            continue
    return False
