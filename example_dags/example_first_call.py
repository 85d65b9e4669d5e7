"""The first DAG of the documentation: call a customer, and wait until the call is in the statement.

The numbers are fictitious. In the sandbox the call is answered and lasts half a minute.
"""

from __future__ import annotations

# --8<-- [start:imports]
import pendulum
from airflow.sdk import DAG

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

# --8<-- [end:imports]

# --8<-- [start:dag]
with DAG(
    "example_first_call",
    schedule=None,  # or "0 9 * * 1-5": weekdays at nine
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
):
    # --8<-- [start:tasks]
    call = DirectcallPlaceCallOperator(
        task_id="call",
        origin="5511990000001",  # called first, then connected with the destination
        destination="5511990000002",
        tags={"customer": "4711"},
        retries=3,  # safe: a retry finishes the work of the first try and never calls twice
    )
    DirectcallTaggedCallSensor(
        task_id="wait",
        callerid=call.output,
        deferrable=True,  # holds no worker
        poll_interval=5,
    )
    # --8<-- [end:tasks]
# --8<-- [end:dag]
