"""The result of a check: a table for a terminal, and JSON without personal data."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from airflow_provider_directcall import __version__
from airflow_provider_directcall.api.wire import ENDPOINTS
from airflow_provider_directcall.checking.assumptions import ASSUMPTIONS, FORMS, Finding, Status

_MARKS: Final = {Status.HOLDS: "ok", Status.HANDLED: "~", Status.ATTENTION: "!", Status.OPEN: "?"}
_WORDS: Final = {
    Status.HOLDS: "hold (ok)",
    Status.HANDLED: "differ and are handled (~)",
    Status.ATTENTION: "need attention (!)",
    Status.OPEN: "open (?)",
}
_NARROWEST: Final = 60
_WIDEST: Final = 160
_GAP: Final = 2
_MARK: Final = 2
_ORDER: Final = {name: place for place, name in enumerate(ASSUMPTIONS)}


@dataclass(frozen=True, slots=True)
class AccountReport:
    """The findings about one account.

    :ivar checked_at: aware.
    :ivar findings: in the order of the report.
    :ivar extra: settings to add to the connection's extra; empty where none has to change.
    """

    checked_at: datetime
    findings: tuple[Finding, ...]
    extra: dict[str, object] = field(default_factory=dict)

    def of(self, status: Status) -> tuple[Finding, ...]:
        """Return the findings of one status."""
        return tuple(finding for finding in self.findings if finding.status is status)

    @property
    def ok(self) -> bool:
        """Whether nothing needs attention: every assumption holds, is handled, or is open."""
        return not self.of(Status.ATTENTION)

    def as_text(self, width: int = 100, *, words: Callable[[str], str] = str) -> str:
        """Return the table of assumption, finding and consequence, the summary, and the extra to paste.

        :param words: translates a text.
        """
        table = _table(self.findings, min(max(width, _NARROWEST), _WIDEST), words)
        return "\n".join([*table, "", *self._closing(width, words)])

    def _closing(self, width: int, words: Callable[[str], str]) -> Iterator[str]:
        counts = (f"{text}: {len(self.of(each))}" for each, text in _WORDS.items())
        yield from textwrap.wrap(words(f"Assumptions: {', '.join(counts)}."), width)
        if self.extra:
            yield ""
            yield words("Add to the connection's extra:")
            yield json.dumps(self.extra, indent=2)

    def as_json(self) -> dict[str, object]:
        """Return names, forms, counts and times; no number, no text, no tag, no value of the account."""
        return {
            "checked_at": self.checked_at.isoformat(timespec="seconds"),
            "version": __version__,
            "ok": self.ok,
            "counts": {status.value: len(self.of(status)) for status in Status},
            "findings": [
                {
                    "place": finding.place,
                    "assumption": FORMS[finding.form].assumption,
                    "form": finding.form,
                    "status": finding.status.value,
                    "details": {name: value for name, value in finding.details.items() if name != "option"},
                }
                for finding in self.findings
            ],
            "extra": self.extra,
        }


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return the findings, each once, in the order of endpoints as they were asked, and of assumptions within each."""
    different = [finding for place, finding in enumerate(findings) if finding not in findings[:place]]
    places = list(dict.fromkeys(finding.place for finding in different))
    return tuple(sorted(different, key=lambda each: (places.index(each.place), _ORDER[FORMS[each.form].assumption])))


def _table(findings: tuple[Finding, ...], width: int, words: Callable[[str], str]) -> Iterator[str]:
    rest = width - _MARK - 3 * _GAP
    widths = (_MARK, rest * 3 // 10, rest * 3 // 10, rest - 2 * (rest * 3 // 10))
    yield from _row(("", words("assumption"), words("finding"), words("consequence")), widths)
    place = None
    for finding in findings:
        if finding.place != place:
            place = finding.place
            yield ""
            yield f"{place}  {ENDPOINTS[place].path}"
        texts = (words(text) for text in (finding.assumption, finding.text, finding.consequence))
        yield from _row((_MARKS[finding.status], *texts), widths)


def _row(cells: tuple[str, ...], widths: tuple[int, ...]) -> Iterator[str]:
    columns = [textwrap.wrap(cell, wide) or [""] for cell, wide in zip(cells, widths, strict=True)]
    for place in range(max(map(len, columns))):
        line = (
            (column[place] if place < len(column) else "").ljust(wide)
            for column, wide in zip(columns, widths, strict=True)
        )
        yield (" " * _GAP).join(line).rstrip()
