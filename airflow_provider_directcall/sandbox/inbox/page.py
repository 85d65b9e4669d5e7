"""The page at ``/`` and its files. It shows texts of clients, so its policy admits nothing but these files."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from airflow_provider_directcall.sandbox.hosts import for_own_hosts
from airflow_provider_directcall.sandbox.inbox.languages import ENGLISH, LANGUAGES, language_of, preferred, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.hosts import Handler

FILES: Final = Path(__file__).parent / "static"
_PAGE: Final = "index.html"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


def page_routes(account: Account) -> list[Route]:
    """Return the routes of the page and of its files, for hosts of this machine only."""
    return [
        Route("/", for_own_hosts(account, _serve_page(account)), methods=["GET"]),
        Route("/_sandbox/page/{name:path}", for_own_hosts(account, _serve_file), methods=["GET"]),
    ]


def _serve_page(account: Account) -> Handler:
    async def respond(request: Request) -> Response:
        chosen = language_of(request.query_params.get("lang")) or language_of(account.config.language)
        language = chosen or preferred(request.headers.get("accept-language", ""))
        return HTMLResponse(
            render(language), headers={**_HEADERS, "Content-Language": language, "Vary": "Accept-Language"}
        )

    return respond


def render(language: str) -> str:
    """Return the page in a language: each ``{{name}}`` of the file is a text."""
    other = next(name for name in LANGUAGES if name != language)
    words: Mapping[str, str] = {**texts(ENGLISH), **texts(language), "lang": language, "other_lang": other}
    page = (FILES / _PAGE).read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: escape(words[place[1]]), page)


async def _serve_file(request: Request) -> Response:
    # A name is looked up among the files that there are, so none leads out of the folder.
    path = _files().get(request.path_params["name"])
    if path is None:
        return PlainTextResponse("not found\n", status_code=404)
    return Response(path.read_bytes(), headers={**_HEADERS, "Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8"})


def _files() -> dict[str, Path]:
    return {path.relative_to(FILES).as_posix(): path for path in FILES.rglob("*") if path.suffix in _TYPES}
