"""The page of a report: one HTML file that opens without a network, prints, and holds counts only."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.report_charts import charts

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.report import Totals

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2024; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d8dce0; vertical-align: top }
th { font-weight: 600 } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
img { max-width: 100% } figure { margin: 1rem 0; break-inside: avoid } p.note { color: #5a6169 }
@media print { body { margin: 0; max-width: none } tr, h2 { break-inside: avoid; break-after: avoid-page } }
"""
#: Nothing is loaded and nothing runs, whatever a word of the files or of the vendor contains.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_MOST_REASONS: Final = 50


def page(totals: Totals, now: datetime) -> str:
    """Return the page.

    :param now: aware; its zone is that of the times.
    """
    zone = getattr(now.tzinfo, "key", None) or "UTC"
    plots = charts(totals, zone)
    body = "".join(
        [
            "<h1>Campaign report</h1>",
            f'<p class="note">Made on {escape(now.strftime("%Y-%m-%d %H:%M"))} ({escape(zone)})</p>',
            _summary(totals),
            "<h2>Final states</h2>",
            _states(totals),
            *(_figure(title, svg) for title, svg in plots.items()),
            *_section("Delivery, in the statement", ("State", "Contacts"), totals.deliveries.most_common()),
            *_section("Reasons", ("State", "Reason", "Contacts"), _reasons(totals)),
            *_section("By hour of the request", ("Hour", "Requests", "Reached", "Share"), _hours(totals)),
        ]
    )
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>Campaign report</title><style>{_STYLE}</style>'
    )
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _summary(totals: Totals) -> str:
    cost = f"BRL {totals.cost_brl:,.2f}" if totals.cost_brl is not None else "not known"
    sources = ", ".join(f"{contacts:,} contacts by {source}" for source, contacts in totals.cost_from.most_common())
    rows = [
        ("Contacts", f"{totals.contacts:,}"),
        ("Surely not reached, in the list to feed back", f"{totals.again:,}"),
        ("Parts", f"{totals.parts:,}"),
        ("Cost", f"{cost} ({sources})" if sources else cost),
    ]
    return _table(("", ""), rows)


def _states(totals: Totals) -> str:
    rows = [
        (state, f"{contacts:,}", _share(contacts, totals.contacts), _cost(totals, state))
        for state, contacts in totals.states.most_common()
    ]
    return _table(("State", "Contacts", "Share", "Cost, BRL"), rows)


def _cost(totals: Totals, state: str) -> str:
    return f"{totals.costs[state]:,.2f}" if state in totals.costs else ""


def _reasons(totals: Totals) -> list[tuple[str, str, str]]:
    most = totals.reasons.most_common(_MOST_REASONS)
    return [(state, reason, f"{contacts:,}") for (state, reason), contacts in most]


def _hours(totals: Totals) -> list[tuple[str, str, str, str]]:
    return [
        (f"{hour:02}:00", f"{sent:,}", f"{totals.reached[hour]:,}", _share(totals.reached[hour], sent))
        for hour, sent in sorted(totals.hours.items())
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _section(title: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterable[str]:
    return [f"<h2>{escape(title)}</h2>", _table(names, rows)] if rows else []


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; every word in it is escaped. Columns after the texts are numbers."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names) if any(names) else ""
    lines = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{lines}</table>"


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    is_number = text[:1].isdigit() or not text
    return f'<td class="number">{escape(text)}</td>' if is_number else f"<td>{escape(text)}</td>"


def _figure(title: str, svg: bytes) -> str:
    """Return a plot as an image, so that nothing of it can act on the page."""
    source = base64.b64encode(svg).decode()
    return (
        f'<figure><h2>{escape(title)}</h2><img alt="{escape(title)}" src="data:image/svg+xml;base64,{source}"></figure>'
    )
