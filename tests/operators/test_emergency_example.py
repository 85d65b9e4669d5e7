"""Decisions of the emergency example; the process tests run it on a real Airflow."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pendulum
import pytest

from airflow_provider_directcall.routing.calendars import Emergency

FILE = Path(__file__).resolve().parents[2] / "example_dags" / "example_emergency_routing.py"
NAME = "directcall_emergency"
MOBILE = "5511990000078"


@pytest.fixture(scope="module")
def dag():
    spec = spec_from_file_location("example_emergency_routing", FILE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.example_emergency_routing()


@pytest.fixture
def run(dag, variables):
    """Runs one Python task."""
    return lambda task_id, **arguments: dag.get_task(task_id).python_callable(**arguments)


def switched(run, action="on", until=None, to=MOBILE):
    return run("switch", params={"action": action, "until": until, "to": to, "reason": "sem luz"})


def in_minutes(minutes):
    return pendulum.now("America/Sao_Paulo").add(minutes=minutes).replace(microsecond=0).isoformat()


@pytest.mark.parametrize("wrong", [{"until": in_minutes(-1)}, {"until": "amanhã"}, {"to": "99"}])
def test_a_wrong_parameter_is_not_stored(run, variables, wrong):
    with pytest.raises(ValueError, match=r"until|to"):
        switched(run, **wrong)
    assert variables.kept == {}


def test_an_unanswered_emergency_call_goes_to_the_voicemail(run, variables):
    until = in_minutes(5)
    assert switched(run, until=until)["until"] == until
    emergency = Emergency(**json.loads(variables.kept[NAME]))
    assert [type(rule).__name__ for rule in emergency.chain] == ["Forward", "Voicemail"]


def test_the_message_has_the_end_in_the_zone_of_the_number(run):
    end = pendulum.now("UTC").add(days=2).replace(hour=1, minute=30, second=0, microsecond=0)
    message = switched(run, until=end.isoformat())["text"]
    assert message.endswith(f"até {end.in_timezone('America/Sao_Paulo').format('DD/MM')} 22:30.")


def test_without_an_end_the_run_does_not_wait(run):
    assert run("ends_by_itself", decided=switched(run)) is False
    assert run("ends_by_itself", decided=switched(run, until=in_minutes(5))) is True
    assert run("ends_by_itself", decided=switched(run, "off")) is False


@pytest.mark.parametrize(
    ("then", "is_over"),
    [
        ({}, True),
        ({"action": "off"}, False),
        ({"until": ""}, False),
        ({"until": in_minutes(60), "to": "5511990000079"}, False),
    ],
    ids=["nothing", "off", "another without end", "another with a later end"],
)
def test_the_end_clears_its_own_emergency_only(run, variables, monkeypatch, then, is_over):
    switched(run, until=in_minutes(5))
    if then:
        switched(run, **then)
    kept = variables.kept[NAME]
    monkeypatch.setattr(pendulum, "now", lambda zone=None, now=pendulum.now: now(zone).add(minutes=6))
    # Also when the task that clears is killed after it has done so, and tried again.
    assert [run("is_over"), run("clear"), run("clear")] == [is_over, None, None]
    assert variables.kept[NAME] == ("" if is_over else kept)


def test_a_waiting_run_does_not_hold_up_the_one_that_switches_off(dag):
    assert dag.max_active_runs > 1
    assert dag.get_task("wait").upstream_task_ids == {"ends_by_itself"}
