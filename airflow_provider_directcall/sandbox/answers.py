"""Other answers than the API's: pages and JSON in place of a reply, and changes of a reply.

All are assumed. ``faults`` makes a kind of fault of each, ``quirks`` a quirk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from http import HTTPStatus
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeAlias

from airflow_provider_directcall.sandbox.replies import php_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_directcall.sandbox.connection_faults import CapturedReply
    from airflow_provider_directcall.sandbox.php_forms import PhpArray
    from airflow_provider_directcall.sandbox.replies import Json
    from airflow_provider_directcall.sandbox.requests import RequestContext

    Body: TypeAlias = Callable[[RequestContext], str]
    Change: TypeAlias = Callable[[CapturedReply, RequestContext], CapturedReply]

HTML: Final = "text/html; charset=UTF-8"
JSON: Final = "application/json; charset=UTF-8"
GATEWAY_STATUSES: Final = (500, 502, 503, 504, 429)
REFUSALS: Final = {
    "002": "A chamada nao pode ser solicitada",
    "005": "Falha na conexao",
    "008": "Erro ao enviar a mensagem",
    "011": "Problema no servico de tarifacao",
}
_BOM: Final = b"\xef\xbb\xbf"
_NOTICE: Final = (
    b"<br />\n<b>Notice</b>: Undefined index: campos in <b>/var/www/api/index.php</b> on line <b>8</b><br />\n"
)
_SHUTDOWN: Final = b'{"status":"error","message":"shutdown"}'
_MODULES: Final = {"voz/call": "chamar", "sms/send": "enviar", "sms/lot-send": "enviar"}
_ACCEPTED: Final = "000"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in place of the API's reply."""

    description: str
    http_status: int
    body: Body
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    to_itself: bool = False
    """Whether a Location header names the same path again."""


def _fixed(text: str) -> Body:
    return lambda context: text


def _page(status: int) -> str:
    title = f"{status} {HTTPStatus(status).phrase}"
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"


def _gateway_json(status: int, keys: tuple[str, ...]) -> str:
    fields = {
        "status": "error",
        "codigo": str(status),
        "error": HTTPStatus(status).phrase,
        "message": "upstream request timeout",
    }
    return json.dumps({key: fields[key] for key in keys})


def _refusal(context: RequestContext, codigo: str) -> str:
    api, _, method = context.endpoint.partition("/")
    modulo = _MODULES.get(context.endpoint, method)
    return php_json({"api": api, "modulo": modulo, "status": "erro", "codigo": codigo, "msg": REFUSALS[codigo]})


def _echo(context: RequestContext) -> str:
    return f"<html><body><h1>Erro</h1><pre>{escape(_print_r(context.fields))}</pre></body></html>\n"


def _print_r(fields: PhpArray) -> str:
    """Format fields as PHP's ``print_r`` does, without its blanks."""
    lines = (f"[{name}] => {_print_r(item) if isinstance(item, dict) else item}\n" for name, item in fields.items())
    return f"Array (\n{''.join(lines)})\n"


def _gateway_answers(status: int) -> dict[str, Answer]:
    named = {
        f"empty_{status}": Answer(f"HTTP {status} with an empty body", status, _fixed(""), HTML),
        f"html_{status}": Answer(f"HTTP {status} with an HTML page of a gateway", status, _fixed(_page(status)), HTML),
        f"refusal_{status}": Answer(
            f"HTTP {status} with the vendor's envelope, codigo 008", status, partial(_refusal, codigo="008")
        ),
    }
    keys = ("status", "codigo", "error", "message")
    for some in (some for count in range(1, len(keys) + 1) for some in combinations(keys, count)):
        description = f"HTTP {status} with JSON that has {', '.join(some)}"
        named[f"json_{'_'.join(some)}_{status}"] = Answer(description, status, _fixed(_gateway_json(status, some)))
    return named


GATEWAY_ANSWERS: Final[dict[str, Answer]] = {
    name: answer for status in GATEWAY_STATUSES for name, answer in _gateway_answers(status).items()
}
"""Answers of a gateway or a framework, by a name that ends in the HTTP status."""

ANSWERS: Final[dict[str, Answer]] = {
    **GATEWAY_ANSWERS,
    **{
        f"refusal_{codigo}": Answer(f"the refusal {codigo}", 200, partial(_refusal, codigo=codigo))
        for codigo in REFUSALS
    },
    "echo_200": Answer("HTTP 200 with a page that echoes the request", 200, _echo, HTML),
    "echo_500": Answer("HTTP 500 with a page that echoes the request", 500, _echo, HTML),
    "maintenance": Answer(
        "HTTP 200 with a page about maintenance",
        200,
        _fixed("<html><body><h1>Sistema em manutencao</h1></body></html>\n"),
        HTML,
    ),
}


_AGES: Final = "Wed, 25 Nov 100000000000000 12:00:00 GMT"

TRANSPORT_ANSWERS: Final[dict[str, Answer]] = {
    **{
        f"redirect_{status}": Answer(
            f"a redirect to the same address with HTTP {status}", status, _fixed(_page(status)), HTML, to_itself=True
        )
        for status in (302, 307)
    },
    **{
        f"far_retry_{status}": Answer(
            f"HTTP {status} with a date of the year 10^14 in Retry-After",
            status,
            _fixed(_page(status)),
            HTML,
            headers={"retry-after": _AGES},
        )
        for status in (429, 503)
    },
}
"""Answers in place of the reply to any request."""


def change_json(reply: CapturedReply, change: Callable[[dict[str, Json]], Json]) -> CapturedReply:
    """Change the JSON object of a reply, or the one in its list; other bodies stay."""
    marked = reply.body.startswith(_BOM)
    try:
        body: Json = json.loads(reply.body.removeprefix(_BOM).decode("latin-1" if _is_latin1(reply) else "utf-8"))
    except ValueError:
        return reply
    if isinstance(body, dict):
        body = change(body)
    elif isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict):
        body = [change(body[0])]
    else:
        return reply
    return replace(reply, body=(_BOM if marked else b"") + php_json(body).encode())


def empty_data(reply: CapturedReply, context: RequestContext) -> CapturedReply:
    """Empty the list of rules or numbers in a reply."""
    return change_json(reply, lambda body: {**body, "data": []} if "data" in body else body)


def _is_latin1(reply: CapturedReply) -> bool:
    return any(b"ISO-8859-1" in value for name, value in reply.headers if name.lower() == b"content-type")


def _to_acceptance(change: Callable[[dict[str, Json]], Json]) -> Change:
    """Return a change of replies that accept the request."""
    return lambda reply, context: change_json(
        reply, lambda body: change(body) if body.get("codigo") == _ACCEPTED else body
    )


def _adds(**fields: Json) -> Change:
    return _to_acceptance(lambda body: {**body, **fields})


def _around(before: bytes = b"", behind: bytes = b"") -> Change:
    return lambda reply, context: replace(reply, body=before + reply.body + behind)


CHANGES: Final[dict[str, tuple[str, Change]]] = {
    "status_processando": ("an acceptance has status processando", _adds(status="processando")),
    "status_sucesso": ("an acceptance has status sucesso", _adds(status="sucesso")),
    "status_missing": (
        "an acceptance has no status",
        _to_acceptance(lambda body: {name: item for name, item in body.items() if name != "status"}),
    ),
    "error_sucesso": (
        "an acceptance has an empty error and error_description sucesso",
        _adds(error="", error_description="sucesso"),
    ),
    "access_token_false": ("an acceptance has access_token false", _adds(access_token=False)),
    "id_beside_refusal": (
        "an acceptance is shown as the refusal 008, beside its id",
        _adds(status="erro", codigo="008", msg=REFUSALS["008"]),
    ),
    "two_documents": ("an error document of a framework after the reply", _around(behind=_SHUTDOWN)),
    "two_documents_reversed": ("an error document of a framework before the reply", _around(before=_SHUTDOWN)),
    "php_notice": ("a PHP notice before the reply", _around(before=_NOTICE)),
    "byte_order_mark": ("a byte order mark before the reply", _around(before=_BOM)),
}
"""Changes of a reply after the effect, with their descriptions."""
