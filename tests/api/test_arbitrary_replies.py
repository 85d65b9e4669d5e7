"""Whatever a server sends: every method returns its result or raises one of our errors, and can show and compare it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields as fields_of
from dataclasses import is_dataclass

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api import protocol
from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.requests import Page, Request
from airflow_provider_directcall.api.wire import ENDPOINTS

from .case import SETTINGS
from .cases import CASES

MOMENTS = [
    "2026-03-02 12:00:00",
    "9999-12-31 23:59:59",
    "0001-01-01 00:00:00",
    "31/12/99999 25:61",
    "2026-02-30",
    "0000-00-00",
]
NUMBERS = [
    "9" * 300,
    "1e999",
    "-1E+400",
    "NaN",
    "Infinity",
    "0x10",
    "٣",
    "1" * 19,
    "-0",
    "1_000",
    "²",
    "00:" * 3 + "99",
]
WORDS = [
    "ok",
    "erro",
    "000",
    "001",
    "201",
    "002",
    "atendida",
    "entregue",
    "s",
    "",
    " ",
    "\ud800",
    "\x00",
    "{",
    "[1",
    "[[" * 400,
]
FIELDS = [
    "api modulo status codigo msg data detalhe destino callerid agendamentoId id_mensagem id_destinatario",
    "access_token error error_description expires_in cipher audio_id soundId name path code url saldo moeda result",
    "origem inicio duracao tipo valor campos campo chave nome gravacao_link dataHora texto telefone",
    "retorno paginas DIS_ID did login dpId priority action timeout phone wait record week start end DP_DATA",
    "OPERADORA_ATUAL OPERADORA_ORIGEM NUMERO CODE_OPR DATA_MIGRACAO 0 1",
]
names = st.sampled_from(" ".join(FIELDS).split()) | st.text(max_size=5)
hard_texts = st.sampled_from([*MOMENTS, *NUMBERS, *WORDS]) | st.text(max_size=10)
hard_numbers = st.sampled_from([10**4000, -(10**400), 2**63, 0, -1]) | st.integers() | st.floats()
leaves = st.none() | st.booleans() | hard_numbers | hard_texts
values = st.recursive(
    leaves | hard_texts.map(json.dumps),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=6,
)
#: An envelope that is accepted, so that the readers behind it are reached.
accepted = st.dictionaries(names, values, max_size=6).map(lambda fields: {**fields, "status": "ok"})
rows = st.lists(st.dictionaries(names, leaves | values, max_size=8), max_size=3)
with_rows = st.fixed_dictionaries(
    {"status": st.just("ok"), "msg": rows, "data": rows | rows.map(json.dumps), "detalhe": rows}
)
ids = {
    "callerid": hard_texts,
    "access_token": hard_texts,
    "cipher": hard_texts,
    "audio_id": hard_texts,
    "code": hard_texts,
}
with_ids = st.tuples(accepted, st.fixed_dictionaries({}, optional=ids)).map(lambda pair: pair[0] | pair[1])
replies = values | accepted | with_rows | with_ids | st.lists(with_rows, max_size=2)
DEEP = [
    "[" * 20_000,
    '{"msg":' * 20_000,
    '{"status":"ok","data":' + "[" * 20_000 + "]" * 20_000 + "}",
    '{"status":"ok","msg":"' + "[" * 9000 + '"}',
]
RAW = [
    b"\xff\xfe{\x00}\x00",
    b"\x00" * 9,
    b"1e999",
    b'{"status":"ok","wait":1e999}',
    b"\xef\xbb\xbf[]",
    b'{"a":1}{"a":2}',
    b"NaN",
    *map(str.encode, DEEP),
]
bodies = (
    replies.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    | st.sampled_from(RAW)
    | st.binary(max_size=50)
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": st.sampled_from(
            ["9" * 5000, "Wed, 21 Oct 99999999999999 07:28:30 GMT", "Fri, 31 Dec 9999 23:59:59 -2400", b"\xb2"]
        ),
        "Date": st.sampled_from(["Sat, 01 Jan 0001 00:00:00 +2359", "x", "Wed, 21 Oct 2026 07:28:00 GMT"]),
        "Content-Type": st.sampled_from(["", "text/html; charset=klingon", "a/b" * 99]),
    },
)
statuses = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 404, 429, 500, 503])


def shown(value: object) -> Iterator[str]:
    """Read every public attribute of a result, properties too, as a user's code does."""
    yield repr(value)
    if isinstance(value, tuple):
        for item in value:
            yield from shown(item)
    elif isinstance(value, Page):
        yield from shown(value.rows)
    elif is_dataclass(value):
        for field in fields_of(value):
            yield from shown(getattr(value, field.name))
        for name in vars(type(value)):
            if not name.startswith("_") and isinstance(getattr(type(value), name), property):
                yield str(getattr(value, name))


REQUESTS = {name: case.map(lambda drawn: drawn.request) for name, case in CASES.items()}


@given(
    request=st.sampled_from(sorted(ENDPOINTS)).flatmap(REQUESTS.__getitem__),
    body=bodies,
    status=statuses,
    fields=headers,
)
@settings(max_examples=300)
def test_only_our_errors_come_out(request: Request[object], body: bytes, status: int, fields: dict[str, str]) -> None:
    read(request, httpx.Response(status, content=body, headers=fields))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@given(data=st.data())
@settings(max_examples=3)
def test_bodies_that_are_hard_for_parsers(endpoint: str, data: st.DataObject) -> None:
    request = data.draw(REQUESTS[endpoint])
    for body in RAW:
        for status in (200, 500):
            read(request, httpx.Response(status, content=body))


def read(request: Request[object], response: httpx.Response) -> None:
    result, error = None, None
    try:
        result = protocol.read(request, SETTINGS, response)
    except DirectcallError as raised:
        error = raised
    assert list(shown(result)) if error is None else repr(error)
    assert error is None or error.__suppress_context__ or error.__context__ is None
