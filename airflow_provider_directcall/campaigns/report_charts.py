"""Plots of a report as static SVG, by Altair and vl-convert: the extra ``report``. Without it there are none."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from types import ModuleType

    from airflow_provider_directcall.campaigns.report import Totals

log = logging.getLogger(__name__)

EXTRA: Final = "pip install 'airflow-provider-directcall[report]'"
_WIDTH: Final = 620
_COLOR: Final = "#1f6feb"
#: A curve needs no more points than this.
_MOST_POINTS: Final = 400


def charts(totals: Totals, zone: str) -> dict[str, bytes]:
    """Return title -> SVG; empty without the extra.

    :param zone: of the times of the progress.
    """
    try:
        import altair as alt
        import vl_convert  # noqa: F401 - Altair raises a ValueError without it
    except ImportError:
        log.info("The report has tables and no plots; %s adds them", EXTRA)
        return {}
    # Altair has no types for charts that are built step by step.
    return {title: _svg(chart) for title, chart in _charts(alt, totals, zone)}


def _charts(alt: ModuleType, totals: Totals, zone: str) -> Iterator[tuple[str, Any]]:
    states = [{"state": state, "contacts": contacts} for state, contacts in totals.states.most_common()]
    yield "Contacts by final state", _bars(alt, states, "contacts", "state")
    if totals.minutes:
        yield "Progress", _progress(alt, totals, zone)
        yield "Reached, by hour of the request", _rates(alt, totals)
    costs = [{"state": state, "BRL": float(cost)} for state, cost in totals.costs.items() if cost]
    if costs:
        yield "Cost by final state", _bars(alt, costs, "BRL", "state")


def _bars(alt: ModuleType, values: list[dict[str, object]], length: str, name: str) -> Any:  # noqa: ANN401 - untyped
    bars = alt.Chart(alt.InlineData(values=values), width=_WIDTH).mark_bar(color=_COLOR)
    return bars.encode(x=alt.X(f"{length}:Q"), y=alt.Y(f"{name}:N", sort="-x", title=None))


def _progress(alt: ModuleType, totals: Totals, zone: str) -> Any:  # noqa: ANN401 - untyped
    """Return the curve of the contacts whose requests had left by each minute."""
    sent, points = 0, []
    for moment, contacts in sorted(totals.minutes.items()):
        sent += contacts
        local = moment.astimezone(ZoneInfo(zone))
        points.append({"time": local.strftime("%Y-%m-%dT%H:%M:%S"), "contacts": sent})
    step = len(points) // _MOST_POINTS + 1
    kept = [*points[:-1:step], points[-1]]
    line = alt.Chart(alt.InlineData(values=kept), width=_WIDTH, height=220)
    marked = line.mark_line(color=_COLOR, interpolate="step-after", point=len(kept) == 1)
    return marked.encode(x=alt.X("time:T", title=zone), y=alt.Y("contacts:Q", title="contacts sent to"))


def _rates(alt: ModuleType, totals: Totals) -> Any:  # noqa: ANN401 - untyped
    values = [{"hour": hour, "share": totals.reached[hour] / sent} for hour, sent in sorted(totals.hours.items())]
    bars = alt.Chart(alt.InlineData(values=values), width=_WIDTH, height=220).mark_bar(color=_COLOR)
    scale = alt.Scale(domain=[0, 1])
    return bars.encode(x=alt.X("hour:O"), y=alt.Y("share:Q", scale=scale, axis=alt.Axis(format="%")))


def _svg(chart: Any) -> bytes:  # noqa: ANN401 - untyped
    text = io.StringIO()
    chart.save(text, format="svg")
    return text.getvalue().encode()
