"""Verification of a single write: faults around it, and the errors for the operator on call."""

from __future__ import annotations

import json
import re

import pytest

from airflow_provider_directcall.errors import (
    DirectcallAuthError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallRuleError,
)
from airflow_provider_directcall.sandbox import Fault

from .number import DID, RULE_ID

OLD_PHONE = "5511990000010"
PHONE = "5511990000077"
RULE = {"action": "forward", "to": PHONE, "wait_seconds": 20, "priority": 1}
DATA = {"phone": PHONE, "wait": 20}
AFTER_THE_EFFECT = ["cut_after", "cut_in_body", "error_500_after", "html_502_after", "garbage_after", "truncated"]
BEFORE_THE_EFFECT = ["cut_before", "error_500_before", "html_502_before", "garbage_before", "unavailable"]


def fault(number, kind, endpoint="did/save", **arguments):
    number.sandbox.inject(Fault(kind=kind, endpoint=endpoint, **arguments))


def json_after(phrase, error):
    """Return the JSON that an error shows after a phrase."""
    return json.JSONDecoder().raw_decode(str(error).split(phrase, 1)[1])[0]


@pytest.mark.parametrize("kind", BEFORE_THE_EFFECT)
def test_a_write_that_did_not_arrive_is_an_error_and_not_repeated(number, kind):
    fault(number, kind)
    with pytest.raises(DirectcallRuleError, match=r"may have taken effect.* differs in: phone, wait") as caught:
        number.make(**RULE)
    assert isinstance(caught.value.__cause__, DirectcallOutcomeUnknown)
    assert caught.value.retryable
    assert number.writes == 1
    assert number.data() == {"phone": OLD_PHONE, "wait": 12}


@pytest.mark.parametrize("kind", AFTER_THE_EFFECT)
@pytest.mark.parametrize("priority", [1, 2], ids=["changed", "created"])
def test_write_with_a_lost_reply_succeeds_when_the_rule_is_live(number, kind, priority, caplog):
    fault(number, kind)
    live = number.make(**{**RULE, "priority": priority})
    assert dict(live.data) == number.data(live.rule_id) == DATA
    assert (number.writes, number.pauses) == (1, [])
    assert "may have taken effect" in caplog.text
    assert "the rules are read back" in caplog.text


def test_a_write_that_takes_effect_late_is_waited_for(number):
    fault(number, "cut_before")
    number.while_waiting = lambda: number.other_writes(dpId=RULE_ID, **{"data[phone]": PHONE, "data[wait]": "20"})
    assert number.make(**RULE).rule_id == RULE_ID
    assert number.pauses == [2.0]


def test_a_rule_that_was_not_created_says_so(number):
    fault(number, "cut_before")
    with pytest.raises(DirectcallRuleError, match=r"the new rule at priority 5 .* is not among the rules read back"):
        number.make(**{**RULE, "priority": 5})
    assert len(number.rules) == 1


def test_ignored_write_shows_the_requested_and_the_live_rules(number):
    fault(number, "ignored_write")
    with pytest.raises(DirectcallRuleError) as caught:
        number.make(**RULE)
    error = caught.value
    assert (error.fields, error.retryable) == (("phone", "wait"), False)
    assert f"rule {RULE_ID} of number 11*****0001 was written and differs in: phone, wait." in str(error)
    assert json_after("Requested: ", error) == {
        "rule_id": RULE_ID,
        "priority": 1,
        "action": "fwd",
        "data": {"phone": "5511*****0077", "wait": 20},
    }
    assert json_after("Live rules: ", error) == [
        {"rule_id": RULE_ID, "priority": 1, "action": "fwd", "data": {"phone": "5511*****0010", "wait": 12}}
    ]
    assert "may not fit this account" in str(error)
    assert not re.search(r"\d{9}", str(error))
    assert number.writes == 1


def test_write_error_names_a_rule_created_in_place_of_a_change(number, connect):
    number.hook = connect(fields={"save_rule": {"dpId": "id_da_regra"}})
    with pytest.raises(DirectcallRuleError, match="New rules: 18003") as caught:
        number.make(**RULE)
    assert not caught.value.retryable
    assert [rule["rule_id"] for rule in json_after("Live rules: ", caught.value)] == [RULE_ID, "18003"]


def test_a_lost_answer_is_not_retryable_where_a_wrong_rule_has_appeared(number, connect):
    number.hook = connect(fields={"save_rule": {"dpId": "id_da_regra"}})
    fault(number, "cut_after")
    with pytest.raises(DirectcallRuleError, match="New rules: 18003") as caught:
        number.make(**RULE)
    assert not caught.value.retryable


def test_write_detects_a_concurrent_writer(number):
    number.plan(**RULE)
    change = number.plan(**RULE)
    write = {"did": DID, "dpId": RULE_ID, "data[phone]": "5511990000099", "data[wait]": "20"}
    fault(number, "second_writer", "did/route", write=write)
    with pytest.raises(DirectcallRuleError) as caught:
        number.apply(change)
    assert caught.value.fields == ("phone",)


def test_of_many_rules_those_in_question_are_shown(number):
    for priority in range(2, 32):
        number.other_writes(priority=str(priority), action="hangup")
    last = number.rules[-1]["dpId"]
    fault(number, "ignored_write")
    with pytest.raises(DirectcallRuleError, match="and 11 more") as caught:
        number.make(**{**RULE, "priority": 31})
    shown = json_after("Live rules: ", caught.value)
    assert (shown[0]["rule_id"], len(shown)) == (last, 20)


def test_write_reports_unknown_live_rules_when_they_cannot_be_read(number):
    change = number.plan(**RULE)
    fault(number, "garbage_before", "did/route")
    with pytest.raises(DirectcallRuleError, match=f"rule {RULE_ID} .* was written, but the live rules are unknown"):
        number.apply(change)
    assert number.data() == DATA


@pytest.mark.parametrize("retryable", [False, True])
def test_whether_to_start_again_after_a_failed_reading_is_up_to_its_cause(number, monkeypatch, retryable):
    change = number.plan(**RULE)
    error = DirectcallNotSent("x") if retryable else DirectcallAuthError("x")

    def fails(did):
        raise error

    monkeypatch.setattr(number.hook, "list_rules", fails, raising=False)
    with pytest.raises(DirectcallRuleError) as caught:
        number.apply(change)
    assert caught.value.retryable is retryable


def test_a_refused_write_is_the_refusal(number):
    change = number.plan(action="sound", sound_id=4711, priority=1)
    with pytest.raises(DirectcallRefused) as caught:
        number.apply(change)
    assert caught.value.code == "001"
    assert (number.writes, number.pauses) == (1, [])


def test_an_expired_token_is_renewed_and_the_rule_written_once(number):
    fault(number, "expired_token", times=1)
    number.make(**RULE)
    assert number.sandbox.state()["effects"]["rules_saved"] == 1


def test_fields_beside_the_data_are_written_as_they_were_read(number):
    number.other_writes(dpId=RULE_ID, queue="vendas", timeout="30")
    change = number.plan(**RULE)
    number.other_writes(dpId=RULE_ID, queue="suporte", timeout="30")
    number.apply(change)
    assert number.rules[0]["queue"] == "vendas"


def test_a_change_without_surprises_warns_of_nothing(number, caplog):
    number.other_writes(dpId=RULE_ID, queue="vendas")
    number.make(**RULE)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
