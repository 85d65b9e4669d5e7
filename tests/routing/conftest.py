"""Fixtures: a number of the local Directcall, over HTTP."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sandbox import SandboxServer

from .number import DID, RULE_ID, Number
from .scenarios import ONE, Watched

Connect = Callable[..., DirectcallHook]


@pytest.fixture
def connect(directcall_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Return a function that makes hooks with a given ``extra``."""
    hooks: list[DirectcallHook] = []
    # Every hook loads the machine's certificates, which takes most of a test's time, and no test checks one.
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *arguments, **keywords: None)

    def hook(**extra: object) -> DirectcallHook:
        connection = {**json.loads(directcall_sandbox.connection_json()), "extra": {"timeout": 5, **extra}}
        monkeypatch.setenv("AIRFLOW_CONN_DIRECTCALL_DEFAULT", json.dumps(connection))
        hooks.append(DirectcallHook())
        return hooks[-1]

    yield hook
    for each in hooks:
        each.close()


@pytest.fixture
def number(directcall_sandbox: SandboxServer, connect: Connect) -> Number:
    """Return a number whose one rule, 18000, forwards to 5511990000010."""
    return Number(directcall_sandbox, connect(), DID)


@pytest.fixture
def line(number: Number) -> Watched:
    """Return that number with an unknown field in its rule, recorded at each write."""
    number.other_writes(dpId=RULE_ID, **{"data[phone]": ONE, "data[wait]": "12", "data[fila]": "vendas"})
    return Watched(number)
