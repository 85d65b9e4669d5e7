from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.sandbox.php_forms import parse_urlencoded, register


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"=x&&", {}),
        (b"[a]=1", {}),
        (b"a", {"a": ""}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"a=%E3%81&b=%zz", {"a": "�", "b": "%zz"}),
        (b"n%C3%A3o=%C3%A9", {"não": "é"}),
        (b"a.b c=1", {"a_b_c": "1"}),
        (b"++a=1", {"a": "1"}),
        (b"a.b[c.d e]=1", {"a_b": {"c.d e": "1"}}),
        (b"campos%5Bnome%5D=Ana&campos[CPF]=1", {"campos": {"nome": "Ana", "CPF": "1"}}),
        (b"campos['search']=s", {"campos": {"'search'": "s"}}),
        (b"a[]=x&a[]=y&a[7]=z&a[]=w", {"a": {"0": "x", "1": "y", "7": "z", "8": "w"}}),
        (b"a[ ]=x", {"a": {"0": "x"}}),
        (b"a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        (b"a[b]c=1", {"a": {"b": "1"}}),
        (b"a[b]c[d]=1", {"a": {"b": "1"}}),
        (b"a[b.c=1", {"a_b_c": "1"}),
        (b"a[b][c=1", {"a": {"b": "1"}}),
        (b"a=1&a[b]=2", {"a": {"b": "2"}}),
        (b"a[b]=2&a=1", {"a": "1"}),
        (b"a[b[c]=1", {"a": {"b[c": "1"}}),
        (b"a%00b=1", {"a": "1"}),
    ],
)
def test_reads_names_as_php_does(body, fields):
    assert parse_urlencoded(body) == fields


def encode(text: str) -> bytes:
    """An encoder of the test's own: every byte as %XX, blanks as +, so that nothing is left to chance."""
    return b"+".join(b"".join(b"%%%02X" % byte for byte in part.encode()) for part in text.split(" "))


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
values = st.text(st.characters(codec="utf-8"))
keys = names.filter(lambda key: "]" not in key and not (len(key) == 1 and key.isspace()))


@given(st.dictionaries(keys, values, min_size=1))
def test_custom_map_comes_back_exactly(tags):
    body = b"&".join(encode("campos") + b"%5B" + encode(key) + b"%5D=" + encode(value) for key, value in tags.items())
    assert parse_urlencoded(body) == {"campos": tags}


@given(st.dictionaries(names.filter(lambda name: not set(name) & set("[. ")), values))
def test_plain_fields_come_back_exactly(fields):
    body = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in fields.items()).encode()
    assert parse_urlencoded(body) == fields


@given(st.binary())
def test_any_bytes_are_read(body):
    assert all(name and not set(name) & set(" .[") for name in parse_urlencoded(body))


@given(names, values)
def test_a_field_replaces_one_of_its_name(name, value):
    fields = {}
    register(fields, name, "old")
    register(fields, name, value)
    once = {}
    register(once, name, value)
    if "[]" not in name and "[" not in name:
        assert fields == once


def test_multipart_names_are_read_as_those_of_forms(api):
    parts = {
        "access_token": api.token,
        "origem": "551130000001",
        "destino": "5511990000001",
        "campos[nome é]": "Ação & =",
    }
    boundary = "----boundary"
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    content = f"{body}--{boundary}--\r\n".encode()
    assert api.http.post("/voz/call", content=content, headers=headers).json()["status"] == "ok"
    assert api.server.state()["calls"][0]["tags"] == {"nome é": "Ação & ="}


def test_half_a_surrogate_in_json_is_replaced(api):
    lot = f'{{"access_token": "{api.token}", "origem": "x", "destinatarios": [{{"id_destinatario": "1", '
    lot += '"destino": "5511990000001", "texto": "a\\ud800", "campos": {"k": "\\udfff"}}]}'
    reply = api.http.post("/sms/lot-send", content=lot, headers={"content-type": "application/json"})
    assert reply.json()["status"] == "ok"
    [message] = api.http.get("/_sandbox/state").json()["messages"]
    assert (message["text"], message["tags"]) == ("a?", {"k": "?"})
