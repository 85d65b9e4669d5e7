"""Airflow connections to the local Directcall, entered in the ways users enter them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Enter = Callable[..., str]


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Enters a connection, as URI or JSON text or by its fields, and gives its id."""

    def enter_one(text: str = "", **fields: object) -> str:
        value = text or json.dumps(
            {"conn_type": "directcall", "login": "me@example.com", "password": "s3cret-x", **fields}
        )
        monkeypatch.setenv("AIRFLOW_CONN_DC", value)
        return "dc"

    return enter_one
