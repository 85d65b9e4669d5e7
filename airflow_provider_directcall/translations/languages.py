"""The languages of commands and pages: words, and how numbers, money and moments are written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.translations import Catalogue, portuguese, portuguese_moment, portuguese_number

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

#: Their names.
LANGUAGES: Final = ("en", "pt")
_CENTS: Final = 2


@dataclass(frozen=True)
class Language:
    """A language.

    :ivar tag: of HTML.
    :ivar catalogue: translations of the English texts; None for English.
    """

    tag: str
    catalogue: Catalogue | None = None

    @property
    def separators(self) -> tuple[str, str]:
        """Those of decimals and of thousands."""
        return (".", ",") if self.catalogue is None else (",", ".")

    @property
    def day_and_time(self) -> str:
        """The form of a day of the year and a time, as ``strftime`` has it."""
        return "%m-%d %H:%M" if self.catalogue is None else "%d/%m %H:%M"

    def words(self, text: str) -> str:
        """Return a text, as a whole or line by line; a text without a translation stays as it is."""
        if self.catalogue is None:
            return text
        return self.catalogue.translate(text) or "\n".join(_line(self.catalogue, line) for line in text.split("\n"))

    def number(self, value: float | Decimal, form: str = ",") -> str:
        """Return a number.

        :param form: of Python's :func:`format`.
        """
        text = format(value, form)
        return text if self.catalogue is None else portuguese_number(text)

    def money(self, amount: Decimal) -> str:
        """Return an amount in BRL with cents, and with more places only where it has them."""
        text = english_money(amount)
        return text if self.catalogue is None else f"R$ {portuguese_number(text.removeprefix('R$'))}"

    def moment(self, moment: datetime) -> str:
        """Return the date and the time of a moment, in its own zone."""
        text = english_moment(moment)
        return text if self.catalogue is None else portuguese_moment(text)


ENGLISH: Final = Language("en")


def english_money(amount: Decimal) -> str:
    """Return an amount in BRL as English texts have it, which the translations read."""
    places = max(_CENTS, -int(amount.normalize().as_tuple().exponent))
    return f"R${amount:,.{places}f}"


def english_moment(moment: datetime) -> str:
    """Return a moment as English texts have it, which the translations read."""
    return f"{moment:%Y-%m-%d %H:%M}"


def language_name(tag: str) -> str:
    """Return the name of a language, ``en`` or ``pt``, from a name or tag such as ``pt-BR``.

    :raises ValueError: there is no such language here.
    """
    name = tag.strip().casefold().replace("_", "-").partition("-")[0]
    if name not in LANGUAGES:
        raise ValueError(f"language: one of {', '.join(LANGUAGES)} is needed, not {tag!r}")
    return name


@lru_cache
def language_of(tag: str) -> Language:
    """Return the language of a name or tag, see :func:`language_name`."""
    return ENGLISH if language_name(tag) == ENGLISH.tag else Language("pt-BR", portuguese())


def _line(catalogue: Catalogue, line: str) -> str:
    plain = line.strip()
    translated = catalogue.translate(plain) if plain else None
    return line if translated is None else line.replace(plain, translated, 1)
