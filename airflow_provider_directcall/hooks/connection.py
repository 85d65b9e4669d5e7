"""Read the settings of the API client from an Airflow connection.

Values of ``extra`` come from forms, JSON files and environment variables, so a number may be a text and an object a
JSON text; an empty text means unset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from airflow_provider_directcall.api.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_TIMEOUT,
    DEFAULT_TIMEZONE,
    Settings,
)

if TYPE_CHECKING:
    from airflow.sdk import Connection

#: Name of a setting -> name in a connection, where they differ.
_FIELD_NAMES: Final[Mapping[str, str]] = MappingProxyType({"base_url": "host"})

_Default = TypeVar("_Default", float, None)


@dataclass(frozen=True, slots=True)
class Overrides:
    """Hook arguments that override the connection; None keeps the connection's value."""

    timeout: float | None = None
    requests_per_second: float | None = None


def settings_of(connection: Connection, extra: object, overrides: Overrides) -> Settings:
    """Return the settings of one account.

    :param connection: the Airflow connection.
    :param extra: its extra as an object; the caller reads it, since that differs on an event loop.
    :raises ValueError: a field is missing or invalid; the text names the connection and the field, never a secret.
    """
    try:
        return _settings(connection, _checked_extra(connection, extra), overrides)
    except ValueError as error:
        field, _, rule = str(error).partition(": ")
        raise ValueError(f"connection {connection.conn_id!r}: {_FIELD_NAMES.get(field, field)}: {rule}") from None


def _settings(connection: Connection, extra: Mapping[str, object], overrides: Overrides) -> Settings:
    fields = _object(extra, "fields")
    return Settings(
        client_id=_required("login (the client id)", connection.login),
        client_secret=_required("password (the client secret)", connection.password),
        base_url=_base_url(connection),
        default_origin=_text(extra, "default_origin"),
        timezone=_text(extra, "timezone") or DEFAULT_TIMEZONE,
        timeout=_number(extra, "timeout", overrides.timeout, DEFAULT_TIMEOUT),
        requests_per_second=_number(extra, "requests_per_second", overrides.requests_per_second, None),
        tag_search=_text(extra, "tag_search"),
        endpoints=_texts(_object(extra, "endpoints"), "endpoints"),
        fields={name: _texts(names, f"fields.{name}") for name, names in fields.items()},
        name=connection.conn_id or "",
    )


def _checked_extra(connection: Connection, extra: object) -> Mapping[str, object]:
    """Reject an extra that is not JSON: Airflow reads it as empty, which would silently mean all defaults."""
    if not isinstance(extra, Mapping):
        raise ValueError("extra: a JSON object is needed")
    if not extra and connection.extra and connection.extra.strip():
        _object({"extra": connection.extra}, "extra")
    return extra


def _required(name: str, value: str | None) -> str:
    if not value or not value.strip():
        raise ValueError(f"{name}: it is missing")
    return value.strip()


def _base_url(connection: Connection) -> str:
    """Join host, scheme and port; Airflow stores them apart or together, depending on the connection's form."""
    host = (connection.host or "").strip()
    if not host:
        return DEFAULT_BASE_URL
    if host.count(":") > 1 and "://" not in host and not host.startswith("["):
        host = f"[{host}]"
    schema = (connection.schema or "").strip().lower()
    scheme = "" if "://" in host or schema not in {"http", "https"} else f"{schema}://"
    if connection.port and "/" in host.partition("://")[2].rstrip("/"):
        raise ValueError("host: an address with a path has to contain the port too")
    return f"{scheme}{host.rstrip('/')}:{connection.port}" if connection.port else f"{scheme}{host}"


def _text(extra: Mapping[str, object], name: str) -> str | None:
    value = extra.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value).strip() or None
    raise ValueError(f"extra {name!r}: a text is needed")


def _number(extra: Mapping[str, object], name: str, override: float | None, default: _Default) -> float | _Default:
    """Return the hook's argument, else the connection's value, else the default."""
    text = extra.get(name)
    if override is not None:
        return override
    if text is None or text == "":
        return default
    try:
        return float(str(text))
    except ValueError:
        raise ValueError(f"extra {name!r}: a number is needed") from None


def _object(extra: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = extra.get(name)
    if value is None or value == "":
        return {}
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"extra {name!r}: it is not JSON") from None
    if not isinstance(parsed, Mapping):
        raise ValueError(f"extra {name!r}: an object is needed")
    return parsed


def _texts(value: object, name: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"extra {name!r}: an object of texts is needed")
    return {str(key): text for key, text in value.items()}
