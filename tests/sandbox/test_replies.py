from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.sandbox import QUIRKS, SandboxConfig
from airflow_provider_directcall.sandbox.answers import ANSWERS, TRANSPORT_ANSWERS
from airflow_provider_directcall.sandbox.replies import ApiReply, encode_reply, php_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner, min_size=1),
)


def test_json_is_escaped_as_php_does():
    value = {"url": "http://x/y", "name": "ação", "none": {}, "list": [{}]}
    assert php_json(value) == r'{"url":"http:\/\/x\/y","name":"a\u00e7\u00e3o","none":[],"list":[[]]}'


@given(json_values, st.sampled_from([frozenset(), frozenset({"pretty"}), frozenset({"latin1"}), frozenset({"bom"})]))
def test_json_is_equal_under_every_quirk_of_bytes(value, quirks):
    written = encode_reply(ApiReply(value), xml=False, quirks=quirks)
    text = written.body.removeprefix(b"\xef\xbb\xbf").decode("latin-1" if "latin1" in quirks else "utf-8")
    assert json.loads(text) == value


@given(json_values, st.sampled_from([frozenset(), frozenset({"latin1"})]))
def test_xml_is_well_formed(value, quirks):
    ET.fromstring(encode_reply(ApiReply(value), xml=True, quirks=quirks).body)


def test_xml_on_request(api, person):
    reply = api.post("/voz/call", origem="551130000001", destino=person, format="XML")
    assert reply.headers["content-type"] == "text/xml; charset=UTF-8"
    root = ET.fromstring(reply.content)
    assert root.tag == "retorno"
    assert root.findtext("codigo") == "000"
    assert root.findtext("callerid")


def test_xml_of_lists_and_odd_keys(api, person):
    api.call(person, **{"campos[a b]": "1<2", "campos[9]": "x"})
    api.server.advance(60)
    root = ET.fromstring(api.statement(formato="xml").content)
    [row] = root.findall("msg/item")
    assert row.findtext("destino") == person
    assert [(item.get("name"), item.text) for item in row.findall("campos/item")] == [("a b", "1<2"), ("9", "x")]


def test_rules_are_json_text_inside_xml_in_the_old_shape(start):
    api = start(quirks=frozenset({"old_did"}))
    root = ET.fromstring(api.post("/did/route", did="1130000001", formato="XML").content)
    assert json.loads(root.findtext("item/data"))[0]["DP_ID"] == "18000"


def quirky(start, *quirks):
    return start(quirks=frozenset(quirks))


def test_no_quirk_is_untested():
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    by_table = {f"{name}_{side}" for name in ANSWERS | TRANSPORT_ANSWERS for side in ("before", "after")}
    assert [quirk for quirk in QUIRKS.keys() - by_table if f'"{quirk}"' not in source] == []


def test_byte_order_mark(start):
    assert quirky(start, "bom").post("/did/list").content.startswith(b"\xef\xbb\xbf{")


def test_latin1(start):
    api = quirky(start, "latin1")
    api.call(**{"campos[nome]": "João ☎"})
    api.server.advance(60)
    reply = api.statement()
    assert reply.headers["content-type"] == "application/json; charset=ISO-8859-1"
    assert b"Jo\xe3o \\u260e" in reply.content


def test_pretty_and_labelled_html(start):
    reply = quirky(start, "pretty", "html_content_type").post("/did/list")
    assert '\n    "api": "did"' in reply.text
    assert reply.headers["content-type"].startswith("text/html")


def test_numbers_as_texts(start):
    api = quirky(start, "ids_as_strings", "paginas_string", "campos_list")
    assert isinstance(api.send()["detalhe"][0]["id_mensagem"], str)
    assert api.post("/did/route", did="1130000001").json()["data"][0]["data"]["wait"] == "12"
    api.call(**{"campos[a]": "1"})
    api.server.advance(60)
    reply = api.statement().json()
    assert reply["paginas"] == "1"
    assert reply["msg"][0]["campos"] == [{"campo": "a", "valor": "1"}]


def test_errors_with_an_http_status(start):
    reply = quirky(start, "http_400").post("/voz/call")
    assert reply.status_code == 400
    assert reply.json()["codigo"] == "001"


@pytest.mark.parametrize(
    "settings",
    [
        {"quirks": frozenset({"nope"})},
        {"page_size": 0},
        {"statement_delay": -1},
        {"speed": -1},
        {"start": datetime(2026, 1, 1)},
    ],
)
def test_invalid_settings_are_rejected(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        SandboxConfig(**settings)


def test_the_secret_is_not_in_the_repr():
    assert "sandbox-secret" not in repr(SandboxConfig())


def test_endpoints_can_move(start, person):
    api = start(paths={"voz/call": "/v2/ligar"})
    assert api.post("/voz/call").status_code == 404
    assert api.post("/v2/ligar", origem="551130000001", destino=person).json()["status"] == "ok"
    assert api.server.state()["requests"]["voz/call"] == 1
