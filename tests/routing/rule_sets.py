"""Random rules of a number: live ones with unknown fields, and desired ones."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.rules import Forward, HangUp, NumberRule, PlaySound, Voicemail

#: Fields of a rule's data that only the vendor's panel knows.
UNKNOWN = ("fila", "peso")
PHONES = ["5511990000011", "5511990000012"]
WEEKS = [None, None, "1-5", "6,7", "1-3", "4-7", "3"]
HOURS = [(None, None), (None, None), ("08:00", "18:00"), ("18:00", "08:00"), ("08:00", "12:00"), ("12:00", "00:00")]
SOURCES = [None, None, None, "5541990000021", "5541990000021;5541990000022"]

priorities = st.integers(1, 6)


@st.composite
def wanted(draw: st.DrawFn, at: st.SearchStrategy[int] = priorities) -> NumberRule:
    start, end = draw(st.sampled_from(HOURS))
    when = {
        "priority": draw(at),
        "weekdays": draw(st.sampled_from(WEEKS)),
        "start": start,
        "end": end,
        "sources": draw(st.sampled_from(SOURCES)),
    }
    kind = draw(st.sampled_from(["forward", "forward", "voicemail", "hangup", "sound"]))
    if kind == "forward":
        return Forward(to=draw(st.sampled_from(PHONES)), wait_seconds=draw(st.sampled_from([10, 20])), **when)
    if kind == "voicemail":
        return Voicemail(email="a@example.com", **when)
    if kind == "sound":
        return PlaySound(sound_id=1, moment=draw(st.sampled_from(["start", "end"])), **when)
    return HangUp(**when)


@st.composite
def live_rules(draw: st.DrawFn, most: int = 6) -> list[Rule]:
    return [
        replace(rule, rule_id=str(index), data={**rule.data, **draw(unknown_fields)}, raw={"queue": f"q{index}"})
        for index, rule in enumerate((each.to_wire() for each in draw(st.lists(wanted(), max_size=most))), start=10)
    ]


@st.composite
def sets(draw: st.DrawFn, most: int = 6) -> tuple[list[Rule], list[NumberRule]]:
    """Draw live and desired rules that have some in common."""
    live = draw(live_rules(most))
    places = [draw(st.sampled_from([rule.priority, rule.priority, 9, None])) for rule in live]
    kept = [_as_desired(rule, place) for rule, place in zip(live, places, strict=True) if place is not None]
    return live, draw(st.permutations([*kept, *draw(st.lists(wanted(), max_size=most - len(kept)))]))


unknown_fields = st.fixed_dictionaries(
    {}, optional={"fila": st.sampled_from(["vendas", {"ramais": ["1", "2"]}]), "peso": st.sampled_from(["1", "2"])}
)


def _as_desired(rule: Rule, priority: int) -> NumberRule:
    """Return a live rule as a user would write it."""
    data = rule.data
    when = {
        "priority": priority,
        "weekdays": data.get("week"),
        "start": data.get("start"),
        "end": data.get("end"),
        "sources": data.get("source"),
    }
    match rule.action:
        case "fwd":
            return Forward(to=data["phone"], wait_seconds=data["wait"], **when)
        case "voicemail":
            return Voicemail(email=data["email"], **when)
        case "sound":
            return PlaySound(sound_id=data["soundId"], moment=data["moment"], **when)
    return HangUp(**when)
