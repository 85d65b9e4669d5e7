"""The ASGI application: serves the table of routes, the control endpoints, the recordings and the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from airflow_provider_directcall.sandbox.control import control_routes
from airflow_provider_directcall.sandbox.fault_middleware import FaultMiddleware
from airflow_provider_directcall.sandbox.inbox.page import page_routes
from airflow_provider_directcall.sandbox.quirks import change_reply
from airflow_provider_directcall.sandbox.recordings import serve_recording
from airflow_provider_directcall.sandbox.replies import ApiError, ApiReply, InvalidToken, Json, encode_reply
from airflow_provider_directcall.sandbox.requests import CONTEXT_KEY, ApiRequest, RequestContext, read_request
from airflow_provider_directcall.sandbox.routes import ROUTES
from airflow_provider_directcall.sandbox.rules import write_outside_api

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.php_forms import PhpArray
    from airflow_provider_directcall.sandbox.routes import ApiRoute


def build_app(account: Account) -> ASGIApp:
    """Build the application of one account."""
    moved = account.config.paths
    served = {moved.get(route.name, route.path): route for route in ROUTES}
    routes = [
        *(Route(path, _serve(route, account), methods=list(route.verbs)) for path, route in served.items()),
        *control_routes(account),
        Route("/recordings/{recording_id}", serve_recording(account), methods=["GET"]),
        *page_routes(account),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _wrong_verb})
    app.router.redirect_slashes = False
    return FaultMiddleware(app, {path: route.name for path, route in served.items()}, account.draw_faults)


def _serve(route: ApiRoute, account: Account) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        context = cast("RequestContext", request.scope["state"][CONTEXT_KEY])
        api_request = await read_request(request, context, account.config.zone, takes_json=route.takes_json)
        with account.lock:
            reply = _run(route, account, api_request)
            quirks = account.settings.quirks
        context.summary = f"{context.summary} {_outcome(reply.body)}".strip()
        encoded = encode_reply(reply, xml=_wants_xml(api_request.fields), quirks=quirks)
        return Response(encoded.body, encoded.http_status, {"content-type": encoded.content_type})

    return respond


def _run(route: ApiRoute, account: Account, request: ApiRequest) -> ApiReply:
    """Check the token and run the handler; errors become replies."""
    quirks = account.settings.quirks
    try:
        if route.needs_token:
            _check_token(account, request)
        for write in request.context.foreign_writes:
            write_outside_api(account, write)
        reply = route.handler(account, request)
    except InvalidToken as error:
        status = 200 if "auth_200" in quirks else 401
        if "auth_envelope" in quirks:
            return ApiReply(_refusal(route, ApiError.bad_credentials()), status)
        return ApiReply({"error": "invalid_token", "error_description": str(error)}, status)
    except ApiError as error:
        return ApiReply(_refusal(route, error), 400 if "http_400" in quirks else 200)
    if isinstance(reply, ApiReply):
        return reply
    return change_reply(ApiReply(route.success(reply)), route.name, quirks)


def _check_token(account: Account, request: ApiRequest) -> None:
    if request.context.token_expired:
        raise InvalidToken("The access token provided has expired")
    token = request.fields.get("access_token")
    account.tokens.check(token if isinstance(token, str) else None)


def _refusal(route: ApiRoute, error: ApiError) -> dict[str, Json]:
    envelope: dict[str, Json] = {"api": route.api, "modulo": route.modulo, "status": "erro"}
    return {**envelope, "codigo": error.codigo, "msg": error.msg, **error.extra}


def _wants_xml(fields: PhpArray) -> bool:
    return any(str(fields.get(name)).upper() == "XML" for name in ("format", "formato"))


def _outcome(body: Json) -> str:
    if isinstance(body, list):
        return _outcome(body[0]) if body else ""
    if not isinstance(body, dict):
        return ""
    return f"codigo {body['codigo']}" if "codigo" in body else str(body.get("error", ""))


async def _not_found(request: Request, error: Exception) -> Response:
    return HTMLResponse("<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>", 404)


async def _wrong_verb(request: Request, error: Exception) -> Response:
    return HTMLResponse(
        f"<br />\n<b>Fatal error</b>: Uncaught MethodNotAllowedException: {request.method} in "
        "<b>/var/www/api/index.php</b> on line <b>17</b><br />\n",
        405,
        getattr(error, "headers", None),
    )
