"""The check of an account as a hook's method, and the example DAG that uses it."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from airflow_provider_directcall.errors import DirectcallAuthError
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sandbox import Fault

FILE = Path(__file__).resolve().parents[2] / "example_dags" / "example_account_check.py"


@pytest.fixture
def check():
    """The example's task, as a function."""
    spec = spec_from_file_location("example_account_check", FILE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.example_account_check().get_task("check").python_callable


def test_it_only_reads(directcall_connection, directcall_sandbox) -> None:
    with DirectcallHook(directcall_connection) as hook:
        report = hook.check_account()
    assert report.ok
    effects = directcall_sandbox.state()["effects"]
    assert (effects["calls_placed"], effects["messages_accepted"]) == (0, 0)


def test_a_wrong_secret(directcall_sandbox, monkeypatch) -> None:
    connection = {**json.loads(directcall_sandbox.connection_json()), "password": "wrong"}
    monkeypatch.setenv("AIRFLOW_CONN_DIRECTCALL_DEFAULT", json.dumps(connection))
    with DirectcallHook() as hook, pytest.raises(DirectcallAuthError):
        hook.check_account()


def test_the_example_returns_the_report(directcall_connection, check) -> None:
    assert json.loads(json.dumps(check()))["ok"] is True


def test_the_example_fails_where_something_needs_attention(directcall_connection, directcall_sandbox, check, caplog):
    directcall_sandbox.inject(Fault(kind="unavailable", endpoint="extrato/list-sms"))
    caplog.set_level("INFO")
    with pytest.raises(ValueError, match="needs attention"):
        check()
    assert "(HTTP 404)" in caplog.text
