"""An Airflow connection -> the settings of the API client.

Values of ``extra`` come from forms, JSON files and environment variables, so a number may arrive as a text and an object as a
JSON text; an empty text means: not set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_directcall.api.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_TIMEOUT,
    DEFAULT_TIMEZONE,
    Settings,
)

if TYPE_CHECKING:
    from airflow.sdk import Connection


@dataclass(frozen=True, slots=True)
class Overrides:
    """Hook arguments that win over the connection; None leaves the connection's value."""

    timeout: float | None = None
    requests_per_second: float | None = None


def settings_of(connection: Connection, extra: Mapping[str, object], overrides: Overrides) -> Settings:
    """Settings of one account.

    :param connection: the Airflow connection.
    :param extra: its extra as an object, read by the caller, since reading it differs on an event loop.
    :raises ValueError: something is missing or wrong; the text names the connection and the field, never a secret.
    """
    try:
        return Settings(
            client_id=_required("login (the client id)", connection.login),
            client_secret=_required("password (the client secret)", connection.password),
            base_url=_base_url(connection),
            default_origin=_text(extra, "default_origin"),
            timezone=_text(extra, "timezone") or DEFAULT_TIMEZONE,
            timeout=overrides.timeout or _number(extra, "timeout") or DEFAULT_TIMEOUT,
            requests_per_second=overrides.requests_per_second or _number(extra, "requests_per_second"),
            endpoints=_texts(_object(extra, "endpoints"), "endpoints"),
            fields={name: _texts(names, f"fields.{name}") for name, names in _object(extra, "fields").items()},
        )
    except ValueError as error:
        raise ValueError(f"connection {connection.conn_id!r}: {error}") from None


def _required(name: str, value: str | None) -> str:
    if not value or not value.strip():
        raise ValueError(f"{name} is missing")
    return value.strip()


def _base_url(connection: Connection) -> str:
    """Host with its scheme and port; Airflow keeps the three apart or together, by how the connection was entered."""
    host = (connection.host or "").strip()
    if not host:
        return DEFAULT_BASE_URL
    scheme = "" if "://" in host or connection.schema not in {"http", "https"} else f"{connection.schema}://"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}{host.rstrip('/')}{port}"


def _text(extra: Mapping[str, object], name: str) -> str | None:
    value = extra.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value).strip() or None
    raise ValueError(f"extra {name!r}: a text is needed")


def _number(extra: Mapping[str, object], name: str) -> float | None:
    text = extra.get(name)
    if text is None or text == "":
        return None
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
        raise ValueError(f"extra {name!r}: it is no JSON") from None
    if not isinstance(parsed, Mapping):
        raise ValueError(f"extra {name!r}: an object is needed")
    return parsed


def _texts(value: object, name: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"extra {name!r}: an object of texts is needed")
    return {str(key): text for key, text in value.items()}
