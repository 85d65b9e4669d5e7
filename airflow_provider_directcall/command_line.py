"""Shared by the commands of this package: language, sub-commands, exit statuses, errors in one line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.telephony.masking import mask_numbers_in
from airflow_provider_directcall.translations.languages import ENGLISH, LANGUAGES, Language, language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    _Action = TypeVar("_Action", bound=argparse.Action)

#: Exit status.
FINE: Final = 0
FAILED: Final = 2
INTERRUPTED: Final = 130

#: Variables of the locale, in their order.
_LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
#: Only a command sets it: logs of tasks stay English.
_LANGUAGE: ContextVar[Language] = ContextVar("directcall_language", default=ENGLISH)


def choose_language(argv: Sequence[str] | None, environment: Mapping[str, str] | None = None) -> str:
    """Choose and return the language of a command: that of ``--lang``, else the locale's, else English.

    :param argv: arguments of the command; None for those of the process.
    """
    given = _given_language(sys.argv[1:] if argv is None else argv)
    variables = os.environ if environment is None else environment
    locale = next((variables[name] for name in _LOCALE if variables.get(name)), "")
    language = given or next((name for name in LANGUAGES if locale.lower().startswith(name)), ENGLISH.tag)
    # The parser refuses others.
    _LANGUAGE.set(language_of(language) if language in LANGUAGES else ENGLISH)
    return language


def _given_language(argv: Sequence[str]) -> str | None:
    for place, argument in enumerate(argv):
        name, is_joined, value = argument.partition("=")
        if name == "--lang":
            return value if is_joined else (argv[place + 1] if place + 1 < len(argv) else None)
    return None


def chosen_language() -> Language:
    """Return the language of the command."""
    return _LANGUAGE.get()


def words(text: str) -> str:
    """Return a text in the chosen language, as a whole or line by line; a text without a translation stays as it is."""
    return chosen_language().words(text)


class _Formatter(argparse.HelpFormatter):
    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, words("usage: ") if prefix is None else prefix)


class _LineFormatter(_Formatter, argparse.RawDescriptionHelpFormatter):
    """Leaves the lines of an epilog as they are."""


class Parser(argparse.ArgumentParser):
    """A parser in the chosen language, whose errors are one line, without the usage; numbers in them are masked.

    :param keeps_lines: the epilog is not filled again.
    """

    def __init__(
        self,
        *,
        prog: str | None = None,
        description: str | None = None,
        epilog: str | None = None,
        keeps_lines: bool = False,
    ) -> None:
        super().__init__(
            prog=prog,
            description=words(description or ""),
            epilog=words(epilog or ""),
            formatter_class=_LineFormatter if keeps_lines else _Formatter,
            add_help=False,
        )
        self._positionals.title = words("positional arguments")
        self._optionals.title = words("options")
        self.add_argument("-h", "--help", action="help", help="show this help message and exit")
        self.add_argument(
            "--lang",
            choices=LANGUAGES,
            help="language of help, texts and errors; default by the locale (LC_ALL, LC_MESSAGES, LANG)",
        )

    def _add_action(self, action: _Action) -> _Action:
        action.help = words(action.help) if action.help else action.help
        if isinstance(action.metavar, str):
            action.metavar = words(action.metavar)
        return super()._add_action(action)

    def add_commands(self) -> argparse._SubParsersAction[Parser]:
        """Add the place of sub-commands, one of which is needed."""
        return self.add_subparsers(required=True, metavar=words("COMMAND"))

    def error(self, message: str) -> NoReturn:
        """Write the line and exit."""
        self.exit(FAILED, f"{self.prog.partition(' ')[0]}: {mask_numbers_in(words(message))}\n")


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
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        reason = words(error.strerror) if error.strerror else str(error)
        return fail(name, shown(f"{error.filename}: {reason}" if error.filename else reason))
    except OverflowError:
        return fail(name, "a date is too far from today")
    except (DirectcallError, ValueError) as error:
        return fail(name, shown(words(" ".join(str(error).split()))))


def add_command(
    commands: argparse._SubParsersAction[Parser], name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> Parser:
    """Add a sub-command, which sets ``run`` in the options."""
    text = words(text)
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:])
    command.set_defaults(run=run)
    return command


def add_json(command: Parser) -> None:
    """Add the option for a result that programs read."""
    command.add_argument("--json", action="store_true", help="as JSON, which is the same in every language")


@contextmanager
def progress(label: str, unit: str = "") -> Iterator[Callable[[int], None]]:
    """Show a label and the time on a terminal while a command works; the function shows how many units are done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    count = (TextColumn("{task.completed:,} " + words(unit)),) if unit else ()
    columns = (TextColumn(words(label)), BarColumn(), *count, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda done: shown.update(task, completed=done)


def fail(name: str, reason: str) -> int:
    """Write why a command fails, in one line, and return its exit status."""
    write_error(f"{name}: {words(' '.join(reason.split()))}")
    return FAILED


def write_error(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say(text: str) -> None:
    """Write lines to stdout in the chosen language."""
    write(words(text))


def write_json(content: object) -> None:
    """Write a JSON object to stdout."""
    write(json.dumps(content, ensure_ascii=False, indent=2))


def write(text: str) -> None:
    """Write a line to stdout as it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
