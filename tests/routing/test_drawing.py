from __future__ import annotations

from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.routing.calendars.calendar import LineState, RoutingCalendar
from airflow_provider_directcall.routing.calendars.files import calendar_from
from airflow_provider_directcall.routing.explaining.drawing import MOST_DAYS, week_html, week_svg

from .calendar_cases import DOC as BASE
from .calendar_specs import documents

MONDAY = date(2026, 12, 21)
SVG = "{http://www.w3.org/2000/svg}"
WITH_EVERYTHING: dict[str, Any] = {
    **BASE,
    "holiday": [{"action": "sound", "sound_id": 7}],
    "part_days": [{"day": "christmas_eve", "from": "12:00"}],
    "overrides": [
        {"name": "Inventory", "begins": "2026-12-22T09:00", "ends": "2026-12-22T09:40", "as": "closed"},
        {
            "name": "Late shift",
            "begins": "2026-12-26T22:00",
            "ends": "2026-12-27T02:00",
            "chain": [{"action": "forward", "to": "5511990000005", "sources": ["5511990000006"]}],
        },
        {"name": "Summer", "begins": "2027-01-04", "ends": "2027-01-08", "as": "closed"},
    ],
    "emergency": {"chain": [{"action": "hangup"}], "until": "2026-12-21T10:00-03:00", "reason": "fire"},
}


def made(**changes: Any) -> RoutingCalendar:
    return calendar_from({**BASE, **changes})


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]


def titles(svg: str) -> list[str]:
    return [title.text or "" for title in ET.fromstring(svg).iter(f"{SVG}title")]


def rectangles(svg: str, state: LineState) -> int:
    return sum(rect.get("class") == f"dc-{state}" for rect in ET.fromstring(svg).iter(f"{SVG}rect"))


class Page(HTMLParser):
    """A page as a browser reads it: elements, their attributes, and the cells of tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("th", "td") and data.strip():
            self.rows[-1].append(data)


# Invalid arguments.


@pytest.mark.parametrize("days", [0, -1, MOST_DAYS + 1])
def test_too_few_or_too_many_days_are_rejected(days):
    for draw in (week_svg, week_html):
        with pytest.raises(ValueError, match=r"^days: 1 to 400 "):
            draw(made(), MONDAY, days)


@pytest.mark.parametrize("start", [date.min, date.max])
def test_days_that_is_invalid_are_rejected(start):
    with pytest.raises(ValueError, match=r"^start: "):
        week_svg(made(), start)


HOSTILE = [
    "<script>alert(1)</script>",
    "</title></svg><img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">',
    "]]>&lt;b&gt;&amp;",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_a_name_stays_text(name):
    calendar = made(
        holidays={"own_dates": {"2026-12-22": name}},
        overrides=[{"name": name, "begins": "2026-12-23", "ends": "2026-12-23", "chain": [{"action": "hangup"}]}],
        emergency={"chain": [{"action": "hangup"}], "until": "2026-12-21T10:00-03:00", "reason": name},
    )
    svg, page = week_svg(calendar, MONDAY), Page(week_html(calendar, MONDAY))
    plain_svg, plain = week_svg(made(), MONDAY), Page(week_html(made(), MONDAY))
    assert f"Tue 22 Dec, 00:00-24:00: holiday: {name}" in titles(svg)
    assert {one.tag for one in ET.fromstring(svg).iter()} == {one.tag for one in ET.fromstring(plain_svg).iter()}
    assert ["Wed 23 Dec 2026", "override", name] in page.rows
    assert [f"override: {name}", "hangs up"] in page.rows
    assert set(page.tags) - set(plain.tags) <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert not {"script", "img", "a"} & set(page.tags)
    assert not any(attribute.startswith("on") for attribute, _ in page.attributes)


@given(st.text(min_size=1, max_size=30).filter(str.strip))
@settings(deadline=None, max_examples=50)
def test_any_name_gives_a_picture_that_can_be_read(name):
    calendar = made(holidays={"own_dates": {"2026-12-22": name}})
    svg, html = week_svg(calendar, MONDAY, 3), week_html(calendar, MONDAY, 3)
    ET.fromstring(svg.encode())
    assert "Tue 22 Dec 2026" in html.encode().decode()
    assert "script" not in Page(html).tags


def test_pictures_load_nothing_and_run_nothing():
    for picture in (week_svg(made(), MONDAY), week_html(made(), MONDAY)):
        assert picture.replace("http://www.w3.org/2000/svg", "").count("//") == 0
        assert "@import" not in picture
        assert "<script" not in picture
    page = Page(week_html(made(), MONDAY))
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_numbers_are_masked_unless_wanted():
    calendar = made(
        **{**WITH_EVERYTHING, "emergency": {"chain": BASE["closed"], "reason": "ring 11 99000-0007", "until": None}}
    )
    for draw in (week_svg, week_html):
        picture = draw(calendar, MONDAY)
        assert not [number for number in ("1130000001", "99000", "desk@") if number in picture]
        assert "11*****0001" in picture
        in_full = draw(calendar, MONDAY, include_numbers=True)
        assert "1130000001" in in_full
        assert "ring 11 99000-0007" in in_full
    assert "5511*****0005 for 30 s (only for calls from 5511*****0006); hangs up" in week_html(calendar, MONDAY)
    assert "5511990000005 for 30 s (only for calls from 5511990000006)" in week_html(
        calendar, MONDAY, include_numbers=True
    )


# Output.


def test_the_week_has_its_days_states_and_reasons_in_words():
    svg = week_svg(made(**WITH_EVERYTHING), MONDAY)
    shown = texts(svg)
    assert shown[:2] == [
        "Calls to 11*****0001",
        "Mon 21 Dec 2026 to Thu 18 Feb 2027, by the clocks of America/Sao_Paulo",
    ]
    assert shown[2:7] == [state.value for state in LineState]
    weekdays = [text for text in shown if text in ("Monday", "Tuesday", "Sunday", "21 Dec 2026", "27 Dec 2026")]
    assert weekdays == ["Monday", "21 Dec 2026", "Tuesday", "Sunday", "27 Dec 2026"]
    assert {"emergency", "override", "holiday", "open", "closed", "12:00-24:00", "fire (until"} <= set(shown)
    assert "Thu 24 Dec, 12:00-24:00: holiday: Véspera de Natal (from 12:00)" in titles(svg)
    assert "The next 60 days" in shown


def test_the_strip_has_every_day_and_the_exceptions_are_listed_below():
    shown = texts(week_svg(made(**WITH_EVERYTHING), MONDAY))
    strip, listed = shown[shown.index("The next 60 days") + 1 :], shown[shown.index("Out of the ordinary") + 1 :]
    assert strip[5:8] == ["Mon 21 Dec", "Tue 22 Dec", "Wed 23 Dec"]
    days = [text for text in strip if text[:3] in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun") and ":" not in text]
    assert len(days) == 60
    assert listed[:3] == [
        "Mon 21 Dec 2026, 00:00-10:00: emergency: fire (until 2026-12-21 10:00)",
        "Tue 22 Dec 2026, 09:00-09:40: override: Inventory (as closed)",
        "Thu 24 Dec 2026, 12:00-24:00: holiday: Véspera de Natal (from 12:00)",
    ]


def test_no_half_of_the_picture_is_empty():
    drawn = ET.fromstring(week_svg(made(), MONDAY))
    columns = [each for each in drawn.iter() if each.get("transform", "").startswith("translate(")][-3:]
    lefts = [float(each.get("transform", "").removeprefix("translate(").split()[0]) for each in columns]
    assert lefts == [0, 324, 648]
    assert all(len(list(each.iter("{http://www.w3.org/2000/svg}rect"))) > 20 for each in columns)


def test_a_long_reason_is_cut_and_in_full_in_the_tooltip():
    name = "everybody is away " * 9
    svg = week_svg(made(holidays={"own_dates": {"2026-12-22": name}}), MONDAY)
    cut = [text for text in texts(svg) if "holiday: everybody" in text and text.endswith("…")]
    assert len(cut) == 1
    assert f"Tue 22 Dec 2026: holiday: {name.strip()}" in [title.strip() for title in titles(svg)]


def test_parts_that_are_too_short_for_words_have_a_title():
    flash = {"name": "drill", "begins": "2026-12-22T09:00", "ends": "2026-12-22T09:10", "as": "closed"}
    svg = week_svg(made(overrides=[flash]), MONDAY, 1)
    assert texts(svg).count("override") == 1  # the legend's
    assert titles(svg).count("Tue 22 Dec, 09:00-09:10: override: drill (as closed)") == 1


def test_fewer_days_than_a_week_still_show_a_week():
    svg = week_svg(made(), MONDAY, 1)
    assert "Sunday" in texts(svg)
    assert "The first day" in texts(svg)
    assert texts(svg).count("Tue 22 Dec") == 0
    assert "Out of the ordinary: nothing." in (ET.fromstring(svg).find(f"{SVG}desc").text or "")  # type: ignore[union-attr]  # it is there


def test_the_picture_has_a_name_and_a_description_for_screen_readers():
    root = ET.fromstring(week_svg(made(**WITH_EVERYTHING), MONDAY))
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "dc-name dc-more")
    named = {one.get("id"): one.text or "" for one in root if one.get("id")}
    assert named["dc-name"] == "Calls to 11*****0001"
    assert "Thu 24 Dec 2026, 12:00-24:00: holiday: Véspera de Natal" in named["dc-more"]
    assert "weekdays 1,2,3,4,5 08:00-18:00" in named["dc-more"]


def test_states_differ_by_more_than_colour():
    root = ET.fromstring(week_svg(made(), MONDAY))
    drawn = {one.get("id"): next(iter(one)).get("d") for one in root.iter(f"{SVG}pattern")}
    assert drawn.keys() == {f"dc-{state}" for state in LineState if state is not LineState.OPEN}
    assert len(set(drawn.values())) == len(drawn)
    style = root.findtext(f"{SVG}style") or ""
    assert "@media (prefers-color-scheme:dark)" in style


def test_the_page_has_the_picture_and_the_exceptions_as_tables():
    page = Page(week_html(made(**WITH_EVERYTHING), MONDAY))
    assert page.tags.count("svg") == 1
    rows = [tuple(row) for row in page.rows]
    assert rows[:7] == [
        ("When", "State", "Why"),
        ("Mon 21 Dec 2026, 00:00-10:00", "emergency", "fire (until 2026-12-21 10:00)"),
        ("Tue 22 Dec 2026, 09:00-09:40", "override", "Inventory (as closed)"),
        ("Thu 24 Dec 2026, 12:00-24:00", "holiday", "Véspera de Natal (from 12:00)"),
        ("Fri 25 Dec 2026", "holiday", "Natal"),
        ("Sat 26 Dec 22:00 to Sun 27 Dec 2026 02:00", "override", "Late shift"),
        ("Fri 1 Jan 2027", "holiday", "Confraternização Universal"),
    ]
    assert ("Mon 4 Jan to Fri 8 Jan 2027", "override", "Summer (as closed)") in rows
    assert [row[0] for row in rows[-6:]] == [
        "State",
        "emergency",
        "override: Late shift",
        "holiday",
        "closed",
        "open",
    ]
    assert rows[-3:] == [
        ("holiday", "plays sound 7; hangs up"),
        ("closed", "takes a message for d*****@example.com"),
        ("open", "rings 5511*****0001 for 30 s; takes a message for d*****@example.com"),
    ]


def test_an_emergency_without_a_reason_is_shown():
    page = Page(week_html(made(emergency={"chain": [{"action": "hangup"}], "until": "2026-12-21T10:00-03:00"}), MONDAY))
    assert ["Mon 21 Dec 2026, 00:00-10:00", "emergency", "(until 2026-12-21 10:00)"] in page.rows
    endless = Page(week_html(made(emergency={"chain": [{"action": "hangup"}]}), MONDAY, 2))
    assert ["Mon 21 Dec to Tue 22 Dec 2026", "emergency"] in endless.rows


def test_a_calendar_without_exceptions_says_so():
    html = week_html(made(holidays=None), MONDAY)
    assert "Nothing: every day follows the hours of the week." in html
    assert Page(html).rows[0][0] == "State"


@given(documents())
@settings(deadline=None, max_examples=30)
def test_every_part_of_every_day_is_drawn(case):
    doc, first = case
    calendar = calendar_from(doc)
    svg = week_svg(calendar, first, 9)
    days = [first + timedelta(days=ahead) for ahead in range(9)]
    parts = [
        part.decision.state for ahead, day in enumerate(days) for part in calendar.segments(day) * (1 + (ahead < 7))
    ]
    # Each state is in the legend too.
    assert {state: rectangles(svg, state) for state in LineState} == {
        state: parts.count(state) + 1 for state in LineState
    }


def test_a_day_of_a_clock_change_has_24_hours():
    """São Paulo's last summer time began on 2018-11-04 and left its midnight out."""
    svg = week_svg(made(hours=[{"weekdays": "7", "start": "00:00", "end": "01:00"}]), date(2018, 11, 4), 1)
    assert "Sun 4 Nov, 00:00-01:00: open: Sunday 00:00-01:00" in titles(svg)
