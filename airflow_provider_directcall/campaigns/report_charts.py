"""Plots of a report as static SVG, by Altair and vl-convert: the extra ``report``. Without it there are none."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from types import ModuleType

    from airflow_provider_directcall.campaigns.report import Totals
    from airflow_provider_directcall.translations.languages import Language

log = logging.getLogger(__name__)

EXTRA: Final = "pip install 'airflow-provider-directcall[report]'"
_WIDTH: Final = 620
_HEIGHT: Final = 220
_COLOR: Final = "#1f6feb"
#: A curve needs no more points than this.
_MOST_POINTS: Final = 400
_DAY: Final = 10


def charts(totals: Totals, zone: str, language: Language, state_words: Callable[[str], str]) -> dict[str, bytes]:
    """Return title -> SVG; empty without the extra.

    :param zone: of the times of the progress.
    :param language: of all words but the titles, which are English.
    :param state_words: returns the words of a state.
    """
    try:
        import altair as alt
        import vl_convert  # noqa: F401 - Altair raises a ValueError without it
    except ImportError:
        log.info("The report has tables and no plots; %s adds them", EXTRA)
        return {}
    plots = _Plots(alt, totals, zone, language)
    return {title: _svg(chart, language) for title, chart in plots.all(state_words)}


@dataclass(frozen=True)
class _Plots:
    """The plots; Altair has no types for charts that are built step by step."""

    alt: ModuleType
    totals: Totals
    zone: str
    language: Language

    def all(self, state_words: Callable[[str], str]) -> Iterator[tuple[str, Any]]:
        """Yield titles and charts."""
        totals = self.totals
        states = {state_words(state): contacts for state, contacts in totals.states.most_common()}
        yield "Contacts by final state", self._bars(states, "contacts")
        if totals.minutes:
            yield "Progress", self._progress()
            yield "Reached, by hour of the request", self._rates()
        costs = {state_words(state): cost for state, cost in totals.costs.items() if cost}
        if costs:
            yield "Cost by final state", self._bars(costs, "cost, R$")

    def _bars(self, values: Mapping[str, int | Decimal], unit: str) -> Any:  # noqa: ANN401 - untyped
        alt = self.alt
        bars = self._chart([{"state": state, "value": float(value)} for state, value in values.items()]).mark_bar(
            color=_COLOR
        )
        length = alt.X("value:Q", title=self.language.words(unit))
        return bars.encode(x=length, y=alt.Y("state:N", sort="-x", title=None))

    def _progress(self) -> Any:  # noqa: ANN401 - untyped
        """Return the curve of the contacts whose requests had left by each minute."""
        sent, points = 0, []
        for moment, contacts in sorted(self.totals.minutes.items()):
            sent += contacts
            local = moment.astimezone(ZoneInfo(self.zone))
            points.append({"time": local.strftime("%Y-%m-%dT%H:%M:%S"), "contacts": sent})
        step = len(points) // _MOST_POINTS + 1
        kept = [*points[:-1:step], points[-1]]
        marked = self._chart(kept, height=_HEIGHT).mark_line(
            color=_COLOR, interpolate="step-after", point=len(kept) == 1
        )
        alt = self.alt
        is_one_day = str(points[0]["time"])[:_DAY] == str(points[-1]["time"])[:_DAY]
        times = "%H:%M" if is_one_day else self.language.day_and_time
        return marked.encode(
            x=alt.X("time:T", title=self.zone, axis=alt.Axis(format=times, labelSeparation=20)),
            y=alt.Y("contacts:Q", title=self.language.words("contacts sent to")),
        )

    def _rates(self) -> Any:  # noqa: ANN401 - untyped
        alt, totals = self.alt, self.totals
        values = [{"hour": hour, "share": totals.reached[hour] / sent} for hour, sent in sorted(totals.hours.items())]
        scale, words = alt.Scale(domain=[0, 1]), self.language.words
        return (
            self._chart(values, height=_HEIGHT)
            .mark_bar(color=_COLOR)
            .encode(
                x=alt.X("hour:O", title=words("hour"), axis=alt.Axis(labelAngle=0)),
                y=alt.Y("share:Q", title=words("share"), scale=scale, axis=alt.Axis(format="%")),
            )
        )

    def _chart(self, values: list[dict[str, Any]], **size: int) -> Any:  # noqa: ANN401 - untyped
        return self.alt.Chart(self.alt.InlineData(values=values), width=_WIDTH, **size)


def _svg(chart: Any, language: Language) -> bytes:  # noqa: ANN401 - untyped
    decimal, thousands = language.separators
    number = {"decimal": decimal, "thousands": thousands, "grouping": [3], "currency": ["R$", ""]}
    text = io.StringIO()
    # On a telephone, plots are half as large.
    sizes = {"labelFontSize": 13, "titleFontSize": 13, "labelLimit": 240}
    chart.configure(locale={"number": number}, axis=sizes).save(text, format="svg")
    return text.getvalue().encode()
