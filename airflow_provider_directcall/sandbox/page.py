"""The page at ``/``: calls, messages, rules and faults as tables that reload."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse

from airflow_provider_directcall.sandbox.state import read_state

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.state import JsonObject, SandboxState

REFRESH_SECONDS: Final = 2
LATEST: Final = 200
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1c2430}"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .4rem}p{color:#5b6675;margin:.2rem 0}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .7rem;"
    "border-bottom:1px solid #e3e7ec;vertical-align:top}th{font-weight:600;color:#5b6675}"
    "td{font-variant-numeric:tabular-nums;overflow-wrap:break-word}"
)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The page shows what clients sent, so it runs no script and is shown in no other page."""
_CALLS: Final = ("starts", "direction", "origin", "destination", "phase", "outcome", "talk_seconds", "tags")
_MESSAGES: Final = ("starts", "kind", "origin", "destination", "phase", "text", "tags")
_RULES: Final = ("did", "priority", "action", "data", "dpId")
_FAULTS: Final = ("kind", "endpoint", "times", "fired")


def serve_page(account: Account) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of ``GET /``."""

    async def respond(request: Request) -> Response:
        with account.lock:
            state = read_state(account)
        return HTMLResponse(render(state), headers=_HEADERS)

    return respond


def render(state: SandboxState) -> str:
    """Render the page of a state."""
    rules = [rule for number in state["rules"].values() for rule in number]
    parts = [
        (
            f"<h1>Directcall sandbox</h1><p>{escape(state['now'])}, clock at {state['clock']['speed']} times real "
            f"time, calls and messages at {state['clock']['pace']} times</p>"
        ),
        _table("Calls", _CALLS, _latest(state["calls"])),
        _table("Messages", _MESSAGES, _latest(state["messages"])),
        _table("Rules of the numbers", _RULES, rules),
        _table("Faults in force", _FAULTS, state["faults"]),
        _table("Effects", ("effect", "count"), _counts("effect", state["effects"])),
        _table("Requests", ("endpoint", "count"), _counts("endpoint", state["requests"])),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Directcall sandbox</title>'
        f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}"><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>"
    )


def _latest(records: Sequence[JsonObject]) -> list[JsonObject]:
    return list(reversed(records[-LATEST:]))


def _counts(name: str, counts: dict[str, int]) -> list[JsonObject]:
    return [{name: key, "count": count} for key, count in sorted(counts.items())]


def _table(title: str, columns: Iterable[str], rows: Sequence[JsonObject]) -> str:
    if not rows:
        return f"<h2>{title}</h2><p>none yet</p>"
    head = "".join(f"<th>{column.replace('_', ' ')}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(row.get(column))}</td>' for column in columns)}</tr>" for row in rows)
    return f"<h2>{title} ({len(rows)})</h2><table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return escape(", ".join(f"{key}={item}" for key, item in value.items()))
    return "" if value is None else escape(str(value))
