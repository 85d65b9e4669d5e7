"""``directcall-check``, from the outside: arguments, confirmation, output, files, exit status."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import airflow.settings  # noqa: F401  # configures logging on the streams of now, not on those of one test
import pytest

from airflow_provider_directcall.api.clock import use_clock
from airflow_provider_directcall.check_command import main
from airflow_provider_directcall.checking.sending import TEXT
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .conftest import ORIGIN, OWN, TEST_TAG, SandboxClock

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    server: SandboxServer,
    clock: SandboxClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the command against the sandbox; return status, stdout and stderr."""
    monkeypatch.setenv("DIRECTCALL_CLIENT_SECRET", "sandbox-secret")
    monkeypatch.setenv("COLUMNS", "100")

    def run_it(*arguments: str, typed: str = "", account: bool = True) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
        whose = ["--client-id", "sandbox@example.com", "--host", server.url] if account else []
        with use_clock(clock):
            status = main([*whose, *arguments])
        return status, *capsys.readouterr()

    return run_it


def sent(server: SandboxServer) -> int:
    effects = server.state()["effects"]
    return effects["messages_accepted"] + effects["calls_placed"]


def test_it_reads_and_prints_a_table(run: Run, server: SandboxServer) -> None:
    status, output, _ = run()
    assert status == 0
    assert output.splitlines()[0].split() == ["assumption", "finding", "consequence"]
    assert sent(server) == 0


@pytest.mark.parametrize("width", [20, 80, 120, 400])
def test_no_line_is_wider_than_the_terminal(
    run: Run, seeded: SandboxServer, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    seeded.configure(quirks={"search_filters", "times_2_ahead", "empty_404", "callerid_missing"})
    monkeypatch.setenv("COLUMNS", str(width))
    _, output, _ = run()
    assert max(map(len, output.splitlines())) <= max(width, 60)


def test_attention_is_exit_status_1(run: Run, server: SandboxServer) -> None:
    server.inject(Fault(kind="unavailable", endpoint="extrato/list-sms"))
    assert run()[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--send", "12"), "--send: is too short"),
        (("--call", OWN, "--origin", "x"), "--origin: must hold digits"),
        (("--call", OWN, "--origin", OWN), "--origin: "),
        (("--send", OWN, "--origin", ORIGIN), "not confirmed"),
        (("--send", OWN), "default_origin"),
        (("--save", "/nowhere/report.json"), "cannot be written"),
        (("--timezone", "Mars/Base"), "--timezone: "),
        (("--host", "ftp://x"), "--host: "),
        (("--frob", OWN), "unrecognized"),
        (("--secret", "x"), "unrecognized"),
    ],
)
def test_it_cannot_run(run: Run, server: SandboxServer, arguments: tuple[str, ...], said: str) -> None:
    try:
        status, output, errors = run(*arguments)
    except SystemExit as end:
        status, output, errors = int(str(end.code)), "", said
    assert (status, output) == (2, "")
    assert said in errors
    assert OWN not in errors
    assert sent(server) == 0


def test_a_wrong_secret_and_a_dead_network(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIRECTCALL_CLIENT_SECRET", "wrong")
    status, _, errors = run()
    assert status == 2
    assert "secret was not accepted" in errors
    assert "wrong" not in errors
    status, _, errors = run("--client-id", "x", "--host", "http://127.0.0.1:9", account=False)
    assert status == 2
    assert "nothing was sent" in errors


@pytest.mark.parametrize("typed", ["", "0002", OWN, "yes"])
def test_it_sends_nothing_without_the_last_four_digits(run: Run, server: SandboxServer, typed: str) -> None:
    status, _, errors = run("--send", OWN, "--origin", ORIGIN, typed=typed)
    assert status == 2
    assert "not confirmed; nothing was sent" in errors
    assert sent(server) == 0


@pytest.mark.parametrize("option", ["--send", "--call"])
def test_it_sends_one_and_prints_the_extra(run: Run, server: SandboxServer, option: str) -> None:
    server.configure(quirks={"times_2_behind"})
    status, output, errors = run(option, OWN, "--origin", ORIGIN, typed=OWN[-4:])
    assert status == 1
    assert sent(server) == 1
    extra = json.loads(output.partition("Add to the connection's extra:")[2])
    assert extra == {"timezone": "America/Rio_Branco"}
    assert OWN not in output + errors


def test_the_saved_report_is_private_and_the_printed_json_is_the_same(
    run: Run, seeded: SandboxServer, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o644)
    status, output, _ = run("--json", "--save", str(path))
    assert status == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == json.loads(output)
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_link_is_not_followed(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    assert run("--save", str(link))[0] == 2
    assert target.read_text() == "kept"


def test_nothing_personal_is_shown_or_logged(
    run: Run, seeded: SandboxServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for quirk in (set(), {"search_filters"}, {"tag_filter_ignored", "tag_values_upper"}):
        seeded.configure(quirks=quirk)
        path = tmp_path / "report.json"
        _, output, errors = run("--send", OWN, "--origin", ORIGIN, "--save", str(path), typed=OWN[-4:])
        everything = (output + errors + path.read_text() + caplog.text).casefold()
        state = seeded.state()
        secrets = [TEST_TAG, TEXT, "sandbox-secret", "sandbox@example.com", OWN, ORIGIN, OWN[2:], ORIGIN[2:]]
        secrets += [value.strip() for message in state["messages"] for value in message["tags"].values()]
        assert [secret for secret in secrets if secret.casefold() in everything] == []
        assert "eyj" not in everything


def test_the_connection_of_airflow(run: Run, server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_DIRECTCALL", server.connection_json())
    assert run("my_directcall", account=False)[0] == 0
    status, _, errors = run("another", account=False)
    assert status == 2
    assert "AIRFLOW_CONN_ANOTHER" in errors


def test_a_secret_is_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIRECTCALL_CLIENT_SECRET")
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: "sandbox-secret")
    assert run()[0] == 0
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: " ")
    assert run()[0] == 2


def test_ctrl_c_says_that_it_may_have_been_sent(server: SandboxServer) -> None:
    server.inject(Fault(kind="hang_after", endpoint="sms/send"))
    command = [sys.executable, "-m", "airflow_provider_directcall.check_command", "--client-id", "sandbox@example.com"]
    process = subprocess.Popen(
        [*command, "--host", server.url, "--origin", ORIGIN, "--send", OWN],
        env={**os.environ, "DIRECTCALL_CLIENT_SECRET": "sandbox-secret"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background with Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread holds a lock here
    )
    process.stdin.write(f"{OWN[-4:]}\n")
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while sent(server) == 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "SMS to 5511*****0001: it may have been sent; it is not sent again." in errors
    assert sent(server) == 1
