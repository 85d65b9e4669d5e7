"""The cases of a run, read from the file named in its ``conf``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

#: Parts of every text and of every value of a tag: neither may be in a log, nor in the database.
TEXT_MARK = "seu codigo e 7q-zebra"
TAG_MARK = "paciente-7q"


def read_cases(conf: Mapping[str, str], kind: str) -> list[dict[str, object]]:
    """Return the arguments of each send of a kind."""
    cases: dict[str, list[dict[str, object]]] = json.loads(Path(conf["cases_file"]).read_text(encoding="utf-8"))
    return cases[kind]
