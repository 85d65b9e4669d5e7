"""A campaign of any size over all workers: one rate for the account, four tasks that send at the same time.

It needs a ``storage`` that all workers reach, and shares the rate through the Redis of ``[directcall] rate_conn_id``;
without one, each of the four tasks takes a quarter of it. The default is ten contacts on one machine. For a million,
give an object store: ``{"contacts": "s3://aws_default@bucket/contacts/*.parquet", "storage":
"s3://aws_default@bucket/campaigns", "chunk_size": 10000}``.

A task whose worker is lost goes on in its next try, and sends to nobody again. The numbers are fictitious.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import Param, dag

from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup

CONTACTS = str(Path(__file__).parent / "directcall_campaign_contacts.csv")


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    params={
        "contacts": Param(CONTACTS, type="string", description="Columns id, phone, name, day"),
        "storage": Param(None, type=["null", "string"], description="A folder that all workers reach"),
        "rate": Param(50, type="number", description="Parts a second of the account"),
        "chunk_size": Param(4, type="integer", description="Contacts that a task sends"),
        "window": Param("strict", description="When numbers may be reached; none for any time"),
        "settle_seconds": Param(300, type="number", description="How long a message may be missing in the statement"),
        "track_interval": Param(60, type="number", description="Seconds between two looks at the statement"),
    },
    doc_md=__doc__,
)
def directcall_campaign_cluster() -> None:
    """Remind people of their appointment, from all workers."""
    DirectcallCampaignTaskGroup(
        group_id="reminders",
        contacts="{{ params.contacts }}",
        storage="{{ params.storage }}",
        number_column="phone",
        id_column="id",
        text="Olá {name}, sua consulta é dia {day}. Para não receber mais, responda SAIR.",
        tags={"campaign": "reminders"},
        window="{{ params.window }}",
        rate="{{ params.rate }}",
        chunk_size="{{ params.chunk_size }}",
        chunks_at_once=4,
        settle_seconds="{{ params.settle_seconds }}",
        price_brl=0.09,
        stop_when_failed_share=0.2,
        track_interval="{{ params.track_interval }}",
        track_timeout=timedelta(hours=2),
    )


directcall_campaign_cluster()
