"""Explanation of one call: the rules that are tried, and why.

Rules are evaluated as assumed (docs/directcall-api.md, section 13.6): they are tried from the lowest priority;
weekday and time of day are compared on their own, with the local date and time of the call; the end is excluded, and
an end that is not after the start is over midnight; after an unanswered forward, or a greeting, the next rule is tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.routing.calendars.calendar import LineState, RoutingCalendar
from airflow_provider_directcall.routing.calendars.compiling import rules_for
from airflow_provider_directcall.routing.calendars.hours import weekday_name
from airflow_provider_directcall.routing.comparison import comparable
from airflow_provider_directcall.routing.conditions import conditions_of, masked_repr
from airflow_provider_directcall.routing.explaining.wording import (
    Ending,
    as_rule,
    describe_action,
    ending_of,
    ring_seconds,
    times_in_words,
    unknown_fields,
    weekdays_in_words,
)
from airflow_provider_directcall.routing.plans.coverage import in_order
from airflow_provider_directcall.routing.plans.views import rule_view
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.telephony.masking import mask_number, mask_numbers_in
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

_SHARED_PRIORITY: Final = "another rule has the same priority; which of them is tried first is not known"
_ENDINGS: Final = {
    Ending.NOBODY: "nobody answers",
    Ending.HUNG_UP: "the call is hung up",
    Ending.VOICEMAIL: "voicemail takes a message",
    Ending.SOUND: "a sound ends the call",
    Ending.UNKNOWN: "a rule of an unknown kind takes the call",
}


@dataclass(frozen=True, slots=True)
class ConsideredRule:
    """One rule that was considered.

    :ivar holds: whether all its conditions hold.
    :ivar fails: in words, the conditions that do not hold; without numbers.
    :ivar remarks: doubts about this rule; without numbers.
    """

    rule: Rule
    fails: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether all conditions of the rule hold."""
        return not self.fails


@dataclass(frozen=True, slots=True)
class Explanation:
    """Way of one call that is not answered; an answer ends it earlier.

    Both formats mask phone numbers and e-mail addresses, unless called with ``include_numbers``.

    :ivar caller: the caller's digits; None for a withheld number.
    :ivar moment: aware, in the zone of the rules.
    :ivar steps: the rules in the order of trying, up to the one that ends the call.
    :ivar untried: the rules behind that one.
    :ivar ending: end of the call.
    :ivar waited_seconds: ringing time; the length of sounds is not known and not included.
    """

    caller: str | None = field(repr=False)
    moment: datetime
    steps: tuple[ConsideredRule, ...]
    untried: tuple[Rule, ...]
    ending: Ending
    waited_seconds: int

    @property
    def tried(self) -> tuple[Rule, ...]:
        """The rules that hold, in the order of trying."""
        return tuple(step.rule for step in self.steps if step.holds)

    def as_text(self, include_numbers: bool = False) -> str:
        """Format for a terminal or a log."""
        return "\n".join([f"A call {_when_and_who(self, include_numbers)}:", *_lines(self, include_numbers)])

    def as_json(self, include_numbers: bool = False) -> JsonObject:
        """Return a JSON-ready object.

        Keys: ``caller``, ``moment``, ``steps`` (each with ``rule``, ``does``, ``holds``, ``fails``, ``remarks``),
        ``untried`` (how many rules), ``ending``, ``waited_seconds``.
        """
        return {
            "caller": _caller(self, include_numbers),
            "moment": self.moment.isoformat(),
            "steps": [
                {
                    "rule": rule_view(step.rule, include_numbers=include_numbers),
                    "does": describe_action(step.rule, include_numbers=include_numbers),
                    "holds": step.holds,
                    "fails": list(step.fails),
                    "remarks": list(step.remarks),
                }
                for step in self.steps
            ],
            "untried": len(self.untried),
            "ending": str(self.ending),
            "waited_seconds": self.waited_seconds,
        }


@dataclass(frozen=True, slots=True)
class CalendarExplanation:
    """Way of one call through a calendar; the formats are as those of an Explanation.

    :ivar did: the number, without 55.
    :ivar state: state of the line at that moment.
    :ivar reason: the holiday, override or hours, as in the calendar's decision.
    :ivar chain: the call, by the chain of that state.
    :ivar rules: the call, by the rules compiled from the calendar on that day, with the same result.
    """

    did: str = field(repr=False)
    state: LineState
    reason: str = field(repr=False)
    chain: Explanation
    rules: Explanation

    def as_text(self, include_numbers: bool = False) -> str:
        """Format for a terminal or a log."""
        did, reason = self._masked(include_numbers)
        head = f"A call to {did} {_when_and_who(self.rules, include_numbers)}:"
        return "\n".join([head, f"  {reason}", *_lines(self.rules, include_numbers)])

    def as_json(self, include_numbers: bool = False) -> JsonObject:
        """Return a JSON-ready object: ``did``, ``state``, ``reason``; ``chain`` and ``rules`` as an Explanation's."""
        did, reason = self._masked(include_numbers)
        return {
            "did": did,
            "state": str(self.state),
            "reason": reason,
            "chain": self.chain.as_json(include_numbers),
            "rules": self.rules.as_json(include_numbers),
        }

    def _masked(self, include_numbers: bool) -> tuple[str, str]:
        if include_numbers:
            return self.did, self.reason
        return mask_number(self.did), mask_numbers_in(self.reason)


def explain(rules: Sequence[Rule | NumberRule], caller: str | None, moment: datetime, *, zone: tzinfo) -> Explanation:
    """Explain the way of a call through rules, in the order of trying.

    A condition that cannot be parsed counts as not fulfilled, and an unknown action as one that takes the call; remarks
    say so. Rules that share a priority are tried in the order in which they are given.

    :param rules: live or desired ones, in any order.
    :param caller: the caller's number in any spelling; None when it is withheld.
    :param moment: time of the call; aware.
    :param zone: the zone in which Directcall evaluates the account's rules.
    :raises ValueError: ``moment`` has no zone, or ``caller`` is no number.
    """
    if moment.utcoffset() is None:
        raise ValueError("moment: an aware datetime is needed; without a zone it could be any hour")
    there = moment.astimezone(zone)
    digits = None if caller is None else parse_number(caller, argument="caller", allow=ALL_KINDS).digits
    ordered = in_order(map(as_rule, rules))
    shares = Counter(rule.priority for rule in ordered)
    steps: list[ConsideredRule] = []
    ending = Ending.NOBODY
    for rule in ordered:
        fails = tuple(_fails(rule, digits, there))
        steps.append(ConsideredRule(rule, fails, tuple(_remarks(rule, is_shared=shares[rule.priority] > 1))))
        if not fails and (its_ending := ending_of(rule)) is not None:
            ending = its_ending
            break
    return Explanation(
        caller=digits,
        moment=there,
        steps=tuple(steps),
        untried=tuple(ordered[len(steps) :]),
        ending=ending,
        waited_seconds=sum(ring_seconds(step.rule) for step in steps if step.holds),
    )


def explain_calendar(calendar: RoutingCalendar, caller: str | None, moment: datetime) -> CalendarExplanation:
    """Explain the way of a call through a calendar and through the rules compiled from it on that day.

    :param caller: the caller's number in any spelling; None when it is withheld.
    :param moment: time of the call; aware.
    :raises ValueError: ``moment`` has no zone, or ``caller`` is no number.
    """
    decision = calendar.decision(moment)
    return CalendarExplanation(
        did=calendar.did,
        state=decision.state,
        reason=decision.reason,
        chain=explain(decision.chain, caller, moment, zone=calendar.zone),
        rules=explain(rules_for(calendar, moment), caller, moment, zone=calendar.zone),
    )


def _fails(rule: Rule, caller: str | None, there: datetime) -> Iterator[str]:
    holds = conditions_of(comparable(rule))
    if isinstance(holds.days, str):
        yield f"weekdays: {weekdays_in_words(rule)} cannot be read, so they are taken not to hold"
    elif there.isoweekday() not in holds.days:
        yield f"weekdays: it is {weekday_name(there.isoweekday())}, and the rule is for {weekdays_in_words(rule)}"
    if isinstance(holds.hours, str):
        yield f"time: {times_in_words(rule)} cannot be read, so it is taken not to hold"
    elif not _is_within(60 * there.hour + there.minute, *holds.hours):
        yield f"time: {there:%H:%M} is not in {times_in_words(rule)}"
    if holds.callers is not None and caller not in holds.callers:
        why = "the number is withheld, so it is not" if caller is None else "the number is not"
        yield f"callers: {why} among the {len(holds.callers)} listed"


def _is_within(now: int, start: int, end: int) -> bool:
    return start <= now < end if start < end else now >= start or now < end


def _remarks(rule: Rule, *, is_shared: bool) -> Iterator[str]:
    if is_shared:
        yield _SHARED_PRIORITY
    unknown = unknown_fields(rule)
    if unknown:
        yield f"fields that are not known here and may be conditions: {', '.join(map(masked_repr, unknown))}"


def _lines(explanation: Explanation, include_numbers: bool) -> Iterator[str]:
    for step in explanation.steps:
        rule = step.rule
        place = "-" if rule.priority is None else rule.priority
        name = "" if rule.rule_id is None else f" (rule {rule.rule_id})"
        action = describe_action(rule, include_numbers=include_numbers)
        yield f"  {'>' if step.holds else ' '} {place:>5}{name}  {action}"
        yield from (f"           no: {fail}" for fail in step.fails)
        yield from (f"           note: {remark}" for remark in step.remarks)
    untried = len(explanation.untried)
    if untried:
        yield f"    {untried} more {'rule is' if untried == 1 else 'rules are'} not looked at."
    seconds = explanation.waited_seconds
    waited = f" after {seconds} s of ringing" if seconds else ""
    yield f"If nobody picks up: {_ENDINGS[explanation.ending]}{waited}."


def _when_and_who(explanation: Explanation, include_numbers: bool) -> str:
    who = _caller(explanation, include_numbers) or "a withheld number"
    return f"from {who} on {_moment_in_words(explanation.moment)}"


def _caller(explanation: Explanation, include_numbers: bool) -> str | None:
    caller = explanation.caller
    return caller if include_numbers or caller is None else mask_number(caller)


def _moment_in_words(moment: datetime) -> str:
    return f"{weekday_name(moment.isoweekday())} {moment:%Y-%m-%d %H:%M} ({moment.tzinfo})"
