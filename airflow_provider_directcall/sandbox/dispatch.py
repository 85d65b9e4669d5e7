"""From an HTTP request to a handler and back: reads, checks the token, runs the handler, writes the reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast

from starlette.responses import Response

from airflow_provider_directcall.sandbox.connection_faults import CONTEXT_KEY, RequestContext
from airflow_provider_directcall.sandbox.replies import ApiError, ApiReply, InvalidToken, Json, encode_reply
from airflow_provider_directcall.sandbox.requests import ApiRequest, read_request
from airflow_provider_directcall.sandbox.rules import write_outside_api

if TYPE_CHECKING:
    from starlette.requests import Request

    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.php_forms import PhpArray
    from airflow_provider_directcall.sandbox.routes import ApiRoute

_WHOLE_FIELDS: Final = frozenset({"id_mensagem", "soundId", "wait"})


def serve(endpoint: ApiRoute, account: Account) -> Callable[[Request], Awaitable[Response]]:
    """The HTTP handler of an endpoint."""

    async def respond(request: Request) -> Response:
        exchange = cast("RequestContext", request.scope["state"][CONTEXT_KEY])
        api_request = await read_request(request, exchange, account.config.zone, takes_json=endpoint.takes_json)
        with account.lock:
            reply = answer(endpoint, account, api_request)
            quirks = account.settings.quirks
        exchange.summary = f"{exchange.summary} {_outcome(reply.body)}".strip()
        if "ids_as_strings" in quirks:
            reply = ApiReply(_ids_as_strings(reply.body), reply.http_status)
        written = encode_reply(reply, xml=_wants_xml(api_request.fields), quirks=quirks)
        return Response(written.body, written.http_status, {"content-type": written.content_type})

    return respond


def answer(endpoint: ApiRoute, account: Account, request: ApiRequest) -> ApiReply:
    """Run an endpoint's handler; refusals become replies."""
    try:
        if endpoint.needs_token:
            _check_token(account, request)
        for write in request.exchange.foreign_writes:
            write_outside_api(account, write)
        return endpoint.handler(account, request)
    except InvalidToken as error:
        return _token_refused(endpoint, account, str(error))
    except ApiError as error:
        return _refused(endpoint, account, error)


def _check_token(account: Account, request: ApiRequest) -> None:
    if request.exchange.token_expired:
        raise InvalidToken("The access token provided has expired")
    token = request.fields.get("access_token")
    account.tokens.check(token if isinstance(token, str) else None)


def _token_refused(endpoint: ApiRoute, account: Account, text: str) -> ApiReply:
    quirks = account.settings.quirks
    status = 200 if "auth_200" in quirks else 401
    if "auth_envelope" in quirks:
        return ApiReply(_error(endpoint, "006", "Falha na autenticacao, entre em contato com a Directcall"), status)
    return ApiReply({"error": "invalid_token", "error_description": text}, status)


def _refused(endpoint: ApiRoute, account: Account, error: ApiError) -> ApiReply:
    status = 400 if "http_400" in account.settings.quirks else 200
    return ApiReply({**_error(endpoint, error.codigo, error.msg), **error.extra}, status)


def _error(endpoint: ApiRoute, codigo: str, msg: str) -> dict[str, Json]:
    return {"api": endpoint.api, "modulo": endpoint.modulo, "status": "erro", "codigo": codigo, "msg": msg}


def _wants_xml(fields: PhpArray) -> bool:
    return any(str(fields.get(name)).upper() == "XML" for name in ("format", "formato"))


def _outcome(body: Json) -> str:
    if isinstance(body, list):
        return _outcome(body[0]) if body else ""
    if not isinstance(body, dict):
        return ""
    return f"codigo {body['codigo']}" if "codigo" in body else str(body.get("error", ""))


def _ids_as_strings(value: Json) -> Json:
    if isinstance(value, list):
        return [_ids_as_strings(item) for item in value]
    if isinstance(value, dict):
        return {
            key: str(item) if key in _WHOLE_FIELDS and isinstance(item, int) else _ids_as_strings(item)
            for key, item in value.items()
        }
    return value
