"""``/_sandbox/...``: the HTTP face of the operations, in JSON and in English."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from starlette.responses import JSONResponse
from starlette.routing import Route

from airflow_provider_directcall.sandbox import operations
from airflow_provider_directcall.sandbox.faults import Fault
from airflow_provider_directcall.sandbox.replies import ApiError
from airflow_provider_directcall.sandbox.state import read_state

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from airflow_provider_directcall.sandbox.account import Account

T = TypeVar("T")
Body: TypeAlias = dict[str, "object"]
Control: TypeAlias = "Callable[[Account, Body], object]"
SETTABLE: Final = frozenset(
    {
        "statement_delay",
        "statement_jitter",
        "statement_shuffle",
        "scheduled_in_statement",
        "page_size",
        "pace",
        "recording_host",
        "token_life",
        "quirks",
    }
)


def _state(account: Account, body: Body) -> object:
    return read_state(account)


def _called(make: Callable[..., T], *given: object, **named: object) -> T:
    """What a function makes of names and values that somebody has sent; wrong ones are its TypeError or ValueError."""
    return make(*given, **named)


def _reset(account: Account, body: Body) -> object:
    account.reset()
    return {"reset": True}


def _clock(account: Account, body: Body) -> object:
    _called(operations.move_clock, account, **_with_dates(body, "to"))
    return {"now": account.format_moment(account.now()), "speed": account.clock.speed}


def _settings(account: Account, body: Body) -> object:
    unknown = body.keys() - SETTABLE
    if unknown:
        raise ValueError(f"cannot be set: {', '.join(sorted(unknown))}; can: {', '.join(sorted(SETTABLE))}")
    quirks = body.get("quirks")
    account.change_settings(**{**body, **({"quirks": frozenset(quirks)} if isinstance(quirks, list) else {})})
    return read_state(account)["settings"]


def _inject(account: Account, body: Body) -> object:
    account.faults.add(_called(Fault, **body))
    return account.faults.report()


def _list_faults(account: Account, body: Body) -> object:
    return account.faults.report()


def _clear_faults(account: Account, body: Body) -> object:
    account.faults.clear()
    return []


def _incoming(account: Account, body: Body) -> object:
    return _called(operations.receive_call, account, **_with_dates(body, "at"))


def _message(account: Account, body: Body) -> object:
    message = _called(operations.receive_message, account, **body)
    return {"received_id": message.received_id}


def _seed(account: Account, body: Body) -> object:
    block = _called(operations.seed_statement, account, **_with_dates(body, "first_at"))
    return {"block": block.block, "count": block.count}


def _rule(account: Account, body: Body) -> object:
    operations.write_rule(account, {name: str(value) for name, value in body.items()})
    return read_state(account)["rules"]


def _expire_tokens(account: Account, body: Body) -> object:
    account.tokens.expire_all()
    return {"expired": True}


def _with_dates(body: Body, *names: str) -> Body:
    return {
        name: datetime.fromisoformat(str(value)) if name in names and value is not None else value
        for name, value in body.items()
    }


CONTROLS: Final[tuple[tuple[str, str, Control], ...]] = (
    ("GET", "state", _state),
    ("POST", "reset", _reset),
    ("POST", "clock", _clock),
    ("POST", "statement", _settings),
    ("POST", "settings", _settings),
    ("GET", "faults", _list_faults),
    ("POST", "faults", _inject),
    ("DELETE", "faults", _clear_faults),
    ("POST", "incoming", _incoming),
    ("POST", "messages", _message),
    ("POST", "seed", _seed),
    ("POST", "rules", _rule),
    ("POST", "expire-tokens", _expire_tokens),
)
"""Verb, name below ``/_sandbox/``, and what it does."""


def control_routes(account: Account) -> list[Route]:
    """The routes of the table; wrong input is answered with 422 and a text."""
    return [Route(f"/_sandbox/{name}", _serve(account, control), methods=[verb]) for verb, name, control in CONTROLS]


def _serve(account: Account, control: Control) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            body = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise TypeError("the body must be a JSON object")
            with account.lock:
                return JSONResponse(control(account, body))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        except ApiError as error:
            return JSONResponse({"error": f"{error.codigo} {error.msg}"}, status_code=422)

    return respond
