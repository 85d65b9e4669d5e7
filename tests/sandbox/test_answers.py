"""Answers to a send in other forms than the API's: as faults, and as quirks."""

from __future__ import annotations

import json

import pytest

from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sandbox.answers import ANSWERS, CHANGES, GATEWAY_ANSWERS

SECRET = "o texto"
TAGS = {"campos[contact]": "c<1>"}


def calls(api):
    return len(api.server.state()["calls"])


def place(api):
    return api.post("/voz/call", origem="551130000001", destino="5511990000001", **TAGS)


@pytest.mark.parametrize(("side", "effects"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_in_place_of_the_reply(api, name, side, effects):
    api.server.inject(Fault(kind=f"{name}_{side}", endpoint="voz/call", times=1))
    reply = place(api)
    assert reply.status_code == ANSWERS[name].http_status
    assert reply.headers["content-type"] == ANSWERS[name].content_type
    assert "callerid" not in reply.text
    assert calls(api) == effects
    assert place(api).json()["status"] == "ok"


@pytest.mark.parametrize("name", [name for name in GATEWAY_ANSWERS if name.startswith("json_")])
def test_json_of_a_gateway_has_the_fields_of_its_name(api, name):
    api.server.configure(quirks={f"{name}_after"})
    reply = place(api)
    assert [*reply.json()] == name.split("_")[1:-1]
    assert str(reply.status_code) == name[-3:]


def test_json_of_a_gateway_that_looked_like_a_refusal(api):
    api.server.configure(quirks={"json_status_message_503_after"})
    assert place(api).json() == {"status": "error", "message": "upstream request timeout"}


@pytest.mark.parametrize("codigo", ["002", "005", "008", "011"])
def test_a_refusal_after_the_effect_is_the_vendors(api, codigo):
    api.server.configure(quirks={f"refusal_{codigo}_after"})
    reply = place(api).json()
    assert {"api": "voz", "modulo": "chamar", "status": "erro", "codigo": codigo}.items() <= reply.items()
    reply = api.send()
    assert (reply["modulo"], reply["codigo"]) == ("enviar", codigo)
    effects = api.server.state()["effects"]
    assert (effects["calls_placed"], effects["messages_accepted"]) == (1, 1)


def test_a_page_echoes_the_request(api):
    api.server.inject(Fault(kind="echo_500_after", endpoint="sms/send"))
    page = api.post("/sms/send", origem="loja", destino="5511990000001", texto=SECRET, **TAGS).text
    assert SECRET in page
    assert "5511990000001" in page
    assert "c&lt;1&gt;" in page


def documents(text):
    decoder, found = json.JSONDecoder(), []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("as_quirk", [True, False])
def test_a_changed_reply(api, name, as_quirk):
    plain = {**place(api).json(), "callerid": None}
    if as_quirk:
        api.server.configure(quirks={name})
    else:
        api.server.inject(Fault(kind=name, endpoint="voz/call", times=1))
    reply = place(api)
    wanted = {
        "status_processando": [{**plain, "status": "processando"}],
        "status_sucesso": [{**plain, "status": "sucesso"}],
        "status_missing": [{key: value for key, value in plain.items() if key != "status"}],
        "error_sucesso": [{**plain, "error": "", "error_description": "sucesso"}],
        "access_token_false": [{**plain, "access_token": False}],
        "id_beside_refusal": [{**plain, "status": "erro", "codigo": "008", "msg": "Erro ao enviar a mensagem"}],
        "two_documents": [plain, {"status": "error", "message": "shutdown"}],
        "two_documents_reversed": [{"status": "error", "message": "shutdown"}, plain],
    }.get(name, [plain])
    before = {"php_notice": "<br />\n<b>Notice", "byte_order_mark": "\ufeff"}.get(name, "")
    assert reply.status_code == 200
    assert reply.text.startswith(before)
    found = documents(reply.text[reply.text.index("{") :])
    assert [{**document, "callerid": None} if "callerid" in document else document for document in found] == wanted
    assert calls(api) == 2
    assert (place(api).content[:1] == b"{") == (not as_quirk or not before)


def test_a_refusal_is_not_made_an_acceptance(api):
    api.server.configure(quirks={"status_sucesso", "access_token_false"})
    reply = api.call("5511990000404")
    assert (reply["status"], reply["codigo"], "access_token" in reply) == ("erro", "001", False)


def test_changes_add_up_with_forms(api):
    api.server.configure(quirks={"status_sucesso", "error_sucesso", "php_notice", "bom", "latin1", "pretty"})
    text = place(api).content.decode("latin-1")
    notice, _, rest = text.partition("{")
    assert "Notice" in notice
    assert {"status": "sucesso", "error": ""}.items() <= json.loads("{" + rest).items()


def test_quirks_concern_sends_only_and_end_with_a_reset(api):
    api.server.configure(quirks={"html_503_after"})
    assert api.statement().json()["status"] == "ok"
    assert place(api).status_code == 503
    assert api.server.state()["faults"] == []
    api.server.clear_faults()
    assert place(api).status_code == 503
    api.server.reset()
    api.token = api.login()
    assert place(api).status_code == 200
