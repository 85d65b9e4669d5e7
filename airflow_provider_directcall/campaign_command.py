"""``directcall-campaign``: plan, preview, report and purge campaigns from a shell, without Airflow. Sends nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from airflow_provider_directcall.command_line import (
    FAILED,
    FINE,
    Parser,
    add_command,
    add_json,
    choose_language,
    chosen_language,
    exit_status,
    fail,
    progress,
    say,
    write,
    write_json,
)
from airflow_provider_directcall.telephony.masking import mask_numbers_in
from airflow_provider_directcall.telephony.segments import PROFILES

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
    from airflow_provider_directcall.campaigns.contacts.places import StoredFile
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.campaigns.suppression import Exclusions

__all__ = ["FAILED", "FINE", "main"]

_NAME: Final = "directcall-campaign"
_DESCRIPTION: Final = "Plan, preview, report and purge campaigns without Airflow. Nothing is sent."
_EPILOG: Final = "Files below FOLDER hold numbers and texts. exit status: 0 done; 2 an argument or a file is wrong"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: 0; 2 for an invalid file or argument, with one line on stderr.
    """
    choose_language(argv)
    options = _parser().parse_args(argv)
    if find_spec("polars") is None:
        return fail(_NAME, "needs Polars: pip install 'airflow-provider-directcall[campaigns]'")
    return exit_status(_NAME, lambda: int(options.run(options)), shown=mask_numbers_in)


def _plan(options: argparse.Namespace) -> int:
    from airflow_provider_directcall.campaigns.contacts.places import files_at
    from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
    from airflow_provider_directcall.campaigns.frequency import FrequencyLedger
    from airflow_provider_directcall.campaigns.plan_summary import PLAN_FILE
    from airflow_provider_directcall.campaigns.plan_times import DEFAULT_ZONE
    from airflow_provider_directcall.campaigns.planning import plan
    from airflow_provider_directcall.campaigns.scratch import private_scratch

    settings = _settings(options)
    folder = _folder(options.folder)
    if folder.names("waves/"):
        raise ValueError(f"{folder.uri}: a campaign in this folder has begun to send; choose another one")
    if (names := folder.names()) and PLAN_FILE not in names:
        raise ValueError(f"{folder.uri}: this folder has files, and none of them is a plan; choose a new one")
    with private_scratch() as scratch:
        files = ContactFiles(files_at(options.contacts, _remote), scratch)
        with progress("Planning", "contacts") as on_batch:
            made = plan(
                settings,
                files.batches(),
                folder,
                exclusions=_exclusions(options),
                now=datetime.now(ZoneInfo(DEFAULT_ZONE)),
                language=chosen_language(),
                sources=lambda: files.read,
                on_batch=on_batch,
                ledger=None if options.storage is None else FrequencyLedger(_folder(options.storage, is_new=False)),
            )
    preview = f"{folder.uri}/preview.html"
    if options.json:
        write_json({"plan": folder.uri, **made.as_json(), "preview": preview})
        return FINE
    for line in made.summary_lines():
        say(line)
    say(f"Replies that opt out were not read. Preview: {preview}")
    return FINE


def _settings(options: argparse.Namespace) -> CampaignSettings:
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
    from airflow_provider_directcall.campaigns.channels import Channel
    from airflow_provider_directcall.campaigns.frequency import FrequencyCap
    from airflow_provider_directcall.telephony.windows import window_named

    return CampaignSettings(
        channel=Channel(options.channel),
        number_columns=tuple(options.number_column or ("phone",)),
        id_column=options.id_column,
        zone_column=options.zone_column,
        not_before_column=options.not_before_column,
        not_after_column=options.not_after_column,
        priority_column=options.priority_column,
        frequency_cap=FrequencyCap.of(dict(options.frequency_cap)) if options.frequency_cap else None,
        text=options.text,
        text_column=options.text_column,
        origin=options.origin,
        tags=dict(options.tag or ()),
        window=None if options.window == "none" else window_named(options.window),
        keeps_accents=options.keep_accents,
        profile=PROFILES[options.profile],
        price_brl=options.price_brl,
        budget_brl=options.budget_brl,
        chunk_size=options.chunk_size,
    )


def _exclusions(options: argparse.Namespace) -> Exclusions:
    from airflow_provider_directcall.campaigns.contacts.places import files_at
    from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
    from airflow_provider_directcall.campaigns.scratch import private_scratch
    from airflow_provider_directcall.campaigns.suppression import Exclusions, SuppressedNumbers

    suppressed = SuppressedNumbers()
    today = datetime.now().astimezone().date()
    for place in options.suppress or ():
        with private_scratch() as scratch:
            files = ContactFiles(files_at([place], _remote, argument="--suppress"), scratch)
            suppressed.read(files, today)
    return Exclusions(suppressed)


def _preview(options: argparse.Namespace) -> int:
    import io

    import polars as pl

    from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
    from airflow_provider_directcall.telephony.masking import mask_number

    folder = _folder(options.folder, is_new=False)
    made = CampaignPlan.read(folder)
    first: list[dict[str, object]] = []
    for chunk in made.chunks:
        if len(first) >= options.texts:
            break
        rows = pl.read_parquet(io.BytesIO(folder.read(chunk.name)), columns=["id", "number", "parts", "text"])
        first += rows.drop_nulls("number").head(options.texts - len(first)).iter_rows(named=True)
    texts = [row | {"number": mask_number(str(row["number"])), "text": row["text"] or ""} for row in first]
    page = f"{folder.uri}/preview.html"
    if options.json:
        write_json({"contacts": made.contacts, "accepted": made.accepted, "texts": texts, "preview": page})
        return FINE
    for row in texts:
        write("  ".join(map(str, row.values())))
    say(f"{made.accepted:,} of {made.contacts:,} contacts are accepted. Page: {page}")
    return FINE


def _purge(options: argparse.Namespace) -> int:
    from airflow_provider_directcall.campaigns.retention import erase_number, purge
    from airflow_provider_directcall.campaigns.scratch import remove_abandoned

    remove_abandoned()
    folder = _folder(options.folder, is_new=False)
    if options.number:
        number = sys.stdin.readline().strip()
        with progress("Purging"):
            result, text = "rows", f"Erased from {(count := erase_number(folder, number))} rows."
    elif options.older_than is None:
        raise ValueError("purge: --older-than DAYS or --number is needed")
    else:
        with progress("Purging"):
            count = purge(folder, timedelta(days=options.older_than), datetime.now(UTC))
        result, text = "campaigns", f"Removed the contacts of {count} campaigns."
    if options.json:
        write_json({result: count})
    else:
        say(text)
    return FINE


def _report(options: argparse.Namespace) -> int:
    from airflow_provider_directcall.campaigns.contacts.places import folder_at
    from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
    from airflow_provider_directcall.campaigns.report import make_report

    folder = _folder(options.folder, is_new=False)
    times = CampaignPlan.read(folder).times
    with progress("Reporting"):
        result = make_report(
            folder,
            results_uri=options.results,
            now=datetime.now(times.tzinfo),
            language=chosen_language(),
            folder_at=lambda place: folder_at(place, _remote),
        )
    if options.json:
        write_json(result)
        return FINE
    for name in ("report", "html", "results", "again", "contacts", "parts", "cost_brl"):
        if result[name] is not None:
            say(f"{name}: {result[name]}")
    if isinstance(states := result["states"], dict):
        say("states: " + ", ".join(f"{contacts} {state}" for state, contacts in states.items()))
    if isinstance(reasons := result["reasons"], list):
        for state, reason, contacts in reasons:
            say(f"reason of {contacts} {state}: {reason}")
    return FINE


def _folder(place: str, *, is_new: bool = True) -> Folder:
    from airflow_provider_directcall.campaigns.contacts.places import folder_at

    if not is_new and "://" not in place and not Path(place).expanduser().is_dir():
        raise ValueError(f"{place}: there is no such folder")
    return folder_at(place, _remote)


def _remote(uri: str) -> StoredFile:
    from upath import UPath

    return UPath(uri)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=_NAME, description=_DESCRIPTION, epilog=_EPILOG)
    commands = parser.add_commands()
    to_plan = add_command(commands, "plan", "decide who gets which text when, and write it to a folder", _plan)
    to_plan.add_argument("contacts", nargs="+", metavar="FILE", help="CSV, JSON lines or Parquet: path, URI, pattern")
    to_plan.add_argument("-o", "--output", dest="folder", required=True, metavar="FOLDER", help="a new folder")
    to_plan.add_argument("--number-column", action="append", metavar="NAME", help="default phone; may be repeated")
    to_plan.add_argument("--id-column", metavar="NAME", help="default: file and row")
    to_plan.add_argument("--zone-column", metavar="NAME", help="of the contact's zone or state; default the number's")
    to_plan.add_argument("--not-before-column", metavar="NAME", help="of the earliest time to reach the contact")
    to_plan.add_argument("--not-after-column", metavar="NAME", help="of the time from which on it is not reached")
    to_plan.add_argument("--priority-column", metavar="NAME", help="of an integer; a higher one is sent to first")
    to_plan.add_argument(
        "--frequency-cap", action="append", type=_pair, metavar="PERIOD=N", help="day=1, month=4; needs --storage"
    )
    to_plan.add_argument("--storage", metavar="FOLDER", help="of all campaigns, whose messages --frequency-cap counts")
    to_plan.add_argument("--channel", choices=("sms", "voice_message", "call"), default="sms", help="default sms")
    to_plan.add_argument("--text", metavar="TEXT", help="with {column} for values of the row")
    to_plan.add_argument("--text-column", metavar="NAME", help="column with texts, in place of --text")
    to_plan.add_argument("--origin", default="", metavar="NUMBER", help="sender; its length counts in an SMS")
    to_plan.add_argument("--tag", action="append", type=_pair, metavar="NAME=VALUE", help="may be repeated")
    to_plan.add_argument("--window", default="strict", metavar="NAME", help="a preset, or none; default strict")
    to_plan.add_argument("--keep-accents", action="store_true", help="send accented letters")
    to_plan.add_argument(
        "--profile", choices=tuple(PROFILES), default="directcall", help="counts parts; default directcall"
    )
    to_plan.add_argument("--suppress", action="append", metavar="FILE", help="list of numbers; may be repeated")
    to_plan.add_argument("--price-brl", type=_money, metavar="BRL", help="of one part")
    to_plan.add_argument("--budget-brl", type=_money, metavar="BRL", help="what the campaign may cost")
    to_plan.add_argument("--chunk-size", type=int, default=10_000, metavar="N", help="default %(default)s")
    add_json(to_plan)

    preview = add_command(commands, "preview", "print the first texts as they will be sent", _preview)
    preview.add_argument("folder", metavar="FOLDER", help="of a plan")
    preview.add_argument("--texts", type=int, default=10, metavar="N", help="default %(default)s")
    add_json(preview)

    report = add_command(commands, "report", "write the report of what was sent so far", _report)
    report.add_argument("folder", metavar="FOLDER", help="of a plan")
    report.add_argument("--results", metavar="PATH", help="ends in .parquet or .csv; default: in the folder")
    add_json(report)

    to_purge = add_command(commands, "purge", "remove old campaigns, or everything about one number", _purge)
    to_purge.add_argument("folder", metavar="FOLDER", help="below which the campaigns are")
    to_purge.add_argument("--older-than", type=_days, metavar="DAYS", help="campaigns planned before, such as 90")
    to_purge.add_argument("--number", action="store_true", help="erase the number that is read from standard input")
    add_json(to_purge)
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair or not name:
        raise argparse.ArgumentTypeError("NAME=VALUE is needed")
    return name, value


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise argparse.ArgumentTypeError("an amount above 0 is needed, such as 0.09")
    return amount


def _days(text: str) -> float:
    try:
        days = float(text.removesuffix("d"))
    except ValueError:
        days = -1.0
    if not 0 <= days < 100_000:
        raise argparse.ArgumentTypeError("a number of days is needed, such as 90")
    return days


if __name__ == "__main__":
    sys.exit(main())
