from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from airflow_provider_directcall.sandbox import FAULT_KINDS, MAGIC_NUMBERS, QUIRKS
from airflow_provider_directcall.sandbox.cli import main

COMMAND = [sys.executable, "-m", "airflow_provider_directcall.sandbox.cli"]


def test_list_numbers(capsys):
    assert main(["--list-numbers"]) == 0
    shown = capsys.readouterr().out
    assert all(scenario.example in shown and scenario.description in shown for scenario in MAGIC_NUMBERS)


def test_a_taken_port_is_one_line_and_2(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(port) in error


@pytest.mark.parametrize(("option", "table"), [("--list-quirks", QUIRKS), ("--list-faults", FAULT_KINDS)])
def test_lists_of_quirks_and_faults(capsys, option, table):
    assert main([option]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [*table]


@pytest.mark.parametrize("options", [["--speed", "-1"], ["--fault", "rain"], ["--quirk", "rain"]])
def test_invalid_settings_are_one_line_and_2(capsys, options):
    assert main(["--port", "0", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_stopped(tmp_path, stop):
    options = ["--port", "0", "--speed", "0", "--token-life", "60", "--statement-delay", "1", "--quirk", "bom"]
    options += ["--db", str(tmp_path / "s.db"), "--fault", "error_500_before:did/list"]
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        shown = "".join(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
        connection = json.loads(re.search(r"AIRFLOW_CONN_DIRECTCALL_DEFAULT='(.*)'", shown)[1])
        assert connection["conn_type"] == "directcall"
        with httpx.Client(base_url=connection["host"]) as http:
            login = {"client_id": connection["login"], "client_secret": connection["password"]}
            reply = http.post("/request_token", data=login)
            assert reply.content.startswith(b"\xef\xbb\xbf")
            token = json.loads(reply.content.decode("utf-8-sig"))["access_token"]
            call = {"access_token": token, "origem": "551130000001", "destino": "5511990000001"}
            http.post("/voz/call", data=call)
            http.post("/did/list", data=call)
        process.send_signal(stop)
        _, log = process.communicate(timeout=20)
    assert process.returncode == 0
    assert re.search(r"POST /voz/call -> 200 5511\*{5}0001 5511\*{5}0001 codigo 000\n", log)
    assert "POST /did/list -> 500 (error_500_before)" in log
    assert token not in log
    assert "5511990000001" not in log
    assert connection["password"] not in log
    assert "Traceback" not in log
