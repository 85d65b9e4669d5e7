"""Portuguese for the commands: tables of English texts and their translations, and how a text is looked up.

A key is the text as the code writes it, with a field in braces for each value in it. A field in small letters is data
and stays as it is (some names stand for numbers, dates and times, see ``_FORMS``), but that some numbers and moments
are written as in Portuguese (``_WRITTEN``); one in CAPITALS is a text that is translated too. A text is translated as a
whole or not at all, so that no sentence is half in one language.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FIELD: Final = re.compile(r"\{(\w+)\}")
_TIME: Final = r"\d\d:\d\d"
_NUMBERS: Final = ("n", "m", "chunks", "amount")
_MOMENTS: Final = ("first_moment", "last_moment")
#: Name of a field -> its form; that of others is any text.
_FORMS: Final = {
    **dict.fromkeys(_NUMBERS, r"\d[\d.,]*"),
    **dict.fromkeys(_MOMENTS, r"\d{4}-\d\d-\d\d \d\d:\d\d"),
    "day": r"\d[\d-]*",
    "year": r"\d{4}",
    "month": r"\d\d",
    "date": r"\d\d",
    "time": _TIME,
    "begin": _TIME,
    "end": _TIME,
    "times": r"[\d:, -]+",
    "kind": r"[\w-]+",
    "zone": r"[\w/+-]+",
    "WEEKDAY": r"[A-Z][a-z]{2}",
    "MONTH": r"[A-Z][a-z]{2}",
}
#: A path, an option or an argument in front of an error.
_PLACE: Final = re.compile(r"([a-z_-][^\s:]*|[^\s:]*[./\\][^\s:]*|[/~.][^:;,]*): (.+)")
#: Numbers, dates and times have no words; masked numbers, names of endpoints and of errors are the same everywhere.
_WORDLESS: Final = re.compile(r"[\W\d_]*|[a-z]+(?:_[a-z]+)+|Directcall\w+")


_SEPARATORS: Final = str.maketrans(",.", ".,")


def portuguese_number(text: str) -> str:
    """Return a number of an English text as it is written in Portuguese."""
    return text.translate(_SEPARATORS)


def portuguese_moment(text: str) -> str:
    """Return a date and time of an English text as they are written in Portuguese."""
    date, _, time = text.partition(" ")
    return f"{'/'.join(reversed(date.split('-')))} {time}"


#: Name of a field -> how its value is written in Portuguese; that of others stays as it is.
_WRITTEN: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys(_NUMBERS, portuguese_number),
    **dict.fromkeys(_MOMENTS, portuguese_moment),
}


class Catalogue:
    """The translations into one language.

    :param pairs: text -> translation, see the module.
    """

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._texts = {text: translation for text, translation in pairs.items() if not _FIELD.search(text)}
        ordered = sorted((text for text in pairs if _FIELD.search(text)), key=_distinctness, reverse=True)
        self._patterns = [(_pattern(text), pairs[text]) for text in ordered]
        self._known: dict[str, str | None] = {}

    def translate(self, text: str) -> str | None:
        """Return the translation; None when the text, or a part of it, has none."""
        if text not in self._known:
            self._known[text] = self._look_up(text)
        return self._known[text]

    def _look_up(self, text: str) -> str | None:
        if text in self._texts:
            return self._texts[text]
        if _WORDLESS.fullmatch(text):
            return text
        return self._of_list(text) or self._of_pattern(text) or self._of_place(text)

    def _of_list(self, text: str) -> str | None:
        """Translate each item; before the patterns, whose fields could hold several of them."""
        separator = next((each for each in ("; ", ", ") if each in text), None)
        if separator is None:
            return None
        translated = [self.translate(item) for item in text.split(separator)]
        return None if None in translated else separator.join(map(str, translated))

    def _of_pattern(self, text: str) -> str | None:
        for pattern, translation in self._patterns:
            if (found := pattern.fullmatch(text)) and (
                made := self._filled(translation, found.groupdict())
            ) is not None:
                return made
        return None

    def _of_place(self, text: str) -> str | None:
        place = _PLACE.fullmatch(text)
        rest = None if place is None else self.translate(place[2])
        return None if place is None or rest is None else f"{place[1]}: {rest}"

    def _filled(self, translation: str, fields: Mapping[str, str]) -> str | None:
        values = {
            name: self.translate(value) if name.isupper() else _WRITTEN.get(name, str)(value)
            for name, value in fields.items()
        }
        if None in values.values():
            return None
        return _FIELD.sub(lambda field: str(values[field[1]]), translation)


def _distinctness(text: str) -> tuple[bool, int]:
    """Sort texts that begin with a word, and long ones, first: a field at the beginning could hold anything."""
    return not text.startswith("{"), len(_FIELD.sub("", text))


def _pattern(text: str) -> re.Pattern[str]:
    parts = _FIELD.split(text)
    fields = (
        f"(?P<{part}>{_FORMS.get(part, '.+?')})" if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
    return re.compile("".join(fields))


def portuguese() -> Catalogue:
    """Return the translations into Brazilian Portuguese."""
    from airflow_provider_directcall.translations import pt_campaign, pt_check, pt_common, pt_routing

    return Catalogue({**pt_common.TEXTS, **pt_check.TEXTS, **pt_routing.TEXTS, **pt_campaign.TEXTS})
