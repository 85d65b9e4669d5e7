"""Access tokens: JWTs with the vendor's claims, or the 40 hex digits of the time before JWT.

The sandbox knows each token that it gave out, so checking one is a look-up.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import jwt

from airflow_provider_directcall.sandbox.replies import InvalidToken

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER: Final = "http://api.directcallsoft.com"
AUDIENCE: Final = "10.0.0.1"
ACCOUNT: Final = "2600"


class Tokens:
    """Gives out access tokens and checks them, by the clock ``now`` (seconds since the epoch)."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._key = secrets.token_hex(32)
        self._expiry: dict[str, float] = {}

    def issue(self, life: float, *, as_hex: bool) -> str:
        """A new token that lives ``life`` seconds."""
        now = self._now()
        self._expiry = {token: expiry for token, expiry in self._expiry.items() if expiry > now}
        token = secrets.token_hex(20) if as_hex else self._jwt(now, life)
        self._expiry[token] = now + life
        return token

    def check(self, token: str | None) -> None:
        """Raise ``InvalidToken`` unless the token is one of ours and still alive."""
        if not token:
            raise InvalidToken("The access token was not found")
        expiry = self._expiry.get(token)
        if expiry is None:
            raise InvalidToken("The access token provided is invalid")
        if self._now() >= expiry:
            raise InvalidToken("The access token provided has expired")

    def expire_all(self) -> None:
        """Every token given out so far has expired."""
        self._expiry = dict.fromkeys(self._expiry, 0.0)

    def _jwt(self, now: float, life: float) -> str:
        issued = int(now)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(life),
            "client_oauth_id": ACCOUNT,
        }
        return jwt.encode(claims, self._key, algorithm="HS256")
