"""Rules as an account may show them, read and written back: nothing is lost, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.methods import save_rule
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.comparison import differences, same_value
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.changes import plan_change
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp, Voicemail
from airflow_provider_directcall.routing.writes import snapshots
from airflow_provider_directcall.routing.writes.apply import apply_plan, restore
from airflow_provider_directcall.sandbox.php_forms import register

from .line import Line
from .number import DID, RULE_ID

SECRET = "sandbox-secret"
PHONE, OTHER = "5511990000077", "5511990000078"
names = st.text("abçdé_1", min_size=1, max_size=6)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=6)
)
nested = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
flags = st.sampled_from(["s", "n", "S", "N", "1", "0", 1, 0, True, False, "true", "false", "sim", "Não", "", None])
data = st.fixed_dictionaries(
    {"phone": st.sampled_from([PHONE, OTHER, "recepcao"]), "wait": st.sampled_from([12, "12"])},
    optional={
        "record": flags,
        "week": st.sampled_from(["1,2", "seg-sex", None, "", ["1", "2"]]),
        "source": st.none() | st.just("5541990000021"),
        "condicao": nested,
        "destino": nested,
    },
)


@st.composite
def rows(draw):
    """Draw a row of ``/did/route``, of an older or the newer shape, with unknown fields on every level."""
    row = {
        "dpId": RULE_ID,
        "did": DID,
        "priority": draw(st.sampled_from(["1", 1])),
        "action": "fwd",
        "data": draw(data),
    }
    row |= draw(st.fixed_dictionaries({}, optional={"timeout": st.sampled_from([None, 30, "30", ""]), "grupo": nested}))
    old = {
        "dpId": "DP_ID",
        "did": "DIS_ID",
        "priority": "DP_PRI",
        "action": "DP_ACTION",
        "data": "DP_DATA",
        "timeout": "DP_TIMEOUT",
    }
    return {old.get(name, name): value for name, value in row.items()} if draw(st.booleans()) else row


def written(rule):
    """Return a rule as PHP reads its write."""
    fields = {}
    for name, value in save_rule(DID, rule).params.items():
        register(fields, name, value)
    return fields


def text_of(value):
    """Return a value as a form carries it."""
    if isinstance(value, list):
        value = {str(index): item for index, item in enumerate(value)}
    if isinstance(value, dict) and value:
        return {name: text_of(item) for name, item in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value in (None, {}) else str(value)


@settings(deadline=None)
@given(rows())
def test_a_rule_is_written_back_as_it_came(row):
    rule = Rule.from_fields(row)
    fields = written(rule)
    assert fields["data"] == text_of(dict(rule.data))
    assert {name: fields[name] for name in rule.other_fields} == text_of(
        dict(rule.other_fields)
    ) or not rule.other_fields
    assert fields.keys() == {"did", "priority", "action", "dpId", "data", *rule.other_fields}
    assert ("timeout" in fields) == ("timeout" in row or "DP_TIMEOUT" in row)


@settings(deadline=None)
@given(rows())
def test_a_change_keeps_all_that_is_not_ours(row):
    rule = Rule.from_fields(row)
    try:
        change = plan_change([rule], Forward(to=PHONE, wait_seconds=40, priority=1, weekdays="1"))
    except DirectcallRuleError:
        assert rule.data.get("week") in ("seg-sex", ["1", "2"])
        return
    after = change.after
    assert {name: after.data.get(name) for name in ("condicao", "destino")} == {
        name: rule.data.get(name) for name in ("condicao", "destino")
    }
    assert after.other_fields == rule.other_fields
    assert all(name in after.data for name, value in rule.data.items() if value in (None, ""))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(rows(), min_size=1, max_size=3), st.sampled_from([[HangUp(priority=5)], [Forward(to=OTHER, priority=1)]])
)
def test_apply_and_restore_bring_back_the_same_rules(found, desired):
    live = [
        replace(Rule.from_fields(row), rule_id=str(index), priority=index) for index, row in enumerate(found, start=1)
    ]
    line = Line.of(live)
    snapshot = snapshots.unseal(snapshots.take(DID, live).seal(SECRET), SECRET)
    arguments = {"secret": SECRET, "sleep": lambda seconds: None}
    try:
        apply_plan(line, plan_rules(DID, live, desired, secret=SECRET), **arguments)
    except DirectcallRuleError as error:
        if "not understood" not in str(error) or line.live != live:
            raise
        return
    restore(line, snapshot, **arguments)
    assert len(line.live) == len(live)
    for one, other in zip(line.live, live, strict=True):
        assert not differences(one, other)
        assert all(same_value(one.data.get(name), value) for name, value in other.data.items())
        assert same_value(one.timeout, other.timeout)


@pytest.mark.parametrize(
    ("spelled", "yes", "no"),
    [
        ("s", "s", "n"),
        ("S", "S", "N"),
        ("N", "S", "N"),
        ("1", "1", "0"),
        (0, 1, 0),
        (True, True, False),
        ("Sim", "Sim", "Nao"),
        ("não", "sim", "não"),
        ("", "s", ""),
        (None, "s", None),
    ],
)
def test_a_flag_is_written_in_the_spelling_of_the_account(spelled, yes, no):
    before = Rule("fwd", {"phone": PHONE, "wait": 12, "record": spelled}, 1, RULE_ID)
    for record, expected in ((True, yes), (False, no)):
        change = plan_change([before], Forward(to=OTHER, wait_seconds=12, record=record, priority=1))
        assert change.after.data["record"] == expected
        assert type(change.after.data["record"]) is type(expected)
    elsewhere = [before, Rule("fwd", {"phone": OTHER, "wait": 12}, 2, "18001")]
    created = plan_change(elsewhere, Forward(to=OTHER, record=True, priority=3)).after
    assert created.data["record"] == yes


def test_a_value_that_is_not_understood_stops_the_change():
    before = Rule("fwd", {"phone": PHONE, "wait": 12, "week": "seg-sex", "record": "gravar"}, 1, RULE_ID)
    with pytest.raises(
        DirectcallRuleError, match=r"not understood and would be lost: record, week\. Nothing was written"
    ):
        plan_rules(DID, [before], [Forward(to=OTHER, priority=1)], secret=SECRET)
    assert plan_rules(DID, [before], [before], secret=SECRET).changes == ()


def test_a_vendor_may_add_fields_to_a_new_rule(number):
    number.sandbox.configure(quirks=frozenset({"route_unknown_fields"}))
    assert number.make(action="hangup", priority=2).data["cor"] == "azul"


def test_fields_beside_the_data_are_written_back_over_http(number):
    number.other_writes(dpId=RULE_ID, fila="vendas", timeout="30")
    number.make(action="voicemail", email="a@example.com", priority=1)
    (rule,) = number.rules
    assert (rule["fila"], rule["timeout"]) == ("vendas", "30")
    snapshot = snapshots.take(DID, number.hook.list_rules(DID))
    number.make(action="hangup", priority=2)
    number.other_writes(remove=RULE_ID)
    restored = restore(number.hook, snapshot, secret=SECRET, sleep=lambda seconds: None)
    assert [(rule["fila"], rule["timeout"]) for rule in number.rules] == [("vendas", "30")]
    assert restored.not_restored == (f"rule {RULE_ID} is rule {number.rules[0]['dpId']} now",)


# SIP logins


def test_a_call_is_forwarded_to_a_sip_login(number):
    login = next(each.login for each in number.hook.list_numbers() if each.did == DID)
    live = number.make(action="forward", to=f"sip:{login}", wait_seconds=20, priority=1)
    assert live.data["phone"] == login
    assert not number.plan(action="forward", to=f"SIP: {login}", wait_seconds=20, priority=1).is_needed


@pytest.mark.parametrize(
    "to", ["recepcao", "sip:", "sip:a b", "sip:11990000001", "sip:+55 11 99000-0001", "sip:ip1130000001"]
)
def test_what_is_no_login_is_rejected(to):
    with pytest.raises(ValueError, match="to: "):
        Forward(to=to, priority=1)


def test_a_login_of_digits_that_is_no_number_is_one():
    assert Forward(to="sip:2600", priority=1).to_wire().data["phone"] == "2600"
    assert Voicemail(email="a@example.com", priority=1).to_wire().action == "voicemail"
