"""Emergency: send every call of the hot line to one mobile, until a time or until somebody says "off".

A person starts it, with ``on`` or ``off``. What was decided is kept in the Airflow Variable ``directcall_emergency``,
which ``example_holiday_routing`` reads too: its daily run keeps the emergency, and would switch it even if this run
failed in the middle. When the mobile does not answer, or is switched off, calls go to the calendar's voicemail.

With ``until``, the run waits for that time without a worker, switches back to the calendar, and says so. Without it,
the emergency stands until somebody starts this DAG with ``off``. When another emergency was switched on meanwhile, or
this one off, the waiting run changes nothing.

Rules know no dates, so whatever was written comes again every week until it is written anew. Switch
``example_holiday_routing`` on too: it does that every day. New DAGs are paused in Airflow.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pendulum
from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import Param, Variable, dag, task

from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator
from airflow_provider_directcall.operators.numbers import DirectcallApplyNumberRulesOperator

CALENDAR = "hotline.yaml"
EMERGENCY = "directcall_emergency"
EMERGENCY_NOW = "{{ var.value.get('" + EMERGENCY + "', '') }}"
ABOUT = "The emergency of the hot line; empty: none"
PEOPLE = "{{ params.people }}"
OVER = "Linha direta: emergência encerrada, vale o calendário."


@dag(
    # No limit to one run at a time: a run that waits for its end must not hold up the one that says "off".
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30)},
    params={
        "action": Param("on", enum=["on", "off"], description="Switch the emergency on, or off again"),
        "to": Param("5511990000078", type="string", description="The mobile that gets every call"),
        "until": Param(
            None, type=["null", "string"], format="date-time", description='When it ends; empty: with "off"'
        ),
        "reason": Param("sem luz no escritório", type="string", description="Why, for the people who read it"),
        "people": Param(["5511990000001"], type="array", description="Who gets an SMS"),
    },
    doc_md=__doc__,
)
def example_emergency_routing() -> None:
    """Decide, make it so, tell; at the end, take it back and tell."""

    @task
    def switch(params: dict[str, str | None] | None = None) -> dict[str, str]:
        """Keep what was decided, once it is known to make sense; gives the text of the SMS, and the end if any."""
        from airflow_provider_directcall.routing.calendars import Emergency, load_calendar
        from airflow_provider_directcall.routing.rules import Voicemail

        given = params or {}
        if given["action"] == "off":
            Variable.set(EMERGENCY, "", description=ABOUT)
            return {"text": OVER, "until": ""}
        calendar = load_calendar(Path(__file__).with_name(CALENDAR))
        chain = [
            {"action": "forward", "to": given["to"], "wait_seconds": 30},
            *[{"action": "voicemail", "email": rule.email} for rule in calendar.closed if isinstance(rule, Voicemail)],
        ]
        until, reason = given["until"] or None, given["reason"] or ""
        # A mistake fails here, before the daily run could read it.
        emergency = Emergency(chain, until=until, reason=reason)
        if emergency.until is not None and emergency.until <= pendulum.now():
            raise ValueError("until: this time has passed")
        Variable.set(EMERGENCY, json.dumps({"chain": chain, "until": until, "reason": reason}), description=ABOUT)
        end = f"até {emergency.until.astimezone(calendar.zone):%d/%m %H:%M}" if emergency.until else "até novo aviso"
        return {"text": f"Linha direta em emergência ({reason}) {end}.", "until": until or ""}

    @task.short_circuit
    def ends_by_itself(decided: dict[str, str]) -> bool:
        """Wait only where an end was given."""
        return bool(decided["until"])

    @task.short_circuit
    def is_over() -> bool:
        """Go on unless the emergency was switched off, or is another one now, with no end or a later one."""
        return _has_ended(Variable.get(EMERGENCY, default=""))

    @task
    def clear() -> None:
        """Forget the emergency; what was switched on in this very moment stays."""
        if _has_ended(Variable.get(EMERGENCY, default="")):
            Variable.set(EMERGENCY, "", description=ABOUT)

    decided = switch()
    apply = DirectcallApplyNumberRulesOperator(task_id="apply", calendar=CALENDAR, emergency=EMERGENCY_NOW)
    tell = DirectcallSendSMSOperator(task_id="tell", destination=PEOPLE, text=decided["text"])
    decided >> apply >> tell

    # Beside the above, not behind it: the end comes whatever became of the begin, or of its SMS.
    wait = DateTimeSensorAsync(task_id="wait", target_time="{{ ti.xcom_pull(task_ids='switch')['until'] }}")
    give_back = DirectcallApplyNumberRulesOperator(task_id="give_back", calendar=CALENDAR, emergency=EMERGENCY_NOW)
    tell_over = DirectcallSendSMSOperator(task_id="tell_over", destination=PEOPLE, text=OVER)
    ends_by_itself(decided) >> wait >> is_over() >> clear() >> give_back >> tell_over


def _has_ended(kept: str) -> bool:
    until = json.loads(kept)["until"] if kept else None
    return until is not None and datetime.fromisoformat(until) <= pendulum.now()


example_emergency_routing()
