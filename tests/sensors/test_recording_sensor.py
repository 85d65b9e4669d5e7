from __future__ import annotations

import httpx
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sensors.recordings import DirectcallRecordingSensor

from ..airflow_world.call_tasks import call
from ..airflow_world.kinds import both_ways
from ..airflow_world.world import BUSY, NO_ANSWER, ORIGIN, PERSON, Run

TAGS = {"contact": "7"}


def sensor(**arguments):
    return DirectcallRecordingSensor(**{"task_id": "task", "tags": TAGS, "poll_interval": 15, **arguments})


def place(destination=PERSON, record=True, tags=TAGS):
    with DirectcallHook() as hook:
        return hook.place_call(ORIGIN, destination, tags=tags, record=record).callerid


@both_ways
def test_a_wait_without_tags_or_call_is_rejected(run, deferrable):
    with pytest.raises(AirflowFailException, match="tags: at least one is needed, or callerid"):
        run.to_the_end(sensor(tags=None, deferrable=deferrable))


@both_ways
@pytest.mark.parametrize(("soft_fail", "error"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)])
def test_an_answered_call_without_a_recording_is_waited_for(run, world, deferrable, soft_fail, error):
    place(record=False)
    with pytest.raises(error):
        run.to_the_end(sensor(timeout=200, soft_fail=soft_fail, deferrable=deferrable))


@both_ways
def test_timeout_says_that_recordings_are_missing(run, world, deferrable):
    place(record=False)
    with pytest.raises(AirflowSensorTimeout, match="the recordings were not in the statement within 200 seconds"):
        run.to_the_end(sensor(timeout=200, deferrable=deferrable))


@both_ways
def test_recording_is_waited_for_and_can_be_heard(run, world, deferrable):
    place(tags={"contact": "8"})
    callerid = place()
    (row,) = run.to_the_end(sensor(deferrable=deferrable))
    assert (row["callerid"], row["is_recorded"], row["outcome"]) == (callerid, True, "answered")
    assert run.links == {"Recording": row["recording_url"]}
    assert httpx.get(row["recording_url"]).headers["content-type"] == "audio/wav"
    assert not row.keys() & {"origin", "destination", "tags", "legs"}


@both_ways
@pytest.mark.parametrize("number", [BUSY, NO_ANSWER])
def test_a_call_without_talk_has_no_recording(run, world, deferrable, number):
    place(number)
    (row,) = run.to_the_end(sensor(deferrable=deferrable))
    assert (row["is_recorded"], row["recording_url"]) == (False, None)
    assert run.links == {"Recording": ""}


@both_ways
def test_recordings_of_several_calls(run, world, deferrable):
    placed = {place(), place(BUSY)}
    place(record=False)
    rows = run.to_the_end(sensor(min_calls=2, deferrable=deferrable))
    assert {row["callerid"] for row in rows} == placed
    assert sorted(row["is_recorded"] for row in rows) == [False, True]


@both_ways
@pytest.mark.parametrize("quirk", ["callerid_missing", "callerid_other", "leg_rows", "campos_hidden"])
def test_recording_of_the_call_of_a_task(run, world, deferrable, quirk):
    output = Run(world).to_the_end(call(record=True))
    world.sandbox.configure(quirks={quirk})
    (row,) = run.to_the_end(sensor(tags=None, callerid=output, deferrable=deferrable))
    assert row["is_recorded"] is True
