"""A request of the client and the fields that PHP has to parse from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import strategies as st

from airflow_provider_directcall.api.requests import Request
from airflow_provider_directcall.api.settings import Settings

from .awkward import ZONE

SETTINGS = Settings("me@example.com", "s3cr et&=+", base_url="http://127.0.0.1:1", default_origin="551130000009")


@dataclass(frozen=True)
class Case:
    """A request and its arguments as PHP has to see them, without token and format."""

    request: Request[object]
    fields: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    json: object = None


Draw = Callable[[st.SearchStrategy[object]], object]


def flag(value: bool) -> str:
    return "s" if value else "n"


def local(moment: datetime, pattern: str) -> str:
    return moment.astimezone(ZONE).strftime(pattern)


def present(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None and value != {}}
