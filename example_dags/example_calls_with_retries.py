"""Calls with retries: whoever is busy, or does not answer, is called again.

Each contact of ``example_calls_with_retries.csv`` is called at its mobile number. A busy one is called again after ten
minutes, one that does not answer after two hours, each within the calling hours of the number. After the calls to the
mobile number the landline is called. The send task holds no worker while it waits for outcomes and pauses, and no call
is placed twice, whatever happens to the task.

The numbers are fictitious. In the sandbox, two of them are busy and do not answer.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import Param, dag

from airflow_provider_directcall.task_groups.campaigns import Again, DirectcallCampaignTaskGroup


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    # Safe: a retry of the task goes on where the first try was, and calls nobody twice.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
    params={
        "busy_minutes": Param(10, type="number", description="Pause after a busy line"),
        "no_answer_minutes": Param(120, type="number", description="Pause after a call that was not answered"),
        "window": Param("strict", description="When numbers may be called; none for any time"),
    },
    doc_md=__doc__,
)
def example_calls_with_retries() -> None:
    """Call a few people, again where they were not reached."""
    # --8<-- [start:group]
    DirectcallCampaignTaskGroup(
        group_id="reminders",
        contacts=str(Path(__file__).parent / "example_calls_with_retries.csv"),
        number_column=["mobile", "landline"],
        id_column="id",
        channel="call",
        tags={"campaign": "reminders", "contact": "{id}"},
        window="{{ params.window }}",
        record=True,
        calls_at_once=5,
        attempts={
            "busy": {"after": "{{ params.busy_minutes }}", "at_most": 2},
            "no_answer": {"after": "{{ params.no_answer_minutes }}", "at_most": 1},
            "voicemail": Again(after=timedelta(hours=4), at_most=1),
        },
        track_interval=5,
    )
    # --8<-- [end:group]


example_calls_with_retries()
