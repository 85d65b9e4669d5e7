"""What the commands of this package share: sub-commands, exit statuses, one line for what is wrong."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.telephony.masking import mask_numbers_in

if TYPE_CHECKING:
    from collections.abc import Callable

#: Exit status.
FINE: Final = 0
FAILED: Final = 2


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage; numbers in the arguments are masked."""

    def error(self, message: str) -> NoReturn:
        """Write the line and exit."""
        self.exit(FAILED, f"{self.prog.partition(' ')[0]}: {mask_numbers_in(message)}\n")


def exit_status(name: str, run: Callable[[], int], *, shown: Callable[[str], str] = str) -> int:
    """Run a command, and return its exit status; write one line about a file or an argument that is wrong.

    :param name: of the command.
    :param shown: makes an error's text fit to be shown.
    """
    try:
        return run()
    except BrokenPipeError:
        # The reader closed the pipe. Python flushes once more at its end, which must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except OSError as error:
        return fail(name, shown(f"{error.filename}: {error.strerror}" if error.filename else str(error)))
    except OverflowError:
        return fail(name, "a date is too far from today")
    except (DirectcallError, ValueError) as error:
        return fail(name, shown(str(error)))


def add_command(
    commands: argparse._SubParsersAction[Parser], name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> Parser:
    """Add a sub-command, which sets ``run`` in the options."""
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:])
    command.set_defaults(run=run)
    return command


def fail(name: str, reason: str) -> int:
    """Write why a command fails, in one line, and return its exit status."""
    write_error(f"{name}: {' '.join(reason.split())}")
    return FAILED


def write_error(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write(text: str) -> None:
    """Write a line to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
