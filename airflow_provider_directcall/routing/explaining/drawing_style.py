"""Style of a drawn week: colours for light and dark screens, and a pattern for each state."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from airflow_provider_directcall.routing.calendars.calendar import LineState

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
#: Letters of 11 px text that surely fit in one pixel of width.
LETTERS_PER_PIXEL: Final = 1 / 6.1

#: Characters that no XML text may contain.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


#: Name -> colour on a light and on a dark screen.
_COLOURS: Final = {
    "page": ("#ffffff", "#14171d"),
    "ink": ("#1c2330", "#e8ebf1"),
    "faint": ("#5a6475", "#a3adbd"),
    "grid": ("#d5dae2", "#3a4250"),
}
#: State -> its fill, and the line of its border and pattern; each on a light and on a dark screen.
_STATES: Final = {
    LineState.OPEN: (("#c9ead9", "#17493a"), ("#1f7a57", "#52c79d")),
    LineState.CLOSED: (("#eceef2", "#262b34"), ("#8a94a5", "#7d8899")),
    LineState.HOLIDAY: (("#ffe2ad", "#5a3d0a"), ("#a86300", "#f0b449")),
    LineState.OVERRIDE: (("#dcdafc", "#37336f"), ("#5148c4", "#aaa4f7")),
    LineState.EMERGENCY: (("#ffcfcb", "#641f1b"), ("#bd2a20", "#ff8d84")),
}
#: Positions in the pairs of colours.
_LIGHT, _DARK = 0, 1

_TILE: Final = 8
#: State -> lines of its pattern in a tile of 8 by 8. The usual state of a line, open, is plain.
_LINES: Final = {
    LineState.CLOSED: "M0 8L8 0",
    LineState.HOLIDAY: "M2 2h1.6M6 6h1.6",
    LineState.OVERRIDE: "M4 0V8",
    LineState.EMERGENCY: "M0 0L8 8M0 8L8 0",
}


def element(parent: ET.Element | None, tag: str, text: str | None = None, **attributes: object) -> ET.Element:
    """Make an element, at the end of its parent if there is one.

    :param text: any text; characters that XML cannot contain are replaced, markup in it stays text.
    :param attributes: a trailing underscore is dropped, others become hyphens.
    """
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    made = ET.Element(tag, named) if parent is None else ET.SubElement(parent, tag, named)
    made.text = None if text is None else readable(text)
    return made


def readable(text: str) -> str:
    """Replace the characters of a text that XML cannot contain."""
    return _NOT_XML.sub("\ufffd", text)


def patterns(picture: ET.Element) -> None:
    """Define the patterns of the states, as ``dc-<state>``."""
    defined = element(picture, "defs")
    for state, lines in _LINES.items():
        pattern = element(
            defined, "pattern", id=f"dc-{state}", width=_TILE, height=_TILE, patternUnits="userSpaceOnUse"
        )
        element(pattern, "path", d=lines, class_=f"dc-line dc-{state}-line")


def picture_style() -> str:
    """Return the style sheet of the picture."""
    fixed = (
        f".dc-picture text{{font:11px {FONT}}}"
        ".dc-picture .dc-head{font-size:13px;font-weight:600}"
        ".dc-picture .dc-title{font-size:18px;font-weight:600}"
        ".dc-picture .dc-small{font-size:9px}"
        ".dc-picture .dc-middle{text-anchor:middle}.dc-picture .dc-right{text-anchor:end}"
        ".dc-picture .dc-strong{font-weight:600}"
        ".dc-line{fill:none;stroke-width:1;opacity:.38}"
        ".dc-grid{fill:none;stroke-width:1}"
        ".dc-halo{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}"
    )
    return f"{fixed}{_picture_colours(_LIGHT)}@media (prefers-color-scheme:dark){{{_picture_colours(_DARK)}}}"


def page_style() -> str:
    """Return the style sheet of the page around the picture."""
    fixed = (
        f":root{{color-scheme:light dark}}body{{font:15px/1.5 {FONT};max-width:60rem;margin:2rem auto;padding:0 1rem}}"
        "h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}p{margin:.25rem 0 1rem}"
        "figure{margin:1.5rem 0;overflow-x:auto}svg{display:block;max-width:100%;min-width:44rem;height:auto}"
        "table{border-collapse:collapse;width:100%}"
        "th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;overflow-wrap:break-word}"
    )
    return f"{fixed}{_page_colours(_LIGHT)}@media (prefers-color-scheme:dark){{{_page_colours(_DARK)}}}"


def _picture_colours(screen: int) -> str:
    colours = {name: pair[screen] for name, pair in _COLOURS.items()}
    states = "".join(
        f".dc-{state}{{fill:{fill[screen]};stroke:{line[screen]}}}.dc-{state}-line{{stroke:{line[screen]}}}"
        f".dc-{state}-halo{{stroke:{fill[screen]}}}"
        for state, (fill, line) in _STATES.items()
    )
    return (
        f".dc-page{{fill:{colours['page']}}}.dc-picture text{{fill:{colours['ink']}}}"
        f".dc-picture .dc-faint{{fill:{colours['faint']}}}.dc-grid{{stroke:{colours['grid']}}}{states}"
    )


def _page_colours(screen: int) -> str:
    colours = {name: pair[screen] for name, pair in _COLOURS.items()}
    return (
        f"body{{background:{colours['page']};color:{colours['ink']}}}p,caption{{color:{colours['faint']}}}"
        f"th,td{{border-bottom:1px solid {colours['grid']}}}"
    )
