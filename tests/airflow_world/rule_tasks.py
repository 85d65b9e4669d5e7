"""Tasks, rules and calendars for the tests of number rules."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.operators.numbers import (
    DirectcallApplyNumberRulesOperator,
    DirectcallPlanNumberRulesOperator,
    DirectcallRestoreNumberRulesOperator,
)

from .world import Killed, Run

DID = "1130000001"
OFFICE, MOBILE, OTHERS = "5511990000031", "5511990000032", "5511990000033"
FIRST = {"phone": "5511990000010", "wait": 12}
NUMBERS = (OFFICE, MOBILE, OTHERS, FIRST["phone"], DID)
CALENDAR = {
    "did": DID,
    "open": [{"action": "forward", "to": OFFICE, "wait_seconds": 20}],
    "closed": [{"action": "voicemail", "email": "plantao@example.com"}],
    "hours": [{"weekdays": "1-5", "start": "08:00", "end": "18:00"}],
    "holidays": {"state": "SP"},
}
YAML = f"""
did: "{DID}"
open:
  - {{action: forward, to: "{OFFICE}", wait_seconds: 20}}
closed:
  - {{action: voicemail, email: plantao@example.com}}
hours:
  - {{weekdays: "1-5", start: "08:00", end: "18:00"}}
"""
#: A Monday without a holiday in the seven days from it on, and Christmas Eve.
ORDINARY, CHRISTMAS = "2026-11-23T09:00:00-03:00", "2026-12-24T09:00:00-03:00"
FORWARD = {"action": "forward", "to": OFFICE, "wait_seconds": 20, "priority": 1}
VOICEMAIL = {"action": "voicemail", "email": "plantao@example.com", "priority": 2}
RULES = [FORWARD, VOICEMAIL]


def plan(**arguments):
    return DirectcallPlanNumberRulesOperator(task_id="task", **arguments)


def apply(**arguments):
    if not {"rules", "calendar"} & arguments.keys():
        arguments = {"rules": RULES, "did": DID, **arguments}
    return DirectcallApplyNumberRulesOperator(task_id="task", **arguments)


def restore(**arguments):
    return DirectcallRestoreNumberRulesOperator(task_id="task", **(arguments or {"snapshot_task_id": "task"}))


def live(world):
    return sorted(
        (int(rule["priority"]), rule["action"], rule["data"].get("phone") or rule["data"].get("email") or None)
        for rule in world.sandbox.state()["rules"][DID]
    )


BEFORE = [(1, "fwd", FIRST["phone"])]
AFTER = [(1, "fwd", OFFICE), (2, "voicemail", "plantao@example.com")]


def writes(world):
    return world.requests["did/save"] + world.requests["did/remove"]


def write_elsewhere(world, **fields):
    world.sandbox.write_rule(did=DID, **fields)


def rule_ids(world):
    return [rule["dpId"] for rule in world.sandbox.state()["rules"][DID]]


def start_killed(run, task, dies="after did/save"):
    """Start a try whose worker is killed, and make the task ready for the next one."""
    with pytest.raises(Killed):
        run.start(task, dies=dies)
    run.retry()


def next_run(world, *, remembers=True):
    """The next day's run of the same task."""
    world.sandbox.advance(86_400)
    return Run(world, remembers=remembers)
