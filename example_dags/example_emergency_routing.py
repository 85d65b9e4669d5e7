"""Emergency: send every call of the hot line to one mobile, until a time or until somebody says "off".

A person starts it, with ``on`` or ``off``. What was decided is kept in the Airflow Variable ``directcall_emergency``,
which ``example_holiday_routing`` reads too: its daily run keeps the emergency, and would switch it even if this run
failed in the middle. With ``until``, the rules themselves end it at that time (within the next seven days; a later end
is carried on by the daily run). The people in charge get an SMS when it has been switched.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pendulum
from airflow.sdk import Param, Variable, dag, task

from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator
from airflow_provider_directcall.operators.number_rules import DirectcallApplyNumberRulesOperator

EMERGENCY = "directcall_emergency"


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    max_active_runs=1,
    tags=["directcall", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30)},
    params={
        "action": Param("on", enum=["on", "off"], description="Switch the emergency on, or off again"),
        "to": Param("5511990000078", type="string", description="The mobile that gets every call"),
        "until": Param(
            "", type="string", description="When it ends by itself: 2026-11-24T08:00-03:00; empty for never"
        ),
        "reason": Param("sem luz no escritório", type="string", description="Why, for the people who read it"),
        "people": Param(["5511990000001"], type="array", description="Who gets an SMS"),
    },
    doc_md=__doc__,
)
def example_emergency_routing() -> None:
    """Decide, make it so, tell."""

    @task
    def switch(params: dict[str, str] | None = None) -> str:
        """Keep what was decided, once it is known to make sense; gives the text of the SMS."""
        from airflow_provider_directcall.routing.calendars import Emergency

        given = params or {}
        if given["action"] == "off":
            Variable.set(EMERGENCY, "", description="The emergency of the hot line; empty: none")
            return "Linha direta: emergência encerrada, vale o calendário."
        chain = [{"action": "forward", "to": given["to"], "wait_seconds": 60}]
        until = given["until"] or None
        # A mistake fails here, before the daily run could read it.
        emergency = Emergency(chain, until=until, reason=given["reason"])
        if emergency.until is not None and emergency.until <= pendulum.now():
            raise ValueError("until: this time has passed")
        content = json.dumps({"chain": chain, "until": until, "reason": given["reason"]})
        Variable.set(EMERGENCY, content, description="The emergency of the hot line; empty: none")
        end = f"até {given['until']}" if given["until"] else "até novo aviso"
        return f"Linha direta em emergência ({given['reason']}) {end}."

    text = switch()
    apply = DirectcallApplyNumberRulesOperator(
        task_id="apply",
        calendar="hotline.yaml",
        emergency="{{ var.value.get('" + EMERGENCY + "', '') }}",
    )
    tell = DirectcallSendSMSOperator(task_id="tell", destination="{{ params.people }}", text=text)
    text >> apply >> tell


example_emergency_routing()
