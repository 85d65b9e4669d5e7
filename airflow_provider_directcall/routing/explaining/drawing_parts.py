"""Parts of a calendar's picture: the grid of a week, the strip of days, the legend."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final
from xml.etree import ElementTree as ET

from airflow_provider_directcall.routing.calendars.calendar import Decision, LineState, Segment
from airflow_provider_directcall.routing.calendars.hours import minute_of, weekday_name
from airflow_provider_directcall.routing.explaining.drawing_style import LETTERS_PER_PIXEL, element

WIDTH: Final = 960
EXCEPTIONS: Final = frozenset({LineState.EMERGENCY, LineState.OVERRIDE, LineState.HOLIDAY})
"""States that an ordinary week does not have."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOURS_A_DAY: Final = 24
_ALL_DAY: Final = ("00:00", "24:00")

_AXIS: Final = 48
_HEAD: Final = 40
_HOUR: Final = 20
_COLUMN: Final = (WIDTH - _AXIS) // 7
GRID_HEIGHT: Final = _HEAD + _HOURS_A_DAY * _HOUR + 12
_LINE: Final = 14
#: Least heights of a part of a day with a small text, and with a text of the usual size.
_SMALL_TEXT, _TEXT = 9, 15

LEGEND_HEIGHT: Final = 34
_SWATCH: Final = 110

_STRIP_HEAD: Final = 22
_ROW: Final = 17
_BAR: Final = 11
_BAR_LEFT: Final = 76
_BAR_HOUR: Final = 9.25
#: Columns of days, which fill the width.
_STRIPS: Final = 3
_STRIP_GAP: Final = 12
_STRIP_WIDTH: Final = (WIDTH - (_STRIPS - 1) * _STRIP_GAP) // _STRIPS

Days = Sequence[tuple[date, Sequence[Segment]]]
Mask = Callable[[str], str]


def day_name(day: date, *, year: bool = False) -> str:
    """Return ``Thu 24 Dec`` in any locale, optionally with the year."""
    name = f"{weekday_name(day.isoweekday())[:3]} {day.day} {_MONTHS[day.month - 1]}"
    return f"{name} {day.year}" if year else name


def why_exceptional(decision: Decision, mask: Mask) -> str:
    """Return the reason without its state, which is one word in every language; empty in an ordinary state."""
    if decision.state not in EXCEPTIONS:
        return ""
    return mask(decision.reason).partition(" ")[2]


def strip_height(days: int) -> int:
    """Return the height of a strip of days."""
    return _STRIP_HEAD + _rows(days) * _ROW + 8


def _rows(days: int) -> int:
    return -(-days // _STRIPS)


def draw_legend(picture: ET.Element, top: int) -> None:
    """Draw each state with its colour, pattern and name, highest precedence first."""
    group = element(picture, "g", transform=f"translate(0 {top})")
    for place, state in enumerate(LineState):
        left = _AXIS + place * _SWATCH
        _block(group, state, (left, 4, 26, 16))
        element(group, "text", state.value, x=left + 33, y=16)


def draw_grid(picture: ET.Element, top: int, days: Days, mask: Mask) -> None:
    """Draw days as columns from midnight down to midnight."""
    group = element(picture, "g", transform=f"translate(0 {top})")
    for hour in range(_HOURS_A_DAY + 1):
        y = _HEAD + hour * _HOUR
        if hour % 2 == 0:
            element(group, "text", f"{hour:02}:00", x=_AXIS - 8, y=y + 4, class_="dc-right dc-faint")
            element(group, "path", d=f"M{_AXIS} {y}H{_AXIS + 7 * _COLUMN}", class_="dc-grid")
    for place, (day, segments) in enumerate(days):
        left = _AXIS + place * _COLUMN
        middle = left + _COLUMN // 2
        element(group, "text", weekday_name(day.isoweekday()), x=middle, y=15, class_="dc-head dc-middle")
        date_text = f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
        element(group, "text", date_text, x=middle, y=31, class_="dc-middle dc-faint")
        for segment in segments:
            _draw_part(group, left + 2, day, segment, mask)


def draw_strip(picture: ET.Element, top: int, days: Days, mask: Mask) -> None:
    """Draw days as lines, midnight to midnight from left to right, in columns."""
    rows = _rows(len(days))
    for column in range(_STRIPS):
        left = column * (_STRIP_WIDTH + _STRIP_GAP)
        group = element(picture, "g", transform=f"translate({left} {top})")
        if part := days[column * rows : (column + 1) * rows]:
            _draw_column(group, part, mask)


def _draw_column(group: ET.Element, days: Days, mask: Mask) -> None:
    for hour in range(0, _HOURS_A_DAY + 1, 6):
        tick = f"{_BAR_LEFT + hour * _BAR_HOUR:g}"
        element(group, "text", f"{hour:02}:00", x=tick, y=12, class_="dc-small dc-middle dc-faint")
    for place, (day, segments) in enumerate(days):
        y = _STRIP_HEAD + place * _ROW
        if day.isoweekday() == 1 and place:
            element(group, "path", d=f"M0 {y - 3}H{_STRIP_WIDTH}", class_="dc-grid")
        weight = "dc-strong" if any(each.decision.state in EXCEPTIONS for each in segments) else "dc-faint"
        element(group, "text", day_name(day), x=_BAR_LEFT - 10, y=y + 9, class_=f"dc-right {weight}")
        for segment in segments:
            begins, ends = minute_of(segment.begins), minute_of(segment.ends)
            x, width = _BAR_LEFT + begins * _BAR_HOUR / 60, (ends - begins) * _BAR_HOUR / 60
            block = _block(group, segment.decision.state, (x, y, width, _BAR))
            _add_tooltip(block, day, segment, mask)


def draw_lines(picture: ET.Element, top: int, lines: Sequence[str]) -> None:
    """Draw texts below each other; one that is too long is cut, and in full in its title."""
    for place, line in enumerate(lines):
        text = element(picture, "text", _short(line, WIDTH), x=4, y=top + (place + 1) * _ROW)
        element(text, "title", line)


def lines_height(count: int) -> int:
    """Return the height of texts below each other."""
    return count * _ROW + 12


def _draw_part(group: ET.Element, left: int, day: date, segment: Segment, mask: Mask) -> None:
    begins, ends = minute_of(segment.begins), minute_of(segment.ends)
    top, height = _HEAD + begins * _HOUR / 60, (ends - begins) * _HOUR / 60
    state = segment.decision.state
    block = _block(group, state, (left, top, _COLUMN - 4, height))
    _add_tooltip(block, day, segment, mask)
    if height < _SMALL_TEXT:
        return
    small = " dc-small" if height < _TEXT else ""
    first = _LINE - 2 if height >= _TEXT else height / 2 + 3
    for index, line in enumerate(_lines(segment, int(height - 4) // _LINE, mask)):
        weight = " dc-strong" if index == 0 else ""
        style = f"dc-halo dc-{state}-halo{small}{weight}"
        element(block, "text", line, x=left + 6, y=f"{top + first + index * _LINE:g}", class_=style)


def _lines(segment: Segment, room: int, mask: Mask) -> list[str]:
    """Return state, times, and the reason of an exception, in as many lines as fit."""
    decision = segment.decision
    why = why_exceptional(decision, mask)
    width = int((_COLUMN - 16) * LETTERS_PER_PIXEL)
    lines = [decision.state.value, "all day" if _is_all_day(segment) else _times(segment)][: max(room, 1)]
    left = room - len(lines)
    return [*lines, *(textwrap.wrap(why, width, max_lines=left, placeholder="…") if left > 0 and why else [])]


def _block(group: ET.Element, state: LineState, place: tuple[float, float, float, float]) -> ET.Element:
    """Draw a rectangle (left, top, width, height) in the colour of a state, and its pattern over it."""
    block = element(group, "g")
    left, top, width, height = (f"{length:g}" for length in place)
    element(block, "rect", x=left, y=top, width=width, height=height, class_=f"dc-{state}")
    if state is not LineState.OPEN:
        element(block, "rect", x=left, y=top, width=width, height=height, fill=f"url(#dc-{state})")
    return block


def _add_tooltip(block: ET.Element, day: date, segment: Segment, mask: Mask) -> None:
    """Add the text for a pointer over it; it has to be the first child."""
    title = element(None, "title", mask(f"{day_name(day)}, {_times(segment)}: {segment.decision.reason}"))
    block.insert(0, title)


def _times(segment: Segment) -> str:
    return f"{segment.begins}-{segment.ends}"


def _is_all_day(segment: Segment) -> bool:
    return (segment.begins, segment.ends) == _ALL_DAY


def _short(text: str, pixels: int) -> str:
    letters = int(pixels * LETTERS_PER_PIXEL)
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
