"""Rows of the statements, parsed from literal bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.replies import MessageState

from .replying import DAY, HEX, UUID, A, B, answer, first_page, ok

STATEMENT = m.list_statement(DAY, DAY)

RECORDINGS = (
    b'{"api":"extrato","modulo":"extrato","status":"ok","codigo":"000",'
    b'"msg":[{"origem":"5511990000001","destino":"551130000001","inicio":"2024-01-29 10:36:46",'
    b'"gravacao_link":"http:\\/\\/www.directdial.com.br\\/extrato\\/gravacao\\/id\\/0123456789abcdef0123456789abcdef01234567"}],'
    b'"paginas":1}'
)


def test_recordings_in_the_documented_shape() -> None:
    (row,) = first_page(m.list_recordings(DAY, DAY), RECORDINGS)
    assert row.recording_url == f"http://www.directdial.com.br/extrato/gravacao/id/{HEX}"
    assert row.key[0] == row.recording_url, "a call without an id"
    assert (row.callerid, row.duration_seconds, row.outcome, row.price_brl) == (None, None, None, None)
    assert row.tags == {}


ROW = {
    "origem": A,
    "destino": B,
    "inicio": "2024-01-29 23:36:46",
    "callerid": UUID,
    "duracao": "00:02:03",
    "status": "atendida",
    "tipo": "realizada",
    "valor": "0.1250",
    "campos": {"CPF": "1", "n": 5, "e": None},
    "extra": {"x": 1},
}


def test_statement_row() -> None:
    page = answer(STATEMENT.page(1), ok(msg=[ROW], paginas="12"))
    (row,) = page.rows
    assert page.total_pages == 12
    assert (row.callerid, row.origin, row.destination, row.direction) == (UUID, A, B, "realizada")
    assert row.started_at == datetime(2024, 1, 30, 2, 36, 46, tzinfo=UTC)
    assert (row.duration_seconds, row.outcome, row.price_brl) == (123, "answered", Decimal("0.1250"))
    assert row.tags == {"CPF": "1", "n": "5", "e": ""}
    assert row.raw["extra"] == {"x": 1}
    assert A not in repr(row)


@pytest.mark.parametrize(
    ("field", "value", "attribute", "read"),
    [
        ("status", "ocupado", "outcome", "busy"),
        ("status", "Não  Atendida", "outcome", "no_answer"),
        ("status", "cancelada", "outcome", "cancelled"),
        ("status", "falha", "outcome", "failed"),
        ("status", "Caixa Postal", "outcome", "caixa postal"),
        ("status", 5, "outcome", "5"),
        ("status", True, "outcome", None),
        ("duracao", "100:00:01", "duration_seconds", 360001),
        ("duracao", "02:03", "duration_seconds", 123),
        ("duracao", 61, "duration_seconds", 61),
        ("duracao", "9" * 5000 + ":00:00", "duration_seconds", None),
        ("duracao", "1 min", "duration_seconds", None),
        ("valor", "1,50", "price_brl", Decimal("1.50")),
        ("valor", 0.5, "price_brl", Decimal("0.5")),
        ("valor", "R$ 1", "price_brl", None),
        ("valor", "9" * 5000, "price_brl", None),
        ("inicio", "29/01/2024", "started_at", None),
        ("inicio", "2024-01-29 23:36", "started_at", datetime(2024, 1, 30, 2, 36, tzinfo=UTC)),
        ("inicio", "29/01/2024 23:36:46", "started_at", datetime(2024, 1, 30, 2, 36, 46, tzinfo=UTC)),
        ("inicio", " 29/01/2024 23:36 ", "started_at", datetime(2024, 1, 30, 2, 36, tzinfo=UTC)),
        ("inicio", "0000-00-00 00:00:00", "started_at", None),
        ("inicio", "0001-01-01 00:00:00", "started_at", None),
        ("inicio", "9999-12-31 23:59:59", "started_at", None),
        ("gravacao_link", "javascript:alert(1)", "recording_url", None),
        ("gravacao_link", "data:text/html,x", "recording_url", None),
        ("gravacao_link", "/etc/passwd", "recording_url", None),
        ("gravacao_link", "HTTPS://a/b", "recording_url", "HTTPS://a/b"),
        ("campos", '{"a":"b","c":1}', "tags", {"a": "b", "c": "1"}),
        ("campos", '[{"campo":"a","valor":"b"}]', "tags", {"a": "b"}),
        ("campos", "{", "tags", {}),
        ("campos", "[" * 100_000, "tags", {}),
        ("campos", [{"chave": "a", "valor": "b"}, {"nome": "c", "valor": None}], "tags", {"a": "b", "c": ""}),
        ("campos", [["a", "b"], ["c", 1], ["d"], ["e", 1, 2]], "tags", {"a": "b", "c": "1"}),
        ("inicio", None, "started_at", None),
        ("callerid", 42, "callerid", "42"),
        ("gravacao_link", "", "recording_url", None),
        ("campos", [], "tags", {}),
        (
            "campos",
            [{"campo": "a", "valor": "b"}, {"campo": "c", "valor": 1}, {"x": 1}],
            "tags",
            {"a": "b", "c": "1"},
        ),
        ("campos", ["zero", "one"], "tags", {"0": "zero", "1": "one"}),
        ("campos", "x", "tags", {}),
    ],
)
def test_one_field_of_a_statement_row(field: str, value: object, attribute: str, read: object) -> None:
    (row,) = first_page(STATEMENT, ok(msg=[{**ROW, field: value}]))
    assert getattr(row, attribute) == read


def test_statement_row_for_an_xcom() -> None:
    (row,) = first_page(STATEMENT, ok(msg=[ROW]))
    assert row.as_xcom() == {
        "callerid": UUID,
        "origin": "5511*****0001",
        "destination": "5511*****0001",
        "started_at": "2024-01-29T23:36:46-03:00",
        "duration_seconds": 123,
        "outcome": "answered",
        "price_brl": "0.1250",
        "recording_url": None,
        "tags": {"CPF": "1", "n": "5", "e": ""},
    }
    assert row.as_xcom(include_numbers=True)["origin"] == A
    (empty,) = first_page(STATEMENT, ok(msg=[{}]))
    assert [value for value in empty.as_xcom().values() if value is not None] == [{}]


@pytest.mark.parametrize("msg", [[], None, ""], ids=["empty list", "null", "empty text"])
def test_statement_of_nothing(msg: object) -> None:
    assert first_page(STATEMENT, ok(msg=msg, paginas=0)) == ()


def test_rows_numbered_with_gaps() -> None:
    rows = first_page(STATEMENT, ok(msg={"0": ROW, "2": {**ROW, "callerid": "b"}}))
    assert [row.callerid for row in rows] == [UUID, "b"]


def test_one_row_without_its_list() -> None:
    assert [row.callerid for row in first_page(STATEMENT, ok(msg=ROW))] == [UUID]


@pytest.mark.parametrize("paginas", ["", None, "x", [], 1.5])
def test_number_of_pages_that_is_none(paginas: object) -> None:
    assert answer(STATEMENT.page(1), ok(msg=[], paginas=paginas)).total_pages is None


def test_statement_of_messages() -> None:
    row = {
        "origem": B,
        "destino": A,
        "inicio": "2024-01-29 10:00:00",
        "tipo": "texto",
        "texto": "oi",
        "status": "entregue",
    }
    row |= {"callerid": "1", "id_mensagem": 107, "valor": "0.09", "campos": {"a": "b"}}
    (read,) = first_page(m.list_messages(DAY, DAY), ok(msg=[row]))
    assert (read.callerid, read.message_id, read.kind, read.text) == ("1", "107", "texto", "oi")
    assert (read.state, read.price_brl, read.tags, read.key) == (
        MessageState.DELIVERED,
        Decimal("0.09"),
        {"a": "b"},
        ("107", "1", A),
    )
    assert read.as_xcom() == {
        "callerid": "1",
        "message_id": "107",
        "destination": "5511*****0001",
        "sent_at": "2024-01-29T10:00:00-03:00",
        "state": "delivered",
        "price_brl": "0.09",
        "tags": {"a": "b"},
    }
    (bare,) = first_page(m.list_messages(DAY, DAY), ok(msg=[{"callerid": "1", "destino": A}]))
    (empty,) = first_page(m.list_messages(DAY, DAY), ok(msg=[{}]))
    assert (bare.key, bare.state, empty.key) == ((None, "1", A), MessageState.UNKNOWN, None)


@pytest.mark.parametrize(
    "body",
    [
        ok(result={"moeda": "BRL", "saldo": "12.34"}),
        ok(msg={"moeda": "BRL", "saldo": "12,34"}),
        ok(msg=[{"moeda": "BRL", "saldo": 12.34}]),
        ok(result="ok", moeda="BRL", saldo="12.34"),
        ok(saldo={"moeda": "BRL", "saldo": "12.34"}),
        ok(saldo="12.34", moeda="BRL", msg={"moeda": "USD", "saldo": "5"}),
        {"directcall": {"result": "1", "moeda": "BRL", "saldo": "12.34"}},
    ],
    ids=["result", "msg", "list", "flat", "saldo in saldo", "outer before inner", "no envelope"],
)
def test_balance_at_any_depth(body: dict[str, object]) -> None:
    balance = answer(m.balance(), body)
    assert (balance.currency, balance.amount) == ("BRL", Decimal("12.34"))
    assert balance.raw == body


def test_balance_below_zero_without_a_currency() -> None:
    balance = answer(m.balance(), ok(msg={"saldo": "-0.50"}))
    assert (balance.currency, balance.amount) == (None, Decimal("-0.50"))


def test_balance_that_was_rejected() -> None:
    with pytest.raises(DirectcallError, match="010"):
        answer(m.balance(), {"status": "erro", "codigo": "010", "msg": "Conta cancelada", "saldo": "0.00"})
