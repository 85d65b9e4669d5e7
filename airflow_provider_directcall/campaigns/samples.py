"""Samples of a plan's texts, and the page that shows them as they will arrive."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.pages import document, table
from airflow_provider_directcall.telephony.masking import mask_number

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
    from airflow_provider_directcall.translations.languages import Language

_COLUMNS: Final = ("id", "number", "text", "parts", "opens_at")
_NAMES: Final = ("contact", "number", "text", "characters", "parts", "from")
_TEXT: Final = _NAMES.index("text")
_FIRST: Final = 20
_OTHERS: Final = 5


class Samples:
    """The first, the longest and the dearest texts of the accepted contacts."""

    def __init__(self) -> None:
        self._first: list[pl.DataFrame] = []
        self._longest: list[pl.DataFrame] = []
        self._dearest: list[pl.DataFrame] = []

    def add(self, accepted: pl.DataFrame) -> None:
        """Take what is to be shown from a batch."""
        rows = accepted.select(_COLUMNS)
        if sum(map(len, self._first)) < _FIRST:
            self._first.append(rows.head(_FIRST))
        self._longest = [_top([*self._longest, rows], pl.col("text").str.len_chars())]
        self._dearest = [_top([*self._dearest, rows], pl.col("parts"))]

    def page(self, made: CampaignPlan, language: Language) -> str:
        """Return the page: the plan's summary, and texts in full with masked numbers."""
        samples = {
            "The first texts": pl.concat(self._first).head(_FIRST),
            "The longest texts": pl.concat(self._longest),
            "The dearest texts": pl.concat(self._dearest),
        }
        names = [language.words(name) for name in _NAMES]
        note = language.words("Texts are as they will be sent: this page is personal.")
        zone = language.words(f"Times are those of {made.times.zone}.")
        body = [
            f"<ul>{''.join(f'<li>{escape(language.words(line))}</li>' for line in made.summary_lines())}</ul>",
            f'<p class="note">{escape(note)} {escape(zone)}</p>',
        ]
        for title, rows in samples.items():
            if not rows.is_empty():
                cells = table(names, _cells(rows, made, language), texts=_TEXT + 1, long_text=_TEXT)
                body += [f"<h2>{escape(language.words(title))}</h2>", cells]
        return document(language.words("Campaign preview"), body, language, is_wide=True)


def _top(rows: list[pl.DataFrame], order: pl.Expr) -> pl.DataFrame:
    return pl.concat(rows).top_k(_OTHERS, by=order.fill_null(0))


def _cells(rows: pl.DataFrame, made: CampaignPlan, language: Language) -> Iterator[tuple[str, ...]]:
    for contact, number, text, parts, opens_at in rows.iter_rows():
        yield (
            contact,
            mask_number(number),
            text or "",
            language.number(len(text or "")),
            language.number(parts),
            language.moment(opens_at.astimezone(made.times.tzinfo)),
        )
