"""A weekly check of the account: Directcall still answers as this provider assumes.

It only reads. The log shows the table of assumption, finding and consequence; the task fails when something needs
attention. ``directcall-check --send`` shows more on the day you first have an account.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task

from airflow_provider_directcall.hooks.directcall import DirectcallHook

log = logging.getLogger(__name__)


@dag(
    schedule="@weekly",
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    doc_md=__doc__,
)
def example_account_check() -> None:
    """Check the account."""

    # --8<-- [start:check]
    @task
    def check() -> dict[str, Any]:
        """Return the report, which holds no personal data."""
        with DirectcallHook() as hook:
            report = hook.check_account()
        for line in report.as_text().splitlines():
            log.info("%s", line)
        if not report.ok:
            raise ValueError("something needs attention: see the lines with ! in the table above")
        return report.as_json()

    # --8<-- [end:check]

    check()


example_account_check()
