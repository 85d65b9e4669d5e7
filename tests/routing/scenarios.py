"""Scenarios of a number at the local Directcall: its rules, the desired ones, and the expected outcome."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.errors import DirectcallNotSent, DirectcallReplyError
from airflow_provider_directcall.routing.errors import DirectcallApplyError
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp, Voicemail
from airflow_provider_directcall.routing.writes.apply import apply_plan
from airflow_provider_directcall.sandbox import Fault

from .line import calls, contents, unfair
from .number import DID, RULE_ID
from .rule_sets import PHONES, UNKNOWN

SECRET = "sandbox-secret"
ONE, OTHER = PHONES
DAY = {"start": "08:00", "end": "18:00"}
NIGHT = {"start": "18:00", "end": "08:00"}


class Watched:
    """The hook of a number, which records the live rules after each write.

    ``stops``: index of a write -> the error in its place, once. Writes from ``dead_from`` on are not sent.
    ``unreadable``: reads that fail, counted from 1.
    """

    def __init__(self, number):
        self.number, self.seen, self.reads = number, [], 0
        self.stops, self.dead_from, self.unreadable = {}, None, ()

    def list_rules(self, did):
        self.reads += 1
        if self.reads in self.unreadable:
            raise DirectcallReplyError("unreadable")
        return self.number.hook.list_rules(did)

    def save_rule(self, did, rule):
        return self._look(self.number.hook.save_rule, did, rule)

    def remove_rule(self, did, rule_id):
        return self._look(self.number.hook.remove_rule, did, rule_id)

    def _look(self, method, *arguments):
        if self.dead_from is not None and len(self.seen) >= self.dead_from:
            raise DirectcallNotSent("no route")
        if len(self.seen) in self.stops:
            raise self.stops.pop(len(self.seen))
        try:
            return method(*arguments)
        finally:
            self.seen.append(live_rules_of(self.number))


def live_rules_of(number) -> list[Rule]:
    return [_rule(row) for row in number.rules]


def _rule(row: Mapping[str, object]) -> Rule:
    return Rule(str(row["action"]), dict(row["data"]), int(row["priority"]), str(row["dpId"]))


def add(number, priority, action="fwd", **data):
    number.other_writes(priority=str(priority), action=action, **{f"data[{name}]": text for name, text in data.items()})


def opening(number):
    """Replace one rule by three."""
    return [
        Forward(to=OTHER, priority=1, **DAY),
        Voicemail(email="a@example.com", priority=2, **NIGHT),
        HangUp(priority=9),
    ]


def closing(number):
    """Replace three rules by one."""
    add(number, 2, "voicemail", email="a@example.com")
    add(number, 3, "hangup")
    return [HangUp(priority=7)]


def swapping(number):
    """Swap two rules."""
    add(number, 2, phone=OTHER, wait="12")
    return [Forward(to=OTHER, wait_seconds=12, priority=1), Forward(to=ONE, wait_seconds=12, priority=2)]


def splitting(number):
    """Change rules so that an additional one is needed meanwhile."""
    number.other_writes(dpId=RULE_ID, **{"data[phone]": ONE, "data[wait]": "12", "data[week]": "1,2,3"})
    add(number, 2, phone=ONE, wait="12", week="4,5,6,7")
    return [Forward(to=OTHER, priority=1, weekdays="1,4"), Forward(to=OTHER, priority=2, weekdays="2,3,5-7")]


#: Scenario -> number of writes.
SCENARIOS = {opening: 3, closing: 3, swapping: 2, splitting: 3}
AT_EACH_WRITE = pytest.mark.parametrize(
    ("scenario", "index"),
    [(scenario, index) for scenario, writes in SCENARIOS.items() for index in range(writes)],
    ids=lambda value: getattr(value, "__name__", value),
)


class Case:
    """A scenario with its plan and its expected outcome."""

    def __init__(self, line, scenario):
        self.line, self.number = line, line.number
        self.desired = scenario(self.number)
        self.old = live_rules_of(self.number)
        self.new = [rule.to_wire() for rule in self.desired]
        self.plan = self.planned()
        assert len(self.plan.changes) == SCENARIOS[scenario]

    def planned(self):
        return plan_rules(DID, self.number.hook.list_rules(DID), self.desired, secret=SECRET)

    def apply(self, **arguments):
        return apply_plan(self.line, self.plan, secret=SECRET, sleep=self.number.pauses.append, **arguments)

    def failure(self, **arguments) -> DirectcallApplyError | None:
        try:
            self.apply(**arguments)
        except DirectcallApplyError as error:
            return error
        return None

    def fault(self, kind, index, **arguments):
        """Make the write with that index fail."""
        self.inject(kind, self.endpoints[index], index, **arguments)

    def fault_from(self, kind, index):
        """Make all writes from that index on fail."""
        for endpoint in ("did/save", "did/remove"):
            self.inject(kind, endpoint, index)

    def inject(self, kind, endpoint, index, **arguments):
        after = self.endpoints[:index].count(endpoint)
        self.number.sandbox.inject(Fault(kind=kind, endpoint=endpoint, after=after, **arguments))

    @property
    def endpoints(self):
        return ["did/remove" if change.after is None else "did/save" for change in self.plan.changes]

    def outcome(self, **arguments) -> str:
        """Return the state that the code reports, after comparing it with the live rules."""
        error = self.failure(**arguments)
        assert error is None or (f"(state: {error.state})" in str(error) and error.unserved == ())
        state = "desired" if error is None else error.state
        live = contents(live_rules_of(self.number), without=UNKNOWN)
        assert (state == "desired") == (live == contents(self.new))
        assert (state == "previous") == (live == contents(self.old, without=UNKNOWN))
        self.check_callers()
        return state

    def check_callers(self):
        all_calls = calls(self.old, self.new)
        for rules in (*self.line.seen, live_rules_of(self.number)):
            assert rules
            assert not unfair(rules, self.old, self.new, all_calls)
