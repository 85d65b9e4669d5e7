"""Which translated pages are older than their originals.

A translated page ``page.pt-BR.md`` names the digest of the original that it was made from, in its front matter. After a
change of the original, bring the translation up to date, and then write the new digest:
``python -m tools.site.translations docs/page.pt-BR.md``.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from tools.site.arguments import ROOT, Argument

SUFFIX: Final = ".pt-BR.md"
#: English line of an argument -> the Portuguese one. A line that has changed is shown in English.
LINES: Final = ROOT / "tools" / "site" / "arguments.pt-BR.json"

_MADE_FROM = re.compile(r"\A---\noriginal: ([0-9a-f]{12})\n---\n")


def digest(text: str) -> str:
    """Return the digest of an original, without regard to line breaks and runs of spaces."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def original_of(page: Path) -> Path:
    """Return the English page of a translated one."""
    return page.with_name(page.name.removesuffix(SUFFIX) + ".md")


def made_from(page: Path) -> str | None:
    """Return the digest that a translated page names, or None."""
    found = _MADE_FROM.match(page.read_text(encoding="utf-8"))
    return found[1] if found else None


def is_current(page: Path) -> bool:
    """Whether a translated page was made from its original as it is now."""
    return made_from(page) == digest(original_of(page).read_text(encoding="utf-8"))


def stamp(page: Path) -> None:
    """Write the digest of the original, as it is now, into a translated page."""
    body = _MADE_FROM.sub("", page.read_text(encoding="utf-8"))
    now = digest(original_of(page).read_text(encoding="utf-8"))
    page.write_text(f"---\noriginal: {now}\n---\n{body}", encoding="utf-8")


def translated(arguments: Iterable[Argument], locale: str) -> list[Argument]:
    """Return arguments with their lines in a language, in English where there is none or the English has changed."""
    if locale != "pt-BR":
        return list(arguments)
    lines = portuguese_lines()
    return [replace(each, meaning=lines.get(each.meaning, each.meaning)) for each in arguments]


@cache
def portuguese_lines() -> dict[str, str]:
    """Return English line -> Portuguese line."""
    return dict(json.loads(LINES.read_text(encoding="utf-8")))


def main() -> None:
    """Stamp the translated pages that the command line names."""
    for name in sys.argv[1:]:
        stamp(Path(name))


if __name__ == "__main__":
    main()
