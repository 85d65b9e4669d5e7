"""Errors and logs show no token, secret or phone number."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote_plus

import httpx
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api import protocol
from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.redaction import RequestLogFilter, describe, redact, redact_secrets, vendor_text
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.api.words import VOCABULARY, folded

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3MDAwMDAwMDB9.c2lnbmF0dXJl-_"
SECRET = 'pa$$ "wörd\\5511990000007&x'
PHONE = "5511990000003"
SETTINGS = Settings("me@example.com", SECRET, default_origin="551130000001")
REQUESTS = [
    m.place_call("5511990000001", "5511990000002"),
    m.call_status("5511990000001", "5511990000002"),
    m.list_rules("4130000001"),
    m.list_numbers(),
    m.scheduled_call_status("5511990000001", "1"),
    m.request_token(SETTINGS),
]

noise = st.text(st.characters(exclude_categories=["Cs", "Nd", "No", "Nl"]), max_size=30)
hot = st.sampled_from([JWT, SECRET, PHONE, f"token={JWT}", f"+{PHONE}", f"x{JWT}", f"a{SECRET}b", f"({PHONE})"])
leaves = st.tuples(noise, hot, noise).map("".join) | noise
fields = st.sampled_from(
    ["msg", "error", "error_description", "codigo", "status", "data", "callerid", "retorno", "access_token", "x"]
)
bodies = st.dictionaries(
    fields | leaves,
    st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields | leaves, inner, max_size=3)
    ),
    max_size=5,
)


def shows(text: str) -> list[str]:
    """Return which of the three a text shows, in whole or in large part."""
    parts = [JWT[:10], JWT[-8:], "pa$$", "pa%24", "rd\\5511", "rd%5C5511", PHONE, PHONE[-8:]]
    return [part for part in parts if part in text]


def failure(request: object, response: httpx.Response) -> DirectcallError | None:
    try:
        protocol.read(request, SETTINGS, response)
    except DirectcallError as error:
        return error
    return None


@given(
    body=bodies,
    request=st.sampled_from(REQUESTS),
    status=st.sampled_from([200, 400, 401, 429, 500]),
    shape=st.sampled_from(["json", "json in json", "cut", "form", "html", "text"]),
    cut=st.integers(0, 200),
)
# A busy machine is no reason to fail.
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_error_shows_anything(body, request, status, shape, cut) -> None:
    text = json.dumps(body, ensure_ascii=False)
    if shape == "json in json":
        text = json.dumps({"status": "erro", "data": text, "msg": text})
    if shape == "cut":
        text = text[:-1]
    if shape == "form":
        text = "&".join(f"{quote_plus(str(key))}={quote_plus(str(value))}" for key, value in body.items())
    if shape == "html":
        text = f"<html>{escape(text, quote=False)}</html>"
    if shape == "text":
        text = "x" * cut + f" {JWT} {SECRET} {PHONE} " + text
    error = failure(request, httpx.Response(status, content=text.encode()))
    assert shows(f"{error} {error!r} {getattr(error, 'text', '')}") == []
    assert error is None or error.__suppress_context__ or error.__context__ is None


@given(prefix=noise, suffix=noise)
def test_a_connection_error_shows_nothing(prefix, suffix) -> None:
    text = f"{prefix} http://h/x?access_token={JWT} {PHONE} {suffix}"
    error = protocol.transport_failure(REQUESTS[0], SETTINGS, httpx.ReadError(text))
    assert shows(str(error)) == []


PASSWORD = "s3nha-secreta"


@pytest.mark.parametrize(
    "text",
    [
        f'"DIS_PASS":"{PASSWORD}"',
        f'{{\\"DIS_PASS\\":\\"{PASSWORD}\\"}}',
        f'{{\\\\\\"DIS_PASS\\\\\\" : \\\\\\"{PASSWORD}\\\\\\"}}',
        f'"DIS_PASS":"{PASSWORD}',
        f'{{"senha":"x\\"{PASSWORD}"}}',
        f"client_secret={PASSWORD}&a=b",
        f"client_secret%3D{PASSWORD}",
        f"[password] => {PASSWORD} ",
        f'["token"]=> string(9) "{PASSWORD}"',
        f"&quot;cipher&quot;:&quot;{PASSWORD}&quot;",
        f"'access_token': '{PASSWORD}'",
        f"https://user:{PASSWORD}@example.com/",
        f"https:\\/\\/user:p@{PASSWORD}@example.com\\/",
    ],
)
def test_a_secret_in_its_field(text) -> None:
    assert PASSWORD not in redact(text)
    assert PASSWORD not in vendor_text(f"before {text} after")


@pytest.mark.parametrize("slash", ["/", "\\/", "%2F"])
@pytest.mark.parametrize(
    "key", ["0123456789abcdef0123456789abcdef01234567", "MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAw", "MDAw=="]
)
def test_a_recording_s_address_is_a_secret(slash: str, key: str) -> None:
    text = slash.join(["http:", "", "dcweb.directdial.com.br", "extrato", "gravacao", "id", key])
    assert key not in redact(f'"gravacao_link":"{text}", done')
    assert redact(text).endswith("***")


def test_what_is_no_secret_stays() -> None:
    text = "The token was not accepted; see https://example.com/password?x=1 at 2026-01-31 10:00:00"
    assert redact_secrets(text) == text


@given(secret=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=6, max_size=20), before=noise)
def test_the_account_s_own_secret_anywhere(secret, before) -> None:
    assume(secret.strip() == secret and secret not in before + "***" and len(set(secret)) > 3)
    shown = redact(f"{before}<{secret}>", secret)
    assert secret not in shown


def test_a_vendor_s_text_is_short_and_on_one_line() -> None:
    shown = vendor_text("falha\n\t" * 200 + PHONE)
    assert len(shown) == 200
    assert "\n" not in shown


def test_only_known_words_of_a_vendor_s_text_are_shown() -> None:
    assert vendor_text("Par\u00e2metro inv\u00e1lido: destino (001)") == "Par\u00e2metro inv\u00e1lido: destino (001)"
    assert vendor_text(f"Mensagem '<b>Ol\u00e1, Maria</b>!' para {PHONE} recusada, c\u00f3digo 7731") == (
        "Mensagem \u2026 para \u2026 recusada, c\u00f3digo \u2026"
    )
    assert vendor_text("Ol\u00e1 Maria, tudo bem?") == ""


@given(text=st.text())
def test_whatever_a_server_says_only_known_words_remain(text: str) -> None:
    assert all(folded(word) in VOCABULARY for word in re.findall(r"\w+", vendor_text(text)))


def test_a_page_is_described_and_not_quoted() -> None:
    page = f"<html><head><title>502 Bad Gateway</title></head><body>{PHONE} some words</body></html>".encode()
    assert describe(page, "text/html; charset=UTF-8") == f"{len(page)} bytes of text/html, title '502 Bad Gateway'"
    assert describe(b'{"status":"x","campos[a]":1,"5511990000001":2}', "application/json") == (
        "46 bytes of application/json, fields status"
    )
    assert describe(b"", "") == "0 bytes of unknown type"
    assert describe(b"x", "<b>&") == "1 bytes of unknown type"


TEXT = "Ol\u00e1 Maria, seu exame est\u00e1 pronto"
ECHOING = [
    lambda text: f"<html><title>{text}</title><body>{text}</body></html>",
    lambda text: f"<title>Erro: {escape(text)}</title>",
    lambda text: json.dumps({"status": "erro", "codigo": "001", "msg": f"invalido: {text}", text: 1}),
    lambda text: json.dumps({"status": "erro", "codigo": "008", "msg": f"texto={quote_plus(text)}"}),
    lambda text: json.dumps({"status": "erro", "codigo": "001", "msg": json.dumps(text)}),
    lambda text: json.dumps({"status": "erro", "codigo": "001", "msg": text[:20] + "..."}),
    lambda text: json.dumps({"error": "invalid_token", "error_description": text}),
    lambda text: json.dumps({"message": text, "error": text}),
    lambda text: f"POST /sms/send texto={text}",
]


@pytest.mark.parametrize("echo", ECHOING)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize(
    "request_",
    [
        m.send_sms(PHONE, TEXT, tags={"paciente": "Maria da Silva Souza", "leito": "b7"}),
        m.send_lot([m.LotRecipient("1", PHONE, TEXT, {"paciente": "Maria da Silva Souza", "leito": "b7"})]),
        m.place_call(PHONE, "551130000001", tags={"a": TEXT, "paciente": "Maria da Silva Souza", "leito": "b7"}),
    ],
    ids=["message", "lot", "call"],
)
def test_what_a_reply_echoes_of_the_request_is_never_shown(
    echo: Callable[[str], str], status: int, request_: object
) -> None:
    for value in (TEXT, "Maria da Silva Souza", "b7", PHONE):
        response = httpx.Response(status, content=echo(value).encode(), headers={"Content-Type": "text/html"})
        error = failure(request_, response)
        shown = f"{error} {getattr(error, 'text', '')}"
        assert not any(word in shown for word in ("Maria", "exame", "Silva", "b7", PHONE))


def test_a_vendor_s_own_words_are_shown() -> None:
    body = {"status": "erro", "codigo": "201", "msg": "Saldo insuficiente para enviar a mensagem"}
    error = failure(m.send_sms(PHONE, TEXT), httpx.Response(200, json=body))
    assert "Saldo insuficiente para enviar a mensagem" in str(error)


@pytest.mark.parametrize(
    "text",
    [f"illegal header line: bytearray(b'{TEXT}')", f"illegal status line: b'{TEXT}'", f"malformed data '{TEXT}'"],
)
def test_a_connection_error_does_not_quote_the_server(text: str) -> None:
    error = protocol.transport_failure(REQUESTS[0], SETTINGS, httpx.RemoteProtocolError(text))
    assert "Maria" not in str(error)
    assert text.split()[0] in str(error)


def test_httpx_log_line(caplog) -> None:
    logger = logging.getLogger("httpx")
    with caplog.at_level(logging.INFO, logger="httpx"):
        logger.info("HTTP Request: %s %s %d", "GET", httpx.URL(f"http://h/a?access_token={JWT}&origem={PHONE}"), 200)
        logger.info("HTTP Request: %s %s %d", "GET", httpx.URL("http://h/other?q=1"), 200)
        logger.info("no arguments")
    assert caplog.messages == [
        "HTTP Request: GET http://h/a?*** 200",
        "HTTP Request: GET http://h/other?q=1 200",
        "no arguments",
    ]


def test_the_filter_lets_odd_records_pass() -> None:
    record = logging.LogRecord("httpx", logging.INFO, "x", 1, "%(a)s", ({"a": "b"},), None)
    assert RequestLogFilter().filter(record)
    assert record.getMessage() == "b"
