"""One rule in words: its action and its conditions.

Everything but the forward's ``phone`` and ``wait`` is assumed of the vendor (docs/directcall-api.md, section 13.6).
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.calendars.hours import weekday_name
from airflow_provider_directcall.routing.comparison import comparable
from airflow_provider_directcall.routing.conditions import (
    CONDITIONS,
    EVERY_DAY,
    MINUTES_A_DAY,
    clock,
    conditions_of,
    masked_repr,
)
from airflow_provider_directcall.routing.plans.views import rule_view
from airflow_provider_directcall.routing.rules import NumberRule

ASSUMED_WAIT_SECONDS: Final = 30
"""Ringing time of a forward without a wait (assumed)."""

#: Days in a row from which on they are a span: "Monday to Wednesday".
_A_SPAN: Final = 3
_DETAILS: Final = {
    "fwd": frozenset({"phone", "wait", "record"}),
    "sound": frozenset({"soundId", "moment"}),
    "voicemail": frozenset({"email"}),
    "hangup": frozenset[str](),
}


class Ending(StrEnum):
    """End of an unanswered call."""

    NOBODY = "nobody"
    """No rule is left. The vendor's behaviour then is not known."""
    HUNG_UP = "hung_up"
    VOICEMAIL = "voicemail"
    SOUND = "sound"
    """A sound is played at the end of the call."""
    UNKNOWN = "unknown"
    """A rule holds whose action is not known here; it is taken for one that takes the call."""


def as_rule(rule: Rule | NumberRule) -> Rule:
    """Return a rule in the vendor's terms."""
    return rule.to_wire() if isinstance(rule, NumberRule) else rule


def rule_name(rule: Rule) -> str:
    """Return the name of a rule in texts: its id, where it has one, and its priority."""
    name = "rule" if rule.rule_id is None else f"rule {rule.rule_id}"
    return f"{name} without priority" if rule.priority is None else f"{name} at priority {rule.priority}"


def ring_seconds(rule: Rule) -> int:
    """Return the seconds for which an unanswered forward rings; 0 for every other rule."""
    if rule.action != "fwd":
        return 0
    wait = condition(rule, "wait")
    return int(wait) if wait.isdecimal() else ASSUMED_WAIT_SECONDS


def ending_of(rule: Rule) -> Ending | None:
    """Return the end of an unanswered call for which the rule holds; None when the next rule may be tried."""
    if rule.action == "sound":
        return Ending.SOUND if condition(rule, "moment") == "end" else None
    return {"fwd": None, "voicemail": Ending.VOICEMAIL, "hangup": Ending.HUNG_UP}.get(rule.action, Ending.UNKNOWN)


def surely_ends(rule: Rule) -> bool:
    """Return whether the rule ends every call for which it holds; False for an unknown action."""
    return ending_of(rule) not in (None, Ending.UNKNOWN)


def describe_action(rule: Rule, *, include_numbers: bool) -> str:
    """Describe the action of the rule: ``rings 5511*****0001 for 30 s``.

    :param include_numbers: show phone numbers and e-mail addresses in full instead of masked.
    """
    view = rule_view(rule, include_numbers=include_numbers)["data"]
    data = view if isinstance(view, dict) else {}
    details = {name: str(value) for name, value in data.items() if value not in (None, "")}
    match rule.action:
        case "fwd":
            is_assumed = not condition(rule, "wait").isdecimal()
            seconds = f"{ring_seconds(rule)} s{' (assumed: it does not say how long)' if is_assumed else ''}"
            recorded = " and records the call" if condition(rule, "record") == "s" else ""
            return f"rings {details.get('phone', 'no number')} for {seconds}{recorded}"
        case "sound":
            ends = " and ends the call" if ending_of(rule) else ""
            return f"plays sound {details.get('soundId', 'without id')}{ends}"
        case "voicemail":
            return f"takes a message for {details.get('email', 'no address')}"
        case "hangup":
            return "hangs up"
        case unknown:
            return f"does {masked_repr(unknown)}, which is not known here"


def condition(rule: Rule, name: str) -> str:
    """Return a field of the rule's data in normalized spelling; empty when it is not set."""
    value = comparable(rule).get(name, "")
    return value if isinstance(value, str) else masked_repr(value)


def listed_callers(rule: Rule) -> tuple[str, ...]:
    """Return the digits of the rule's callers in order, entries that are no numbers as they are. Empty: all callers."""
    return tuple(sorted(conditions_of(comparable(rule)).callers or ()))


def unknown_fields(rule: Rule) -> tuple[str, ...]:
    """Return the names of the rule's fields whose meaning is not known here. They may be conditions."""
    known = CONDITIONS | _DETAILS.get(rule.action, frozenset())
    timeout = () if rule.timeout in (None, "") else ("timeout",)
    return (*sorted(comparable(rule).keys() - known), *timeout)


def is_readable(rule: Rule) -> bool:
    """Return whether the rule's weekdays and times can be parsed."""
    return conditions_of(comparable(rule)).is_readable


def weekdays_in_words(rule: Rule) -> str:
    """Return ``Monday to Friday``, ``every day``; unreadable weekdays are quoted."""
    days = conditions_of(comparable(rule)).days
    if isinstance(days, str):
        return masked_repr(days)
    if days == EVERY_DAY:
        return "every day"
    return ", ".join(map(_span_in_words, _spans(sorted(days))))


def times_in_words(rule: Rule) -> str:
    """Return ``08:00-18:00``, ``all day``; the end of the day is ``24:00``. Unreadable times are quoted."""
    hours = conditions_of(comparable(rule)).hours
    if isinstance(hours, str):
        return f"{masked_repr(condition(rule, 'start'))} to {masked_repr(condition(rule, 'end'))}"
    begins, ends = hours[0], hours[1] or MINUTES_A_DAY
    return "all day" if (begins, ends) == (0, MINUTES_A_DAY) else f"{clock(begins)}-{clock(ends)}"


def _spans(days: list[int]) -> list[list[int]]:
    spans = [[days[0]]]
    for before, day in pairwise(days):
        if day == before + 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    return spans


def _span_in_words(days: list[int]) -> str:
    names = [weekday_name(day) for day in days]
    return f"{names[0]} to {names[-1]}" if len(days) >= _A_SPAN else ", ".join(names)
