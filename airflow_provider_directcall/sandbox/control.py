"""``/_sandbox/...``: the operations over HTTP, in JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from starlette.responses import JSONResponse
from starlette.routing import Route

from airflow_provider_directcall.sandbox.faults import Fault
from airflow_provider_directcall.sandbox.hosts import has_own_host
from airflow_provider_directcall.sandbox.operations import SandboxOperations
from airflow_provider_directcall.sandbox.replies import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from airflow_provider_directcall.sandbox.account import Account

ControlReply: TypeAlias = "Callable[[SandboxOperations, Any], object]"
SETTABLE: Final = frozenset(
    {
        "statement_delay",
        "statement_jitter",
        "statement_shuffle",
        "scheduled_in_statement",
        "page_size",
        "tag_characters",
        "sms_counting",
        "pace",
        "recording_host",
        "token_life",
        "quirks",
    }
)
"""Settings that may change while the sandbox runs."""


@dataclass(frozen=True, slots=True)
class Control:
    """An operation over HTTP: ``run`` gets the fields of the JSON body, or for a GET those of the query.

    ``reply`` makes JSON of its result.
    """

    verb: str
    name: str
    run: Callable[..., object]
    reply: ControlReply


def _result(sandbox: SandboxOperations, result: object) -> object:
    return result


def _constant(reply: object) -> ControlReply:
    return lambda sandbox, result: reply


def _state(part: str) -> ControlReply:
    return lambda sandbox, result: dict(sandbox.state())[part]


def _clock(sandbox: SandboxOperations, result: object) -> object:
    state = sandbox.state()
    return {"now": state["now"], "speed": state["clock"]["speed"]}


def _configure(sandbox: SandboxOperations, **settings: object) -> None:
    unknown = settings.keys() - SETTABLE
    if unknown:
        raise ValueError(f"cannot be set: {', '.join(sorted(unknown))}; can: {', '.join(sorted(SETTABLE))}")
    quirks = settings.get("quirks")
    if isinstance(quirks, list):
        settings["quirks"] = frozenset(quirks)
    sandbox.configure(**settings)


def _inject(sandbox: SandboxOperations, **fault: Any) -> None:  # noqa: ANN401 - Fault checks its fields
    sandbox.inject(Fault(**fault))


CONTROLS: Final[tuple[Control, ...]] = (
    Control("GET", "state", SandboxOperations.state, _result),
    Control("GET", "inbox", SandboxOperations.inbox, _result),
    Control("GET", "setup", SandboxOperations.setup, _result),
    Control("POST", "reset", SandboxOperations.reset, _constant({"reset": True})),
    Control("POST", "clock", SandboxOperations.move_clock, _clock),
    Control("POST", "statement", _configure, _state("settings")),
    Control("POST", "settings", _configure, _state("settings")),
    Control("GET", "faults", SandboxOperations.state, _state("faults")),
    Control("POST", "faults", _inject, _state("faults")),
    Control("DELETE", "faults", SandboxOperations.clear_faults, _state("faults")),
    Control("POST", "incoming", SandboxOperations.receive_call, _result),
    Control("POST", "messages", SandboxOperations.receive_message, lambda _, message_id: {"received_id": message_id}),
    Control("POST", "seed", SandboxOperations.seed, lambda _, rows: {"block": rows.block, "count": rows.count}),
    Control("POST", "rules", SandboxOperations.write_rule, _state("rules")),
    Control("POST", "expire-tokens", SandboxOperations.expire_tokens, _constant({"expired": True})),
)
"""The operations that are served below ``/_sandbox/``."""


def control_routes(account: Account) -> list[Route]:
    """Return the routes of the table; invalid input is answered with 422 and a text."""
    sandbox = SandboxOperations(account)
    return [
        Route(f"/_sandbox/{control.name}", _serve(account, sandbox, control), methods=[control.verb])
        for control in CONTROLS
    ]


def _is_same_site(request: Request) -> bool:
    """Return whether no other site's page in a browser made the request."""
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return origin in {None, own} and request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}


def _serve(account: Account, sandbox: SandboxOperations, control: Control) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        if not (has_own_host(account, request) and _is_same_site(request)):
            return JSONResponse({"error": "the request comes from another site"}, status_code=403)
        try:
            by_query = request.method == "GET"
            body = dict(request.query_params) if by_query else json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise TypeError("the body must be a JSON object")
            with account.lock:
                return JSONResponse(control.reply(sandbox, control.run(sandbox, **body)))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        except ApiError as error:
            return JSONResponse({"error": f"{error.codigo} {error.msg}"}, status_code=422)

    return respond
