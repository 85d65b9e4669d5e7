"""A campaign that asks people to confirm or to cancel, and counts what they answer by SMS.

Each contact of ``example_reply_campaign.csv`` gets one SMS. Then one task reads the replies of all, however many there
are: once all have answered, or ``patience_minutes`` after the campaign's end, it returns counts, never a number or a
text, and the next task follows from them.

For one person, or a chain of tasks for each, use ``DirectcallReplySensor``. The numbers are fictitious; in the sandbox,
those that end in 0701 to 0705 reply.
"""

from __future__ import annotations

import csv
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pendulum
from airflow.sdk import Param, PokeReturnValue, dag, get_current_context, task

from airflow_provider_directcall.task_groups.campaigns import DirectcallCampaignTaskGroup

if TYPE_CHECKING:
    from airflow_provider_directcall.hooks.directcall import DirectcallHook

CONTACTS = Path(__file__).parent / "example_reply_campaign.csv"
ANSWERS = {"confirmed": ["1", "sim", "s", "ok", "👍"], "cancelled": ["2", "não", "n", "👎"]}


def count_answers(hook: DirectcallHook, numbers: list[str], since: pendulum.DateTime) -> dict[str, int]:
    """Count numbers by their first answer since a moment: ``confirmed``, ``cancelled``, ``other``, ``silent``."""
    from airflow_provider_directcall.statement.answer_words import Answers
    from airflow_provider_directcall.statement.replies import first_answers

    received = hook.received_messages(since, pendulum.now("UTC").add(hours=1))
    answers = first_answers(received, dict.fromkeys(numbers, since), Answers(ANSWERS, None))
    counts = Counter(answers.values())
    return {**{name: counts[name] for name in (*ANSWERS, "other")}, "silent": len(numbers) - len(answers)}


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="America/Sao_Paulo"),
    catchup=False,
    tags=["directcall", "example"],
    # Safe: a retry goes on where the first try was, and sends nothing twice.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
    params={
        "window": Param("strict", description="When numbers may be reached; none for any time"),
        "patience_minutes": Param(240, type="number", description="Time to answer after the campaign's end"),
    },
    doc_md=__doc__,
)
def example_reply_campaign() -> None:
    """Ask, wait for the answers, branch."""
    campaign = DirectcallCampaignTaskGroup(
        group_id="ask",
        contacts=str(CONTACTS),
        number_column="phone",
        id_column="id",
        text="Olá {name}, sua consulta é amanhã às {hour}h. Responda 1 para confirmar, 2 para cancelar.",
        tags={"campaign": "confirmations", "contact": "{id}"},
        window="{{ params.window }}",
        price_brl=0.09,
        track_interval=5,
        track_timeout=timedelta(hours=2),
    )

    @task
    def ended_at() -> str:
        """Return when the campaign has ended: with the window ``strict`` that may be on the next morning."""
        return pendulum.now("UTC").isoformat()

    @task.sensor(poke_interval=15, timeout=24 * 3600, mode="reschedule")
    def answers(ended_at: str) -> PokeReturnValue:
        """Count the answers, until all have answered or the time is over."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

        context = get_current_context()
        # Some answer before the last ones are asked. Not the start of the run, which a Clear renews.
        since = pendulum.instance(context["dag_run"].run_after)
        with CONTACTS.open(encoding="utf-8", newline="") as file:
            phones = [row["phone"] for row in csv.DictReader(file, delimiter=";")]
        numbers = [parse_number(phone, argument="phone", allow=ALL_KINDS).digits for phone in phones]
        with DirectcallHook() as hook:
            counts = count_answers(hook, numbers, since)
        patience = timedelta(minutes=context["params"]["patience_minutes"])
        is_over = pendulum.now("UTC") >= datetime.fromisoformat(ended_at) + patience
        has_all = not counts["silent"] and not counts["other"]
        return PokeReturnValue(is_done=has_all or is_over, xcom_value=counts)

    @task.branch
    def next_step(counts: dict[str, int]) -> str:
        """Call those who were silent, if they are more than one in ten."""
        return "call_the_others" if counts["silent"] + counts["other"] > sum(counts.values()) / 10 else "done"

    @task
    def call_the_others() -> None:
        """Stand for a campaign of calls (``channel="call"``) to those who have not answered."""

    @task
    def done() -> None:
        """End here."""

    end = ended_at()
    campaign >> end
    counts = answers(end)  # type: ignore[arg-type]  # Airflow passes an XComArg's value
    next_step(counts) >> [call_the_others(), done()]  # type: ignore[arg-type]  # Airflow passes an XComArg's value


example_reply_campaign()
