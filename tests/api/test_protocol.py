"""The protocol's table of outcomes, row by row, for repeatable and once-only requests."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api import protocol
from airflow_provider_directcall.api.errors import (
    DirectcallAuthError,
    DirectcallError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallReplyError,
    DirectcallUnavailable,
)
from airflow_provider_directcall.api.requests import Request
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.api.wire import ENDPOINTS

from .replying import SETTINGS, answer

A, B = "5511990000001", "5511990000002"
READ = m.call_status(A, B)
ONCE = m.place_call(A, B)
HTML = b"<html><title>Bad Gateway</title></html>"
INVALID_TOKEN = b'{"error":"invalid_token","error_description":"The token has expired"}'
NO_BALANCE = b'{"status":"erro","codigo":"201","msg":"Saldo insuficiente"}'
TRANSIENT = b'{"status":"erro","codigo":"005","msg":"Falha na conexao"}'
ADVICE = "not documented"


def reply(status: int, body: bytes) -> Callable[[Request[object]], DirectcallError]:
    def happens(request: Request[object]) -> DirectcallError:
        with pytest.raises(DirectcallError) as caught:
            answer(request, body, status)
        return caught.value

    return happens


def broken(error: httpx.RequestError) -> Callable[[Request[object]], DirectcallError]:
    return lambda request: protocol.transport_failure(request, account(), error)


NOT_SENT = (
    httpx.ConnectError("[Errno 111] Connection refused"),
    httpx.ConnectError("[Errno -2] Name or service not known"),
    httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"),
    httpx.ConnectTimeout(""),
    httpx.PoolTimeout(""),
    httpx.ProxyError("403 Forbidden"),
    httpx.UnsupportedProtocol("x"),
)
LOST = (
    httpx.ReadTimeout("timed out"),
    httpx.WriteTimeout(""),
    httpx.ReadError(""),
    httpx.WriteError("Broken pipe"),
    httpx.CloseError(""),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.LocalProtocolError(""),
)
#: Event; a repeatable request's error and whether it is retried; the same of a once-only request.
Row = tuple[Callable[[Request[object]], DirectcallError], type[DirectcallError], bool, type[DirectcallError], bool]
TABLE: dict[str, Row] = {
    **{f"not sent {error!r}": (broken(error), DirectcallNotSent, True, DirectcallNotSent, True) for error in NOT_SENT},
    **{
        f"lost {error!r}": (broken(error), DirectcallUnavailable, True, DirectcallOutcomeUnknown, False)
        for error in LOST
    },
    **{
        f"{status} without envelope {body[:20]!r}": (
            reply(status, body),
            DirectcallUnavailable,
            True,
            DirectcallOutcomeUnknown,
            False,
        )
        for status in (429, 500, 502, 503, 504)
        for body in (HTML, b"", b'{"error":"Internal Server Error"}', b'{"message":"Too Many Attempts."}')
    },
    **{
        f"{status} {body[:20]!r}": (reply(status, body), DirectcallReplyError, False, DirectcallOutcomeUnknown, False)
        for status, body in [(200, HTML), (200, b""), (404, HTML), (401, HTML), (301, b""), (200, b'{"status":"ok"}')]
    },
    "broken gzip": (broken(httpx.DecodingError("x")), DirectcallReplyError, False, DirectcallOutcomeUnknown, False),
    **{
        f"auth {status} {body[:40]!r}": (
            reply(status, body),
            DirectcallAuthError,
            False,
            DirectcallAuthError if status in proving else DirectcallOutcomeUnknown,
            False,
        )
        for status in (200, 400, 401, 500)
        for body, proving in (
            (INVALID_TOKEN, {200, 400, 401}),
            (b'{"status":"erro","codigo":"006","msg":"x"}', {200, 400, 401}),
            (b'{"status":"erro","codigo":6}', {200, 400, 401}),
            (b'{"access_token":false,"msg":"x"}', {200, 400, 401}),
            (b'{"error_description":"Malformed token"}', set()),
            (b'{"error":"expired_token"}', set()),
        )
    },
    **{
        f"refused {status}": (reply(status, NO_BALANCE), DirectcallRefused, False, kind, False)
        for status, kind in (
            (200, DirectcallRefused),
            (400, DirectcallRefused),
            (404, DirectcallRefused),
            (202, DirectcallOutcomeUnknown),
            (408, DirectcallOutcomeUnknown),
            (500, DirectcallOutcomeUnknown),
            (502, DirectcallOutcomeUnknown),
        )
    },
    "transient refusal": (reply(200, TRANSIENT), DirectcallRefused, True, DirectcallOutcomeUnknown, False),
    "refused with 429": (reply(429, NO_BALANCE), DirectcallRefused, True, DirectcallOutcomeUnknown, False),
    "refused without code": (
        reply(200, b'{"status":"erro"}'),
        DirectcallRefused,
        False,
        DirectcallOutcomeUnknown,
        False,
    ),
    **{
        f"gateway {status} {body!r}": (
            reply(status, body),
            DirectcallUnavailable,
            True,
            DirectcallOutcomeUnknown,
            False,
        )
        for status in (500, 502, 503, 504)
        for body in (
            b'{"status":"erro"}',
            b'{"status":"error","message":"upstream request timeout"}',
            b'{"status":"error","codigo":"201"}',
            b'{"status":503,"error":"Service Unavailable"}',
            b'{"codigo":500,"message":"x"}',
            b'{"codigo":"201","msg":"x"}',
        )
    },
}


@pytest.mark.parametrize("case", TABLE)
def test_the_table(case: str) -> None:
    happens, for_read, read_again, for_once, once_again = TABLE[case]
    for request, kind, again in ((READ, for_read, read_again), (ONCE, for_once, once_again)):
        error = happens(request)
        assert type(error) is kind
        assert error.endpoint == request.endpoint_name
        assert str(error).startswith(f"{request.endpoint_name}: ")
        assert protocol.may_retry(request, error) is again
        assert error.may_have_taken_effect is (kind is DirectcallOutcomeUnknown)


def test_an_error_of_the_token_request_is_not_repeated_again_by_the_request_that_needed_it() -> None:
    error = broken(httpx.ConnectError("x"))(m.request_token(SETTINGS))
    assert protocol.may_retry(m.request_token(SETTINGS), error)
    assert not protocol.may_retry(READ, error)
    assert not protocol.may_retry(READ, ValueError())


def test_a_refused_secret() -> None:
    with pytest.raises(
        DirectcallAuthError, match="request_token: the client id or secret was not accepted: Falha"
    ) as caught:
        answer(m.request_token(SETTINGS), {"access_token": False, "msg": "Falha"})
    assert not caught.value.retryable


def test_a_refusal_tells_code_meaning_and_text() -> None:
    with pytest.raises(DirectcallRefused) as caught:
        answer(ONCE, {"status": "erro", "codigo": 201, "msg": f"Saldo\ninsuficiente {A}"}, 400)
    error = caught.value
    assert (error.code, error.text, error.http_status) == ("201", "Saldo insuficiente \u2026", 400)
    assert str(error) == ("place_call: refused with code 201 (insufficient balance): Saldo insuficiente \u2026")


@pytest.mark.parametrize("code", ["", "eyJhbGciOi.x.y", [], None, True, "5511990000001"])
def test_a_refusal_without_a_code(code: object) -> None:
    with pytest.raises(DirectcallRefused) as caught:
        answer(READ, {"status": "erro", "codigo": code, "msg": ["falha", {}, "no servidor"]})
    assert (caught.value.code, str(caught.value)) == (None, "call_status: refused: falha; no servidor")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "86401"}, 86400.0),
        ({"Retry-After": "9" * 5000}, 86400.0),
        ({"Retry-After": "Wed, 21 Oct 99999999999999 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 9998 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 86400.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2400", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30", "Date": "Wed, 21 Oct 2026 07:28:00"}, None),
    ],
)
@pytest.mark.parametrize("body", [HTML, NO_BALANCE], ids=["page", "envelope"])
def test_retry_after(headers: dict[str, str], seconds: float | None, body: bytes) -> None:
    with pytest.raises(DirectcallError) as caught:
        answer(READ, body, 429, headers=headers)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "error",
    [
        DirectcallRefused("x", code="201", text="y", endpoint="place_call", http_status=200, retry_after=1.0),
        DirectcallUnavailable("x", endpoint="place_call", retry_after=2.0),
        DirectcallOutcomeUnknown("x", code="002", text="y", endpoint="place_call", retry_after=3.0),
    ],
)
def test_errors_can_be_pickled(error: DirectcallError) -> None:
    """Executors and process pools carry exceptions between processes."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), "x", vars(error))


# --- paths and fields that an account can replace

DAY = datetime(2024, 1, 31, tzinfo=UTC)


def account(**changes: object) -> Settings:
    return Settings("me", "secret-of-mine", default_origin=B, **changes)


def sent(request: Request[object], settings: Settings) -> httpx.Request:
    return protocol.build(request, settings, "tok")


@pytest.mark.parametrize("endpoint_name", ENDPOINTS)
def test_any_path_can_be_replaced(endpoint_name: str) -> None:
    request = Request(endpoint_name, {}, lambda reply: None)
    built = sent(request, account(base_url="http://127.0.0.1:9/base/", endpoints={endpoint_name: "/other/path.php"}))
    assert str(built.url).partition("?")[0] == "http://127.0.0.1:9/base/other/path.php"


def form(request: httpx.Request) -> dict[str, str]:
    return dict(httpx.QueryParams(request.read().decode()))


def test_replaced_fields_of_a_request() -> None:
    names = {"cron": "agendar"}
    request = m.place_call(A, B, tags={"cron": "c"}, schedule_at=DAY)
    fields = form(sent(request, account(fields={"place_call": names})))
    assert fields["agendar"] == "30-01-2024-21-00-00"
    assert fields["campos[cron]"] == "c"
    assert "cron" not in fields


def test_replaced_fields_inside_the_data_of_a_rule() -> None:
    rules = (
        b'{"status":"ok","data":[{"dpId":"1","action":"fwd","priority":"1","data":{"record":"s","x":{"record":1}}}]}'
    )
    rule = answer(m.list_rules("4130000001"), rules)[0]
    names = {"record": "gravar", "dpId": "id", "data": "dados", "did": "numero"}
    fields = form(sent(m.save_rule("4130000001", rule), account(fields={"save_rule": names})))
    assert {key: value for key, value in fields.items() if key not in {"access_token", "formato"}} == {
        "numero": "4130000001",
        "priority": "1",
        "action": "fwd",
        "id": "1",
        "dados[gravar]": "s",
        "dados[x][gravar]": "1",
    }


def test_what_is_documented_in_a_request_keeps_its_name_there() -> None:
    """``callerid`` and ``campos`` of the statement are documented as filters, and assumed in its rows only."""
    names = {"callerid": "id_chamada", "campos": "dados"}
    settings = account(fields={"list_statement": names})
    listing = m.list_statement(DAY, DAY, tags={"a": "b"}, callerid="7")
    fields = form(sent(listing.page(1), settings))
    assert (fields["callerid"], fields["campos[a]"], fields["campos[search]"]) == ("7", "b", "s")
    body = {"status": "ok", "msg": [{"id_chamada": "7", "dados": {"callerid": "x", "dados": "y"}}]}
    (row,) = answer(listing.page(1), body, settings=settings).rows
    assert (row.callerid, row.tags) == ("7", {"callerid": "x", "dados": "y"})


def test_replaced_fields_of_a_lot() -> None:
    names = {"destino": "numero", "campos": "dados", "detalhe": "itens"}
    settings = account(fields={"send_lot": names})
    request = m.send_lot([m.LotRecipient("1", A, "x", {"destino": "d"})])
    built = sent(request, settings)
    assert (
        b'"destinatarios":[{"id_destinatario":"1","texto":"x","numero":"5511990000001","dados":{"destino":"d"}}]'
        in (built.read().replace(b": ", b":").replace(b", ", b","))
    )
    reply = {"status": "ok", "callerid": "1", "itens": [{"numero": A, "id_mensagem": 5}]}
    assert answer(request, reply, settings=settings).recipients[0].number == A


def test_replaced_fields_of_a_reply_leave_the_envelope_alone() -> None:
    settings = account(fields={"list_statement": {"status": "codigo", "tipo": "status", "paginas": "total"}})
    body = {"status": "ok", "codigo": "001", "total": 4, "msg": [{"status": "recebida", "codigo": "ocupado"}]}
    page = answer(m.list_statement(DAY, DAY).page(1), body, settings=settings)
    assert (page.total_pages, page.rows[0].outcome, page.rows[0].direction) == (4, "busy", "recebida")


def test_a_reply_too_deep_to_rename() -> None:
    """Shallow enough for the JSON parser, too deep for recursion."""
    settings = account(fields={"list_statement": {"valor": "preco"}})
    listing = m.list_statement(DAY, DAY)
    kinds = set()
    for depth in range(100, 1100, 50):
        body = b'{"status":"ok","msg":' + b"[" * depth + b"]" * depth + b"}"
        with pytest.raises(DirectcallReplyError) as caught:
            answer(listing.page(1), body, settings=settings)
        kinds.add(str(caught.value).partition("understood, ")[2][:20])
    assert "it is nested too dee" in kinds


def test_a_replaced_field_wins_over_one_that_had_its_name() -> None:
    settings = account(fields={"list_statement": {"valor": "preco"}})
    for row in ({"preco": "1.5", "valor": "9"}, {"valor": "9", "preco": "1.5"}):
        page = answer(m.list_statement(DAY, DAY).page(1), {"status": "ok", "msg": [row]}, settings=settings)
        assert str(page.rows[0].price_brl) == "1.5"


@pytest.mark.parametrize(
    "data", ['[{"action":"fwd","data":{"gravar":"s"}}]', '[{"DP_ACTION":"fwd","DP_DATA":"{\\"gravar\\":\\"s\\"}"}]']
)
def test_replaced_fields_inside_an_old_reply(data: str) -> None:
    settings = account(fields={"list_rules": {"record": "gravar"}})
    (rule,) = answer(m.list_rules("4130000001"), [{"status": "ok", "data": data}], settings=settings)
    assert rule.data == {"record": "s"}


@pytest.mark.parametrize("endpoint_name", ENDPOINTS)
def test_assumptions_are_named_where_they_fail(endpoint_name: str) -> None:
    mark = ENDPOINTS[endpoint_name].mark.value
    request = Request(endpoint_name, {}, lambda reply: None)
    with pytest.raises(DirectcallError) as caught:
        answer(request, HTML, 404)
    text = str(caught.value)
    assert (ADVICE in text) == (mark in {"assumed", "inferred"})
    if ADVICE in text:
        assert f"this endpoint is {mark}" in text
        assert f"under {endpoint_name!r}" in text


def test_a_redirect_asks_about_the_host() -> None:
    with pytest.raises(DirectcallOutcomeUnknown, match="is the connection's host right"):
        answer(ONCE, b"", 301, headers={"Location": "https://x/"})


def test_the_request_says_who_asks_and_how_long_it_waits() -> None:
    request = sent(READ, account(timeout=3))
    assert request.headers["User-Agent"].startswith("airflow-provider-directcall/")
    assert request.extensions["timeout"] == {"connect": 3, "read": 3, "write": 3, "pool": 3}
