"""Emergency: forward every call of the hot line to one mobile, until a given time or until it is switched off.

Start it by hand, with ``on`` or ``off``. It stores the emergency in the Airflow Variable ``directcall_emergency``,
which ``example_holiday_routing`` reads too: its daily run keeps the emergency, and would apply it even if this run
failed halfway. When the mobile does not answer, or is switched off, calls go to the calendar's voicemail.

With ``until``, the run waits for that time without a worker, restores the calendar's rules, and reports it by SMS.
Without it, the emergency lasts until this DAG is started with ``off``. If it was switched off or replaced by another
emergency meanwhile, the waiting run changes nothing.

Rules have no dates, so they repeat every week until they are written again. Unpause ``example_holiday_routing`` too:
it writes them every day.
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
    # Not limited to one active run: a run that waits for the end must not block the one with "off".
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30)},
    params={
        "action": Param("on", enum=["on", "off"], description="Switch the emergency on or off"),
        "to": Param("5511990000078", type="string", description="Mobile that gets every call"),
        "until": Param(None, type=["null", "string"], format="date-time", description='End; empty: until "off"'),
        "reason": Param("sem luz no escritório", type="string", description="The reason, for the SMS"),
        "people": Param(["5511990000001"], type="array", description="Recipients of the SMS"),
    },
    doc_md=__doc__,
)
def example_emergency_routing() -> None:
    """Store the emergency, apply it, notify; at its end, restore the calendar and notify."""

    @task
    def switch(params: dict[str, str | None] | None = None) -> dict[str, str]:
        """Validate and store the emergency; return the text of the SMS, and the end if any."""
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
        # An invalid emergency fails here, before the daily run reads it.
        emergency = Emergency(chain, until=until, reason=reason)
        if emergency.until is not None and emergency.until <= pendulum.now():
            raise ValueError("until: this time has passed")
        Variable.set(EMERGENCY, json.dumps({"chain": chain, "until": until, "reason": reason}), description=ABOUT)
        end = f"até {emergency.until.astimezone(calendar.zone):%d/%m %H:%M}" if emergency.until else "até novo aviso"
        return {"text": f"Linha direta em emergência ({reason}) {end}.", "until": until or ""}

    @task.short_circuit
    def ends_by_itself(decided: dict[str, str]) -> bool:
        """Wait only for an emergency with an end."""
        return bool(decided["until"])

    @task.short_circuit
    def is_over() -> bool:
        """Go on unless the emergency was switched off or replaced by one without an end or with a later one."""
        return _has_ended(Variable.get(EMERGENCY, default=""))

    @task
    def clear() -> None:
        """Clear the emergency, unless a new one has just been switched on."""
        if _has_ended(Variable.get(EMERGENCY, default="")):
            Variable.set(EMERGENCY, "", description=ABOUT)

    emergency = switch()
    apply = DirectcallApplyNumberRulesOperator(task_id="apply", calendar=CALENDAR, emergency=EMERGENCY_NOW)
    notify = DirectcallSendSMSOperator(task_id="notify", destination=PEOPLE, text=emergency["text"])
    emergency >> apply >> notify

    # Parallel to the tasks above: the emergency ends even if applying it, or its SMS, failed.
    wait = DateTimeSensorAsync(task_id="wait", target_time="{{ ti.xcom_pull(task_ids='switch')['until'] }}")
    restore = DirectcallApplyNumberRulesOperator(task_id="restore", calendar=CALENDAR, emergency=EMERGENCY_NOW)
    notify_end = DirectcallSendSMSOperator(task_id="notify_end", destination=PEOPLE, text=OVER)
    ends_by_itself(emergency) >> wait >> is_over() >> clear() >> restore >> notify_end


def _has_ended(stored: str) -> bool:
    until = json.loads(stored)["until"] if stored else None
    return until is not None and datetime.fromisoformat(until) <= pendulum.now()


example_emergency_routing()
