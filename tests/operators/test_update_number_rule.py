from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout
from airflow.sdk import DAG

from airflow_provider_directcall.errors import (
    DirectcallNotSent,
    DirectcallRefused,
    DirectcallRuleError,
    DirectcallUnavailable,
)
from airflow_provider_directcall.operators.numbers import (
    DirectcallApplyNumberRulesOperator,
    DirectcallUpdateNumberRuleOperator,
)
from airflow_provider_directcall.routing.rules import Forward, HangUp
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.world import Killed

DID = "1130000001"
OTHER_DID = "4130000001"
RULE_ID = "18000"
PHONE = "5511990000077"
FORWARD = {"action": "forward", "to": PHONE, "wait_seconds": 20, "priority": 1}
BEFORE = {"rule_id": RULE_ID, "priority": 1, "action": "fwd", "data": {"phone": "5511*****0010", "wait": 12}}


@pytest.fixture(autouse=True)
def _variables(world, variables):
    world.variables = variables


def update(**arguments):
    return DirectcallUpdateNumberRuleOperator(task_id="task", **{"did": DID, "rule": FORWARD, **arguments})


def data(world, did=DID):
    return world.sandbox.state()["rules"][did][0]["data"]


def writes(world):
    return world.sandbox.state()["requests"].get("did/save", 0)


# Failures


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"did": "123"}, "did: is too short"),
        ({"did": "ip1130000001"}, "did: SIP numbers are not allowed"),
        ({"rule": {}}, "action has to be one of"),
        ({"rule": None}, "rule: a mapping or a rule is needed, not NoneType"),
        ({"rule": ""}, "rule: the text is neither JSON"),
        ({"rule": "['forward']"}, "rule: a mapping or a rule is needed, not list"),
        ({"rule": {**FORWARD, "to": "{{ None }}"}}, "to: is missing"),
        ({"rule": {**FORWARD, "to": "99"}}, "to: is too short"),
        ({"rule": {**FORWARD, "priority": "first"}}, "priority: a number"),
        ({"rule": {**FORWARD, "wait_seconds": "1.5"}}, "wait_seconds: a whole number"),
        ({"rule": {**FORWARD, "record": "maybe"}}, "record: true or false"),
        ({"rule": {**FORWARD, "weekdays": "[1, 8]"}}, "weekdays: 1 "),
        ({"rule": {**FORWARD, "sources": "[1"}}, "sources: the text is neither JSON"),
    ],
)
def test_a_wrong_argument_fails_for_good_before_any_request(run, world, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.start(update(**arguments))
    assert not {"did/route", "did/save"} & world.sandbox.state()["requests"].keys()


def test_a_dead_network_is_left_to_airflows_retries(run, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        run.start(update())


def test_rules_that_cannot_be_read_are_left_to_airflows_retries(run, world):
    world.sandbox.inject(Fault(kind="html_502_before", endpoint="did/route"))
    with pytest.raises(DirectcallUnavailable):
        run.start(update())
    assert writes(world) == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"did": "1130000009"}, "list_rules: refused with code 010"),
        ({"rule": {"action": "sound", "sound_id": 4711, "priority": 1}}, "save_rule: refused with code 001"),
    ],
)
def test_a_final_refusal_fails_for_good(run, world, arguments, named):
    with pytest.raises(AirflowFailException, match=named) as caught:
        run.start(update(**arguments))
    assert isinstance(caught.value.__cause__, DirectcallRefused)
    assert data(world) == {"phone": "5511990000010", "wait": 12}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"rule_id": "4711"}, "no rule '4711'; its rules are: 18000"),
        ({}, "several rules have priority 1: 18000, 18003"),
    ],
)
def test_an_ambiguous_rule_fails_for_good_and_nothing_is_written(run, world, arguments, named):
    if not arguments:
        world.sandbox.write_rule(did=DID, priority="1", action="hangup")
    with pytest.raises(AirflowFailException, match=named) as caught:
        run.start(update(**arguments))
    assert isinstance(caught.value.__cause__, DirectcallRuleError)
    assert writes(world) == 0


def test_an_ignored_write_fails_for_good_and_shows_the_live_rules(run, world, capfd):
    world.sandbox.inject(Fault(kind="ignored_write", endpoint="did/save"))
    with pytest.raises(AirflowFailException, match="differs in: phone, wait") as caught:
        run.start(update())
    message = str(caught.value)
    assert json.dumps([BEFORE]) in message
    assert "may not fit this account" in message
    assert not [number for number in (PHONE, "5511990000010") if number in message + str(capfd.readouterr())]
    assert writes(world) == 1


def test_a_lost_answer_is_reconciled_by_reading_back(run, world):
    world.sandbox.inject(Fault(kind="cut_after", endpoint="did/save"))
    assert run.start(update())["changed"] is True
    assert (data(world), writes(world)) == ({"phone": PHONE, "wait": 20}, 1)


def test_a_lost_write_may_be_retried_and_is_not_written_again_within_the_try(run, world):
    world.sandbox.inject(Fault(kind="cut_before", endpoint="did/save", times=1))
    with pytest.raises(DirectcallRuleError, match="may have taken effect"):
        run.start(update())
    assert (writes(world), sum(world.pauses)) == (1, 7)
    assert run.start(update())["changed"] is True


def test_a_timeout_may_be_retried_because_the_next_try_begins_by_reading(run, world, monkeypatch):
    def ends_here(*arguments):
        raise AirflowTaskTimeout

    world.sandbox.inject(Fault(kind="cut_before", endpoint="did/save", times=1))
    world.while_waiting = ends_here
    with pytest.raises(AirflowTaskTimeout):
        run.start(update())


# Results


def test_a_rule_is_changed_and_the_result_shows_before_and_after(run, world):
    assert run.start(update()) == {
        "did": "11*****0001",
        "changed": True,
        "before": BEFORE,
        "after": {**BEFORE, "data": {"phone": "5511*****0077", "wait": 20}},
    }
    assert data(world) == {"phone": PHONE, "wait": 20}


def test_a_rule_is_created_where_there_is_none(run, world):
    result = run.start(update(rule={"action": "voicemail", "email": "plantao@example.com", "priority": 9}))
    assert (result["before"], result["changed"]) == (None, True)
    assert result["after"] == {
        "rule_id": "18003",
        "priority": 9,
        "action": "voicemail",
        "data": {"email": "p*****@example.com"},
    }
    assert len(world.sandbox.state()["rules"][DID]) == 2


def test_a_rule_that_is_already_as_desired_is_not_written(run, world):
    run.start(update())
    result = run.start(update(rule={**FORWARD, "record": False, "weekdays": "1-7"}))
    assert result["changed"] is False
    assert result["before"] == result["after"] == {**BEFORE, "data": {"phone": "5511*****0077", "wait": 20}}
    assert (writes(world), world.sandbox.state()["effects"]["rules_saved"]) == (1, 1)


def test_a_rule_is_found_by_its_id_and_moved(run, world):
    world.sandbox.write_rule(did=DID, priority="1", action="hangup")
    result = run.start(update(rule_id="18003", rule=HangUp(priority=5)))
    assert (result["before"]["priority"], result["after"]["priority"]) == (1, 5)
    assert [rule["priority"] for rule in world.sandbox.state()["rules"][DID]] == ["1", "5"]


def test_numbers_in_full_where_they_are_asked_for(run):
    result = run.start(update(did="+55 (11) 3000-0001", include_numbers=True))
    assert result["did"] == DID
    assert (result["before"]["data"]["phone"], result["after"]["data"]["phone"]) == ("5511990000010", PHONE)


def test_unknown_fields_survive_and_are_masked(run, world):
    world.sandbox.write_rule(
        did=DID, dpId=RULE_ID, **{"data[phone]": PHONE, "data[fila]": "vendas", "data[reserva]": PHONE}
    )
    result = run.start(update(rule={"action": "hangup", "priority": 1}))
    assert data(world) == {"fila": "vendas", "reserva": PHONE}
    assert result["after"]["data"] == {"fila": "vendas", "reserva": "5511*****0077"}


# Drift


DESIRED = [FORWARD, {"action": "voicemail", "email": "plantao@example.com", "priority": 2}]
OTHER = {"action": "forward", "to": "5511990000078", "wait_seconds": 20, "priority": 1}


def apply(run, **arguments):
    task = DirectcallApplyNumberRulesOperator(task_id="apply", did=DID, rules=DESIRED, **arguments)
    return run.start(task)["drift"]


@pytest.mark.parametrize("rule", [OTHER, {**FORWARD, "priority": 5}], ids=["changed", "created"])
def test_an_updated_rule_is_no_drift(run, rule):
    apply(run)
    run.start(update(rule=rule))
    assert apply(run, on_drift="fail") == {"known": True, "unexpected": [], "missing": [], "done": None}


def test_an_updated_rule_does_not_hide_drift(run, world):
    apply(run)
    world.sandbox.write_rule(did=DID, priority="7", action="hangup")
    run.start(update(rule=OTHER))
    assert len(apply(run)["unexpected"]) == 1


@pytest.mark.parametrize("point", ["before did/save", "after did/save"])
def test_an_interrupted_update_is_no_drift(run, point):
    apply(run)
    with pytest.raises(Killed):
        run.start(update(rule=OTHER), dies=point)
    run.start(update(rule={**OTHER, "priority": 5}))
    assert apply(run, on_drift="fail")["unexpected"] == []


def test_an_update_of_an_unknown_number_records_nothing(run, world):
    run.start(update())
    assert not world.variables.kept
    assert apply(run)["known"] is False


# Templates


def test_every_argument_but_the_flag_is_templated():
    names = set(inspect.signature(DirectcallUpdateNumberRuleOperator).parameters) - {"kwargs"}
    assert set(DirectcallUpdateNumberRuleOperator.template_fields) == names - {"include_numbers"}


VALUES = {
    "action": "forward",
    "to": PHONE,
    "wait_seconds": 45,
    "priority": 1,
    "record": True,
    "weekdays": [1, 2],
    "start": "22:00",
    "end": "06:00",
    "sources": ["5541990000021", "5541990000022"],
}
WRITTEN = {
    "phone": PHONE,
    "wait": 45,
    "record": "s",
    "week": "1,2",
    "start": "22:00",
    "end": "06:00",
    "source": "5541990000021;5541990000022",
}


@pytest.mark.parametrize(
    "rule",
    [
        {name: f"{{{{ rule['{name}'] }}}}" for name in VALUES},
        {**VALUES, "weekdays": ["{{ 1 }}", "{{ 'tue' }}"], "sources": "{{ rule.sources | join(';') }}"},
        "{{ rule }}",
        "{{ rule | tojson }}",
        Forward(**{name: value for name, value in VALUES.items() if name != "action"}),
    ],
    ids=["each value", "lists", "a Python text", "a JSON text", "a rule"],
)
def test_a_rule_can_be_any_kind_of_template(run, world, rule):
    run.context |= {"rule": VALUES, "number": DID}
    run.start(update(did="{{ number }}", rule=rule, rule_id="{{ 18000 }}"))
    assert data(world) == WRITTEN


def test_an_empty_template_counts_as_not_given(run, world):
    nothing = dict.fromkeys(("record", "weekdays", "start", "end", "sources"), "{{ params.nothing }}")
    run.context["params"] = {"nothing": ""}
    rule = {**FORWARD, **nothing, "wait_seconds": "{{ None }}", "start": None}
    run.start(update(rule=rule, rule_id="{{ params.nothing }}"))
    assert data(world) == {"phone": PHONE, "wait": 30}


def test_native_templates(run, world):
    with DAG("native", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), render_template_as_native_obj=True):
        task = update(did="{{ number }}", rule="{{ rule }}", rule_id="{{ 18000 }}")
    run.context |= {"rule": {**VALUES, "to": int(PHONE)}, "number": int(DID)}
    run.start(task)
    assert data(world) == WRITTEN


def test_a_mapped_rule(run, world):
    with DAG("mapped", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        mapped = DirectcallUpdateNumberRuleOperator.partial(task_id="task").expand_kwargs(
            [
                {"did": DID, "rule": {**FORWARD, "to": "{{ phone }}"}},
                {"did": OTHER_DID, "rule": {"action": "hangup", "priority": 1}},
            ]
        )
    run.context["phone"] = PHONE
    for kwargs in mapped.expand_input.value:
        run.start(mapped.unmap(kwargs))
    assert (data(world), data(world, OTHER_DID)) == ({"phone": PHONE, "wait": 20}, {"phone": "", "wait": ""})


def test_replaced_field_names(run, world, connect):
    names = {"week": "dias"}
    connect(extra={"fields": {"save_rule": names, "list_rules": names}})
    rule = {**FORWARD, "weekdays": "1-5"}
    assert run.start(update(rule=rule))["after"]["data"]["week"] == "1,2,3,4,5"
    assert data(world)["dias"] == "1,2,3,4,5"
    assert run.start(update(rule=rule))["changed"] is False


@pytest.mark.parametrize(
    "rule", [FORWARD, Forward(to=PHONE, priority=1, sources="5541990000021")], ids=["dict", "rule"]
)
def test_neither_numbers_nor_secrets_are_logged_or_shown(run, rule, capfd):
    task = update(rule=rule)
    shown = [str(run.start(task)), repr(task), *capfd.readouterr()]
    for secret in (PHONE, "5541990000021", DID, "5511990000010", "sandbox-secret", "eyJ"):
        assert not [text for text in shown if secret in text]
    assert "changed in: phone" in "".join(shown)


def test_the_module_of_version_0_1_0_still_has_the_operators_of_all_rules():
    from airflow_provider_directcall.operators import number_rules, numbers

    for name in ("Plan", "Apply", "Restore"):
        operator = f"Directcall{name}NumberRulesOperator"
        assert getattr(number_rules, operator) is getattr(numbers, operator)
