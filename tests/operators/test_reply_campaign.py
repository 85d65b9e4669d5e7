"""200 people are asked by SMS and answer in many ways: counted in one task, and by a sensor for each."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from collections import Counter
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sensors.messages import DirectcallReplySensor
from airflow_provider_directcall.telephony.areas import AREAS

from ..airflow_world.message_tasks import message
from ..airflow_world.world import Run, stored

FILE = Path(__file__).resolve().parents[2] / "example_dags" / "example_reply_campaign.py"
#: Last digits of a magic number -> the answer of the person behind it.
PEOPLE = {
    "0701": "confirmed",
    "0702": "confirmed",
    "0703": "confirmed",
    "0704": "cancelled",
    "0705": "other",
    "0021": "silent",
    "0410": "silent",
}
NUMBERS = [f"55{area}99000{last}" for last, area in itertools.product(PEOPLE, sorted(AREAS))][::2][:200]


@pytest.fixture(scope="module")
def example():
    """The example, as a module."""
    spec = spec_from_file_location("example_reply_campaign", FILE)
    module = module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own provider of @task.sensor imports from an old place
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def expected():
    return Counter(PEOPLE[number[-4:]] for number in NUMBERS)


def ask(world):
    """The outputs of 200 mapped tasks."""
    outputs = []
    for place, number in enumerate(NUMBERS):
        run = Run(world)
        run.ti.map_index = place
        outputs.append(run.to_the_end(message(destination=number, text="Responda 1 para confirmar, 2 para cancelar.")))
    return outputs


def test_one_task_counts_all_answers(world, example, expected):
    since = world.now()
    ask(world)
    # Another campaign's people, and an answer to another question, change nothing.
    world.sandbox.receive_message("5511990009999", "27000", "1")
    world.sandbox.advance(66)
    before = world.requests
    with DirectcallHook() as hook:
        counts = example.count_answers(hook, NUMBERS, since)
        later = example.count_answers(hook, NUMBERS, since + timedelta(hours=1))
    assert sum(counts.values()) == 200
    assert counts == dict(expected)
    assert (world.requests - before)["sms/recebimento"] <= 4, "pages of 100"
    assert later == {"confirmed": 0, "cancelled": 0, "other": 0, "silent": 200}


@pytest.mark.parametrize(("hours_ago", "is_done"), [(0, False), (5, True)])
def test_people_have_time_from_the_end_of_the_campaign(world, example, monkeypatch, hours_ago, is_done):
    """A run that was triggered in the evening sends on the next morning."""
    run = Run(world)
    run.dag_run.run_after -= timedelta(hours=14)
    context = {**run.context, "params": {"patience_minutes": 240}}
    monkeypatch.setattr(example, "get_current_context", lambda: context)
    answers = example.example_reply_campaign().get_task("answers")
    poked = answers.python_callable((world.now() - timedelta(hours=hours_ago)).isoformat())
    assert poked.is_done is is_done
    assert poked.xcom_value["silent"] == len(example.CONTACTS.read_text(encoding="utf-8").splitlines()) - 1


def test_a_sensor_for_each_person_branches_alike(world, example, expected):
    outputs = ask(world)
    deferred = []
    for place, output in enumerate(outputs):
        run = Run(world)
        run.ti.map_index = place
        sensor = DirectcallReplySensor(
            task_id="answer",
            message=output,
            answers=example.ANSWERS,
            takes_other=True,
            timeout=600,
            poll_interval=15,
            deferrable=True,
        )
        run.start(sensor)
        deferred.append(run.deferred.trigger)
    before, begin = world.requests, world.now()

    async def first(trigger):
        return [event.payload async for event in trigger.run()]

    async def fire_all():
        return await asyncio.gather(*(first(stored(trigger)) for trigger in deferred))

    events = [event for (event,) in asyncio.run(fire_all())]
    assert Counter(event.get("answer", "silent") for event in events) == expected
    assert [event.get("answer", "silent") for event in events] == [PEOPLE[number[-4:]] for number in NUMBERS]
    spent, polls = world.requests - before, (world.now() - begin) / timedelta(seconds=15)
    assert spent["request_token"] == 1
    assert spent["sms/recebimento"] <= 3 * (polls * 1.2 + 2), "two pages of 100, and one without a row"
