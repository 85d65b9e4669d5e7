"""Plans: pairing of live with desired rules, digest, text and JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.planning import Plan, plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp, PlaySound, Voicemail

from .line import Line, content, contents
from .number import DID
from .rule_sets import PHONES, UNKNOWN, live_rules, sets

PAGE = Path(__file__).parents[2] / "docs" / "routing-apply.md"
ONE, OTHER = PHONES
MAIL = "maria@example.com"


def planned(live, wanted, did=DID, secret="s") -> Plan:
    return plan_rules(did, live, wanted, secret=secret, allow_empty=True)


def forward(rule_id="1", priority=1, *, raw=None, **data):
    return Rule("fwd", {"phone": ONE, "wait": 10, **data}, priority, rule_id, raw=raw or {})


def wanted(priority=1, to=ONE, **fields):
    return Forward(to=to, wait_seconds=10, priority=priority, **fields)


def writes(plan):
    return [(str(change.kind), change.before and change.before.rule_id) for change in plan.changes]


def test_a_live_rule_without_an_id_cannot_be_touched():
    with pytest.raises(DirectcallRuleError, match="has no id"):
        planned([forward(None)], [])
    assert not planned([forward(None)], [wanted()]).has_changes


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (Rule("fwd", {"phone": ONE}, None), "a priority is needed"),
        (Rule("fwd", {"a[b]": "1"}, 1), "cannot hold brackets"),
        (Rule("", {}, 1), "action"),
    ],
)
def test_plan_rejects_a_rule_that_cannot_be_written(rule, named):
    with pytest.raises(DirectcallRuleError, match=rf"11\*{{5}}0001: the desired rule .* cannot be written \(.*{named}"):
        planned([], [rule])


NO_PRIORITY = Rule("fwd", {"phone": ONE, "wait": "10"}, None, "18003")
BRACKETS = Rule("fwd", {"phone": ONE, "wait": "10", "x[y]": "1"}, 1, "18003")


@pytest.mark.parametrize(
    ("live", "why"), [(NO_PRIORITY, "a priority is needed"), (BRACKETS, "cannot hold brackets")], ids=["none", "x[y]"]
)
@pytest.mark.parametrize(
    ("desired", "fate"),
    [
        ([HangUp(priority=3)], "removed"),
        ([wanted(2), HangUp(priority=3)], "(moved|changed)"),
        ([wanted(to=OTHER)], "changed"),
    ],
)
def test_plan_rejects_a_change_that_could_not_be_rolled_back(live, why, desired, fate):
    others = [Rule("voicemail", {"email": MAIL}, 2, "18004"), Rule("hangup", {}, 3, "18005")]
    text = (
        rf"number 11\*{{5}}0001: rule 18003 has to be {fate}, and could not be restored .* \(.*{why}.*\)\. Nothing was"
    )
    with pytest.raises(DirectcallRuleError, match=text) as caught:
        planned([live, *(others if fate == "removed" else [])], desired)
    assert "remove it in Directcall's panel, and plan again" in str(caught.value)
    assert ONE not in str(caught.value)


def test_plan_may_keep_rules_that_could_not_be_rolled_back():
    mail, kept = Rule("voicemail", {"email": MAIL}, 2, "18004"), [NO_PRIORITY, replace(BRACKETS, rule_id="18002")]
    plan = planned([*kept, mail], [*kept, HangUp(priority=3)])
    assert {change.before.rule_id for change in plan.changes if change.before} == {"18004"}


@pytest.mark.parametrize("live", [[], [forward()]])
def test_plan_rejects_an_empty_list_unless_allowed(live):
    with pytest.raises(DirectcallRuleError, match=r"no rule is desired for number 11\*{5}0001, .* no call") as caught:
        plan_rules(DID, live, [], secret="s")
    assert not caught.value.retryable
    assert len(plan_rules(DID, live, [], secret="s", allow_empty=True).changes) == len(live)


def test_a_wrong_number_is_refused():
    with pytest.raises(ValueError, match="did: is too short"):
        planned([], [], did="123")


def test_nothing_to_do():
    plan = planned([forward(week="", record="n", fila="vendas")], [wanted(weekdays="1-7")])
    assert (plan.has_changes, plan.changes, plan.summary()) == (False, (), "no changes")
    assert plan.as_text() == "Number 11*****0001: no changes"


@pytest.mark.parametrize(
    ("live", "rules", "expected"),
    [
        ([], [wanted()], [("create", None)]),
        ([forward()], [], [("remove", "1")]),
        ([forward()], [wanted(to=OTHER)], [("change", "1")]),
        ([forward()], [wanted(7)], [("move", "1")]),
        ([forward()], [wanted(), wanted(2)], [("create", None)]),
        ([forward("1"), forward("2")], [wanted()], [("remove", "2")]),
        ([forward("1"), forward("2", 2)], [wanted(2)], [("remove", "1")]),
        ([forward("1", week="1"), forward("2", 2)], [wanted(1)], [("move", "2"), ("remove", "1")]),
        (
            [forward("1", wait=20, phone=OTHER), forward("2", 2, week="1")],
            [wanted(9)],
            [("change", "2"), ("remove", "1")],
        ),
    ],
)
def test_plan_writes_the_most_similar_live_rule(live, rules, expected):
    assert sorted(writes(planned(live, rules)), key=str) == sorted(expected, key=str)


def test_plan_takes_a_rule_in_the_vendors_terms_as_complete_and_by_id():
    live = [forward("1", fila="vendas"), forward("2", 2)]
    plan = planned(live, [forward("2", 1, fila="suporte"), forward("9", 2)])
    assert sorted(writes(plan)) == [("change", "1"), ("change", "2")]
    after = {change.after.rule_id: change.after for change in plan.changes}
    assert (after["2"].priority, after["2"].data["fila"]) == (1, "suporte")
    assert (after["1"].priority, "fila" in after["1"].data) == (2, False)


def test_a_rule_is_not_taken_twice_by_its_id():
    plan = planned([forward("1")], [forward("1"), forward("1", 2)])
    assert [(change.kind, change.after.rule_id) for change in plan.changes] == [("create", None)]


@settings(max_examples=120, deadline=None)
@given(sets())
def test_plan_reaches_the_desired_rules_and_keeps_unknown_fields(rules):
    live, desired = rules
    plan = planned(live, desired)
    line = Line.of(live)
    line.write(plan.changes)
    assert contents(line.live, without=UNKNOWN) == contents(rule.to_wire() for rule in desired)
    assert not planned(line.live, desired).has_changes
    for rule in live:
        after = line.rules.get(rule.rule_id)
        assert after is None or [after.data.get(name) for name in UNKNOWN] == [rule.data.get(name) for name in UNKNOWN]
    assert len(line.seen) >= plan.fewest_writes


@settings(max_examples=80, deadline=None)
@given(live_rules(), live_rules())
def test_plan_to_rules_in_the_vendors_terms_drops_all_old_fields(live, goal):
    line = Line.of(live)
    line.write(planned(live, goal).changes)
    assert contents(line.live) == contents(goal)


@settings(max_examples=50, deadline=None)
@given(st.permutations([forward("1"), forward("2", 2, fila={"a": [1]}), forward("3", 3)]))
def test_the_digest_does_not_depend_on_the_order(live):
    assert planned(live, []).digest == planned(sorted(live, key=content), []).digest


@pytest.mark.parametrize(
    "other",
    [
        [forward("2")],
        [forward(priority=2)],
        [forward(phone=OTHER)],
        [forward(fila="vendas")],
        [forward(raw={"timeout": 30})],
        [forward(), forward("2")],
        [],
    ],
)
def test_digest_depends_on_every_field(other):
    assert planned([forward()], []).digest != planned(other, []).digest


def test_the_digest_is_of_this_number_and_keyed():
    plan = planned([forward()], [])
    assert re.fullmatch("[0-9a-f]{64}", plan.digest)
    assert planned([forward()], [], did="1130000002").digest != plan.digest
    assert planned([forward()], [], secret="t").digest != plan.digest
    assert planned([forward()], [wanted(2)]).digest == plan.digest


PLAN = planned(
    [
        forward("1", 1, week="1,2", fila="vendas"),
        forward("2", 2, phone=OTHER),
        forward("3", 3, wait=30),
        Rule("hangup", {}, 9, "4"),
    ],
    [
        wanted(1, weekdays="1-3"),
        Forward(to=OTHER, wait_seconds=10, priority=5),
        Forward(to=ONE, wait_seconds=30, priority=3),
        Voicemail(email=MAIL, priority=6),
        PlaySound(sound_id=4, priority=7),
    ],
)
TEXT = """\
Number 11*****0001: 1 to create, 2 to change, 1 to move, 0 to remove

  ~ change rule 1 at priority 1
      week: "1,2" -> "1,2,3"

  > move rule 2 from priority 2 to 5

  ~ change rule 4 from priority 9 to 6
      action: "hangup" -> "voicemail"
      email: (none) -> "m*****@example.com"

  + create new rule at priority 7
      action: "sound"
      soundId: 4
      moment: "start\""""


def test_the_text_shows_each_write_field_by_field():
    assert PLAN.as_text() == TEXT


def test_the_page_shows_what_a_plan_looks_like():
    rules = [
        Forward(to="5511990000001", priority=1, weekdays="1-5", start="08:00", end="18:00"),
        Voicemail(email="desk@example.com", priority=2),
    ]
    live = [Rule("fwd", {"phone": "5511990000010", "wait": 12}, 1, "18000")]
    assert f"```text\n{planned(live, rules).as_text()}\n```" in PAGE.read_text(encoding="utf-8")


def test_numbers_and_addresses_are_shown_on_request_only():
    assert MAIL in PLAN.as_text(include_numbers=True)
    assert DID in PLAN.as_text(include_numbers=True)
    hidden = [PLAN.as_text(), json.dumps(PLAN.as_json()), repr(PLAN), str(PLAN.changes)]
    assert not any(secret in text for text in hidden for secret in (MAIL, DID, ONE, OTHER))


def test_a_removal_shows_what_goes():
    assert planned([forward("7", fila="vendas")], []).as_text() == (
        "Number 11*****0001: 0 to create, 0 to change, 0 to move, 1 to remove\n\n  - remove rule 7 at priority 1\n"
        '      action: "fwd"\n      phone: "5511*****0011"\n      wait: 10\n      fila: "vendas"'
    )


def test_the_json_is_for_an_xcom():
    view = json.loads(json.dumps(PLAN.as_json()))
    assert {name: view[name] for name in view if name != "changes"} == {
        "did": "11*****0001",
        "digest": PLAN.digest,
        "has_changes": True,
        "summary": PLAN.summary(),
        "writes": 4,
        "fewest_writes": 4,
    }
    changed, moved, _, created = view["changes"]
    assert changed["fields"] == {"week": {"before": "1,2", "after": "1,2,3"}}
    assert changed["before"]["data"]["fila"] == changed["after"]["data"]["fila"] == "vendas"
    assert (moved["kind"], moved["rule_id"], moved["fields"]) == ("move", "2", {"priority": {"before": 2, "after": 5}})
    assert (created["kind"], created["rule_id"], created["before"], created["priority"]) == ("create", None, None, 7)


def test_a_removal_in_json_has_no_after():
    (removed,) = planned([forward("7")], []).as_json()["changes"]
    assert (removed["kind"], removed["rule_id"], removed["after"], removed["fields"]) == ("remove", "7", None, {})


def test_a_rule_that_becomes_a_bare_hang_up_loses_its_fields():
    (change,) = planned([forward()], [HangUp(priority=1)]).changes
    assert change.after.data == {"phone": "", "wait": ""}
    assert 'phone: "5511*****0011" -> (none)' in planned([forward()], [HangUp(priority=1)]).as_text()
