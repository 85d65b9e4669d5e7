"""Addresses of webhooks: checked when a DAG file is parsed, compared without their credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """An address for webhooks, without credentials.

    :ivar url: as it was written.
    """

    url: str

    @classmethod
    def parse(cls, url: object, *, allow_loopback: bool = False) -> WebhookAddress:
        """Check an address.

        :param allow_loopback: accept this machine without TLS.
        :raises ValueError: it has no TLS, holds credentials, or is no address. The text does not show it.
        """
        parts = _split(url)
        if parts is None or parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("url: an https address is needed")
        if parts.username is not None or parts.password is not None:
            raise ValueError("url: credentials belong into a connection, see webhook_conn_id")
        if parts.fragment:
            raise ValueError("url: an address for webhooks has no fragment (#)")
        is_local = allow_loopback and parts.hostname in _LOOPBACK
        if parts.scheme != "https" and not is_local:
            raise ValueError(
                "url: without TLS (https), everyone on the way reads the credentials and what Directcall sends; "
                "allow_loopback=True accepts http on this machine, for tests"
            )
        return cls(str(url))

    def with_credentials(self, login: str, password: str) -> str:
        """Return the address with credentials for HTTP Basic."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{quote(login, safe='')}:{quote(password, safe='')}@{rest}"

    def is_of(self, url: str | None) -> bool:
        """Whether a registered address is this one, whatever its credentials."""
        return _place(_split(url)) == _place(_split(self.url))


def _split(url: object) -> SplitResult | None:
    if not isinstance(url, str) or any(char.isspace() for char in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _place(parts: SplitResult | None) -> tuple[object, ...]:
    if parts is None:
        return ()
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or _PORTS.get(scheme), parts.path or "/", parts.query
