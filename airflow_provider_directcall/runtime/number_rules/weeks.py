"""The routing of a number as data for the page in Airflow: its ordinary week, and a year of exceptions to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.routing.explaining.wording import condition, ending_of, listed_callers, ring_seconds
from airflow_provider_directcall.routing.plans.views import rule_view
from airflow_provider_directcall.telephony.masking import mask_number, mask_numbers_in

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.calendars.calendar import Decision, RoutingCalendar, Segment
    from airflow_provider_directcall.runtime.number_rules.desired import DesiredRules

#: Action of a rule -> the field with its target.
_TARGETS: Final = {"fwd": "phone", "voicemail": "email", "sound": "soundId"}
_WEEK: Final = 7
_YEAR: Final = 366
#: A calendar with something else on every day would make a large XCom.
_MOST_EXCEPTIONS: Final = 400
#: A Monday without a meaning: the ordinary week has no dates.
_MONDAY: Final = date(2024, 1, 1)


def routing_week(desired: DesiredRules, now: datetime, *, action: str) -> dict[str, object] | None:
    """Return the routing of a number from today on, as the calendar has it; None for a list of rules.

    ``answers`` are the ways of a call, each ``{"state", "steps"}``, and a step is ``{"action", "target", "seconds",
    "records", "ends", "callers"}``; ``week`` has seven days from Monday on, each a list of ``[begins, ends, answer]``;
    ``exceptions`` are ``[begins, ends, answer, reason]`` in local time, of whole days. Numbers are masked.

    :param now: aware.
    :param action: of the task: ``planned`` or ``applied``.
    """
    calendar = desired.calendar
    if calendar is None:
        return None
    made_for = desired.made_for or now
    first = calendar.local(made_for).date()
    answers = _Answers()
    ordinary = calendar.ordinary_week()
    days = [_MONDAY + timedelta(days=ahead) for ahead in range(_WEEK)]
    week = [[[each.begins, each.ends, answers.index(each.decision)] for each in ordinary.segments(day)] for day in days]
    exceptions = [
        [begins, ends, answers.index(decision), mask_numbers_in(decision.reason)]
        for begins, ends, decision in _exceptions(calendar, ordinary, first)
    ]
    return {
        "did": mask_number(calendar.did),
        "timezone": calendar.timezone,
        "action": action,
        "made_at": now.isoformat(timespec="seconds"),
        "first_day": first.isoformat(),
        "last_day": (first + timedelta(days=_YEAR - 1)).isoformat(),
        "rules_until": desired.valid_until.isoformat() if desired.valid_until is not None else None,
        "answers": answers.as_json(),
        "week": week,
        "exceptions": exceptions[:_MOST_EXCEPTIONS],
    }


class _Answers:
    """The ways of a call, each of them once."""

    def __init__(self) -> None:
        self._known: list[dict[str, object]] = []

    def index(self, decision: Decision) -> int:
        steps = [_step(rule.to_wire()) for rule in decision.chain]
        answer: dict[str, object] = {"state": decision.state.value, "steps": steps}
        if answer not in self._known:
            self._known.append(answer)
        return self._known.index(answer)

    def as_json(self) -> list[dict[str, object]]:
        return self._known


def _step(rule: Rule) -> dict[str, object]:
    """Return one rule; empty fields are left out."""
    data = rule_view(rule, include_numbers=False)["data"]
    target = data.get(_TARGETS.get(rule.action, "")) if isinstance(data, dict) else None
    step = {
        "action": rule.action,
        "target": None if target is None else str(target),
        "seconds": ring_seconds(rule),
        "records": condition(rule, "record") == "s",
        "ends": ending_of(rule) is not None,
        "callers": [mask_number(each) for each in listed_callers(rule)],
    }
    return {name: value for name, value in step.items() if value}


def _exceptions(
    calendar: RoutingCalendar, ordinary: RoutingCalendar, first: date
) -> Iterator[tuple[str, str, Decision]]:
    """Yield the segments of days that are not ordinary; equal ones are joined at midnight."""
    open_one: tuple[str, str, Decision] | None = None
    for day in (first + timedelta(days=ahead) for ahead in range(_YEAR)):
        segments = calendar.segments(day)
        if _effects(segments) == _effects(ordinary.segments(day)):
            continue
        for segment in segments:
            begins, ends = _local(day, segment.begins), _local(day, segment.ends)
            if open_one is not None and (open_one[1], open_one[2]) == (begins, segment.decision):
                open_one = (open_one[0], ends, segment.decision)
                continue
            if open_one is not None:
                yield open_one
            open_one = (begins, ends, segment.decision)
    if open_one is not None:
        yield open_one


def _effects(segments: tuple[Segment, ...]) -> list[tuple[object, ...]]:
    return [(each.begins, each.ends, each.decision.state, each.decision.chain) for each in segments]


def _local(day: date, clock: str) -> str:
    """Return ``2026-12-24T12:00``; the end of a day is the beginning of the next one."""
    return f"{day + timedelta(days=1)}T00:00" if clock == "24:00" else f"{day}T{clock}"
