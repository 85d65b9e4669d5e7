"""The texts of the package's errors, for the page that explains them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from tools.site.arguments import PACKAGE, ROOT

GAP: Final = "..."
PAGE: Final = ROOT / "docs" / "errors.md"

_CELL = re.compile(r"^\| (.*?) \| .* \| .* \|$", re.MULTILINE)
#: Between literal parts: a gap, a return code, a parenthesis.
_BETWEEN = re.compile(r"\.\.\.|\b\d{3}\b|[()]")
_QUOTED = re.compile(r"`([^`]+)`")


def documented() -> list[str]:
    """Return the texts in the first column of the page's tables."""
    cells = _CELL.findall(PAGE.read_text(encoding="utf-8"))
    return [text for cell in cells for text in _QUOTED.findall(cell) if " " in text]


def in_code() -> set[str]:
    """Return the literal parts of all texts in the package's source, with gaps for values."""
    return {
        " ".join(text.split())
        for file in sorted((ROOT / PACKAGE).rglob("*.py"))
        for text in _texts(ast.parse(file.read_text(encoding="utf-8")))
    }


def parts(message: str) -> list[str]:
    """Return the literal parts of a documented text."""
    return [part.strip(" '") for part in _BETWEEN.split(message) if len(part.strip(" '.:;,")) > 1]


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
