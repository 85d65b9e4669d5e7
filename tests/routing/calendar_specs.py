"""Random calendars as files contain them, and the meaning of each, computed apart from the package.

The meaning is worked out minute by minute from the raw values, with none of the classes under test.
"""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from airflow_provider_directcall.telephony.holidays import BrazilianCalendar, OptionalDay

Doc = dict[str, Any]

#: Christmas and the turn of the year; Carnival of 2027; a leap day.
FIRST_DAYS = (date(2026, 12, 20), date(2027, 2, 4), date(2028, 2, 25))
DAYS = 16
CALLERS = ("5511990000091", "5511990000092")
ZONES = ("America/Sao_Paulo", "America/Rio_Branco", "America/Noronha")

minutes = st.integers(0, 95).map(lambda quarter: 15 * quarter)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def rules(draw: st.DrawFn) -> Doc:
    rule: Doc = draw(
        st.one_of(
            st.integers(1, 80).map(lambda n: {"action": "forward", "to": f"55119900000{n:02}"}),
            st.tuples(st.integers(1, 9), st.sampled_from(["start", "end"])).map(
                lambda two: {"action": "sound", "sound_id": two[0], "moment": two[1]}
            ),
            st.integers(1, 9).map(lambda n: {"action": "voicemail", "email": f"desk{n}@example.com"}),
            st.just({"action": "hangup"}),
        )
    )
    if draw(st.integers(0, 3)) == 0:
        rule = {**rule, "sources": draw(st.lists(st.sampled_from(CALLERS), min_size=1, max_size=2, unique=True))}
    return rule


chains = st.lists(rules(), min_size=1, max_size=3)


@st.composite
def hours(draw: st.DrawFn) -> Doc:
    weekdays = draw(st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True))
    if draw(st.integers(0, 5)) == 0:
        return {"weekdays": weekdays}
    start, end = draw(st.lists(minutes, min_size=2, max_size=2, unique=True))
    return {"weekdays": weekdays, "start": clock(start), "end": "24:00" if draw(st.integers(0, 5)) == 0 else clock(end)}


@st.composite
def part_days(draw: st.DrawFn, first: date) -> Doc:
    named = st.sampled_from([*map(str, OptionalDay), "Natal", "Véspera de Ano-Novo"])
    dated = st.integers(0, DAYS - 1).map(lambda n: (first + timedelta(days=n)).isoformat())
    start, end = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    part = draw(
        st.sampled_from([{"from": clock(start)}, {"until": clock(end)}, {"from": clock(start), "until": clock(end)}])
    )
    return {"day": draw(st.one_of(dated, named)), **part}


@st.composite
def overrides(draw: st.DrawFn, first: date) -> list[Doc]:
    """Any number of them, in any order, some that touch, none that overlap."""
    cuts = sorted(draw(st.lists(st.integers(0, DAYS * 96), max_size=8, unique=True)))
    used = [(begins, ends) for begins, ends in itertools.pairwise(cuts) if draw(st.booleans())]
    midnight = datetime.combine(first, datetime.min.time())
    made = [
        {
            "name": f"dated {index}",
            "begins": (midnight + timedelta(minutes=15 * begins)).isoformat(timespec="minutes"),
            "ends": (midnight + timedelta(minutes=15 * ends)).isoformat(timespec="minutes"),
            **draw(
                st.one_of(
                    st.sampled_from(["open", "closed", "holiday"]).map(lambda name: {"as": name}),
                    chains.map(lambda chain: {"chain": chain}),
                )
            ),
        }
        for index, (begins, ends) in enumerate(used)
    ]
    return draw(st.permutations(made))


@st.composite
def documents(draw: st.DrawFn) -> tuple[Doc, date]:
    """A calendar, and the first of the days that it has something to say about."""
    first = draw(st.sampled_from(FIRST_DAYS))
    own = st.dictionaries(
        st.integers(0, DAYS - 1).map(lambda n: (first + timedelta(days=n)).isoformat()),
        st.just("Aniversário"),
        max_size=2,
    )
    holidays = st.fixed_dictionaries(
        {"own_dates": own},
        optional={
            "state": st.sampled_from(["SP", "RJ"]),
            "optional_days": st.sampled_from([True, False, ["carnival"]]),
        },
    )
    emergency = st.fixed_dictionaries(
        {"chain": chains},
        optional={
            "until": st.integers(0, DAYS * 96).map(
                lambda n: (
                    f"{datetime.combine(first, datetime.min.time()) + timedelta(minutes=15 * n):%Y-%m-%dT%H:%M}-03:00"
                )
            ),
            "reason": st.just("fire"),
        },
    )
    doc: Doc = {
        "did": "1130000001",
        "open": draw(chains),
        "closed": draw(chains),
        "hours": draw(st.lists(hours(), max_size=4)),
        "timezone": draw(st.sampled_from(ZONES)),
        "part_days": draw(st.lists(part_days(first), max_size=2)),
        "overrides": draw(overrides(first)),
    }
    if draw(st.booleans()):
        doc["holiday"] = draw(st.none() | chains)
    if draw(st.booleans()):
        doc["holidays"] = draw(st.none() | holidays)
    if draw(st.integers(0, 3)) == 0:
        doc["emergency"] = draw(emergency)
    return doc, first


def meaning(doc: Doc, there: datetime, until: datetime | None) -> tuple[str, list[Doc]]:
    """Return state and chain at a local time. ``until``: local end of the emergency."""
    chains_of = {"open": doc["open"], "closed": doc["closed"], "holiday": doc.get("holiday") or doc["closed"]}
    if "emergency" in doc and (until is None or there < until):
        return "emergency", doc["emergency"]["chain"]
    for override in doc["overrides"]:
        if datetime.fromisoformat(override["begins"]) <= there < datetime.fromisoformat(override["ends"]):
            return "override", override.get("chain") or chains_of[override["as"]]
    state = "holiday" if _in_holiday(doc, there) else "open" if _in_hours(doc, there) else "closed"
    return state, chains_of[state]


def _in_holiday(doc: Doc, there: datetime) -> bool:
    day = there.date()
    parts = [part for part in doc["part_days"] if _names(doc, part["day"], day)]
    if parts:
        return any(part.get("from", "00:00") <= f"{there:%H:%M}" < part.get("until", "24:00") for part in parts)
    kept = _kept(doc)
    return kept is not None and kept.holiday(day) is not None


def _in_hours(doc: Doc, there: datetime) -> bool:
    now, today = f"{there:%H:%M}", there.isoweekday()
    yesterday = there - timedelta(days=1)
    for row in doc["hours"]:
        start, end = row.get("start", "00:00"), row.get("end", "24:00")
        if start < end:
            if today in row["weekdays"] and start <= now < end:
                return True
        elif (today in row["weekdays"] and now >= start) or (
            yesterday.isoweekday() in row["weekdays"]
            and now < end
            and not _in_holiday(doc, yesterday.replace(hour=23, minute=59))
        ):
            return True
    return False


def _kept(doc: Doc) -> BrazilianCalendar | None:
    given = doc.get("holidays", {})
    if given is None:
        return None
    own = {date.fromisoformat(day): name for day, name in given.get("own_dates", {}).items()}
    optional = given.get("optional_days", ["carnival", "corpus_christi"])
    return BrazilianCalendar(given.get("state"), optional if isinstance(optional, bool) else frozenset(optional), own)


def _names(doc: Doc, wanted: str, day: date) -> bool:
    """Whether a part-day's ``day`` is that day; the days that FIRST_DAYS lead to are known by heart."""
    fixed = {"christmas_eve": (12, 24), "new_years_eve": (12, 31), "civil_service_day": (10, 28)}
    movable = {
        "carnival": {date(2027, 2, 8), date(2027, 2, 9), date(2028, 2, 28), date(2028, 2, 29)},
        "ash_wednesday": {date(2027, 2, 10), date(2028, 3, 1)},
        "corpus_christi": set(),
    }
    if wanted in fixed:
        return (day.month, day.day) == fixed[wanted]
    if wanted in movable:
        return day in movable[wanted]
    if wanted in {"Natal", "Véspera de Ano-Novo"}:
        own = ((doc.get("holidays") or {}).get("own_dates") or {}).keys()
        return day.isoformat() not in own and (day.month, day.day) == {"Natal": (12, 25)}.get(wanted, (12, 31))
    return wanted == day.isoformat()
