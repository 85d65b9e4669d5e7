"""PostgreSQL and Redis from Debian's packages, in a folder of their own, on free ports of this machine alone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
#: Programs -> Debian's package.
_PACKAGES: Final = {"redis-server": "redis-server", "initdb": "postgresql", "postgres": "postgresql"}
#: Debian keeps PostgreSQL's programs out of the path.
_POSTGRES_BINARIES: Final = Path("/usr/lib/postgresql")
#: PostgreSQL does not run as root; its package makes this account, and each Debian has the other one.
_ACCOUNTS: Final = ("postgres", "nobody")
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 20


class MissingServicesError(Exception):
    """Servers are not installed; the text names Debian's packages."""


class ServiceDidNotStartError(Exception):
    """A server does not answer; the text names its log."""


@dataclass(frozen=True)
class PostgreSQL:
    """A running server with one database.

    :ivar url: for SQLAlchemy.
    """

    port: int
    pid: int

    @property
    def url(self) -> str:
        """The address of the database for SQLAlchemy."""
        return f"postgresql+psycopg2://airflow@{HOST}:{self.port}/postgres"


@dataclass(frozen=True)
class Redis:
    """A running server."""

    port: int
    pid: int

    def url(self, database: int = 0) -> str:
        """Return the address of one of its databases."""
        return f"redis://{HOST}:{self.port}/{database}"


def check_installed(programs: Sequence[str] = tuple(_PACKAGES)) -> None:
    """Check that the servers are installed.

    :raises MissingServicesError: they are not.
    """
    missing = sorted({_PACKAGES[name] for name in programs if _program(name) is None})
    if missing:
        raise MissingServicesError(f"Debian's packages are missing: apt-get install {' '.join(missing)}")


@contextmanager
def redis() -> Iterator[Redis]:
    """Run a Redis that keeps nothing inside the ``with`` block."""
    check_installed(["redis-server"])
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="directcall-redis-") as folder:
        command = [str(_program("redis-server")), "--bind", HOST, "--port", str(port), "--dir", folder]
        with _running([*command, "--save", "", "--appendonly", "no"], port, Path(folder) / "log", None) as pid:
            yield Redis(port, pid)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Run a new PostgreSQL inside the ``with`` block, as another account where this one is root."""
    check_installed(["initdb", "postgres"])
    account = _account() if os.geteuid() == 0 else None
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="directcall-postgres-") as name:
        folder = Path(name)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        data, user = folder / "data", None if account is None else account.pw_name
        initdb = [str(_program("initdb")), "--pgdata", str(data), "--username", "airflow", "--auth", "trust"]
        subprocess.run(
            [*initdb, "--encoding", "UTF8", "--no-sync"], cwd=folder, user=user, stdout=subprocess.DEVNULL, check=True
        )
        command = [str(_program("postgres")), "-D", str(data), "-h", HOST, "-p", str(port), "-k", str(folder)]
        # Lost with the folder anyway; Airflow's processes take some ten connections each.
        with _running([*command, "-c", "fsync=off", "-c", "max_connections=300"], port, folder / "log", user) as pid:
            yield PostgreSQL(port, pid)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str], port: int, log: Path, user: str | None) -> Iterator[int]:
    """Run a server until the block ends; SIGINT is a fast shutdown of both."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_up(process, port, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise ServiceDidNotStartError(f"{process.args!r} does not listen: {log.read_text(errors='replace')[-500:]}")


def _program(name: str) -> str | None:
    found = shutil.which(name)
    if found is not None or not _POSTGRES_BINARIES.is_dir():
        return found
    newest = sorted(_POSTGRES_BINARIES.iterdir(), key=lambda path: float(path.name), reverse=True)
    return next((str(path) for version in newest if (path := version / "bin" / name).exists()), None)


def _account() -> pwd.struct_passwd:
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise MissingServicesError(f"PostgreSQL does not run as root, and there is no account {' or '.join(_ACCOUNTS)}")
