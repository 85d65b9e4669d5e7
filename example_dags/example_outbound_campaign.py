"""An outbound campaign: an SMS to each contact, a recorded call, and a voice message to those who did not answer.

Each contact of ``contacts.csv`` gets its own chain of tasks. The calls carry the contact's id as a tag, and a sensor
waits, without holding a worker, until the contact's call appears in Directcall's statement.

The numbers are fictitious: in the sandbox one is busy, one does not answer, one hangs up after four seconds.
"""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import Param, XComArg, dag, task, task_group

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.messages import (
    DirectcallSendSMSOperator,
    DirectcallSendVoiceMessageOperator,
)
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

CONTACTS = Path(__file__).parent / "contacts.csv"

#: A row of the statement, as the sensor returns it; the arguments of one mapped task.
Row = dict[str, Any]
Arguments = dict[str, Any]

#: What the UI shows for each mapped task, instead of its index: an id, never a number.
CONTACT_ID = "{{ task.tags['contact'] }}"

#: A call of this length or less was not a conversation.
SHORT_CALL_SECONDS = 6


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    # Safe for the sending tasks too: a retry continues the first try and sends nothing twice.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
    params={
        "agent": Param("5511990000001", description="Number that is connected with the contacts; called first"),
    },
    doc_md=__doc__,
)
def example_outbound_campaign() -> None:
    """Text, call, wait, follow up, summarise."""

    @task(show_return_value_in_logs=False)
    def read_contacts() -> list[dict[str, str]]:
        """Return one dictionary per contact: the arguments of the task group."""
        with CONTACTS.open(encoding="utf-8", newline="") as file:
            return [
                {
                    "contact_id": row["contact_id"],
                    "phone": row["phone"],
                    "text": f"Olá, {row['name']}! Vamos ligar em instantes sobre a sua entrega.",
                }
                for row in csv.DictReader(file)
            ]

    @task_group
    def reach(contact_id: str, phone: str, text: str) -> XComArg:
        """Text and call one contact, and wait for the call."""
        tags = {"contact": contact_id, "campaign": "{{ run_id }}"}
        sms = DirectcallSendSMSOperator(
            task_id="send_sms",
            origin="{{ params.agent }}",
            destination=phone,
            text=text,
            tags=tags,
            map_index_template=CONTACT_ID,
        )
        call = DirectcallPlaceCallOperator(
            task_id="place_call",
            origin="{{ params.agent }}",
            destination=phone,
            record=True,
            tags=tags,
            map_index_template=CONTACT_ID,
        )
        waited = DirectcallTaggedCallSensor(
            task_id="wait_for_call",
            callerid=call.output,
            tags=tags,
            deferrable=True,
            poll_interval=5,
            timeout=timedelta(minutes=30),
            map_index_template=CONTACT_ID,
        )
        sms >> call
        return waited.output

    @task(show_return_value_in_logs=False)
    def voice_messages(contacts: list[dict[str, str]], calls: list[list[Row]]) -> list[Arguments]:
        """Return the arguments of a voice message for each contact who was not reached."""
        reached = {
            row["tags"]["contact"]
            for rows in calls
            for row in rows
            if row["outcome"] == "answered" and row["duration_seconds"] > SHORT_CALL_SECONDS
        }
        return [
            {
                "destination": contact["phone"],
                "tags": {"contact": contact["contact_id"], "campaign": "voice"},
            }
            for contact in contacts
            if contact["contact_id"] not in reached
        ]

    @task(trigger_rule="none_failed")
    def summary(calls: list[list[Row]], missed: list[Arguments]) -> dict[str, object]:
        """Summarise the campaign, without phone numbers."""
        rows = [row for found in calls for row in found]
        outcomes = {row["tags"]["contact"]: row["outcome"] for row in rows}
        return {
            "calls": len(rows),
            "outcomes": outcomes,
            "voice_messages": sorted(item["tags"]["contact"] for item in missed),
            "recordings": sum(1 for row in rows if row["recording_url"]),
        }

    contacts = read_contacts()
    calls = reach.expand_kwargs(contacts)
    missed = voice_messages(contacts, calls)
    follow_up = DirectcallSendVoiceMessageOperator.partial(
        task_id="send_voice_message",
        origin="{{ params.agent }}",
        text="Olá! Tentamos falar com você sobre a sua entrega. Por favor, retorne a ligação.",
        attempts=1,
        map_index_template=CONTACT_ID,
    ).expand_kwargs(missed)
    follow_up >> summary(calls, missed)


example_outbound_campaign()
