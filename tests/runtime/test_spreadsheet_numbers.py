"""Everywhere a number is read, one that a spreadsheet spoiled is rejected with the reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.explaining.explain import explain
from airflow_provider_directcall.routing.rule_parsing import rule_from
from airflow_provider_directcall.routing.rules import Forward, HangUp
from airflow_provider_directcall.runtime import arguments

A = "5511990000001"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = {"client_id": "me@example.com", "client_secret": "secret"}
HANG_UP = [{"action": "hangup"}]
HOURS = [{"weekdays": "1-5", "start": "08:00", "end": "18:00"}]

#: Place -> reads the number there.
PLACES: dict[str, Callable[[object], object]] = {
    "place_call, destination": lambda n: m.place_call(A, n),
    "place_call, origin": lambda n: m.place_call(n, A),
    "end_call": lambda n: m.end_call(A, n),
    "call_status": lambda n: m.call_status(n, A),
    "scheduled_call_status": lambda n: m.scheduled_call_status(n, "1"),
    "send_sms": lambda n: m.send_sms(n, "x"),
    "send_sms, one of several": lambda n: m.send_sms([A, n], "x"),
    "send_sms, origin": lambda n: m.send_sms(A, "x", origin=n),
    "send_voice_message": lambda n: m.send_voice_message(n, text="x"),
    "send_voice_message, origin": lambda n: m.send_voice_message(A, text="x", origin=n),
    "send_lot": lambda n: m.send_lot([m.LotRecipient("1", n, "x")]),
    "send_lot, origin": lambda n: m.send_lot([m.LotRecipient("1", A, "x")], origin=n),
    "list_statement, origin": lambda n: m.list_statement(NOW, NOW, origin=n),
    "list_statement, destination": lambda n: m.list_statement(NOW, NOW, destination=n),
    "list_rules": m.list_rules,
    "lookup_carrier": m.lookup_carrier,
    "create_cipher": m.create_cipher,
    "default_origin": lambda n: Settings(**ACCOUNT, default_origin=n),
    "rule, to": lambda n: Forward(priority=1, to=n),
    "rule, sources": lambda n: HangUp(priority=1, sources=n),
    "rule, one of the sources": lambda n: HangUp(priority=1, sources=[A, n]),
    "rule as a mapping, to": lambda n: rule_from({"action": "forward", "priority": 1, "to": n}),
    "rule as a mapping, sources": lambda n: rule_from({"action": "hangup", "priority": 1, "sources": n}),
    "rule of a template, to": lambda n: arguments.number_rule({"action": "forward", "priority": 1, "to": n}),
    "rule of a template, sources": lambda n: arguments.number_rule({"action": "hangup", "priority": 1, "sources": n}),
    "calendar, did": lambda n: RoutingCalendar(did=n, open=HANG_UP, closed=HANG_UP, hours=HOURS),
    "explain, caller": lambda n: explain([], n, NOW, zone=Settings(**ACCOUNT).zone),
}


@pytest.mark.parametrize(
    "form",
    [1199000001.0, "1199000001.0", "1199000001,0", "5,51199E+12", '="5511990000001"', "'5511990000001", float("nan")],
)
@pytest.mark.parametrize("place", PLACES)
def test_a_number_that_a_spreadsheet_has_touched(place, form):
    with pytest.raises(ValueError, match="read the column as text") as caught:
        PLACES[place](form)
    assert "99000000" not in str(caught.value)
