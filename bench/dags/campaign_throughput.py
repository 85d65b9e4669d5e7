"""A campaign of personal SMS, and the same messages as an author would send them: one mapped HttpOperator task each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG, task

from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup

ORIGIN = "551130000001"
TEXT = "Ola {name}, o seu codigo de consulta e {code}."

with DAG("campaign", schedule=None):
    DirectcallCampaignTaskGroup(
        group_id="sms",
        contacts="{{ dag_run.conf.contacts }}",
        id_column="id",
        text=TEXT,
        origin=ORIGIN,
        tags={"campaign": "bench"},
        window=None,
        # Bare requests read no replies and follow no delivery either.
        opt_out_words=(),
        track=False,
        recipients_per_request=1,
        storage="{{ dag_run.conf.storage }}",
        chunk_size="{{ dag_run.conf.chunk_size }}",
        price_brl=0.09,
    )

with DAG("mapped", schedule=None, max_active_tasks=64):

    @task(show_return_value_in_logs=False)
    def messages(**context: Any) -> list[dict[str, str]]:  # noqa: ANN401 - Airflow's context
        """Return the form fields of each message."""
        fields: list[dict[str, str]] = json.loads(Path(context["dag_run"].conf["messages"]).read_text(encoding="utf-8"))
        return fields

    HttpOperator.partial(task_id="send", http_conn_id="directcall_http", endpoint="sms/send", method="POST").expand(
        data=messages()
    )
