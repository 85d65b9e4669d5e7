"""One task for each operator and sensor that the other examples do not show; the how-to pages include its parts.

``example_how_to`` sends, waits, archives, writes rules and restores them. ``example_how_to_campaign`` has the operators
of a campaign one by one. ``example_how_to_watchers`` starts for received calls and for recordings.

It runs against the sandbox, with a connection ``directcall_webhooks`` for the addresses of webhooks. The numbers are
fictitious; in the sandbox, those that end in 0701 and 0702 answer "1" and "2".
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.campaign_approval import DirectcallApproveCampaignOperator
from airflow_provider_directcall.operators.campaigns import (
    DirectcallPlanCampaignOperator,
    DirectcallReportCampaignOperator,
    DirectcallSendCampaignOperator,
    DirectcallTrackCampaignOperator,
)
from airflow_provider_directcall.operators.exports import DirectcallExportStatementOperator
from airflow_provider_directcall.operators.messages import (
    DirectcallSendSMSOperator,
    DirectcallSendVoiceMessageOperator,
)
from airflow_provider_directcall.operators.numbers import (
    DirectcallApplyNumberRulesOperator,
    DirectcallPlanNumberRulesOperator,
    DirectcallRestoreNumberRulesOperator,
    DirectcallUpdateNumberRuleOperator,
)
from airflow_provider_directcall.operators.recordings import DirectcallArchiveRecordingsOperator
from airflow_provider_directcall.operators.sounds import DirectcallAddSoundOperator
from airflow_provider_directcall.operators.webhooks import (
    DirectcallRegisterWebhookOperator,
    DirectcallRemoveWebhookOperator,
)
from airflow_provider_directcall.sensors.messages import DirectcallMessageDeliverySensor, DirectcallReplySensor
from airflow_provider_directcall.sensors.recordings import DirectcallRecordingSensor
from airflow_provider_directcall.triggers.watchers import DirectcallReceivedCallTrigger, DirectcallRecordingTrigger

FOLDER = Path(__file__).parent
#: Where recordings, exports and the campaign's files go; all workers need to reach it.
STORAGE = os.environ.get("DIRECTCALL_HOW_TO_STORAGE", "~/directcall-how-to")
ORIGIN = "5511990000001"
START = pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo")
#: Safe: a retry goes on where the first try was, and sends nothing twice.
RETRIES: dict[str, Any] = {"retries": 3, "retry_delay": timedelta(minutes=1)}

with DAG(
    "example_how_to",
    schedule=None,
    start_date=START,
    catchup=False,
    tags=["directcall", "example"],
    default_args=RETRIES,
    doc_md=__doc__,
):
    # --8<-- [start:sms]
    ask = DirectcallSendSMSOperator(
        task_id="ask",
        origin=ORIGIN,
        destination=["5531990000701", "5531990000702"],
        text="Sua consulta é amanhã às 9h. Responda 1 para confirmar, 2 para cancelar.",
        tags={"appointment": "4711"},
    )
    # --8<-- [end:sms]

    # --8<-- [start:delivery]
    delivered = DirectcallMessageDeliverySensor(
        task_id="delivered",
        message=ask.output,
        min_share=0.5,  # of the recipients
        deferrable=True,
        poll_interval=5,
        timeout=timedelta(hours=1),
    )
    # --8<-- [end:delivery]

    # --8<-- [start:reply]
    answer = DirectcallReplySensor(
        task_id="answer",
        origin="5531990000701",
        answers={"confirmed": ["1", "sim"], "cancelled": ["2", "não"]},
        deferrable=True,
        poll_interval=5,
        timeout=timedelta(hours=4),
    )
    # --8<-- [end:reply]
    ask >> [delivered, answer]

    # --8<-- [start:call]
    call = DirectcallPlaceCallOperator(
        task_id="call",
        origin=ORIGIN,  # called first
        destination="5511990000002",
        record=True,
        tags={"customer": "4711"},
        wait_for_completion=True,  # the result is the call's row in the statement
        fail_on=("busy", "no_answer"),  # without it, an unanswered call is a result
        deferrable=True,
        poll_interval=5,
    )
    # --8<-- [end:call]

    # --8<-- [start:recording]
    recording = DirectcallRecordingSensor(
        task_id="recording",
        callerid="{{ ti.xcom_pull(task_ids='call', key='callerid') }}",
        deferrable=True,
        poll_interval=5,
        timeout=timedelta(hours=1),
    )
    # --8<-- [end:recording]

    # --8<-- [start:archive]
    archive = DirectcallArchiveRecordingsOperator(
        task_id="archive",
        since="{{ dag_run.run_after - macros.timedelta(hours=1) }}",
        until="{{ dag_run.run_after }}",
        storage=f"{STORAGE}/recordings",  # or s3://aws_default@bucket/recordings
    )
    # --8<-- [end:archive]

    # --8<-- [start:export]
    export = DirectcallExportStatementOperator(
        task_id="export",
        # An hour that has been over for some time: rows appear late.
        since="{{ dag_run.run_after - macros.timedelta(hours=3) }}",
        until="{{ dag_run.run_after - macros.timedelta(hours=2) }}",
        storage=f"{STORAGE}/statements",
        file_format="csv",
    )
    # --8<-- [end:export]
    call >> recording >> archive >> export

    # --8<-- [start:voice]
    say = DirectcallSendVoiceMessageOperator(
        task_id="say",
        origin=ORIGIN,
        destination="5511990000003",
        audio=str(FOLDER / "greeting.mp3"),  # beside the DAG file; or text="..." to have it read aloud
        attempts=2,
        wait_for_delivery=True,
        deferrable=True,
        poll_interval=5,
    )
    # --8<-- [end:voice]

    # --8<-- [start:rule]
    night = DirectcallUpdateNumberRuleOperator(
        task_id="night",
        did="1130000001",
        rule={
            "action": "forward",
            "to": "5511990000077",
            "wait_seconds": 20,
            "priority": 1,
            "weekdays": "1-5",
            "start": "18:00",
            "end": "08:00",
        },
    )
    # --8<-- [end:rule]

    # --8<-- [start:plan]
    AT = "{{ dag_run.run_after }}"
    plan = DirectcallPlanNumberRulesOperator(task_id="plan", calendar="hotline.yaml", at=AT)
    # --8<-- [end:plan]

    # --8<-- [start:sound]
    greeting = DirectcallAddSoundOperator(task_id="greeting", audio=str(FOLDER / "greeting.mp3"), name="campanha")
    # --8<-- [end:sound]

    # --8<-- [start:restore]
    divert = DirectcallApplyNumberRulesOperator(
        task_id="divert",
        did="1130000001",
        rules=[
            {"action": "sound", "sound_id": "{{ ti.xcom_pull('greeting')['sound_id'] }}", "priority": 1},
            {"action": "forward", "to": "5511990000078", "wait_seconds": 30, "priority": 2},
        ],
    )
    restore = DirectcallRestoreNumberRulesOperator(task_id="restore", snapshot_task_id="divert")

    @task
    def while_diverted() -> None:
        """Stand for the work in the meantime."""

    divert >> while_diverted() >> restore.as_teardown()  # without "setups"
    # --8<-- [end:restore]
    night >> plan >> greeting >> divert

    # --8<-- [start:webhooks]
    register = DirectcallRegisterWebhookOperator(
        task_id="register",
        kind="call",  # "message", "received"
        url="https://airflow.example.com/directcall/events/call",
        webhook_conn_id="directcall_webhooks",
    )
    remove = DirectcallRemoveWebhookOperator(task_id="remove", kind="call", code=register.output)

    @task
    def while_registered() -> None:
        """Stand for the work that the webhooks serve."""

    register.as_setup() >> while_registered() >> remove.as_teardown(setups=register)
    # --8<-- [end:webhooks]

    # --8<-- [start:hook]
    @task
    def balance() -> str:
        """Return the account's balance: the hook has a method for each endpoint."""
        with DirectcallHook() as hook:
            return str(hook.balance().amount)

    balance()
    # --8<-- [end:hook]

with DAG(
    "example_how_to_campaign",
    schedule=None,
    start_date=START,
    catchup=False,
    tags=["directcall", "example"],
    default_args=RETRIES,
):
    # --8<-- [start:campaign]
    planned = DirectcallPlanCampaignOperator(
        task_id="plan",
        contacts=str(FOLDER / "directcall_campaign_contacts.csv"),
        number_column="phone",
        id_column="id",
        text="Olá {name}, sua consulta é dia {day}.",
        window=None,  # any time; the default is "strict"
        price_brl=0.09,
        storage=f"{STORAGE}/campaigns",
    )
    approve = DirectcallApproveCampaignOperator(task_id="approve", plan=planned.output, approve_over=1000)

    @task
    def chunks(plan: dict[str, Any]) -> list[str]:
        """Return the names of the plan's chunks."""
        return list(plan["chunks"])

    names = chunks(planned.output)
    sent = DirectcallSendCampaignOperator.partial(task_id="send", plan=planned.output, window=None).expand(chunk=names)
    tracked = DirectcallTrackCampaignOperator.partial(
        task_id="track", plan=planned.output, poll_interval=5, trigger_rule="none_skipped"
    ).expand(chunk=names)
    report = DirectcallReportCampaignOperator(task_id="report", plan=planned.output, trigger_rule="all_done")
    planned >> approve >> names
    sent >> tracked >> report
    # --8<-- [end:campaign]

# --8<-- [start:watchers]
RECEIVED = Asset(
    "directcall_received_calls",
    watchers=[AssetWatcher(name="received", trigger=DirectcallReceivedCallTrigger(destinations=["1130000001"]))],
)
RECORDED = Asset(
    "directcall_recordings",
    watchers=[AssetWatcher(name="recorded", trigger=DirectcallRecordingTrigger())],
)

with DAG(
    "example_how_to_watchers",
    schedule=(RECEIVED | RECORDED),
    start_date=START,
    catchup=False,
    tags=["directcall", "example"],
):

    @task
    def what_happened(triggering_asset_events: Any = None) -> list[dict[str, str]]:  # noqa: ANN401 - Airflow's accessor
        """Return the events: kinds, ids and times, no number. A run may have several."""
        return [event.extra["payload"] for events in triggering_asset_events.values() for event in events]

    what_happened()
# --8<-- [end:watchers]
