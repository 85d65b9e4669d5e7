from __future__ import annotations

import pytest

from airflow_provider_directcall.sandbox import MAGIC_NUMBERS
from airflow_provider_directcall.sandbox.magic_numbers import ANSWERED, scenario_of

CALLS = {
    "answered": ("atendida", "00:00:30"),
    "short call": ("atendida", "00:00:04"),
    "long call": ("atendida", "00:10:00"),
    "busy": ("ocupado", "00:00:00"),
    "no answer": ("nao atendida", "00:00:00"),
    "voicemail": ("caixa postal", "00:00:12"),
    "failed": ("falha", "00:00:00"),
    "undelivered": ("nao atendida", "00:00:00"),
    "unconfirmed": ("atendida", "00:00:30"),
    "no balance": "201",
    "refused number": "001",
    "gateway error": "002",
    "cannot be hung up": ("atendida", "00:10:00"),
    **{f"replies {text}": ("atendida", "00:00:30") for text in ("yes", "one", "a keycap", "two", "else")},
}
SMS = {
    "failed": "nao entregue",
    "undelivered": "nao entregue",
    "unconfirmed": "enviada",
    "no balance": "201",
    "refused number": "001",
    "gateway error": "008",
}
VOICE = {"no answer": "nao entregue", "unconfirmed": "entregue"}


def test_every_magic_number_is_tested():
    assert CALLS.keys() == {scenario.name for scenario in MAGIC_NUMBERS}


@pytest.mark.parametrize("scenario", MAGIC_NUMBERS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("area", ["11", "68"])
def test_calls(api, scenario, area):
    number = f"55{area}{scenario.example[4:]}"
    expected = CALLS[scenario.name]
    reply = api.call(number)
    if isinstance(expected, str):
        assert (reply["status"], reply["codigo"]) == ("erro", expected)
        assert api.server.state()["calls"] == []
        return
    api.server.advance(700)
    [row] = api.rows()
    assert (row["status"], row["duracao"]) == expected


@pytest.mark.parametrize("scenario", MAGIC_NUMBERS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("kind", ["texto", "voz"])
def test_messages(api, scenario, kind):
    expected = SMS.get(scenario.name, "entregue")
    if kind == "voz":
        expected = VOICE.get(scenario.name, expected)
    reply = api.send(scenario.example, tipo=kind)
    if expected.isdigit():
        assert (reply["status"], reply["codigo"]) == ("erro", expected)
        assert api.server.state()["messages"] == []
        return
    api.server.advance(700)
    [row] = api.rows("/extrato/list-sms")
    assert (row["tipo"], row["status"]) == (kind, expected)


@pytest.mark.parametrize(
    "number", ["5511990000001", "5511990000099", "551130000486", "0011234560486", "5511980000486", "x"]
)
def test_other_numbers_answer(number):
    assert scenario_of(number) is ANSWERED


@pytest.mark.parametrize("number", ["5511990000486", "11990000486", "ip11990000486", "5597990000486"])
def test_forms_of_a_magic_number(number):
    assert scenario_of(number).name == "busy"
