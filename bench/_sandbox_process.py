"""A sandbox in a separate process, so that server and client do not share an interpreter."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from airflow_provider_directcall.api.settings import Settings

_START_SECONDS = 30


@contextmanager
def sandbox_process(*options: str) -> Iterator[Settings]:
    """Run a sandbox inside the ``with`` block; give the settings of its clients."""
    port = _free_port()
    command = [sys.executable, "-m", "airflow_provider_directcall.sandbox.cli", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(process, url)
        yield Settings(client_id="sandbox@example.com", client_secret="sandbox-secret", base_url=url)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_START_SECONDS)


def _wait_until_up(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/_sandbox/state", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the sandbox did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
