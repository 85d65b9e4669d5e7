"""How long an access token is kept. No I/O, no locks."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.api.errors import DirectcallError
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
    #: How often a renewal failed so far, and why the last time.
    failures: int = 0
    _last_failure: DirectcallError | None = field(default=None, repr=False)

    def current(self, now: float) -> str | None:
        """The token, or None when a new one is needed."""
        return self._value if now < self._useful_until else None

    def store(self, token: Token, now: float) -> str:
        """Keep a token that was asked for at ``now``; gives its value."""
        margin = min(MARGIN_SECONDS, token.life_seconds / 2)
        self._value, self._useful_until = token.value, now + token.life_seconds - margin
        return token.value

    def fail(self, error: DirectcallError) -> None:
        """Note a renewal that failed, for those who wait for it."""
        self.failures += 1
        self._last_failure = error

    def failed_since(self, failures: int) -> DirectcallError | None:
        """The last failure, if there was one after somebody saw this many; a copy, as each waiter raises its own."""
        return copy(self._last_failure) if self._last_failure and self.failures > failures else None

    def reject(self, value: str) -> None:
        """Forget a token that the API did not accept; another one that came in meanwhile stays."""
        if self._value == value:
            self._value = None
            self._useful_until = 0.0
