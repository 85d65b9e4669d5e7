"""Count words that make docstrings and comments hard to read; fail above their limits.

Run by ``make lint``: ``python -m tools.prose [PATH ...]``, by default for all code of the project.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("airflow_provider_directcall", "tools", "bench", "example_dags", "tests")


@dataclass(frozen=True, slots=True)
class Limit:
    """Words counted together, and how many of 1,000 words they may be."""

    name: str
    pattern: re.Pattern[str]
    per_thousand: float


def _limit(words: str, per_thousand: float) -> Limit:
    return Limit(words, re.compile(rf"\b({words.replace('/', '|')})\b", re.IGNORECASE), per_thousand)


LIMITS: Final = (
    _limit("what", 2.0),
    _limit("stand/stands/stood/standing", 0.3),
    _limit("nobody/somebody/anybody", 0.3),
    _limit("tell/tells/told/telling", 0.3),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of prose."""

    path: Path
    number: int
    text: str


@dataclass(slots=True)
class Tally:
    """Words, and the lines in which each limit's words occur."""

    words: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[Line]] = field(default_factory=lambda: {limit.name: [] for limit in LIMITS})

    def add(self, line: Line) -> None:
        """Count one line."""
        self.words += len(re.findall(r"[A-Za-z']+", line.text))
        for limit in LIMITS:
            if found := len(limit.pattern.findall(line.text)):
                self.hits[limit.name] += found
                self.lines[limit.name].append(line)

    def per_thousand(self, limit: Limit) -> float:
        """Return how many of 1,000 words are the limit's."""
        return 1000 * self.hits[limit.name] / self.words if self.words else 0.0

    def exceeded(self) -> list[Limit]:
        """Return the limits that are exceeded."""
        return [limit for limit in LIMITS if self.per_thousand(limit) > limit.per_thousand]


def prose_of(path: Path) -> Iterator[Line]:
    """Yield the lines of a Python file's docstrings, attribute docstrings and comments."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                for offset, line in enumerate(text.splitlines()):
                    yield Line(path, node.lineno + offset, line)
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.COMMENT:
                yield Line(path, token.start[0], token.string)


def tally_of(paths: Sequence[Path]) -> Tally:
    """Count all Python files among the paths and below them."""
    tally = Tally()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for line in prose_of(file):
                tally.add(line)
    return tally


def main(arguments: Sequence[str] = ()) -> int:
    """Print the figures and the lines of each exceeded limit; return the exit code."""
    tally = tally_of([Path(name) for name in arguments] or [ROOT / name for name in FOLDERS])
    exceeded = tally.exceeded()
    for limit in exceeded:
        for line in tally.lines[limit.name]:
            print(f"{line.path}:{line.number}: [{limit.name}] {line.text.strip()}")
    print(f"{tally.words} words of docstrings and comments; per 1,000 words:")
    for limit in LIMITS:
        verdict = "too many" if limit in exceeded else "ok"
        print(f"  {limit.name}: {tally.per_thousand(limit):.2f}, at most {limit.per_thousand:g}: {verdict}")
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
