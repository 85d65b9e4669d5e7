"""``directcall-routing``: explain, check, compile and draw calendars and rules from a shell."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_directcall.command_line import (
    FINE,
    Parser,
    add_command,
    add_json,
    choose_language,
    exit_status,
    say,
    words,
    write,
    write_json,
)
from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar, parse_zone
from airflow_provider_directcall.routing.calendars.compiling import rules_for, valid_until
from airflow_provider_directcall.routing.calendars.files import ListedRules, load_routing, routing_schema
from airflow_provider_directcall.routing.calendars.moments import parse_date, parse_moment, wall_clock
from airflow_provider_directcall.routing.explaining.calendar_checks import check_calendar
from airflow_provider_directcall.routing.explaining.checks import LONGEST_WAIT_SECONDS, Severity, check_rules
from airflow_provider_directcall.routing.explaining.explain import explain, explain_calendar
from airflow_provider_directcall.routing.explaining.wording import (
    describe_action,
    listed_callers,
    times_in_words,
    weekdays_in_words,
)
from airflow_provider_directcall.routing.plans.views import rule_view
from airflow_provider_directcall.routing.validation import CalendarError
from airflow_provider_directcall.telephony.masking import mask_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.explaining.checks import Finding

    _Run = Callable[[argparse.Namespace], int]
    _Routing = RoutingCalendar | ListedRules

T = TypeVar("T")

#: Exit status of ``check`` with errors.
FOUND_ERRORS: Final = 1

_NAME: Final = "directcall-routing"
#: Most problems of a file that are shown.
_MOST_SHOWN: Final = 100
_GAP: Final = "  "
#: Default zone of rules without a calendar.
_TIMEZONE: Final = "America/Sao_Paulo"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: 0; 1 when ``check`` found an error; 2 for an invalid file or argument, with one line on stderr.
    """
    choose_language(argv)
    options = _parser().parse_args(argv)
    return exit_status(_NAME, lambda: int(options.run(options)))


def _read(path: Path) -> _Routing:
    """Load a calendar or a list of rules.

    :raises ValueError: all problems of the file.
    """
    try:
        return load_routing(path)
    except CalendarError as error:
        count = f"{len(error.problems)} problems: " if len(error.problems) > 1 else ""
        raise ValueError(f"{path}: {count}{'; '.join(error.problems[:_MOST_SHOWN])}") from error


def _calendar(path: Path) -> RoutingCalendar:
    routing = _read(path)
    if isinstance(routing, RoutingCalendar):
        return routing
    raise ValueError(f"{path}: is a list of rules, and a calendar is needed")


def _explain(options: argparse.Namespace) -> int:
    routing = _read(options.file)
    if isinstance(routing, RoutingCalendar):
        _no_timezone(options, options.file)
        explanation = explain_calendar(routing, options.caller, _moment(routing.zone, options.at))
        text, as_json = explanation.as_text(options.include_numbers), explanation.as_json(options.include_numbers)
    else:
        zone = ZoneInfo(_option("--timezone", parse_zone, options.timezone or _TIMEZONE))
        plain = explain(routing[1], options.caller, _moment(zone, options.at), zone=zone)
        text, as_json = plain.as_text(options.include_numbers), plain.as_json(options.include_numbers)
    if options.json:
        write_json(as_json)
    else:
        say(text)
    return FINE


def _no_timezone(options: argparse.Namespace, path: Path) -> None:
    if options.timezone is not None:
        raise ValueError(f"--timezone: {path} is a calendar, which has its own")


def _check(options: argparse.Namespace) -> int:
    """Check the files, each of one number, and the loops over several of them."""
    account: dict[str, tuple[Path, _Routing]] = {}
    for path in options.files:
        routing = _read(path)
        did = routing.did if isinstance(routing, RoutingCalendar) else routing[0]
        if did is None:
            raise ValueError(f"{path}: did: is missing; a check for loops needs the number")
        if did in account:
            raise ValueError(f"{path}: number {mask_number(did)} is that of {account[did][0]} too")
        account[did] = (path, routing)
    found = [(path, finding) for did, (path, _) in account.items() for finding in _findings(did, account, options)]
    errors = sum(finding.severity is Severity.ERROR for _, finding in found)
    warnings = len(found) - errors
    if options.json:
        write_json({"errors": errors, "warnings": warnings, "findings": [_as_json(*each) for each in found]})
    else:
        for path, finding in found:
            write(f"{path}: {words(str(finding))}" if len(account) > 1 else words(str(finding)))
        say(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}")
    return FOUND_ERRORS if errors else FINE


def _as_json(path: Path, finding: Finding) -> dict[str, str]:
    return {
        "file": str(path),
        "severity": str(finding.severity),
        "code": str(finding.code),
        "where": finding.where,
        "text": finding.text,
    }


def _findings(
    did: str, account: Mapping[str, tuple[Path, _Routing]], options: argparse.Namespace
) -> tuple[Finding, ...]:
    """Check one of the numbers, with the loops over the others."""
    _, routing = account[did]
    others = {
        other: each if isinstance(each, RoutingCalendar) else each[1]
        for other, (_, each) in account.items()
        if other != did
    }
    shared = {"account_rules": others, "longest_wait": options.longest_wait, "include_numbers": options.include_numbers}
    if not isinstance(routing, RoutingCalendar):
        return check_rules(routing[1], did=did, at=_moment(ZoneInfo(_TIMEZONE), options.at), **shared)
    since = options.emergency_since
    return check_calendar(
        routing,
        at=_moment(routing.zone, options.at),
        emergency_since=None if since is None else _moment(routing.zone, since, "--emergency-since"),
        **shared,
    )


def _rules(options: argparse.Namespace) -> int:
    calendar = _calendar(options.file)
    at = _moment(calendar.zone, options.at)
    rules = [rule.to_wire() for rule in rules_for(calendar, at)]
    end = valid_until(calendar, at)
    if options.json:
        content = {
            "did": calendar.did if options.include_numbers else mask_number(calendar.did),
            "at": at.isoformat(),
            "valid_until": end.isoformat(),
            "rules": [rule_view(rule, include_numbers=options.include_numbers) for rule in rules],
        }
        write_json(content)
    else:
        write(_table(_rows(rules, include_numbers=options.include_numbers)))
        say(f"Right until {end:%Y-%m-%d %H:%M} ({calendar.timezone}).")
    return FINE


def _draw(options: argparse.Namespace) -> int:
    from airflow_provider_directcall.routing.explaining.drawing import week_html, week_svg

    calendar = _calendar(options.file)
    drawings = {".svg": week_svg, ".html": week_html}
    start = (
        calendar.local(datetime.now(UTC)).date()
        if options.start is None
        else _option("--start", parse_date, options.start)
    )
    path: Path = options.output or Path(f"{options.file.stem}-{start.isoformat()}.html")
    draw = drawings.get(path.suffix.lower())
    if draw is None:
        raise ValueError(f"--output: {path.name} has to end in {' or '.join(drawings)}")
    text = draw(calendar, start, options.days, include_numbers=options.include_numbers, words=words)
    path.write_text(text, encoding="utf-8", newline="\n")
    if options.json:
        write_json({"drawing": str(path), "start": start.isoformat(), "days": options.days})
    else:
        write(str(path))
    return FINE


def _schema(options: argparse.Namespace) -> int:
    write_json(routing_schema())
    return FINE


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _rows(rules: Iterable[Rule], *, include_numbers: bool) -> list[tuple[str, ...]]:
    rows = (
        (
            str(rule.priority),
            weekdays_in_words(rule),
            times_in_words(rule),
            _callers_in_words(rule, include_numbers=include_numbers),
            describe_action(rule, include_numbers=include_numbers),
        )
        for rule in rules
    )
    return [tuple(map(words, row)) for row in (("priority", "weekdays", "time", "callers", "does"), *rows)]


def _callers_in_words(rule: Rule, *, include_numbers: bool) -> str:
    callers = listed_callers(rule)
    return ", ".join(each if include_numbers else mask_number(each) for each in callers) or "everybody"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _option(name: str, parse: Callable[[object], T], given: str) -> T:
    try:
        return parse(given)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _moment(zone: ZoneInfo, given: str | None, name: str = "--at") -> datetime:
    """Parse the moment of an option, without an offset in the given zone. None: now."""
    if given is None:
        return datetime.now(UTC)
    moment = _option(name, parse_moment, given)
    if isinstance(moment, datetime) and moment.utcoffset() is not None:
        return moment
    return wall_clock(moment, zone).replace(tzinfo=zone)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=_NAME,
        description="Explain, check, compile and draw routing calendars and rules. Nothing is sent or changed.",
        epilog="exit status: 0 done; 1 check found an error; 2 an argument or a file is wrong",
    )
    commands = parser.add_commands()
    moment = "YYYY-MM-DDTHH:MM local time there, or with an offset; default now"
    calendar, either = "the calendar, YAML or JSON (.json)", "a calendar or a list of rules, YAML or JSON (.json)"

    to_explain = _command(commands, "explain", "explain the way of a call from a number at a moment", _explain)
    to_explain.add_argument("file", type=Path, metavar="FILE", help=either)
    to_explain.add_argument("--timezone", metavar="NAME", help=f"zone of a list of rules; default {_TIMEZONE}")
    to_explain.add_argument("--at", metavar="MOMENT", help=moment)
    to_explain.add_argument("--from", dest="caller", metavar="NUMBER", help="the caller; default a withheld number")
    add_json(to_explain)

    check = _command(commands, "check", "check one or several numbers; exit status 1 on errors", _check)
    check.add_argument("files", type=Path, nargs="+", metavar="FILE", help=f"{either}; one per number")
    check.add_argument("--at", metavar="MOMENT", help=moment)
    check.add_argument(
        "--longest-wait",
        type=int,
        default=LONGEST_WAIT_SECONDS,
        metavar="SECONDS",
        help="limit of the ringing time, all phones taken together; default %(default)s",
    )
    check.add_argument("--emergency-since", metavar="MOMENT", help="begin of the emergency")
    add_json(check)

    rules = _command(commands, "rules", "print the rules compiled from the calendar", _rules)
    rules.add_argument("file", type=Path, metavar="FILE", help=calendar)
    rules.add_argument("--at", metavar="MOMENT", help=moment)
    add_json(rules)

    draw = _command(commands, "draw", "draw the week and the next days", _draw)
    draw.add_argument("file", type=Path, metavar="FILE", help=calendar)
    draw.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="ends in .html or .svg; default the calendar's name and the first day",
    )
    draw.add_argument("--start", metavar="DATE", help="first day, YYYY-MM-DD; default today")
    draw.add_argument("--days", type=int, default=60, metavar="N", help="days of the list, default %(default)s")
    add_json(draw)

    _command(commands, "schema", "print the JSON Schema of both kinds of files, for editors", _schema)
    return parser


def _command(commands: argparse._SubParsersAction[Parser], name: str, text: str, run: _Run) -> Parser:
    command = add_command(commands, name, text, run)
    command.add_argument("--include-numbers", action="store_true", help="show phone numbers and addresses in full")
    return command


if __name__ == "__main__":
    sys.exit(main())
