"""The page "Telephony" in Airflow's UI: static files, of which the page itself needs a login.

It has no data of its own. The browser reads Airflow's public REST API with the user's own rights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import Depends, FastAPI, HTTPException
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

STATIC: Final = Path(__file__).parent / "static"
#: Nothing from elsewhere, no inline scripts or styles, and no frame but Airflow's own.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Kept, but asked for again each time: a new version must not meet the old one's scripts.
    "Cache-Control": "no-cache",
}


def page_app() -> FastAPI:
    """Return the application: ``/`` for users of Airflow, and ``/static``, which is open to all."""
    app = FastAPI(title="Directcall page", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_WithHeaders)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", _page, methods=["GET"], dependencies=[Depends(user_guard())], response_class=FileResponse)
    return app


def user_guard() -> Callable[..., Any]:
    """Return the dependency that lets the users of Airflow's UI in."""
    try:
        from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
        from airflow.api_fastapi.core_api.security import requires_access_view
    except ImportError:
        log.exception("The page Telephony is closed: this Airflow checks the rights of users in another way")
        return _closed
    return requires_access_view(AccessView.WEBSITE)


def _closed() -> None:
    raise HTTPException(403, "Forbidden")


def _page() -> FileResponse:
    return FileResponse(STATIC / "index.html", media_type="text/html")


class _WithHeaders:
    """Adds headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
