"""DAGs of the process tests. The last digits of the invented numbers select the sandbox's behaviour."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

AGENT, PERSON, LONG_CALL = "5511990000001", "5511990000002", "5511990000600"
NO_WAIT_RETRIES = {"retries": 3, "retry_delay": timedelta(seconds=1)}

with DAG("sensor_defers", schedule=None):
    DirectcallTaggedCallSensor(
        task_id="wait", tags={"customer": "{{ dag_run.conf['customer'] }}"}, deferrable=True, poll_interval=2
    )

with DAG("sensor_reschedules", schedule=None):
    DirectcallTaggedCallSensor(
        task_id="wait", tags={"customer": "{{ dag_run.conf['customer'] }}"}, mode="reschedule", poll_interval=2
    )

with DAG("call_deferred", schedule=None):
    DirectcallPlaceCallOperator(
        task_id="call",
        origin=AGENT,
        destination="{{ dag_run.conf['destination'] }}",
        record=True,
        tags={"run": "{{ run_id }}"},
        wait_for_completion=True,
        poll_interval=1,
        deferrable=True,
        **NO_WAIT_RETRIES,
    )

with DAG("call_on_worker", schedule=None):
    DirectcallPlaceCallOperator(
        task_id="call",
        origin=AGENT,
        destination="{{ dag_run.conf['destination'] }}",
        wait_for_completion=True,
        poll_interval=1,
        deferrable=False,
        **NO_WAIT_RETRIES,
    )

with DAG("send_sms", schedule=None):
    DirectcallSendSMSOperator(
        task_id="sms",
        origin=AGENT,
        destination="{{ dag_run.conf.get('destination', '5511990000002') }}",
        text="Bom dia",
        settle_seconds="{{ dag_run.conf.get('settle_seconds', 300) }}",
        directcall_conn_id="{{ dag_run.conf.get('connection', 'directcall_default') }}",
        **NO_WAIT_RETRIES,
    )
