"""The cache of the access token. No I/O, no locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import DirectcallError

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.replies import Token

_MARGIN_SECONDS: Final = 300.0


class TokenCache:
    """Caches the access token until five minutes before it expires, or for half its life if that is shorter."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._value: str | None = None
        self._renew_at = 0.0
        self._last_failure: DirectcallError | None = None
        #: Number of renewals that failed so far.
        self.failures = 0

    def current(self, failures: int) -> str | None:
        """Return the token, or None when it has to be renewed.

        :param failures: :attr:`failures` when the caller began to wait for its turn to renew.
        :raises DirectcallError: a renewal failed meanwhile; everyone who waited for it shares that failure.
        """
        if self._clock.monotonic() < self._renew_at:
            return self._value
        if self._last_failure and self.failures > failures:
            raise copy(self._last_failure)
        return None

    @contextmanager
    def renewal(self) -> Iterator[Callable[[Token], str]]:
        """Record a renewal or its failure; yields the function that stores the new token and returns its value."""
        asked_at = self._clock.monotonic()

        def store(token: Token) -> str:
            margin = min(_MARGIN_SECONDS, token.life_seconds / 2)
            self._value, self._renew_at = token.value, asked_at + token.life_seconds - margin
            return token.value

        try:
            yield store
        except DirectcallError as error:
            self.failures, self._last_failure = self.failures + 1, error
            raise

    def reject(self, value: str) -> None:
        """Forget a token that the API did not accept, unless a newer one has replaced it."""
        if self._value == value:
            self._value, self._renew_at = None, 0.0
