"""Random rules in users' spellings, each with its expected live rule, made independently of our code."""

from __future__ import annotations

from datetime import time
from typing import NamedTuple

from hypothesis import strategies as st

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Spec(NamedTuple):
    rule: dict[str, object]
    action: str
    data: dict[str, object]


phones = st.integers(0, 99).flatmap(
    lambda n: st.sampled_from(
        [
            (f"55119900000{n:02}", f"55119900000{n:02}"),
            (f"+55 (11) 99000-00{n:02}", f"55119900000{n:02}"),
            (f"041 11 99000.00{n:02}", f"55119900000{n:02}"),
            (f"41300000{n:02}", f"5541300000{n:02}"),
            (f"ip41300000{n:02}", f"ip41300000{n:02}"),
        ]
    )
)
callers = phones.filter(lambda phone: not phone[1].startswith("ip"))


@st.composite
def weekdays(draw: st.DrawFn) -> tuple[object, str]:
    days = draw(st.lists(st.integers(1, 7), min_size=1, max_size=9))
    words = [draw(st.sampled_from([str(day), DAYS[day - 1], DAYS[day - 1][:3].upper()])) for day in days]
    first, last = min(days), max(days)
    spelled: list[tuple[object, list[int]]] = [
        (days, days),
        (tuple(words), days),
        (",".join(words), days),
        ("; ".join(words), days),
        (" ".join(words), days),
        (days[0], days[:1]),
        (f"{first} - {DAYS[last - 1].title()}", list(range(first, last + 1))),
    ]
    value, meant = draw(st.sampled_from(spelled))
    return value, ",".join(str(day) for day in sorted(set(meant)))


@st.composite
def times(draw: st.DrawFn) -> tuple[object, str]:
    hour, minute = draw(st.integers(0, 23)), draw(st.integers(0, 59))
    spelled = [f"{hour}:{minute:02}", f" {hour:02}:{minute:02} ", f"{hour:02}:{minute:02}:00", time(hour, minute)]
    return draw(st.sampled_from(spelled)), f"{hour:02}:{minute:02}"


@st.composite
def conditions(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, object]]:
    rule: dict[str, object] = {}
    data: dict[str, object] = {}
    if draw(st.booleans()):
        rule["weekdays"], data["week"] = draw(weekdays())
    if draw(st.booleans()):
        (start, starts), (end, ends) = draw(st.tuples(times(), times()).filter(lambda two: two[0][1] != two[1][1]))
        rule |= {"start": start, "end": end}
        data |= {"start": starts, "end": ends}
    if draw(st.booleans()):
        numbers = draw(st.lists(callers, min_size=1, max_size=3))
        spelled = [number for number, _ in numbers]
        rule["sources"] = draw(st.sampled_from([spelled, ";".join(spelled), ", ".join(spelled)]))
        data["source"] = ";".join(digits for _, digits in numbers)
    return rule, data


@st.composite
def details(draw: st.DrawFn, sound_id: int) -> Spec:
    match draw(st.sampled_from(["forward", "sound", "voicemail", "hangup"])):
        case "forward":
            (to, phone), wait, record = draw(phones), draw(st.integers(1, 600)), draw(st.booleans())
            data = {"phone": phone, "wait": wait} | ({"record": "s"} if record else {})
            return Spec({"action": "forward", "to": to, "wait_seconds": wait, "record": record}, "fwd", data)
        case "sound":
            moment = draw(st.sampled_from(["start", "end"]))
            rule = {"action": "sound", "sound_id": sound_id, "moment": moment}
            return Spec(rule, "sound", {"soundId": sound_id, "moment": moment})
        case "voicemail":
            email = draw(st.emails(domains=st.just("example.com")))
            return Spec({"action": "voicemail", "email": email}, "voicemail", {"email": email})
    return Spec({"action": "hangup"}, "hangup", {})


@st.composite
def specs(draw: st.DrawFn, sound_id: int) -> Spec:
    """Draw a rule of any kind, with any conditions, at one of three priorities."""
    spec, (conditions_given, conditions_data) = draw(details(sound_id)), draw(conditions())
    priority = draw(st.integers(1, 3))
    return Spec({**spec.rule, **conditions_given, "priority": priority}, spec.action, {**spec.data, **conditions_data})
