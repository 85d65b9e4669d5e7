"""Access tokens: JWTs with the vendor's claims, or 40 hex digits as before JWT.

The sandbox stores each token that it issued, so checking one is a look-up.
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
    """Issues access tokens and checks them, by the clock ``now`` (seconds since the epoch)."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._key = secrets.token_hex(32)
        self._expiry: dict[str, float] = {}

    def issue(self, life: float, *, as_hex: bool) -> str:
        """Return a new token that is valid for ``life`` seconds."""
        now = self._now()
        self._expiry = {token: expiry for token, expiry in self._expiry.items() if expiry > now}
        token = secrets.token_hex(20) if as_hex else self._jwt(now, life)
        self._expiry[token] = now + life
        return token

    def check(self, token: str | None) -> None:
        """Raise ``InvalidToken`` unless the token was issued here and has not expired."""
        if not token:
            raise InvalidToken("The access token was not found")
        expiry = self._expiry.get(token)
        if expiry is None:
            raise InvalidToken("The access token provided is invalid")
        if self._now() >= expiry:
            raise InvalidToken("The access token provided has expired")

    def expire_all(self) -> None:
        """Expire every token issued so far."""
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
