"""``make demo KEEP=1``: the addresses work until Ctrl-C, and nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlparse

import httpx
import pytest

from .conftest import ROOT

pytestmark = pytest.mark.live
_SECONDS = 900


@pytest.fixture
def demo(tmp_path: Path):
    """The demo with --keep, and the file of its output."""
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.demo", "--keep"], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield process, output
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(_SECONDS)


def text_with(output: Path, ending: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        text = output.read_text(encoding="utf-8")
        if ending in text:
            return text
        time.sleep(1)
    raise AssertionError(output.read_text(encoding="utf-8"))


def processes_of(home: Path) -> list[int]:
    """Processes whose environment names this Airflow's home."""
    wanted = f"AIRFLOW_HOME={home}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0") and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_the_demo_keeps_what_it_shows_until_ctrl_c(demo) -> None:
    process, output = demo
    text = text_with(output, "until Ctrl-C", process)
    airflow, inbox, report = (
        re.search(rf"^{name}: +(\S+)$", text, flags=re.MULTILINE)[1] for name in ("Airflow", "Inbox", "Report")
    )

    base = airflow.partition("/dags/")[0]
    token = httpx.get(f"{base}/auth/token", timeout=60, trust_env=False).json()["access_token"]
    run = httpx.get(
        f"{base}/api/v2/dags/directcall_campaign/dagRuns/{airflow.partition('/runs/')[2].partition('/')[0]}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
    )
    assert run.json()["state"] == "success"
    assert httpx.get(inbox, timeout=60, trust_env=False).status_code == 200
    page = Path(unquote(urlparse(report).path)).read_text(encoding="utf-8")
    assert "<html" in page

    process.send_signal(signal.SIGINT)
    assert process.wait(_SECONDS) == 0
    assert output.read_text(encoding="utf-8").splitlines()[-1] == "demo passed"
    assert processes_of(ROOT / ".demo") == []
