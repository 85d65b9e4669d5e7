"""Reads the cases of a run from the file that its ``conf`` names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def read_cases(conf: Mapping[str, str], kind: str) -> list[dict[str, object]]:
    """The arguments of all sends of a kind, a mapping each."""
    cases: dict[str, list[dict[str, object]]] = json.loads(Path(conf["cases_file"]).read_text(encoding="utf-8"))
    return cases[kind]
