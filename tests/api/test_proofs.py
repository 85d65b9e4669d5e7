"""What an answer to a once-only request proves: of two claims, the one with more effect wins."""

from __future__ import annotations

import json

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import (
    RETURN_CODES,
    DirectcallAuthError,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
)

from .replying import SETTINGS, A, B, answer

CALL = m.place_call(A, B)
SMS = m.send_sms(A, "x")
OK = {"status": "ok", "codigo": "000", "callerid": "1"}
REFUSED = {"status": "erro", "codigo": "201", "msg": "Saldo insuficiente"}
TOKEN = {"error": "invalid_token", "error_description": "The token has expired"}


@pytest.mark.parametrize("request_", [CALL, SMS], ids=["call", "message"])
@pytest.mark.parametrize(
    "body",
    [
        OK,
        {"callerid": "1"},
        {"status": "processando", "callerid": 1},
        {"status": "sucesso", "callerid": "1"},
        {"callerid": "1", "msg": "no status"},
        REFUSED | {"callerid": "1"},
        TOKEN | {"callerid": "1"},
        OK | {"error": "", "error_description": "sucesso"},
        OK | {"error": "invalid_token", "error_description": "x"},
        OK | {"access_token": False},
        OK | {"codigo": "006"},
    ],
)
@pytest.mark.parametrize("status", [200, 401, 429, 500, 503])
def test_an_id_is_accepted_whatever_else_is_said(request_: object, body: object, status: int) -> None:
    assert answer(request_, body, status).callerid == "1"


@pytest.mark.parametrize("code", sorted(code for code, known in RETURN_CODES.items() if not known.transient))
@pytest.mark.parametrize("word", ["erro", "ERRO", " Erro "])
@pytest.mark.parametrize("status", [200, 400, 404, 422])
def test_a_lasting_refusal_in_the_vendor_s_own_words(code: str, word: str, status: int) -> None:
    kind = {"006": DirectcallAuthError if status in {200, 400} else DirectcallOutcomeUnknown}.get(
        code, DirectcallRefused
    )
    # 000 is the code of a success; 003 and 004 answer questions about calls in progress.
    with pytest.raises(DirectcallOutcomeUnknown if code in {"000", "003", "004"} else kind):
        answer(CALL, {"status": word, "codigo": code, "msg": "x"}, status)


@pytest.mark.parametrize("code", ["002", "005", "007", "008", "011"])
def test_a_transient_refusal_may_come_after_the_effect(code: str) -> None:
    with pytest.raises(DirectcallOutcomeUnknown, match=f"code {code} .*: Falha \u2026") as caught:
        answer(CALL, {"status": "erro", "codigo": code, "msg": f"Falha {A}"})
    assert (caught.value.code, caught.value.text) == (code, "Falha \u2026")


UNPROVEN = [
    {"status": "ok"},
    OK | {"callerid": "0"},
    OK | {"callerid": None},
    {"status": "ok", "callerid": "null"},
    {"codigo": "000"},
    {"codigo": "201", "msg": "Saldo insuficiente"},
    {"status": "erro"},
    {"status": "erro", "codigo": "999"},
    {"status": "erro", "codigo": "503"},
    {"status": "error", "codigo": "201"},
    {"status": "error", "message": "upstream request timeout"},
    {"status": "fail", "code": 201},
    {"status": "processando"},
    {"status": "sucesso", "codigo": "201"},
    {"status": 400, "error": "Bad Request", "message": "x"},
    {"message": "Unauthenticated."},
    {"error": "access_denied"},
    {"error": "Unauthorized", "error_description": "x"},
    {"error": "", "error_description": "sucesso"},
    {"status": "processando", "access_token": False},
    TOKEN | {"status": "sucesso"},
    TOKEN | {"msg": "001 - Mensagem enviada com sucessso"},
    TOKEN | {"status": "erro", "codigo": "002"},
    REFUSED | {"msg": "001 - Mensagem enviada com sucessso - CALLER-ID: 1"},
    REFUSED | {"detalhe": [{"destino": A, "id_mensagem": 5}]},
    REFUSED | {"retorno": {"callerid": "1"}},
    REFUSED | {"callerid": {"id": 1}},
    REFUSED | {"api": "extrato"},
    OK | {"api": "did"},
]


@pytest.mark.parametrize("body", UNPROVEN, ids=json.dumps)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500])
def test_anything_else_is_unknown(body: dict[str, object], status: int) -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(CALL, body, status)


@pytest.mark.parametrize("status", [301, 202, 408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [REFUSED, TOKEN])
def test_a_gateway_s_status_proves_nothing(body: object, status: int) -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(CALL, body, status)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"erro","codigo":"201"}{"status":"ok","callerid":"1"}',
        b'{"status":"ok","callerid":"1","status":"erro","codigo":"201"}',
        b'[{"status":"erro","codigo":"201"},{"status":"ok"}]',
        b'Notice: Undefined index in x.php\n{"status":"erro","codigo":"201"}',
    ],
)
def test_two_answers_in_one_are_unknown(body: bytes) -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(CALL, body)


def test_a_byte_order_mark_changes_nothing() -> None:
    assert answer(CALL, b"\xef\xbb\xbf" + json.dumps(OK).encode()).callerid == "1"
    with pytest.raises(DirectcallRefused):
        answer(CALL, b"\xef\xbb\xbf" + json.dumps(REFUSED).encode())


def test_an_acknowledged_write_needs_a_status_without_error() -> None:
    remove = m.remove_rule("1130000001", "18000")
    assert answer(remove, {"status": "ok"}).raw == {"status": "ok"}
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(remove, {"status": "ok"}, 502)


def test_a_read_prefers_ok_to_the_words_of_an_error() -> None:
    body = {"status": "ok", "msg": [], "error": "", "error_description": "sucesso", "access_token": False}
    assert answer(m.call_status(A, B), body) == ()


def test_a_secret_is_refused_beside_ok() -> None:
    with pytest.raises(DirectcallAuthError):
        answer(m.request_token(SETTINGS), {"status": "ok", "access_token": False, "msg": "x"})


@pytest.mark.parametrize(
    "sign",
    [
        {"msg": "Completando a sua ligacao, por favor aguarde!"},
        {"msg": "Completando a sua ligação, por favor aguarde!"},
        {"msg": "The message was queued successfully"},
        {"success": True},
        {"retorno": {"status": "ok", "codigo": "000"}},
        {"retorno": {"callerId": "00000000-0000-4000-8000-000000000001"}},
        {"dados": [{"caller_id": 7}]},
        {"dados": {"ID_MENSAGEM": 7}},
    ],
    ids=str,
)
@pytest.mark.parametrize("request_", [CALL, SMS], ids=["call", "message"])
@pytest.mark.parametrize("refusal", [REFUSED, TOKEN, {"access_token": False}], ids=["refused", "token", "login"])
def test_a_sign_of_success_beside_a_refusal_in_any_spelling(
    sign: dict[str, object], request_: object, refusal: dict[str, object]
) -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(request_, refusal | sign)


@pytest.mark.parametrize("no_sign", [{"success": False}, {"retorno": {"status": "erro"}}, {"callerId": None}], ids=str)
def test_no_success_beside_a_refusal(no_sign: dict[str, object]) -> None:
    with pytest.raises(DirectcallRefused):
        answer(CALL, REFUSED | no_sign)
