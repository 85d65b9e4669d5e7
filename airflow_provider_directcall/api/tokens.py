"""How long an access token is kept. No I/O, no locks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import Token

#: A token is given up this long before its end.
MARGIN_SECONDS: Final = 300.0


@dataclass(slots=True)
class TokenKeeper:
    """The current token and when to give it up.

    Times are seconds of a monotonic clock. A token that lives less than ten minutes is kept for half its life.
    """

    _value: str | None = field(default=None, repr=False)
    _useful_until: float = 0.0

    def current(self, now: float) -> str | None:
        """The token, or None when a new one is needed."""
        return self._value if now < self._useful_until else None

    def store(self, token: Token, now: float) -> str:
        """Keep a token that was asked for at ``now``; gives its value."""
        margin = min(MARGIN_SECONDS, token.life_seconds / 2)
        self._value, self._useful_until = token.value, now + token.life_seconds - margin
        return token.value

    def reject(self, value: str) -> None:
        """Forget a token that the API did not accept; another one that came in meanwhile stays."""
        if self._value == value:
            self._value = None
            self._useful_until = 0.0
