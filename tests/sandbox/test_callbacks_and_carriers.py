from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize(
    ("path", "modulo"),
    [
        ("/voz/add-callback", "add-callback-status-chamada"),
        ("/sms/add-callback-status", "add-callback"),
        ("/sms/add-callback", "add-callback"),
    ],
)
def test_registration_is_ok_with_001(api, path, modulo):
    reply = api.post(path, url="https://u:p@hook.example/x", pin="7").json()
    code = reply.pop("code")
    assert re.fullmatch("[0-9a-f]{40}", code)
    assert reply == {
        "api": "sms",
        "modulo": modulo,
        "status": "ok",
        "codigo": "001",
        "msg": "URL de Callback cadastrada com sucesso.",
    }


@pytest.mark.parametrize("url", ["", "hook.example", "ftp://hook.example/", "https:// x"])
def test_a_url_is_needed(api, url):
    reply = api.post("/voz/add-callback", url=url).json()
    assert (reply["status"], reply["codigo"]) == ("erro", "001")


def test_calls_and_messages_keep_their_own_lists(api):
    call = api.post("/voz/add-callback", url="https://hook.example/voz").json()["code"]
    sent = api.post("/sms/add-callback-status", url="https://hook.example/status").json()["code"]
    received = api.post("/sms/add-callback", url="https://hook.example/in").json()["code"]
    assert api.get("/voz/list-callback").json()["msg"] == [{"code": call, "url": "https://hook.example/voz"}]
    for listing in (api.get, api.post):
        assert [row["code"] for row in listing("/sms/list-callback").json()["msg"]] == [sent, received]
    assert api.post("/voz/remove-callback", code=sent).json()["codigo"] == "010"
    assert api.post("/sms/remove-callback", code=sent).json()["status"] == "ok"
    assert api.post("/sms/remove-callback", code=sent).json()["codigo"] == "010"
    assert [one["purpose"] for one in api.server.state()["callbacks"]] == ["call-status", "sms-received"]


@pytest.mark.parametrize("number", ["11990000001", "5511990000001", "1130000001", "551130000001"])
def test_carrier_is_a_flat_object_of_texts(api, number):
    reply = api.post("/portabilidade/consultar", numero=number).json()
    assert reply.keys() == {"OPERADORA_ORIGEM", "NUMERO", "OPERADORA_ATUAL", "CODE_OPR", "DATA_MIGRACAO"}
    assert all(isinstance(value, str) for value in reply.values())
    assert reply["NUMERO"] == number.removeprefix("55")
    assert len(reply["CODE_OPR"]) == 3
    assert reply["DATA_MIGRACAO"]


def test_a_number_that_was_never_ported(api):
    reply = api.post("/portabilidade/consultar", numero="11990000002").json()
    assert reply["DATA_MIGRACAO"] == ""
    assert reply["OPERADORA_ORIGEM"] == reply["OPERADORA_ATUAL"]


@pytest.mark.parametrize("number", ["", "123", "119900000011234", "x"])
def test_carrier_of_an_invalid_number_is_refused(api, number):
    assert api.post("/portabilidade/consultar", numero=number).json()["codigo"] == "001"
