"""``directcall-routing``: look at a calendar file from a shell: what happens when, what is wrong, how it looks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from airflow_provider_directcall.routing.calendars.compiling import rules_for, valid_until
from airflow_provider_directcall.routing.calendars.files import load_calendar
from airflow_provider_directcall.routing.calendars.moments import date_of, wall_clock, whole_minutes
from airflow_provider_directcall.routing.calendars.problems import CalendarError
from airflow_provider_directcall.routing.explaining.answering import explain_calendar
from airflow_provider_directcall.routing.explaining.checking import LONGEST_WAIT_SECONDS, Severity, check_calendar
from airflow_provider_directcall.routing.explaining.rule_words import (
    deed,
    listed_callers,
    times_in_words,
    weekdays_in_words,
)
from airflow_provider_directcall.routing.views import rule_view
from airflow_provider_directcall.telephony.masking import mask_number, mask_numbers_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar

    _Run = Callable[[RoutingCalendar, argparse.Namespace], int]

#: Exit status: nothing that is surely wrong; ``check`` found an error; the command could not do its work.
FINE: Final = 0
FOUND_ERRORS: Final = 1
CANNOT: Final = 2

_NAME: Final = "directcall-routing"
_GAP: Final = "  "


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, without the usage; what was typed may hold a number."""
        self.exit(CANNOT, f"{_NAME}: {mask_numbers_in(message)}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: 0; 1 when ``check`` found an error; 2 when a file or an argument cannot be used, with one line on stderr.
    """
    options = _parser().parse_args(argv)
    try:
        return _run(options)
    except BrokenPipeError:
        # Whoever read has seen enough. Python flushes once more at its end, which must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except OSError as error:
        return _cannot(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except CalendarError as error:
        many = f"{len(error.problems)} problems: " if len(error.problems) > 1 else ""
        return _cannot(f"{options.file}: {many}{'; '.join(error.problems)}")
    except OverflowError:
        return _cannot("a date is too far from today")
    except ValueError as error:
        return _cannot(str(error))


def _run(options: argparse.Namespace) -> int:
    calendar = load_calendar(options.file)
    status: int = options.run(calendar, options)
    return status


def _explain(calendar: RoutingCalendar, options: argparse.Namespace) -> int:
    explanation = explain_calendar(calendar, options.caller, _moment(calendar, options.at))
    if options.json:
        _say(json.dumps(explanation.as_json(options.include_numbers), ensure_ascii=False, indent=2))
    else:
        _say(explanation.as_text(options.include_numbers))
    return FINE


def _check(calendar: RoutingCalendar, options: argparse.Namespace) -> int:
    since = options.emergency_since
    findings = check_calendar(
        calendar,
        at=_moment(calendar, options.at),
        longest_wait=options.longest_wait,
        emergency_since=None if since is None else _moment(calendar, since, "--emergency-since"),
        include_numbers=options.include_numbers,
    )
    for finding in findings:
        _say(str(finding))
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    _say(f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}")
    return FOUND_ERRORS if errors else FINE


def _rules(calendar: RoutingCalendar, options: argparse.Namespace) -> int:
    at = _moment(calendar, options.at)
    rules = [rule.to_wire() for rule in rules_for(calendar, at)]
    end = valid_until(calendar, at)
    if options.json:
        shown = {
            "did": calendar.did if options.include_numbers else mask_number(calendar.did),
            "at": at.isoformat(),
            "valid_until": end.isoformat(),
            "rules": [rule_view(rule, include_numbers=options.include_numbers) for rule in rules],
        }
        _say(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        _say(_table(_rows(rules, include_numbers=options.include_numbers)))
        _say(f"Right until {end:%Y-%m-%d %H:%M} ({calendar.timezone}).")
    return FINE


def _draw(calendar: RoutingCalendar, options: argparse.Namespace) -> int:
    from airflow_provider_directcall.routing.explaining.drawing import week_html, week_svg

    drawings = {".svg": week_svg, ".html": week_html}
    path: Path = options.output
    draw = drawings.get(path.suffix.lower())
    if draw is None:
        raise ValueError(f"--output: {path.name} has to end in {' or '.join(drawings)}")
    start = calendar.local(datetime.now(UTC)).date() if options.start is None else date_of("--start", options.start)
    path.write_text(
        draw(calendar, start, options.days, include_numbers=options.include_numbers), encoding="utf-8", newline="\n"
    )
    return FINE


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _rows(rules: Iterable[Rule], *, include_numbers: bool) -> list[tuple[str, ...]]:
    head = ("priority", "weekdays", "time", "callers", "does")
    return [
        head,
        *(
            (
                str(rule.priority),
                weekdays_in_words(rule),
                times_in_words(rule),
                _callers_in_words(rule, include_numbers=include_numbers),
                deed(rule, include_numbers=include_numbers),
            )
            for rule in rules
        ),
    ]


def _callers_in_words(rule: Rule, *, include_numbers: bool) -> str:
    callers = listed_callers(rule)
    return ", ".join(each if include_numbers else mask_number(each) for each in callers) or "everybody"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _moment(calendar: RoutingCalendar, given: str | None, name: str = "--at") -> datetime:
    """The moment that an option names; without an offset it is what the calendar's clocks show. None: now."""
    if given is None:
        return datetime.now(UTC)
    moment = whole_minutes(name, given)
    if isinstance(moment, datetime) and moment.utcoffset() is not None:
        return moment
    return wall_clock(moment, calendar.zone).replace(tzinfo=calendar.zone)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_NAME, description="What a routing calendar does with calls. Nothing is sent or changed.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    moment = "YYYY-MM-DDTHH:MM by the calendar's clocks, or with an offset; default now"

    explain = _command(commands, "explain", "what happens to a call from X at time T, and why", _explain)
    explain.add_argument("--at", metavar="MOMENT", help=moment)
    explain.add_argument("--from", dest="caller", metavar="NUMBER", help="the caller; default a withheld number")
    explain.add_argument("--json", action="store_true", help="as JSON")

    check = _command(commands, "check", "what is wrong with the calendar; exit status 1 on errors", _check)
    check.add_argument("--at", metavar="MOMENT", help=moment)
    check.add_argument(
        "--longest-wait",
        type=int,
        default=LONGEST_WAIT_SECONDS,
        metavar="SECONDS",
        help="for how long phones may ring, taken together; default %(default)s",
    )
    check.add_argument("--emergency-since", metavar="MOMENT", help="when the emergency was switched on")

    rules = _command(commands, "rules", "the rules that are made from the calendar", _rules)
    rules.add_argument("--at", metavar="MOMENT", help=moment)
    rules.add_argument("--json", action="store_true", help="as JSON")

    draw = _command(commands, "draw", "a picture of the week and the next days", _draw)
    draw.add_argument("-o", "--output", type=Path, required=True, metavar="PATH", help="ends in .html or .svg")
    draw.add_argument("--start", metavar="DATE", help="first day, YYYY-MM-DD; default today")
    draw.add_argument("--days", type=int, default=60, help="days of the list, default %(default)s")
    return parser


def _command(commands: argparse._SubParsersAction[_Parser], name: str, text: str, run: _Run) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:])
    command.add_argument("file", type=Path, metavar="FILE", help="the calendar, YAML or JSON (.json)")
    command.add_argument("--include-numbers", action="store_true", help="show phone numbers and addresses in full")
    command.set_defaults(run=run)
    return command


def _cannot(why: str) -> int:
    sys.stderr.write(f"{_NAME}: {' '.join(why.split())}\n")
    return CANNOT


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
