"""The ASGI application: the API, the control endpoints, the recordings and the page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from airflow_provider_directcall.sandbox.control import control_routes
from airflow_provider_directcall.sandbox.dispatch import serve
from airflow_provider_directcall.sandbox.fault_middleware import FaultMiddleware
from airflow_provider_directcall.sandbox.page import serve_page
from airflow_provider_directcall.sandbox.recordings import serve_recording
from airflow_provider_directcall.sandbox.routes import ROUTES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from airflow_provider_directcall.sandbox.account import Account


def build_app(account: Account) -> ASGIApp:
    """The application of one account."""
    moved = account.config.paths
    served = {moved.get(endpoint.name, endpoint.path): endpoint for endpoint in ROUTES}
    routes = [
        *(Route(path, serve(endpoint, account), methods=list(endpoint.verbs)) for path, endpoint in served.items()),
        *control_routes(account),
        Route("/recordings/{recording_id}", serve_recording(account), methods=["GET"]),
        Route("/", serve_page(account), methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _wrong_verb})
    app.router.redirect_slashes = False
    return FaultMiddleware(app, {path: endpoint.name for path, endpoint in served.items()}, account.draw_faults)


async def _not_found(request: Request, error: Exception) -> Response:
    return HTMLResponse("<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>", 404)


async def _wrong_verb(request: Request, error: Exception) -> Response:
    return HTMLResponse(
        f"<br />\n<b>Fatal error</b>: Uncaught MethodNotAllowedException: {request.method} in "
        "<b>/var/www/api/index.php</b> on line <b>17</b><br />\n",
        405,
        getattr(error, "headers", None),
    )
