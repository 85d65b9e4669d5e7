"""``directcall-sandbox``: run the sandbox from a shell, with one log line per request."""

from __future__ import annotations

import argparse
import errno
import logging
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from airflow_provider_directcall.sandbox.config import SandboxConfig
from airflow_provider_directcall.sandbox.faults import FAULT_KINDS, Fault
from airflow_provider_directcall.sandbox.magic_numbers import MAGIC_NUMBERS
from airflow_provider_directcall.sandbox.quirks import QUIRKS
from airflow_provider_directcall.sandbox.server import LOOPBACK, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from airflow_provider_directcall.sandbox.faults import FaultKind
    from airflow_provider_directcall.sandbox.quirks.kinds import Quirk
    from airflow_provider_directcall.sandbox.server import SandboxServer

DEFAULT_PORT: Final = 8025
PORT_TAKEN: Final = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sandbox until Ctrl-C or SIGTERM (exit status 0); exit with 2 when it cannot start."""
    options = _parser().parse_args(argv)
    for wanted, listing in (
        (options.list_numbers, list_numbers),
        (options.list_quirks, partial(_describe, QUIRKS)),
        (options.list_faults, partial(_describe, FAULT_KINDS)),
    ):
        if wanted:
            _print(listing())
            return 0
    try:
        config = _config(options)
        running = Sandbox(config).serve(options.port, options.host)
    except (OSError, ValueError) as error:
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        hint = "; choose another with --port" if is_taken else ""
        sys.stderr.write(f"directcall-sandbox: cannot serve on {options.host}:{options.port}: {error}{hint}\n")
        return PORT_TAKEN
    _log_requests()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _interrupt)
    try:
        with running as server:
            _print(welcome(server))
            server.wait()
    except KeyboardInterrupt:
        return 0
    return 0


def list_numbers() -> str:
    """Format the table of magic numbers."""
    rows = [(scenario.example, scenario.name, scenario.description) for scenario in MAGIC_NUMBERS]
    wide = max(len(name) for _, name, _ in rows)
    lines = [f"{number}  {name:<{wide}}  {description}" for number, name, description in rows]
    return "\n".join(["Magic numbers (any area in place of 11):", *lines])


def _describe(table: Mapping[str, FaultKind] | Mapping[str, Quirk]) -> str:
    wide = max(map(len, table))
    return "\n".join(f"{name:<{wide}}  {row.description}" for name, row in table.items())


def welcome(server: SandboxServer) -> str:
    """Format the address, the account, the connection and the magic numbers."""
    config = server.sandbox.config
    return "\n".join(
        (
            f"Directcall sandbox on {server.url}  (the page there shows calls and messages)",
            f"client id      {config.client_id}",
            f"client secret  {config.client_secret}",
            "",
            "Airflow connection:",
            f"export AIRFLOW_CONN_DIRECTCALL_DEFAULT='{server.connection_json()}'",
            "",
            list_numbers(),
            "",
            "Ctrl-C ends it.",
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="directcall-sandbox",
        description="A Directcall on this machine, over real HTTP: no calls are made, nothing is charged.",
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="default %(default)s; 0 = any free port")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on, default %(default)s")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per real second; 0 stops the clock")
    parser.add_argument("--pace", type=float, default=1.0, help="factor by which calls and messages are faster")
    parser.add_argument("--token-life", type=float, default=3600.0, metavar="SECONDS", help="default %(default)s")
    parser.add_argument(
        "--statement-delay",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="from the end of a call to its row in the statement, default %(default)s",
    )
    parser.add_argument(
        "--host-name",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this machine for /_sandbox/..., may be repeated",
    )
    parser.add_argument("--lang", metavar="LANGUAGE", help="language of the page: en or pt; default: the browser's")
    parser.add_argument("--db", type=Path, metavar="PATH", help="SQLite file that keeps the state over a restart")
    parser.add_argument(
        "--quirk",
        action="append",
        default=[],
        metavar="NAME",
        help="behave differently, may be repeated; see --list-quirks",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[:ENDPOINT]",
        help="make requests fail, may be repeated, as in html_502_after:voz/call; see --list-faults",
    )
    parser.add_argument("--list-numbers", action="store_true", help="print the magic numbers and end")
    parser.add_argument("--list-quirks", action="store_true", help="print the quirks and end")
    parser.add_argument("--list-faults", action="store_true", help="print the kinds of faults and end")
    return parser


def _config(options: argparse.Namespace) -> SandboxConfig:
    return SandboxConfig(
        speed=options.speed,
        pace=options.pace,
        token_life=options.token_life,
        statement_delay=options.statement_delay,
        host_names=tuple(options.host_name),
        db=options.db,
        language=options.lang,
        quirks=frozenset(options.quirk),
        faults=tuple(_fault(text) for text in options.fault),
    )


def _fault(text: str) -> Fault:
    kind, _, endpoint = text.partition(":")
    return Fault(kind=kind, endpoint=endpoint or "*")


def _log_requests() -> None:
    log = logging.getLogger("airflow_provider_directcall.sandbox")
    log.setLevel(logging.INFO)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log.addHandler(handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
