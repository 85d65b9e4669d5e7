"""The page of a report: one HTML file that opens without a network, prints, and holds counts only."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from airflow_provider_directcall.campaigns.pages import document, table
from airflow_provider_directcall.campaigns.plan_times import zone_name
from airflow_provider_directcall.campaigns.report_charts import charts

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.report import Totals
    from airflow_provider_directcall.translations.languages import Language

#: States whose names are no words of a sentence.
_STATE_WORDS: Final = {
    "sent": "sent, end not known",
    "opted_out": "opted out",
    "out_of_window": "out of the window",
    "no_answer": "no answer",
}
_MOST_REASONS: Final = 50


def page(totals: Totals, now: datetime, language: Language) -> str:
    """Return the page.

    :param now: aware; its zone is that of the times.
    """
    now = now.astimezone(ZoneInfo(zone_name(now)))
    return document(language.words("Campaign report"), _Page(totals, language).parts(now), language)


class _Page:
    def __init__(self, totals: Totals, language: Language) -> None:
        self._totals = totals
        self._language = language

    def parts(self, now: datetime) -> Iterable[str]:
        """Yield the parts below the heading."""
        zone = zone_name(now)
        made = f"{self._words('Made on')} {self._language.moment(now)} ({zone})"
        yield f'<p class="note">{escape(made)}</p>'
        yield table(("", ""), self._summary(), texts=1)
        yield from self._section("Final states", ("State", "Contacts", "Share", "Cost"), self._states())
        for title, svg in charts(self._totals, zone, self._language, self._state).items():
            yield _figure(self._words(title), svg)
        deliveries = [(word, self._count(contacts)) for word, contacts in self._totals.deliveries.most_common()]
        yield from self._section("Delivery, in the statement", ("State", "Contacts"), deliveries)
        yield from self._section("Reasons", ("State", "Reason", "Contacts"), self._reasons(), texts=2)
        yield from self._section("By hour of the request", ("Hour", "Requests", "Reached", "Share"), self._hours())

    def _section(
        self, title: str, names: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1
    ) -> Iterable[str]:
        if rows:
            yield f"<h2>{escape(self._words(title))}</h2>"
            yield table([self._words(name) for name in names], rows, texts=texts)

    def _summary(self) -> list[tuple[str, str]]:
        totals = self._totals
        cost = self._words("not known") if totals.cost_brl is None else self._language.money(totals.cost_brl)
        sources = {f"Contacts whose cost is from: {source}": count for source, count in totals.cost_from.items()}
        rows = [
            ("Contacts", self._count(totals.contacts)),
            ("Surely not reached, in the list to feed back", self._count(totals.again)),
            ("Parts", self._count(totals.parts)),
            ("Cost", cost),
            *((source, self._count(count)) for source, count in sources.items()),
        ]
        return [(self._words(name), value) for name, value in rows]

    def _states(self) -> list[tuple[str, ...]]:
        totals = self._totals
        return [
            (self._state(state), self._count(contacts), self._share(contacts, totals.contacts), self._cost(state))
            for state, contacts in totals.states.most_common()
        ]

    def _cost(self, state: str) -> str:
        return self._language.money(self._totals.costs[state]) if state in self._totals.costs else ""

    def _reasons(self) -> list[tuple[str, str, str]]:
        return [
            (self._state(state), self._words(reason), self._count(contacts))
            for (state, reason), contacts in self._totals.reasons.most_common(_MOST_REASONS)
        ]

    def _hours(self) -> list[tuple[str, ...]]:
        reached = self._totals.reached
        return [
            (f"{hour:02}:00", self._count(sent), self._count(reached[hour]), self._share(reached[hour], sent))
            for hour, sent in sorted(self._totals.hours.items())
        ]

    def _state(self, state: str) -> str:
        """Return a state in words; one that is the vendor's own word stays as it is."""
        return self._words(_STATE_WORDS.get(state, state))

    def _words(self, text: str) -> str:
        return self._language.words(text)

    def _count(self, count: int) -> str:
        return self._language.number(count)

    def _share(self, part: int, whole: int) -> str:
        return self._language.number(part / whole, ".1%") if whole else ""


def _figure(title: str, svg: bytes) -> str:
    """Return a plot as an image, so that nothing of it can act on the page."""
    source = base64.b64encode(svg).decode()
    return (
        f'<figure><h2>{escape(title)}</h2><img alt="{escape(title)}" src="data:image/svg+xml;base64,{source}"></figure>'
    )
