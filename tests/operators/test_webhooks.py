"""Registration of webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallOutcomeUnknown
from airflow_provider_directcall.operators.webhooks import (
    DirectcallRegisterWebhookOperator,
    DirectcallRemoveWebhookOperator,
)
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.world import Run, World

URL = "https://airflow.example.com/directcall/events/call"
PASSWORD = "a-fictitious/password:1"
ADD = {"call": "voz/add-callback", "message": "sms/add-callback-status", "received": "sms/add-callback"}


@pytest.fixture(autouse=True)
def webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "generic", "login": "directcall", "password": PASSWORD}
    monkeypatch.setenv("AIRFLOW_CONN_WEBHOOKS", json.dumps(connection))
    colon = {"conn_type": "generic", "login": "a:b", "password": PASSWORD}
    monkeypatch.setenv("AIRFLOW_CONN_COLON", json.dumps(colon))
    monkeypatch.setenv("AIRFLOW_CONN_OPEN", json.dumps({"conn_type": "generic", "login": "directcall"}))


def register(**changes: object) -> DirectcallRegisterWebhookOperator:
    arguments = {"kind": "call", "url": URL, "webhook_conn_id": "webhooks", **changes}
    return DirectcallRegisterWebhookOperator(task_id="task", **arguments)  # type: ignore[arg-type]


def registered(world: World) -> list[tuple[str, str]]:
    return [(each["purpose"], each["url"]) for each in world.sandbox.state()["callbacks"]]


@pytest.mark.parametrize(
    ("kind", "purpose"), [("call", "call-status"), ("message", "sms-status"), ("received", "sms-received")]
)
def test_an_address_is_registered_once_and_removed_once(world: World, kind: str, purpose: str) -> None:
    code = Run(world).start(register(kind=kind))
    assert registered(world) == [
        (purpose, "https://directcall:a-fictitious%2Fpassword%3A1@airflow.example.com/directcall/events/call")
    ]
    assert Run(world).start(register(kind=kind)) is None
    assert world.requests[ADD[kind]] == 1
    remove = DirectcallRemoveWebhookOperator(task_id="task", kind=kind, code=str(code))
    assert Run(world).start(remove) is True
    assert registered(world) == []
    assert Run(world).start(remove) is False


def test_a_lost_answer_is_looked_up(world: World) -> None:
    world.sandbox.inject(Fault(kind="error_500_after", endpoint="voz/add-callback", times=1))
    code = Run(world).start(register())
    assert code
    assert len(registered(world)) == 1


def test_a_lost_request_is_left_to_a_retry(world: World) -> None:
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="voz/add-callback", times=1))
    with pytest.raises(DirectcallOutcomeUnknown):
        Run(world).start(register())
    assert Run(world).start(register())
    assert len(registered(world)) == 1


def test_a_list_that_cannot_be_read_keeps_nobody_from_registering(world: World) -> None:
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="voz/list-callback", times=50))
    assert Run(world).start(register())


def test_a_teardown_leaves_an_address_that_was_registered_before(world: World) -> None:
    Run(world).start(register())
    again = Run(world).start(register())
    remove = DirectcallRemoveWebhookOperator(task_id="task", kind="call", code=str(again))
    assert Run(world).start(remove) is False
    assert len(registered(world)) == 1


def test_without_a_registration_nothing_is_removed(world: World) -> None:
    assert Run(world).start(DirectcallRemoveWebhookOperator(task_id="task", kind="call", code="None")) is False
    assert world.requests["voz/remove-callback"] == 0


def test_no_log_and_no_result_has_the_password(world: World, logged: Callable[[], str]) -> None:
    code = Run(world).start(register())
    Run(world).start(register())
    output = logged() + str(code)
    assert PASSWORD not in output
    assert "a-fictitious%2Fpassword" not in output


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"url": "http://airflow.example.com/directcall/events/call"}, "TLS"),
        ({"url": "http://127.0.0.1:8080/directcall/events/call"}, "TLS"),
        ({"url": "http://10.0.0.1/x", "allow_loopback": True}, "TLS"),
        ({"url": "http://localhost.example.com/x", "allow_loopback": True}, "TLS"),
        ({"url": f"https://user:{PASSWORD.partition('/')[0]}@airflow.example.com/x"}, "webhook_conn_id"),
        ({"url": "ftp://airflow.example.com/x"}, "https address"),
        ({"url": "airflow.example.com/x"}, "https address"),
        ({"url": "https:///x"}, "https address"),
        ({"url": "https://airflow.example.com:port/x"}, "https address"),
        ({"url": "https://airflow.example.com/a b"}, "https address"),
        ({"url": "https://airflow.example.com/#x"}, "fragment"),
        ({"url": ""}, "https address"),
        ({"url": None}, "https address"),
        ({"kind": "fax"}, "call, message, received"),
        ({"kind": None}, "call, message, received"),
    ],
)
def test_a_bad_address_fails_when_the_file_is_parsed(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        register(**changes)
    assert "fictitious" not in str(raised.value)


def test_a_loopback_address_is_allowed_for_tests(world: World) -> None:
    assert Run(world).start(register(url="http://127.0.0.1:8080/x", webhook_conn_id=None, allow_loopback=True))
    assert registered(world) == [("call-status", "http://127.0.0.1:8080/x")]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"url": "{{ 'http://airflow.example.com/x' }}"}, "TLS"),
        ({"kind": "{{ 'fax' }}"}, "call, message, received"),
        ({"webhook_conn_id": "open"}, "needs a login and a password"),
        ({"webhook_conn_id": "{{ '' }}"}, "webhook_conn_id: it is empty"),
        ({"webhook_conn_id": "{{ none }}"}, "webhook_conn_id: it is empty"),
        ({"webhook_conn_id": "colon"}, "has a colon"),
    ],
)
def test_a_bad_value_that_is_known_late_fails_for_good(
    world: World, changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(AirflowFailException, match=complaint):
        Run(world).start(register(**changes))
    assert registered(world) == []


def test_the_same_address_in_another_spelling_is_registered(world: World) -> None:
    code = Run(world).start(register())
    assert code
    assert Run(world).start(register(url="HTTPS://Airflow.Example.Com:443/directcall/events/call")) is None
    assert Run(world).start(register(url="https://airflow.example.com/directcall/events/other")) not in {code, None}
