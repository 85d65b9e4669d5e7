"""Airflow connections to the local Directcall, in the forms that users enter."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Enter = Callable[..., str]


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Return a function that enters a connection, as URI, JSON text or fields, and returns its id."""

    def enter_one(text: str = "", **fields: object) -> str:
        value = text or json.dumps(
            {"conn_type": "directcall", "login": "me@example.com", "password": "s3cret-x", **fields}
        )
        monkeypatch.setenv("AIRFLOW_CONN_DC", value)
        return "dc"

    return enter_one
