"""Picture of a calendar: the week from a day on, and the days after it.

The pictures are self-contained: no scripts, no fonts or other files from elsewhere. States differ in colour,
pattern and words. They follow the light or dark scheme of the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from xml.etree import ElementTree as ET

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.calendar import Decision, RoutingCalendar
from airflow_provider_directcall.routing.calendars.chains import Chain, sealed
from airflow_provider_directcall.routing.calendars.hours import minute_of
from airflow_provider_directcall.routing.explaining.drawing_parts import (
    EXCEPTIONS,
    GRID_HEIGHT,
    LEGEND_HEIGHT,
    WIDTH,
    Days,
    Mask,
    day_name,
    draw_grid,
    draw_legend,
    draw_lines,
    draw_strip,
    lines_height,
    strip_height,
    why_exceptional,
)
from airflow_provider_directcall.routing.explaining.drawing_style import (
    element,
    page_style,
    patterns,
    picture_style,
    readable,
)
from airflow_provider_directcall.routing.explaining.wording import describe_action, listed_callers
from airflow_provider_directcall.telephony.masking import mask_number, mask_numbers_in

MOST_DAYS: Final = 400
"""Limit of the days of a picture."""

_DAYS_A_WEEK: Final = 7
_DAY: Final = timedelta(days=1)
_TITLE_HEIGHT: Final = 52
_SECTION: Final = 30
_EXCEPTIONS_TITLE: Final = "Out of the ordinary"
#: Load and run nothing, whatever a text of the calendar contains.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class _SpecialTime:
    """An uninterrupted time of one exception to the ordinary week, as naive local times."""

    begins: datetime
    ends: datetime
    decision: Decision

    @property
    def times(self) -> str:
        """``Thu 24 Dec 2026, 12:00-24:00``, ``Fri 25 Dec 2026``."""
        first, last = self.begins.date(), (self.ends - timedelta(minutes=1)).date()
        begins, ends = f"{self.begins:%H:%M}", "24:00" if self.ends.time() == time() else f"{self.ends:%H:%M}"
        is_whole = (begins, ends) == ("00:00", "24:00")
        if first == last:
            return day_name(first, year=True) + ("" if is_whole else f", {begins}-{ends}")
        if is_whole:
            return f"{day_name(first)} to {day_name(last, year=True)}"
        return f"{day_name(first)} {begins} to {day_name(last, year=True)} {ends}"


def week_svg(
    calendar: RoutingCalendar,
    start: date,
    days: int = 60,
    *,
    include_numbers: bool = False,
    words: Callable[[str], str] = str,
) -> str:
    """Return a picture (SVG) of the week from a day on, as it really is, and of more days as a strip.

    :param start: the first day, in the calendar's zone.
    :param days: days of the strip, 1 to 400.
    :param include_numbers: show phone numbers in full instead of masked.
    :param words: translates a text.
    :raises ValueError: there are too few or too many days, or they are beyond the range of dates.
    """
    picture = _picture(calendar, start, days, include_numbers, words, is_alone=True)
    return ET.tostring(_translated(picture, words), encoding="unicode") + "\n"


def week_html(
    calendar: RoutingCalendar,
    start: date,
    days: int = 60,
    *,
    include_numbers: bool = False,
    words: Callable[[str], str] = str,
) -> str:
    """Return a page (HTML) with the picture, and with tables of the exceptions and of the chains.

    Arguments and errors as ``week_svg``.
    """
    mask = _mask(include_numbers, words)
    picture = _picture(calendar, start, days, include_numbers, words, is_alone=False)
    page = element(None, "html", lang=words("en"))
    head = element(page, "head")
    element(head, "meta", charset="utf-8")
    element(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    element(head, "meta", http_equiv="Content-Security-Policy", content=_POLICY)
    element(head, "title", _title(calendar, include_numbers))
    element(head, "style", page_style())
    body = element(page, "body")
    element(body, "h1", _title(calendar, include_numbers))
    element(body, "p", _subtitle(calendar, start, days))
    element(body, "figure").append(picture)
    exceptions = [
        (one.times, one.decision.state.value, why_exceptional(one.decision, mask))
        for one in _exceptions(_days(calendar, start, days)[:days])
    ]
    element(body, "h2", _EXCEPTIONS_TITLE)
    if exceptions:
        _table(body, ("When", "State", "Why"), exceptions)
    else:
        element(body, "p", "Nothing: every day follows the hours of the week.")
    element(body, "h2", "What happens to a call")
    rows = [(mask(name), _chain_in_words(chain, include_numbers)) for name, chain in _chains(calendar)]
    _table(body, ("State", "In this order, until somebody answers"), rows)
    return "<!DOCTYPE html>\n" + ET.tostring(_translated(page, words), encoding="unicode", method="html") + "\n"


def _translated(drawn: ET.Element, words: Callable[[str], str]) -> ET.Element:
    for each in drawn.iter():
        if each.text and each.tag != "style":
            each.text = words(each.text)
    return drawn


def _picture(
    calendar: RoutingCalendar,
    start: date,
    days: int,
    include_numbers: bool,
    words: Callable[[str], str],
    *,
    is_alone: bool,
) -> ET.Element:
    """Draw the picture; the page has a heading of its own."""
    mask = _mask(include_numbers, words)
    all_days = _days(calendar, start, days)
    top = _TITLE_HEIGHT if is_alone else 0
    # The page has a table of them.
    exceptions = [f"{one.times}: {one.decision.reason}" for one in _exceptions(all_days[:days])] if is_alone else []
    height = top + LEGEND_HEIGHT + GRID_HEIGHT + _SECTION + strip_height(days)
    height += _SECTION + lines_height(len(exceptions)) if exceptions else 0
    picture = element(
        None,
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height}",
        width=WIDTH,
        height=height,
        role="img",
        aria_labelledby="dc-name dc-more",
        class_="dc-picture",
    )
    element(picture, "title", _title(calendar, include_numbers), id="dc-name")
    element(picture, "desc", mask(_description(calendar, start, days, all_days[:days])), id="dc-more")
    element(picture, "style", picture_style())
    patterns(picture)
    element(picture, "rect", width=WIDTH, height=height, class_="dc-page")
    if is_alone:
        element(picture, "text", _title(calendar, include_numbers), x=4, y=22, class_="dc-title")
        element(picture, "text", _subtitle(calendar, start, days), x=4, y=42, class_="dc-faint")
    draw_legend(picture, top)
    top += LEGEND_HEIGHT
    draw_grid(picture, top, all_days[:_DAYS_A_WEEK], mask)
    top += GRID_HEIGHT + _SECTION
    element(picture, "text", _strip_title(days), x=4, y=top - 10, class_="dc-head")
    draw_strip(picture, top, all_days[:days], mask)
    if exceptions:
        top += strip_height(days) + _SECTION
        element(picture, "text", _EXCEPTIONS_TITLE, x=4, y=top - 10, class_="dc-head")
        draw_lines(picture, top - 8, [mask(line) for line in exceptions])
    return picture


def _days(calendar: RoutingCalendar, start: date, days: int) -> Days:
    """Return the segments of the days, and of at least a week."""
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"days: 1 to {MOST_DAYS} is needed, not {days}")
    if not date.min + _DAY <= start <= date.max - (MOST_DAYS + 1) * _DAY:
        raise ValueError(f"start: {start.isoformat()} is beyond the range of dates")
    dates = (start + ahead * _DAY for ahead in range(max(days, _DAYS_A_WEEK)))
    return [(day, calendar.segments(day)) for day in dates]


def _exceptions(days: Days) -> list[_SpecialTime]:
    """Return the exceptions, joined at midnight."""
    found: list[_SpecialTime] = []
    for day, segments in days:
        midnight = datetime.combine(day, time())
        for segment in segments:
            if segment.decision.state not in EXCEPTIONS:
                continue
            begins, ends = (midnight + timedelta(minutes=minute_of(clock)) for clock in (segment.begins, segment.ends))
            last = found[-1] if found else None
            if last is not None and (last.ends, last.decision) == (begins, segment.decision):
                begins = found.pop().begins
            found.append(_SpecialTime(begins, ends, segment.decision))
    return found


def _chains(calendar: RoutingCalendar) -> Iterator[tuple[str, Chain]]:
    """Yield every chain, highest precedence first."""
    if calendar.emergency is not None:
        yield "emergency", calendar.emergency.chain
    for override in calendar.overrides:
        if override.chain is not None:
            yield f"override: {override.name}", override.chain
    yield "holiday", calendar.closed if calendar.holiday is None else calendar.holiday
    yield "closed", calendar.closed
    yield "open", calendar.open


def _chain_in_words(chain: Chain, include_numbers: bool) -> str:
    return "; ".join(_rule_in_words(rule.to_wire(), include_numbers) for rule in sealed(chain))


def _rule_in_words(rule: Rule, include_numbers: bool) -> str:
    callers = ", ".join(each if include_numbers else mask_number(each) for each in listed_callers(rule))
    words = describe_action(rule, include_numbers=include_numbers)
    return f"{words} (only for calls from {callers})" if callers else words


def _table(body: ET.Element, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = element(body, "table")
    names = element(element(table, "thead"), "tr")
    for name in head:
        element(names, "th", name, scope="col")
    content = element(table, "tbody")
    for row in rows:
        line = element(content, "tr")
        element(line, "th", row[0], scope="row")
        for cell in row[1:]:
            element(line, "td", cell)


def _title(calendar: RoutingCalendar, include_numbers: bool) -> str:
    return f"Calls to {calendar.did if include_numbers else mask_number(calendar.did)}"


def _subtitle(calendar: RoutingCalendar, start: date, days: int) -> str:
    last = start + (max(days, _DAYS_A_WEEK) - 1) * _DAY
    return f"{day_name(start, year=True)} to {day_name(last, year=True)}, by the clocks of {calendar.timezone}"


def _strip_title(days: int) -> str:
    return "The first day" if days == 1 else f"The next {days} days"


def _description(calendar: RoutingCalendar, start: date, days: int, drawn: Days) -> str:
    exceptions = "; ".join(f"{one.times}: {one.decision.reason}" for one in _exceptions(drawn))
    hours = "; ".join(f"weekdays {row.weekdays} {row}" for row in calendar.hours) or "none"
    return (
        f"{_subtitle(calendar, start, days)}. Opening hours: {hours} (1 is Monday). "
        f"Out of the ordinary: {exceptions or 'nothing'}."
    )


def _mask(include_numbers: bool, words: Callable[[str], str]) -> Mask:
    """Return the function for texts that are cut to a width, so translated before."""
    masked = readable if include_numbers else mask_numbers_in
    return lambda text: words(masked(text))
