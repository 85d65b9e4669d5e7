"""Pages of a campaign: HTML files that open without a network, print, fit a telephone, and are in one language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.translations.languages import Language

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2024; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
body.wide { max-width: 70rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem } ul { padding-left: 1.2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d8dce0; vertical-align: top }
td { overflow-wrap: break-word } .wide td:first-child, .text { overflow-wrap: anywhere } th { font-weight: 600 }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.text { white-space: pre-wrap; width: 50% }
img { max-width: 100% } figure { margin: 1rem 0; break-inside: avoid } p.note { color: #5a6169 }
@media (max-width: 40rem) {
  th, td { padding: .3rem }
  .wide tr:first-child { display: none }
  .wide tr { display: block; padding: .5rem 0; border-bottom: 1px solid #d8dce0 }
  .wide td { display: block; width: auto; text-align: left; padding: 0; border: 0 }
  .wide td::before { content: attr(data-name) ": "; color: #5a6169 }
}
@media print { body { margin: 0; max-width: none } tr, h2 { break-inside: avoid; break-after: avoid-page } }
"""
#: Nothing is loaded and nothing runs, whatever a word of the files or of the vendor contains.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, body: Iterable[str], language: Language, *, is_wide: bool = False) -> str:
    """Return a page.

    :param title: its heading too.
    :param body: HTML.
    :param is_wide: it has a table of many columns, the rows of which are lists on a telephone.
    """
    heading = escape(title)
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{heading}</title><style>{_STYLE}</style>'
    )
    start = '<body class="wide">' if is_wide else "<body>"
    content = "\n".join([f"<h1>{heading}</h1>", *body])
    return f'<!DOCTYPE html>\n<html lang="{language.tag}"><head>{head}</head>\n{start}{content}</body></html>\n'


def table(names: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int, long_text: int | None = None) -> str:
    """Return a table; every word in it is escaped.

    :param names: of the columns; without any, the table has no head.
    :param texts: so many columns are texts, the others numbers.
    :param long_text: place of a column with texts of several lines.
    """
    kinds = ["" if place < texts else ' class="number"' for place in range(len(names))]
    if long_text is not None:
        kinds[long_text] = ' class="text"'
    named = [escape(name) for name in names]
    head = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, named, strict=True)) if any(names) else ""
    labels = [f' data-name="{name}"' for name in named] if long_text is not None else [""] * len(names)
    starts = [f"<td{kind}{label}>" for kind, label in zip(kinds, labels, strict=True)]
    lines = "\n".join(f"<tr>{_cells(starts, row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}\n{lines}</table>"


def _cells(starts: Iterable[str], row: Sequence[str]) -> str:
    return "".join(f"{start}{escape(text)}</td>" for start, text in zip(starts, row, strict=True))
