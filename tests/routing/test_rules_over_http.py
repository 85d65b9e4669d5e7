"""Rules from the user's spelling to the live number and back."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.errors import DirectcallRefused

from .number import DID, RULE_ID, Number
from .rule_specs import specs

PHONE = "5511990000077"
CALLER = "5541990000021"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_rule_is_live_as_specified_whatever_was_live_before(number, data):
    sound = _sound(number)
    spec = data.draw(specs(sound))
    number.make(**spec.rule)
    (live,) = [rule for rule in number.rules if rule["priority"] == str(spec.rule["priority"])]
    assert live["action"] == spec.action
    assert {name: value for name, value in live["data"].items() if value not in ("", "n")} == spec.data
    writes = number.writes
    assert not number.plan(**spec.rule).is_needed
    assert number.writes == writes


def _sound(number: Number) -> int:
    """Return a stored sound. Examples share the number, so each starts from the rules of the one before."""
    return number.hook.add_sound("aviso", b"ID3\x04" + bytes(100)).sound_id if number.rules else 0


def at(day: int, hour: int) -> datetime:
    """In January 2026; the 5th is a Monday."""
    return datetime(2026, 1, day, hour, 30, tzinfo=ZoneInfo("America/Sao_Paulo"))


@pytest.mark.parametrize(
    ("day", "hour", "reached"),
    [(5, 23, True), (6, 0, True), (6, 5, True), (6, 6, False), (5, 12, False), (10, 23, False)],
)
def test_a_rule_over_midnight_takes_the_calls_of_the_night(number, day, hour, reached):
    number.make(action="forward", to=PHONE, priority=1, rule_id=RULE_ID, weekdays="mon-fri", start="22:00", end="6:00")
    answer = number.sandbox.receive_call(DID, CALLER, at=at(day, hour))
    assert (answer["phone"] == PHONE) is reached


@pytest.mark.parametrize(("caller", "reached"), [(CALLER, True), ("5541990000022", False)])
def test_a_rule_for_some_callers_takes_their_calls_only(number, caller, reached):
    number.make(action="forward", to=PHONE, priority=1, sources="(41) 99000-0021")
    assert (number.sandbox.receive_call(DID, caller)["phone"] == PHONE) is reached


@pytest.mark.parametrize(
    "quirks",
    [{"old_did"}, {"ids_as_strings"}, {"old_did", "ids_as_strings"}],
    ids=["old_did", "ids_as_strings", "both"],
)
def test_older_shapes_of_the_reply_change_nothing(number, quirks):
    number.sandbox.configure(quirks=frozenset(quirks))
    live = number.make(action="forward", to=PHONE, wait_seconds=20, priority=1)
    assert (live.rule_id, number.data()) == (RULE_ID, {"phone": PHONE, "wait": 20})
    assert not number.plan(action="forward", to=PHONE, wait_seconds=20, priority=1).is_needed
    assert number.make(action="hangup", priority=2).rule_id == "18003"


@pytest.mark.parametrize("old", [False, True], ids=["new shape", "old shape"])
def test_unknown_fields_of_a_live_rule_survive_a_change(number, old):
    number.sandbox.configure(quirks=frozenset({"old_did"} if old else ()))
    number.other_writes(
        dpId=RULE_ID,
        queue="vendas",
        **{"data[phone]": PHONE, "data[wait]": "12", "data[week]": "1,2", "data[música de espera]": "samba & bossa"},
    )
    number.make(action="voicemail", email="a@example.com", priority=1)
    (rule,) = number.rules
    assert rule["data"] == {"música de espera": "samba & bossa", "email": "a@example.com"}
    assert (rule["action"], rule["queue"]) == ("voicemail", "vendas")


@pytest.mark.parametrize("before", [{"action": "forward", "to": PHONE}, {"action": "hangup", "weekdays": "mon"}])
def test_any_rule_can_become_a_bare_hang_up(number, before):
    number.make(**before, priority=1)
    live = number.make(action="hangup", priority=1)
    assert live.action == number.sandbox.receive_call(DID, CALLER)["action"] == "hangup"
    assert not number.plan(action="hangup", priority=1).is_needed


REPLACED = {"week": "dias", "start": "das", "end": "ate", "record": "gravar", "source": "origem"}


def test_replaced_field_names_are_used_in_requests_and_replies(number, connect):
    number.hook = connect(fields={"save_rule": {**REPLACED, "phone": "telefone"}, "list_rules": REPLACED})
    rule = {"action": "forward", "to": PHONE, "priority": 1, "weekdays": "1-5", "record": True, "sources": CALLER}
    with pytest.raises(DirectcallRefused, match="001"):
        number.make(**rule)  # the local Directcall rejects 'telefone', so it was sent
    number.hook = connect(fields={"save_rule": REPLACED, "list_rules": REPLACED})
    number.make(**rule)
    assert number.data() == {"phone": PHONE, "wait": 30, "dias": "1,2,3,4,5", "gravar": "s", "origem": CALLER}
    assert not number.plan(**rule).is_needed
    number.make(action="forward", to=PHONE, priority=1, start="8:00", end="18:00")
    assert number.data() == {"phone": PHONE, "wait": 30, "das": "08:00", "ate": "18:00", "gravar": "n"}


def test_rules_of_another_number_are_left_alone(directcall_sandbox, number):
    others = directcall_sandbox.state()["rules"]["4130000001"]
    number.make(action="hangup", priority=1)
    assert directcall_sandbox.state()["rules"]["4130000001"] == others
