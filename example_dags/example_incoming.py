"""DAGs that start when the phone rings or an SMS arrives.

``example_call_back`` texts the callers of missed calls in business hours. ``example_opt_out`` adds the numbers of those
who answer an SMS with "PARE" or "SAIR" to a list, which campaigns read with ``suppress=[OPT_OUTS]``.

The events of the watchers hold ids and times, no numbers. The tasks read the numbers when they need them, and Airflow
stores none of them in an XCom, and the caller's as ``***`` among the rendered fields.

Whether a caller was texted before is read from the statement of messages, an assumed endpoint: an account without it
cannot use ``example_call_back`` as it is.
"""

from __future__ import annotations

import csv
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, AssetWatcher, task
from airflow.sdk.log import mask_secret

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator
from airflow_provider_directcall.triggers.watchers import DirectcallMissedCallTrigger, DirectcallReceivedSMSTrigger

ORIGIN = "551130000001"
ZONE = "America/Sao_Paulo"
#: Monday to Friday, from 9 to 18.
OPEN_DAYS, OPENS, CLOSES = range(5), 9, 18
#: An older event, after a long pause of Airflow, is too late for an answer.
AT_MOST = timedelta(hours=1)
RETRIES = {"retries": 3, "retry_delay": timedelta(minutes=2)}
#: The list of numbers that must not be reached; all workers need to reach it.
OPT_OUTS = Path(os.environ.get("DIRECTCALL_OPT_OUTS", "~/directcall-opt-outs.csv")).expanduser()


def payloads(triggering_asset_events: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - Airflow's accessor
    """Return the events of the watchers: a run may have several."""
    return [event.extra["payload"] for events in triggering_asset_events.values() for event in events]


def is_open(at: str | None) -> bool:
    """Whether a call came in business hours, and not too long ago."""
    if at is None:
        return False
    moment = pendulum.parse(at).in_timezone(ZONE)  # type: ignore[union-attr]  # a text with a date is a moment
    is_recent = pendulum.now(ZONE) - moment <= AT_MOST
    return is_recent and moment.weekday() in OPEN_DAYS and OPENS <= moment.hour < CLOSES


def caller(tags: dict[str, str]) -> str:
    """Return the number of a missed call, for a template."""
    event = {"kind": "missed_call", "id": tags["missed_call"], "at": tags["missed_at"]}
    with DirectcallHook() as hook:
        number = hook.incoming(event).origin or ""
    mask_secret(number)
    return number


def was_texted(hook: DirectcallHook, event: dict[str, Any]) -> bool:
    """Whether a message shows the tag of a missed call; that Directcall's filter by tags works is not relied on."""
    since = pendulum.parse(event["at"])
    tag = {"missed_call": event["id"]}
    messages = hook.list_messages(since, pendulum.now(ZONE), tags=tag)  # type: ignore[arg-type]  # as above
    return any(tag.items() <= message.tags.items() for message in messages)


with DAG(
    "example_call_back",
    schedule=[
        Asset(
            "directcall_missed_calls",
            watchers=[AssetWatcher(name="missed_calls", trigger=DirectcallMissedCallTrigger(destinations=[ORIGIN]))],
        )
    ],
    start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    tags=["directcall", "example"],
    user_defined_macros={"caller": caller},
    doc_md=__doc__,
) as call_back:

    @task
    def missed(triggering_asset_events: Any = None) -> list[dict[str, str]]:  # noqa: ANN401 - Airflow's accessor
        """Return the tags of an SMS for each caller with a mobile: the id and the time of the call, no number."""
        from airflow_provider_directcall.telephony.numbers import TEXTABLE, parse_number

        by_number: dict[str, dict[str, str]] = {}
        with DirectcallHook() as hook:
            for event in payloads(triggering_asset_events):
                if not is_open(event["at"]):
                    continue
                tags = {"missed_call": event["id"], "missed_at": event["at"]}
                # An event may come twice, after a crash of the triggerer.
                if was_texted(hook, event):
                    continue
                try:
                    by_number[parse_number(caller(tags), argument="origem", allow=TEXTABLE).digits] = tags
                except DirectcallError:
                    # Its own task reads it again, with its own retries, and fails alone.
                    by_number[event["id"]] = tags
                except ValueError:
                    # A landline, or a caller who hides the number.
                    continue
        return list(by_number.values())

    DirectcallSendSMSOperator.partial(
        task_id="text_back",
        origin=ORIGIN,
        destination="{{ caller(task.tags) }}",
        text="Recebemos sua ligação e não conseguimos atender. Responda com o melhor horário para retornarmos.",
    ).expand(tags=missed())

with DAG(
    "example_opt_out",
    # --8<-- [start:received_sms]
    schedule=[
        Asset(
            "directcall_opt_outs",
            watchers=[AssetWatcher(name="opt_outs", trigger=DirectcallReceivedSMSTrigger(words=["PARE", "SAIR"]))],
        )
    ],
    # --8<-- [end:received_sms]
    start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    tags=["directcall", "example"],
    doc_md=__doc__,
) as opt_out:

    @task
    def add_to_list(triggering_asset_events: Any = None) -> int:  # noqa: ANN401 - Airflow's accessor
        """Add the senders to the list, each once; return how many were added."""
        listed: set[str] = set()
        if OPT_OUTS.exists():
            with OPT_OUTS.open(encoding="utf-8", newline="") as file:
                listed = {row["number"] for row in csv.DictReader(file)}
        senders: set[str | None] = set()
        unread: list[DirectcallError] = []
        with DirectcallHook() as hook:
            for event in payloads(triggering_asset_events):
                try:
                    senders.add(hook.incoming(event).origin)
                except DirectcallError as error:
                    unread.append(error)
        numbers = sorted(listed | {sender for sender in senders if sender})
        # A campaign that reads the list meanwhile finds the old one or the new one.
        new = OPT_OUTS.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text("\n".join(["number", *numbers, ""]), encoding="utf-8")
        new.replace(OPT_OUTS)
        if unread:
            raise unread[0]
        return len(numbers) - len(listed)

    add_to_list()
