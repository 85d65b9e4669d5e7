"""Settings of one account: address, credentials, zone, limits, and replaced paths and field names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_directcall.api.wire import ENDPOINTS
from airflow_provider_directcall.telephony.numbers import CALLABLE, SENDERS, parse_number

DEFAULT_BASE_URL = "https://api.directcallsoft.com"
DEFAULT_TIMEZONE = "America/Sao_Paulo"
DEFAULT_TIMEOUT = 30.0
#: The ``tag_search`` that leaves ``campos[search]`` out.
NO_TAG_SEARCH = "n"
_PATH = re.compile(r"/[!-\"$->@-~]*")
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Settings:
    """One account, validated in the constructor.

    :param client_id: the account's e-mail address (``client_id``).
    :param client_secret: its secret (``client_secret``); never shown by ``repr``.
    :param base_url: where the API is; without a scheme, https, and http on this machine (``localhost:8025``).
    :param default_origin: number for methods that are called without ``origin``.
    :param timezone: IANA name of the zone in which Directcall reads and writes times (inferred, not documented).
    :param timeout: seconds to wait for a connection and for each part of a reply; a whole reply may take four times as
        long.
    :param requests_per_second: upper bound of this client's own pace, or None for no bound.
    :param tag_search: value of ``campos[search]``, with which the statement shows the tags of its rows on some
        accounts; ``n`` leaves the parameter out; None where its effect on the account is not known.
    :param endpoints: endpoint name -> path, for accounts where a path differs from the table.
    :param fields: endpoint name -> {assumed field name -> the account's field name}.
    :param name: id of the connection, for errors.
    :raises ValueError: a value is invalid; the text names it and never shows the secret.
    """

    client_id: str
    client_secret: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    default_origin: str | None = field(default=None, repr=False)
    timezone: str = DEFAULT_TIMEZONE
    timeout: float = DEFAULT_TIMEOUT
    requests_per_second: float | None = None
    tag_search: str | None = None
    endpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Validate each value; strip the base URL's trailing slash."""
        object.__setattr__(self, "base_url", _checked_base_url(self.base_url))
        if self.default_origin is not None:
            parse_number(self.default_origin, argument="default_origin", allow=CALLABLE | SENDERS)
        _check_timezone(self.timezone)
        _check_positive("timeout", self.timeout)
        if self.requests_per_second is not None:
            _check_positive("requests_per_second", self.requests_per_second)
        if self.tag_search is not None and not re.fullmatch(r"\w{1,20}", self.tag_search, re.ASCII):
            raise ValueError("tag_search: a word is needed, such as 's', or 'n' to leave it out")
        _check_endpoints(self.endpoints)
        _check_fields(self.fields)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of the times on the wire."""
        return ZoneInfo(self.timezone)

    @property
    def sends_secrets_in_clear(self) -> bool:
        """Whether the address is plain http to another machine."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http" and parts.hostname not in _LOOPBACK_HOSTS

    def path(self, endpoint: str) -> str:
        """Return the path of an endpoint, the account's own if it has one."""
        return self.endpoints.get(endpoint, ENDPOINTS[endpoint].path)

    def field_names(self, endpoint: str) -> Mapping[str, str]:
        """Return assumed field name -> the account's field name, for one endpoint."""
        return self.fields.get(endpoint, {})


def _checked_base_url(base_url: str) -> str:
    text = base_url.strip()
    text = (text if "://" in text else f"{_usual_scheme(text)}://{text}").rstrip("/")
    if "@" in text:
        raise ValueError("base_url: credentials belong in login and password, not in the address")
    if not _is_plain_address(text):
        raise ValueError(f"base_url: an http or https address is needed, not {base_url!r}")
    return text


def _usual_scheme(address: str) -> str:
    """Return http for this machine, where no one has a certificate, and https for all others."""
    try:
        return "http" if urlsplit(f"//{address}").hostname in _LOOPBACK_HOSTS else "https"
    except ValueError:
        return "https"


def _is_plain_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_fits = parts.port != 0
    except ValueError:
        return False
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_web and port_fits and not any(char in "?#\\" or char.isspace() or not char.isprintable() for char in text)


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"timezone: {name!r} is not a known IANA time zone") from None


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"{name}: a number above 0 is needed, not {value!r}")


def _check_endpoints(endpoints: Mapping[str, str]) -> None:
    for name, path in endpoints.items():
        if name not in ENDPOINTS:
            raise ValueError(f"endpoints: {name!r} is not an endpoint; known: {', '.join(sorted(ENDPOINTS))}")
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise ValueError(f"endpoints: the path of {name!r} has to start with a slash and to hold no blanks, ? or #")


def _check_fields(fields: Mapping[str, Mapping[str, str]]) -> None:
    for name, replaced in fields.items():
        if name not in ENDPOINTS:
            raise ValueError(f"fields: {name!r} is not an endpoint; known: {', '.join(sorted(ENDPOINTS))}")
        assumed = ENDPOINTS[name].assumed_fields
        unknown = set(replaced) - assumed
        if unknown:
            raise ValueError(
                f"fields: {name!r} has no assumed field {', '.join(sorted(unknown))}; "
                f"it has {', '.join(sorted(assumed)) or 'none'}"
            )
        if not all(isinstance(target, str) and target for target in replaced.values()):
            raise ValueError(f"fields: every new name of {name!r} has to be a text")
