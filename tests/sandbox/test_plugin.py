from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TEST = """
import os, json, sys, urllib.request

def test_nothing_is_loaded_before_it_is_used():
    heavy = ("uvicorn", "starlette", "airflow_provider_directcall.sandbox")
    assert not [name for name in sys.modules if name.startswith(heavy)]

def test_connection(directcall_connection, directcall_sandbox):
    assert directcall_connection == "directcall_default"
    connection = json.loads(os.environ["AIRFLOW_CONN_DIRECTCALL_DEFAULT"])
    assert connection["host"] == directcall_sandbox.url
    directcall_sandbox.receive_call("1130000001", "5521990000001")
    assert urllib.request.urlopen(directcall_sandbox.url).status == 200
    assert len(directcall_sandbox.state()["calls"]) == 1

def test_each_test_has_a_new_sandbox(directcall_sandbox):
    assert "AIRFLOW_CONN_DIRECTCALL_DEFAULT" not in os.environ
    assert directcall_sandbox.state()["calls"] == []
    assert directcall_sandbox.state()["clock"]["pace"] == PACE
"""
CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def directcall_sandbox_config():
    from airflow_provider_directcall.sandbox import SandboxConfig
    return SandboxConfig(pace=7)
"""


def run(folder, pace, conftest=None):
    (folder / "test_it.py").write_text(TEST.replace("PACE", str(pace)))
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    if conftest:
        (folder / "conftest.py").write_text(conftest)
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "airflow_provider_directcall.testing", str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_fixtures_in_another_project(tmp_path):
    result = run(tmp_path, 60)
    assert "3 passed" in result.stdout, result.stdout + result.stderr


def test_settings_can_be_overridden(tmp_path):
    result = run(tmp_path, 7, CONFTEST)
    assert "3 passed" in result.stdout, result.stdout + result.stderr
