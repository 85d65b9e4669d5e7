"""A DAG of yours."""

from airflow.sdk import DAG

from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator
from airflow_provider_directcall.sensors.messages import DirectcallMessageDeliverySensor

with DAG("reminders", params={"poll_interval": 15.0, "settle_seconds": 300.0}):
    send = DirectcallSendSMSOperator(
        task_id="send",
        destination=["5511990000001", "5511990000002", "5511990000404"],
        text="Sua consulta é amanhã.",
        poll_interval="{{ params.poll_interval }}",
        settle_seconds="{{ params.settle_seconds }}",
    )
    DirectcallMessageDeliverySensor(
        task_id="delivered", message=send.output, min_share=0.5, poll_interval="{{ params.poll_interval }}"
    )
