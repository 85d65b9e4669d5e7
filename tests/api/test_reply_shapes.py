"""Encodings and wrappings of replies, and replies that cannot be parsed."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown, DirectcallReplyError

from .replying import DAY, NEW_RULES, SENT, SETTINGS, A, B, answer, ok

STATEMENT = m.list_statement(DAY, DAY)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + SENT,
        b"\n  " + SENT + b"\r\n",
        b"[" + SENT + b"]",
        SENT.replace(b'"000"', b"0"),
        SENT.replace(b'"000"', b'"001"'),
        SENT.replace(b'"ok"', b'" OK "'),
        SENT.replace(b'"status":"ok",', b""),
        SENT.replace(b'"codigo":"000",', b""),
        SENT.replace(b"sucessso", "sucessso à ação".encode()),
        SENT.replace(b"sucessso", "sucessso à ação".encode("latin-1")),
        SENT.replace(b"sucessso", b"line\nend\tand tab"),
    ],
    ids=[
        "BOM",
        "blanks",
        "outer list",
        "code 0",
        "code 001",
        "OK",
        "no status",
        "no code",
        "UTF-8",
        "Latin-1",
        "raw controls",
    ],
)
def test_the_same_reply_in_other_clothes(body: bytes) -> None:
    assert answer(m.send_sms(A, "x"), body).callerid == "10000000000001"
    assert answer(m.send_sms(A, "x"), body, status=500).callerid == "10000000000001"


def test_latin_1_is_read_as_such() -> None:
    body = '{"status":"ok","codigo":"000","msg":"Ligação não atendida"}'.encode("latin-1")
    assert answer(m.end_call(A, B), body).text == "Ligação não atendida"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html><body>Bad Gateway</body></html>",
        b"null",
        b"[]",
        b"[1]",
        b'"text"',
        b'{"status":"ok","codigo":"000","callerid":"1',
        SENT + SENT,
        b"[" + SENT + b"," + SENT + b"]",
        b"[" * 100_000,
        b'{"x":' * 5000 + b"1" + b"}" * 5000,
        b"{}",
        b'{"error":"Internal Server Error"}',
        b'{"error":{"code":500}}',
        b'{"status":"ok","codigo":"000"}',
        b'{"status":"ok","codigo":"000","callerid":{}}',
        b'{"status":"ok","codigo":"000","callerid":""}',
        b'{"status":"ok","codigo":"000","callerid":"1","detalhe":"x"}',
        b"\x00\x01\xff",
    ],
)
def test_a_reply_that_does_not_fit(body: bytes) -> None:
    with pytest.raises(DirectcallOutcomeUnknown, match="send_message: the reply"):
        answer(m.send_sms(A, "x"), body)


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (STATEMENT.page(1), ok()),
        (STATEMENT.page(1), {}),
        (STATEMENT.page(1), {"msg": []}),
        (STATEMENT.page(1), {"error": "Internal Server Error"}),
        (STATEMENT.page(1), ok(msg="Nenhum registro")),
        (STATEMENT.page(1), ok(msg=[1])),
        (m.balance(), ok(msg="Nenhum registro")),
        (m.balance(), ok(msg={"moeda": "BRL", "saldo": None})),
        (m.balance(), {"error": "Internal Server Error"}),
        (m.list_rules("4130000001"), ok(msg=[])),
        (m.list_rules("4130000001"), ok(msg=[], data="{")),
        (m.list_rules("4130000001"), ok(msg=[], data=[{"priority": 1}])),
        (m.list_rules("4130000001"), ok(msg=[], data=[{"action": "fwd", "data": [1]}])),
        (m.list_rules("4130000001"), ok(msg=[], data=5)),
        (m.list_numbers(), ok(msg=[], data=[{"x": 1}])),
        (m.end_call(A, B), {"msg": "fine"}),
        (m.lookup_carrier(A), {"NUMERO": "x"}),
        (m.request_token(SETTINGS), {"access_token": None}),
        (m.request_token(SETTINGS), {"access_token": 5}),
        (m.create_cipher(), {"cipher": []}),
        (m.create_cipher(), {"cipher": {"x": 1}}),
        (m.scheduled_call_status(A, "1"), ok(retorno=[{"msg": "x"}])),
    ],
)
def test_a_query_whose_answer_does_not_fit_has_no_answer(request_: object, body: object) -> None:
    """Never an empty list, which would mean that nothing was found."""
    with pytest.raises(DirectcallReplyError):
        answer(request_, body)


@pytest.mark.parametrize(
    "request_",
    [
        m.upload_audio(b"\xff\xfb"),
        m.add_sound("x", b"\xff\xfb"),
        m.add_call_callback("http://a"),
        m.save_rule("4130000001", answer(m.list_rules("4130000001"), NEW_RULES)[0]),
    ],
)
@pytest.mark.parametrize("fields", [{}, {"audio_id": {}, "data": []}, {"audio_id": [], "data": {"dpId": 1}}])
def test_a_write_whose_answer_does_not_fit_may_have_taken_effect(request_: object, fields: dict[str, object]) -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(request_, ok(msg="x", **fields))
