"""What a task is given in confidence is in no log, XCom, record, event or error, whatever the server answers."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator, DirectcallSendVoiceMessageOperator
from airflow_provider_directcall.operators.sounds import DirectcallAddSoundOperator
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sandbox.endpoints.calls import REFUSALS
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

from ..airflow_world.world import NO_BALANCE, ORIGIN, PERSON, Run

TEXT = "Zulmira, o resultado do exame Quartzo chegou"
TAG = "prontuario-Xerife"
MARKS = ["zulmira", "quartzo", "xerife", "prontuario", "sandbox-secret", PERSON, PERSON[2:], NO_BALANCE, "eyj"]
ARGUMENTS = {"origin": ORIGIN, "tags": {"paciente": TAG}, "settle_seconds": 30, "poll_interval": 10}
TASKS = {
    "call": lambda to, **more: DirectcallPlaceCallOperator(
        task_id="task", destination=to, wait_for_completion=True, **ARGUMENTS, **more
    ),
    "sms": lambda to, **more: DirectcallSendSMSOperator(
        task_id="task", destination=to, text=TEXT, wait_for_delivery=True, **ARGUMENTS, **more
    ),
    "voice": lambda to, **more: DirectcallSendVoiceMessageOperator(
        task_id="task", destination=to, text=TEXT, wait_for_delivery=True, **ARGUMENTS, **more
    ),
}


def everything(run: Run, logged: str, error: BaseException | None) -> str:
    """Return all that Airflow keeps unencrypted, and all that it logs."""
    kept = run.store.history if run.store is not None else []
    parts = [run.ti.xcoms, run.events, run.kept_of_deferrals, kept]
    errors = []
    while error is not None:
        errors += [str(error), repr(error)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    trigger = repr(run.deferred.trigger) if run.deferred is not None else ""
    return "\n".join([json.dumps(parts), logged, trigger, *errors])


def leaks_of(run: Run, task: object, logged) -> list[str]:
    error = None
    result = None
    try:
        result = run.to_the_end(task)
    except Exception as raised:  # noqa: BLE001 - every kind is looked at
        error = raised
    # The result of a call is its row, with the author's own tags.
    own = {**result, "tags": None} if isinstance(result, dict) else None
    text = everything(run, logged(), error) + json.dumps(own, default=str)
    return [mark for mark in MARKS if mark in text.casefold()]


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("number", [PERSON, NO_BALANCE])
@pytest.mark.parametrize("kind", TASKS)
def test_a_delivery_and_a_refusal(run, logged, kind, number, deferrable):
    assert leaks_of(run, TASKS[kind](number, deferrable=deferrable), logged) == []


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("answer", ["echo_200_after", "echo_500_after", "echo_200_before"])
@pytest.mark.parametrize("kind", TASKS)
def test_a_page_that_echoes_the_request(run, world, logged, kind, answer, deferrable):
    world.sandbox.configure(quirks=frozenset({answer}))
    assert leaks_of(run, TASKS[kind](PERSON, deferrable=deferrable), logged) == []
    assert world.requests["voz/call" if kind == "call" else "sms/send"]


@pytest.mark.parametrize(
    "echo", [f"Recusado: {TEXT}", f"{TAG.upper()}: {PERSON}", "Sra. ZULMIRA", f"{TEXT[:12]}/{TAG[:14]}"]
)
@pytest.mark.parametrize("kind", TASKS)
def test_a_refusal_that_echoes_the_request(run, logged, monkeypatch, kind, echo):
    monkeypatch.setitem(REFUSALS, "201", echo)
    assert leaks_of(run, TASKS[kind](NO_BALANCE), logged) == []


def test_a_scheduled_call_whose_refusal_echoes_the_request(run, world, logged, monkeypatch):
    monkeypatch.setitem(REFUSALS, "201", f"Recusado: {TEXT} {TAG}")
    due = (world.now() + timedelta(hours=1)).isoformat()
    assert leaks_of(run, TASKS["call"](NO_BALANCE, schedule_at=due), logged) == []


def test_a_sensor_and_an_upload(run, world, variables, logged, tmp_path):
    world.variables = variables
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3\x04" + TEXT.encode())
    assert leaks_of(Run(world), DirectcallAddSoundOperator(task_id="task", audio=path, name="x"), logged) == []
    assert leaks_of(run, TASKS["call"](PERSON), logged) == []
    sensor = DirectcallTaggedCallSensor(task_id="task", tags={"paciente": TAG}, timeout=60, poke_interval=10)
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    assert leaks_of(Run(world), sensor, logged) == []
