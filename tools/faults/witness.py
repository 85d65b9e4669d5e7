"""A witness of a sandbox's answers: the idempotency keys that its statement has shown, and the tokens it has issued."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STATEMENTS: Final = ("/extrato/list", "/extrato/list-sms")
#: An idempotency key, wherever in a body it is, in any case, and cut to eight characters or more.
_KEY: Final = re.compile(rb"(?<![A-Za-z0-9])[A-Za-z2-7]{8,16}(?![A-Za-z0-9])")
_LOG_IN: Final = "/request_token"
_TOKEN: Final = re.compile(rb'"access_token": *"([^"]+)"')


class Witness:
    """An ASGI app around a sandbox's: it sees what leaves for the client, all faults included.

    :param now: the sandbox's time.
    """

    def __init__(self, app: ASGIApp, now: Callable[[], float]) -> None:
        self._app = app
        self._now = now
        self._words: dict[str, float] = {}
        """What may be a key, or its beginning, by the moment at which the statement first showed it."""
        self.tokens: set[str] = set()

    def shown(self, keys: Iterable[str]) -> dict[str, float]:
        """Return the moment at which the statement first showed a row with a key, by key."""
        moments = {key: [at for word, at in self._words.items() if key.startswith(word)] for key in keys}
        return {key: min(at) for key, at in moments.items() if at}

    def forget(self) -> None:
        """Begin a new account; the tokens stay known."""
        self._words.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] not in {*_STATEMENTS, _LOG_IN}:
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []

        async def observed(message: Message) -> None:
            chunks.append(message.get("body", b""))
            # A reply that was cut off has no last part, and proves nothing.
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._note(scope["path"], b"".join(chunks))
            await send(message)

        await self._app(scope, receive, observed)

    def _note(self, path: str, body: bytes) -> None:
        if path == _LOG_IN:
            self.tokens.update(token.decode() for token in _TOKEN.findall(body))
            return
        for word in _KEY.findall(body):
            self._words.setdefault(word.decode().lower(), self._now())
