"""``directcall-check``: compare this package's assumptions with one account, from a shell."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import os
import shutil
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.settings import DEFAULT_BASE_URL, DEFAULT_TIMEZONE, Settings
from airflow_provider_directcall.checking import AccountReport, check_account, validate
from airflow_provider_directcall.checking.sending import Probe
from airflow_provider_directcall.command_line import (
    FINE,
    INTERRUPTED,
    Parser,
    choose_language,
    exit_status,
    progress,
    words,
    write,
    write_error,
)
from airflow_provider_directcall.telephony.masking import mask_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Exit status: something needs attention.
ATTENTION: Final = 1

_NAME: Final = "directcall-check"
_SECRET_VARIABLE: Final = "DIRECTCALL_CLIENT_SECRET"  # noqa: S105 - its name
_CONFIRMED_DIGITS: Final = 4
#: Argument in an error of the package -> the option that gave it, with --client-id.
_ACCOUNT_OPTIONS: Final = {"client_id": "--client-id", "base_url": "--host", "timezone": "--timezone"}
_EPILOG: Final = """\
By default it only reads. --send and --call cost money, send at most once, whatever is answered, and ask first.

exit status: 0 every assumption holds, is handled, or is open; 1 something needs attention; 2 the check could not run
(connection, network, secret, an argument, or no confirmation); 130 Ctrl-C
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check and print its report; see the exit status above."""
    choose_language(argv)
    options = _parser().parse_args(argv)
    return exit_status(_NAME, lambda: _check(options))


def _check(options: argparse.Namespace) -> int:
    probes: list[Probe] = []
    try:
        with _naming_options(options):
            probes += _probes(options)
            settings = _settings(options)
            validate(probes, settings)
        _check_target(options.save)
        for probe in probes:
            _confirm(probe)
        with _quiet(), progress("Asking Directcall") if not probes else nullcontext():
            report = check_account(settings, probes=probes)
        _publish(report, options)
    except KeyboardInterrupt:
        for probe in probes:
            _report(f"The {probe.word} to {mask_number(probe.destination)}: {probe.progress.value}.")
        return INTERRUPTED
    return FINE if report.ok else ATTENTION


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back this package's log: Airflow writes it to stdout, which is the report's."""
    ours = logging.getLogger(__package__)
    level = ours.level
    ours.setLevel(logging.ERROR)
    try:
        yield
    finally:
        ours.setLevel(level)


@contextmanager
def _naming_options(options: argparse.Namespace) -> Iterator[None]:
    """Name the command's options in an error, where the package names its own arguments."""
    recipients = " or ".join(name for name in ("--send", "--call") if getattr(options, name[2:]) is not None)
    names = {"origin": "--origin", "number": recipients, "destination": recipients}
    if options.client_id is not None:
        names |= _ACCOUNT_OPTIONS
    try:
        yield
    except ValueError as error:
        argument, colon, rule = str(error).partition(": ")
        raise ValueError(f"{names.get(argument, argument)}{colon}{rule}") from None


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=_NAME,
        description="Compare this package's assumptions about Directcall with the answers of one account.",
        epilog=_EPILOG,
        keeps_lines=True,
    )
    parser.add_argument(
        "connection", nargs="?", default="directcall_default", metavar="CONN_ID", help="Airflow's; default %(default)s"
    )
    parser.add_argument("--client-id", metavar="ID", help="check this account, without Airflow")
    parser.add_argument(
        "--host", metavar="URL", help=f"with --client-id: the API's address; default {DEFAULT_BASE_URL}"
    )
    parser.add_argument(
        "--timezone", metavar="NAME", help=f"with --client-id: the zone of its times; default {DEFAULT_TIMEZONE}"
    )
    parser.add_argument("--send", metavar="NUMBER", help="send one SMS to your own telephone and follow it")
    parser.add_argument("--call", metavar="NUMBER", help="call your own telephone once and follow the call")
    parser.add_argument(
        "--origin", metavar="NUMBER", help="origin of --send and --call; default the connection's default_origin"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the report as JSON, without personal data, the same in every language",
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write that JSON to a file, readable by you only")
    return parser


def _probes(options: argparse.Namespace) -> list[Probe]:
    given = ((options.send, False), (options.call, True))
    return [
        Probe(number, origin=options.origin, is_call=is_call, report=_report)
        for number, is_call in given
        if number is not None
    ]


def _settings(options: argparse.Namespace) -> Settings:
    if options.client_id is None:
        if options.host is not None or options.timezone is not None:
            raise ValueError("--client-id: is needed with --host and --timezone")
        return _settings_of_connection(options.connection)
    # Never an argument: every user of a machine can list those.
    secret = os.environ.get(_SECRET_VARIABLE) or getpass.getpass(words("Client secret: "), sys.stderr)
    if not secret.strip():
        raise ValueError(f"the client secret is missing; {_SECRET_VARIABLE} can hold it")
    return Settings(
        options.client_id,
        secret.strip(),
        base_url=options.host or DEFAULT_BASE_URL,
        timezone=options.timezone or DEFAULT_TIMEZONE,
    )


def _settings_of_connection(conn_id: str) -> Settings:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from airflow_provider_directcall.hooks.directcall import DirectcallHook

    try:
        return DirectcallHook(conn_id).settings
    except AirflowNotFoundException:
        raise ValueError(
            f"connection {conn_id!r} is not known here: outside of a task, Airflow reads environment variables "
            f"(AIRFLOW_CONN_{conn_id.upper()}) and secrets backends, not its database. Set the variable, name the "
            "account with --client-id, or call DirectcallHook().check_account() in a task"
        ) from None


def _check_target(path: Path | None) -> None:
    """Reject a file that cannot be written, before anything is sent."""
    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise ValueError(f"--save: {path} cannot be written")


def _confirm(probe: Probe) -> None:
    digits = probe.destination[-_CONFIRMED_DIGITS:]
    # The digits to type are not shown: they have to be known.
    _report(f"One {probe.word} goes to {probe.destination[:_CONFIRMED_DIGITS]}*********. It costs money.")
    question = f"Type the last {_CONFIRMED_DIGITS} digits of the number, if it is your own telephone: "
    sys.stderr.write(words(question))
    sys.stderr.flush()
    if sys.stdin.readline().strip() != digits:
        raise ValueError("not confirmed; nothing was sent")


def _publish(report: AccountReport, options: argparse.Namespace) -> None:
    as_json = json.dumps(report.as_json(), indent=2)
    if options.save is not None:
        _write(options.save, f"{as_json}\n")
    width = shutil.get_terminal_size((100, 24)).columns
    write(as_json if options.json else report.as_text(width, words=words))


def _report(text: str) -> None:
    write_error(words(text))


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
