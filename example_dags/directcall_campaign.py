"""A campaign of ten contacts: plan, send, follow, report.

Each accepted contact of ``directcall_campaign_contacts.csv`` gets one SMS, whatever happens to the tasks. One row is
a landline and one a duplicate; the plan names them. The report says what became of each contact, and its list
``again`` can be the contacts of another run.

The numbers are fictitious.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import Param, dag

from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    # Safe: a retry goes on where the first try was, and sends nothing twice.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
    params={
        "dry_run": Param(False, type="boolean", description="Plan only"),
        "window": Param("strict", description="When numbers may be reached; none for any time"),
    },
    doc_md=__doc__,
)
def directcall_campaign() -> None:
    """Remind ten people of their appointment."""
    # --8<-- [start:group]
    DirectcallCampaignTaskGroup(
        group_id="reminders",
        contacts=str(Path(__file__).parent / "directcall_campaign_contacts.csv"),
        number_column="phone",
        id_column="id",
        text="Olá {name}, sua consulta é dia {day}. Para não receber mais, responda SAIR.",
        tags={"campaign": "reminders", "contact": "{id}"},
        window="{{ params.window }}",
        price_brl=0.09,
        dry_run="{{ params.dry_run }}",
        track_interval=5,
        track_timeout=timedelta(hours=2),
    )
    # --8<-- [end:group]


directcall_campaign()
