"""Holiday routing: every evening, the rule of a number is made what tomorrow needs.

The DAG asks the Brazilian calendar whether tomorrow is a holiday. Before one, calls go to the person on call (or to
voicemail); after it, the next run puts the office back. A daily run heals a missed one, because it does not remember:
it states what shall be.
"""

from __future__ import annotations

from datetime import date, timedelta

import pendulum
from airflow.sdk import Param, dag, task

from airflow_provider_directcall.operators.numbers import DirectcallUpdateNumberRuleOperator


@dag(
    schedule="0 20 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    max_active_runs=1,
    tags=["directcall", "example"],
    params={
        "did": Param("1130000001", description="The number whose rule is changed, without country code"),
        "office": Param("551130000099", description="Where calls go on other days"),
        "on_call": Param("5511990000077", description="Where calls go on a holiday; empty for voicemail"),
        "email": Param("plantao@example.com", description="Who gets the voicemail"),
        "state": Param("SP", description="State whose holidays count too"),
        "today": Param("", description="Run as if today were this date (YYYY-MM-DD); empty for the real one"),
    },
    doc_md=__doc__,
)
def example_holiday_routing() -> None:
    """Decide, then make it so."""

    @task(multiple_outputs=False, show_return_value_in_logs=False)
    def rule_for_tomorrow(params: dict[str, str] | None = None) -> dict[str, object]:
        """The rule that shall stand at priority 1 tomorrow."""
        from airflow_provider_directcall.telephony.calendars import BrazilianCalendar

        given = params or {}
        today = date.fromisoformat(given["today"]) if given["today"] else pendulum.now("America/Sao_Paulo").date()
        holiday = BrazilianCalendar(state=given["state"]).holiday(today + timedelta(days=1))
        if holiday is None:
            return {"action": "forward", "to": given["office"], "wait_seconds": 30, "priority": 1}
        print(f"Tomorrow is {holiday}.")  # noqa: T201 - Airflow shows a task's prints in its log
        if given["on_call"]:
            return {"action": "forward", "to": given["on_call"], "wait_seconds": 20, "priority": 1}
        return {"action": "voicemail", "email": given["email"], "priority": 1}

    DirectcallUpdateNumberRuleOperator(task_id="route", did="{{ params.did }}", rule=rule_for_tomorrow())


example_holiday_routing()
