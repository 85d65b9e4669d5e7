"""Texts of a whole batch: ``{column}`` filled in, plain letters, parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import polars as pl

from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.telephony.segments import GSM_BASIC, GSM_EXTENSION, PLAIN, Profile, parts, plain

_FIELD: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with ``{column}`` for the values of a contact's row; ``{{`` and ``}}`` are braces.

    Only columns: no attributes, no indexes, no formats, so that a text can never reach into the program.

    :ivar pieces: literal texts and, in turn, names of columns.
    """

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, columns: Collection[str], *, argument: str = "text") -> Template:
        """Parse a template.

        :raises CampaignError: a brace is open, or it names no column of the contacts.
        """
        pieces, literal, end = [], "", 0
        for found in _FIELD.finditer(text):
            literal += text[end : found.start()]
            end = found.end()
            name = found[1]
            if name is not None:
                if name not in columns:
                    known = ", ".join(sorted(columns))
                    raise CampaignError(f"{argument}: {{{name}}} is no column of the contacts; they have: {known}")
                pieces += [literal, name]
                literal = ""
            elif len(found[0]) == 2:
                literal += found[0][0]
            else:
                raise CampaignError(f"{argument}: a brace stands alone; write {{{{ and }}}} for braces in the text")
        return cls((*pieces, literal + text[end:]))

    def plain(self) -> Template:
        """Return it with plain letters outside of its columns."""
        return Template(tuple(piece if place % 2 else plain(piece) for place, piece in enumerate(self.pieces)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose values it takes."""
        return tuple(dict.fromkeys(self.pieces[1::2]))

    def filled(self, prefix: str = "") -> pl.Expr:
        """Return the expression of the text; null where a value is missing.

        :param prefix: before the names of the columns in the data frame.
        """
        terms = [
            pl.col(prefix + piece).str.strip_chars() if place % 2 else pl.lit(piece)
            for place, piece in enumerate(self.pieces)
        ]
        return pl.concat_str(terms)


def plain_letters(texts: pl.Series) -> pl.Series:
    """Return the texts as :func:`~airflow_provider_directcall.telephony.segments.plain` writes them."""
    return _where(texts, _NOT_PLAIN, _as_plain)


def _as_plain(texts: pl.Series) -> pl.Series:
    written = texts.str.replace_many(list(_WRITTEN), list(_WRITTEN.values()))
    return _where(written, _NOT_ASCII, lambda others: others.str.normalize("NFKD").str.replace_all(_ACCENTS, ""))


def _where(texts: pl.Series, pattern: str, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Change those of the texts that have a character."""
    have = texts.str.contains(pattern).fill_null(value=False)
    # scatter changes a series in its place.
    return texts.clone().scatter(have.arg_true(), change(texts.filter(have))) if have.any() else texts


def with_parts(rows: pl.DataFrame, column: str, profile: Profile, origin_length: int) -> pl.DataFrame:
    """Add the column ``parts``: in how many parts each text is sent.

    :param column: of the texts.
    :param profile: how they are counted.
    :param origin_length: characters of the sender.
    """
    text = pl.col(column)
    is_wide = text.str.contains(_NOT_GSM) if profile.has_alphabets else pl.lit(value=False)
    pairs = pl.when(is_wide).then(text.str.count_matches(_ASTRAL)).otherwise(text.str.count_matches(_EXTENDED))
    extra = pl.when(is_wide).then(profile.astral - 1).otherwise(profile.extended - 1)
    further = pairs.cast(pl.Int64) * extra if profile.has_alphabets else pl.lit(0, pl.Int64)
    single = pl.when(is_wide).then(profile.wide_single).otherwise(profile.single)
    longest = pl.when(is_wide).then(profile.wide_part).otherwise(profile.part)
    begins_with = origin_length if profile.counts_origin else 0
    units = text.str.len_chars().cast(pl.Int64) + begins_with + further
    whole = pl.max_horizontal((units + longest - 1) // longest, 1)
    # A character of two units is not split over two parts: with such ones in several parts, their places count.
    is_whole = (units <= single) | (further == 0)
    counted = rows.with_columns(parts=pl.when(units <= single).then(1).when(is_whole).then(whole))
    if not counted.get_column("parts").null_count():
        return counted
    exact = [
        parts(value, profile, origin_length=origin_length) if count is None and value is not None else count
        for value, count in counted.select(column, "parts").iter_rows()
    ]
    return counted.with_columns(parts=pl.Series(exact, dtype=pl.Int64))


_NOT_ASCII: Final = r"[^\x00-\x7F]"
#: One class, which is looked for faster than an alternative.
_NOT_PLAIN: Final = "[^" + "".join(f"\\x{code:02X}" for code in range(0x80) if chr(code) not in PLAIN) + "]"
#: The letters of Western Europe; texts with others take the longer way.
_LETTERS: Final = {letter: plain(letter) for letter in map(chr, range(0xC0, 0x180)) if plain(letter).isascii()}
_WRITTEN: Final = {**PLAIN, **_LETTERS}
_ACCENTS: Final = r"[\x{0300}-\x{036F}]"
_ASTRAL: Final = r"[\x{10000}-\x{10FFFF}]"
_EXTENDED: Final = "[" + re.escape(GSM_EXTENSION) + "]"
_NOT_GSM: Final = "[^" + re.escape(GSM_BASIC + GSM_EXTENSION) + "]"
