"""The languages of the page: which one a request gets, and its texts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXTS: Final = Path(__file__).parent / "static" / "texts"
ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "pt-BR")


def language_of(tag: str | None) -> str | None:
    """Return the language for a tag such as ``pt``, ``pt_BR`` or ``en-GB``; None for another one."""
    first = (tag or "").replace("_", "-").partition("-")[0].casefold()
    return next((language for language in LANGUAGES if language.partition("-")[0] == first), None)


def preferred(accept_language: str) -> str:
    """Return the first of our languages by an ``Accept-Language`` header; English without one."""
    wanted = sorted((_weighted(item) for item in accept_language.split(",")), key=lambda item: -item[1])
    return next(filter(None, (language_of(tag) for tag, weight in wanted if weight > 0)), ENGLISH)


def _weighted(item: str) -> tuple[str, float]:
    tag, _, weight = item.partition(";")
    try:
        return tag.strip(), float(weight.strip().removeprefix("q=") or 1)
    except ValueError:
        return tag.strip(), 0.0


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return the page's texts in a language, by their names."""
    found: dict[str, str] = json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8"))
    return found
