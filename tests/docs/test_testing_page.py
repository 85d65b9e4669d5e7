"""The tests that the page "Write a test for a DAG" shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# --8<-- [start:test]
from airflow_provider_directcall.hooks.directcall import DirectcallHook


def remind(conn_id: str, number: str) -> None:
    """Stand for a function of your DAG."""
    with DirectcallHook(conn_id) as hook:
        hook.send_sms(number, "Sua consulta é amanhã.", origin="5511990000001")


def test_one_reminder_is_sent(directcall_sandbox, directcall_connection):
    remind(directcall_connection, "5511990000002")
    state = directcall_sandbox.state()
    assert state["effects"]["messages_accepted"] == 1
    assert state["messages"][0]["destination"] == "5511990000002"


# --8<-- [end:test]


@pytest.mark.airflow
def test_the_tests_of_a_dag_repository_pass():
    """As a user runs them: in a process of their own, without the settings of this project."""
    variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider", "."]
    folder = Path(__file__).parent / "dag_repo"
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
