"""Calls to a number, and the rule that answers (assumed; see docs/directcall-api.md).

Rules are tried in ascending priority. A rule applies when all its conditions hold: ``week`` and ``start``/``end`` are
independent conditions on the local date and time of the call. ``sound`` with moment ``start`` plays and continues with
the next rule; every other action ends the call, except a forward that is not answered within its ``wait``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.magic_numbers import scenario_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from airflow_provider_directcall.sandbox.records import RuleRecord

DEFAULT_WAIT: Final = 30
_MIDNIGHT: Final = "00:00"
_END_OF_DAY: Final = "24:00"


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call to a number: caller, local time, and phones that do not answer."""

    source: str
    at: datetime
    unanswered: Collection[str] = ()


@dataclass(slots=True)
class Answer:
    """The rule that answers, and the rules tried before it.

    ``action`` and ``rule_id`` are those of the rule that answers, None without one; ``waited`` is in seconds.
    """

    action: str | None = None
    rule_id: str | None = None
    phone: str | None = None
    talk_seconds: int = 0
    waited: int = 0
    recorded: bool = False
    tried: list[str] = field(default_factory=list)
    played: list[int] = field(default_factory=list)


def answer(rules: Iterable[RuleRecord], call: IncomingCall) -> Answer:
    """Evaluate rules in the given order."""
    result = Answer()
    for rule in rules:
        if not holds(rule, call):
            continue
        result.tried.append(rule.rule_id)
        if _ACTIONS[rule.action](rule, call, result):
            result.action, result.rule_id = rule.action, rule.rule_id
            break
    return result


def holds(rule: RuleRecord, call: IncomingCall) -> bool:
    """Return whether all conditions of a rule hold for a call."""
    return (
        _in_week(str(rule.data.get("week") or ""), call.at)
        and _in_hours(str(rule.data.get("start") or ""), str(rule.data.get("end") or ""), call.at)
        and _from_source(str(rule.data.get("source") or ""), call.source)
    )


def _in_week(week: str, at: datetime) -> bool:
    return not week or str(at.isoweekday()) in week.split(",")


def _in_hours(start: str, end: str, at: datetime) -> bool:
    start, end = start or _MIDNIGHT, end or _END_OF_DAY
    time = f"{at:%H:%M}"
    if start < end:
        return start <= time < end
    return time >= start or time < end


def _from_source(sources: str, source: str) -> bool:
    if not sources:
        return True
    # Callers come with or without country code.
    return bool({source, f"55{source}", source.removeprefix("55")} & set(sources.split(";")))


def _forward(rule: RuleRecord, call: IncomingCall, result: Answer) -> bool:
    phone = str(rule.data["phone"])
    wait = int(rule.data.get("wait", DEFAULT_WAIT) or 0)
    scenario = scenario_of(phone)
    answers = phone not in call.unanswered and scenario.talk_seconds > 0 and scenario.ring_seconds <= wait
    result.waited += scenario.ring_seconds if answers else wait
    if not answers:
        return False
    result.phone, result.talk_seconds = phone, scenario.talk_seconds
    result.recorded = rule.data.get("record") == "s"
    return True


def _play(rule: RuleRecord, call: IncomingCall, result: Answer) -> bool:
    result.played.append(int(rule.data["soundId"]))
    return rule.data.get("moment") == "end"


def _ends_call(rule: RuleRecord, call: IncomingCall, result: Answer) -> bool:
    return True


_ACTIONS: Final[dict[str, Callable[[RuleRecord, IncomingCall, Answer], bool]]] = {
    "fwd": _forward,
    "sound": _play,
    "voicemail": _ends_call,
    "hangup": _ends_call,
}
