"""The notifier against the local Directcall: who is alerted, how often, and the records and logs of it."""

from __future__ import annotations

import asyncio
import heapq
import json
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.standard.operators import hitl
from airflow.sdk import DAG
from airflow.sdk import TaskInstanceState as State
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import (
    ErrorResponse,
    GetTICount,
    GetVariable,
    PutVariable,
    TICount,
    VariableResult,
)

from airflow_provider_directcall.api.clock import use_clock
from airflow_provider_directcall.notifications.directcall import DirectcallNotifier, send_directcall_notification
from airflow_provider_directcall.runtime.alerts.options import AlertOptions
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.triggers.alerts import DirectcallAlertTrigger
from tests.airflow_world.world import NO_ANSWER, NO_BALANCE, ORIGIN, World

#: Before Airflow 3.3, a task that waits for a decision is deferred.
WAITS = getattr(hitl, "TaskAwaitingInput", TaskDeferred)
ON_CALL, SECOND, THIRD = "5511990000021", "5511990000022", "5511990000023"
CONTEXT = dict[str, object]


class Supervisor:
    """The process that answers a task's questions: Variables and counts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.variables: dict[str, str] = {}
        self.failed = 0
        self.is_down = False
        self.seconds_a_write = 0.0

    def send(self, message: object) -> object:
        if self.is_down:
            return ErrorResponse(error=ErrorType.API_SERVER_ERROR)
        match message:
            case GetVariable(key=key) if key in self.variables:
                return VariableResult(key=key, value=self.variables[key])
            case GetVariable():
                return ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)
            case PutVariable(key=key, value=value):
                self.variables[key] = str(value)
                self.world.sandbox.advance(self.seconds_a_write)
                return None
            case GetTICount():
                return TICount(count=self.failed)
        raise AssertionError(message)

    @property
    def slots(self) -> list[dict[str, object]]:
        return [json.loads(value) for key, value in self.variables.items() if "watcher" not in key]


@pytest.fixture
def supervisor(world: World, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    supervisor = Supervisor(world)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    return supervisor


def notifier(**arguments: object) -> DirectcallNotifier:
    return DirectcallNotifier(**{"origin": ORIGIN, "destination": ON_CALL, **arguments})


ASKS = SimpleNamespace(notifiers=["one"])


def of_task(map_index: int = -1, try_number: int = 1, **fields: object) -> CONTEXT:
    ti = SimpleNamespace(
        dag_id="dag", run_id="run", task_id="load", map_index=map_index, try_number=try_number, **fields
    )
    return {"ti": ti, "dag_run": SimpleNamespace(dag_id="dag", run_id="run")}


def rung(world: World) -> Counter[str]:
    return Counter(message["destination"] for message in world.sandbox.state()["messages"] if message["text"] != "seed")


def texts(world: World, number: str = ON_CALL) -> list[str]:
    return [message["text"] for message in world.sandbox.state()["messages"] if message["destination"] == number]


def alerted(world: World, number: str = ON_CALL) -> int:
    return rung(world)[number]


# Bad input, at parse.


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"origin": None}, "origin"),
        ({"origin": ""}, "origin"),
        ({"origin": "119900"}, "origin"),
        ({"origin": "Central", "channel": "voice_message"}, "origin"),
        ({"destination": None}, "destination"),
        ({"destination": "5511"}, "destination"),
        ({"destination": "551130000002"}, "destination"),
        ({"then": ["x"]}, r"then\[0\]"),
        ({"then": SECOND}, "then"),
        ({"channel": "voice"}, "voice_message"),
        ({"at_most_per_hour": 0}, "at_most_per_hour"),
        ({"summary_every": 0}, "summary_every"),
        ({"then": [SECOND], "answer_within": timedelta(hours=1)}, "answer_within"),
        ({"answer_within": 0}, "answer_within"),
    ],
)
def test_a_wrong_argument_fails_when_the_file_is_parsed(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named) as error:
        notifier(**wrong)
    assert ON_CALL not in str(error.value)


def test_templates_are_left_for_the_event() -> None:
    notifier(origin="{{ var.value.origin }}", destination="{{ var.value.on_call }}", then=["{{ var.value.second }}"])
    assert ON_CALL not in repr(notifier())
    assert ON_CALL not in repr(notifier().options)
    assert send_directcall_notification is DirectcallNotifier


# One event.


def test_a_failed_task_alerts_with_its_ids(world: World, supervisor: Supervisor) -> None:
    notifier()(of_task(map_index=3, try_number=2))
    assert texts(world) == ["Airflow: dag.load[3] failed (try 2). Run run"]
    (slot,) = supervisor.slots
    assert slot["end"] == "sent"
    (message,) = [each for each in world.sandbox.state()["messages"] if each["destination"] == ON_CALL]
    assert message["tags"]["airflow_key"] == slot["airflow_key"] == slot["record"]["key"]
    assert ON_CALL not in json.dumps(supervisor.variables)
    assert "Airflow:" not in json.dumps(supervisor.variables)


def test_the_same_event_alerts_once_from_whichever_process(world: World, supervisor: Supervisor) -> None:
    notifier()(of_task(state=State.FAILED))
    notifier()(of_task(state=State.UP_FOR_RETRY))
    notifier()(of_task())
    notifier()({**of_task(state=State.RUNNING), "exception": ValueError()})
    assert alerted(world) == 1
    notifier()(of_task(try_number=2))
    notifier()(of_task(state=State.RUNNING))
    assert alerted(world) == 3


def test_a_later_event_is_not_written_with_the_first_one_s_text(world: World, supervisor: Supervisor) -> None:
    on_call = notifier(text="{{ task_id }} {{ map_index }} {{ ti.run_id }}")
    on_call(of_task(1))
    on_call(of_task(2))
    assert texts(world) == ["load 1 run", "load 2 run"]


@pytest.mark.parametrize("template", ["{{ nothing.at.all }}", "{{ ti.", "  "])
def test_a_text_that_cannot_be_rendered_becomes_the_default(
    world: World, supervisor: Supervisor, template: str
) -> None:
    notifier(text=template)(of_task())
    assert texts(world) == ["Airflow: dag.load failed. Run run"]


def test_an_sms_is_cut_to_one_part_with_plain_letters(world: World, supervisor: Supervisor) -> None:
    notifier(text="Ação não concluída: “" + "x" * 300)(of_task(1))
    (text,) = texts(world)
    assert text.startswith('Acao nao concluida: "xxx')
    assert text.endswith("...")
    assert len(text) + len(ORIGIN) == 140
    notifier(text="Ação " + "x" * 300, shorten=False)(of_task(2))
    assert texts(world)[1].startswith("Ação x")


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"reason": "task_failure", **of_task()}, "Airflow: DAG dag failed. Run run"),
        ({"reason": "task_failure", "dag": DAG("d"), "run_id": "r"}, "Airflow: DAG d failed. Run r"),
        (
            {"dag_run": {"dag_id": "d", "dag_run_id": "r"}, "deadline": {"id": "1"}},
            "Airflow: DAG d missed its deadline. Run r",
        ),
        ({}, "Airflow: DAG  failed. Run "),
        (of_task(state=None), "Airflow: dag.load failed. Run run"),
        ({**of_task(state=State.RUNNING), "exception": None}, "Airflow: dag.load has started. Run run"),
        ({**of_task(state=State.SUCCESS), "exception": None}, "Airflow: dag.load succeeded. Run run"),
        ({**of_task(state=State.SKIPPED, task=ASKS), "exception": None}, "Airflow: dag.load was skipped. Run run"),
        (of_task(state=State.UP_FOR_RETRY), "Airflow: dag.load failed. Run run"),
        (of_task(state=State.FAILED, task=ASKS), "Airflow: dag.load failed. Run run"),
        (of_task(state=State.RUNNING, task=ASKS), "Airflow: dag.load needs an answer. Run run"),
        ({**of_task(state=State.RUNNING, task=ASKS), "exception": 1}, "Airflow: dag.load failed. Run run"),
        ({"reason": "success", **of_task()}, "Airflow: DAG dag succeeded. Run run"),
    ],
)
def test_thin_contexts(world: World, supervisor: Supervisor, context: CONTEXT, text: str) -> None:
    notifier()(context)
    assert texts(world) == [text]


def test_a_task_that_waits_for_a_decision_alerts_once(
    world: World, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's operator; the process tests have a whole Airflow."""
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **request: None)
    approve = hitl.ApprovalOperator(task_id="load", subject="Go on?", notifiers=[notifier()])
    context = of_task(state=State.RUNNING, task=approve, id="1")
    for _ in range(2):
        with pytest.raises(WAITS):
            approve.execute({**context, "task_instance": SimpleNamespace(id="1")})
    assert texts(world) == ["Airflow: dag.load needs an answer. Run run"]


# As many as allowed.


def test_many_failures_alert_as_often_as_allowed(world: World, supervisor: Supervisor) -> None:
    supervisor.failed = 23
    on_call = notifier(at_most_per_hour=4, summary_every=timedelta(minutes=30))
    for index in range(50):
        on_call(of_task(index))
    assert alerted(world) == 3, "two alerts, and one of two lines"
    assert texts(world)[2] == "Airflow: 23 tasks of dag have failed; further alerts are held back. Run run"
    world.sandbox.advance(timedelta(minutes=32).total_seconds())
    on_call(of_task(60))
    assert alerted(world) == 4
    on_call(of_task(61))
    assert alerted(world) == 4
    world.sandbox.advance(timedelta(minutes=40).total_seconds())
    on_call(of_task(62))
    assert texts(world)[4].startswith("Airflow: dag.load[62] failed")


def test_no_hour_has_more_than_the_cap(world: World, supervisor: Supervisor) -> None:
    on_call = notifier(at_most_per_hour=3, summary_every=timedelta(minutes=5))
    sent_at: list[float] = []
    for index in range(120):
        before = alerted(world)
        on_call(of_task(index))
        sent_at += [world.sandbox.now()] * (alerted(world) - before)
        world.sandbox.advance(90)
    for start in sent_at:
        assert len([moment for moment in sent_at if start <= moment < start + 3600]) <= 3
    assert len(sent_at) >= 8


def test_one_alert_an_hour_keeps_none_for_lines(world: World, supervisor: Supervisor) -> None:
    for index in range(3):
        notifier(at_most_per_hour=1)(of_task(index))
    assert texts(world) == ["Airflow: dag.load[0] failed. Run run"]


# Failures of the notifier.


@pytest.mark.parametrize("kind", ["cut_after", "error_500_after"])
def test_an_answer_that_is_lost_is_no_second_alert(
    world: World, supervisor: Supervisor, kind: str, logged: Callable[[], str]
) -> None:
    world.sandbox.inject(Fault(kind=kind, endpoint="sms/send", times=1))
    notifier()(of_task())
    notifier()(of_task())
    assert alerted(world) == 1
    assert ON_CALL not in logged()


def test_nothing_is_sent_where_airflow_does_not_answer_and_nothing_is_raised(
    world: World, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor.is_down = True
    with caplog.at_level(logging.ERROR):
        notifier()(of_task())
    assert alerted(world) == 0


def test_a_slow_airflow_gives_up_without_a_second_alert(world: World, supervisor: Supervisor) -> None:
    supervisor.seconds_a_write = 5
    notifier()(of_task())
    assert alerted(world) == 0
    supervisor.seconds_a_write = 0
    world.sandbox.advance(61)
    notifier()(of_task())
    assert alerted(world) == 1


def test_errors_name_no_number_and_no_text(world: World, supervisor: Supervisor, logged: Callable[[], str]) -> None:
    notifier(destination=NO_BALANCE, text="secret words", directcall_conn_id="directcall_default")(of_task())
    notifier(directcall_conn_id="there_is_none", text="secret words")(of_task())
    notifier(destination="{{ 'secret' }} {{ 5511990000029 }}", text="secret words")(of_task())
    output = logged()
    assert "No number could be alerted" in output
    assert "No alert was sent" in output
    for text in (NO_BALANCE, "secret words", "5511990000029", ON_CALL):
        assert text not in output


def test_a_refused_number_is_followed_by_the_next_one_at_once(world: World, supervisor: Supervisor) -> None:
    notifier(destination=NO_BALANCE, then=[SECOND])(of_task())
    assert rung(world) == {SECOND: 1}


# Escalation.


def test_without_a_watcher_all_numbers_are_alerted_at_once(world: World, supervisor: Supervisor) -> None:
    notifier(then=[SECOND, THIRD])(of_task())
    notifier(then=[SECOND, THIRD])(of_task())
    assert rung(world) == {ON_CALL: 1, SECOND: 1, THIRD: 1}


class SharedTime:
    """Simulated time of several coroutines: it passes when all of them sleep."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.uses = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        self.uses += 1
        return self.world.now()

    def monotonic(self) -> float:
        self.uses += 1
        return self.world.monotonic()

    async def sleep_async(self, seconds: float) -> None:
        self.uses += 1
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.world.monotonic() + seconds, self.uses, future))
        await future

    async def pass_until(self, end: float) -> None:
        while self.world.monotonic() < end:
            uses = self.uses
            await asyncio.sleep(0.04)
            if uses == self.uses and self._sleepers:
                wake, _, future = heapq.heappop(self._sleepers)
                self.world.sandbox.advance(max(wake - self.world.monotonic(), 0))
                if not future.done():
                    future.set_result(None)


class Watch:
    """The watcher of a notifier, run for a while of simulated time."""

    def __init__(self, world: World, on_call: DirectcallNotifier) -> None:
        self.world = world
        self.trigger = on_call.watcher("on_call", poll_interval=60).trigger

    def run(self, seconds: float) -> list[dict[str, object]]:
        path, kwargs = self.trigger.serialize()
        assert path.endswith("DirectcallAlertTrigger")
        trigger = DirectcallAlertTrigger(**json.loads(json.dumps(kwargs)))
        events: list[dict[str, object]] = []
        time = SharedTime(self.world)

        async def watch() -> None:
            steps = trigger.run()
            task = asyncio.ensure_future(self._collect(steps, events))
            await time.pass_until(self.world.monotonic() + seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await steps.aclose()

        with use_clock(time):
            asyncio.run(watch())
        return events

    async def _collect(self, steps: object, events: list[dict[str, object]]) -> None:
        async for event in steps:
            events.append(event.payload)  # noqa: PERF401 - each at once: the loop is cancelled


def test_the_watcher_alerts_the_next_number_when_the_first_does_not_answer(
    world: World, supervisor: Supervisor
) -> None:
    on_call = notifier(
        destination=NO_ANSWER,
        then=[SECOND],
        channel="voice_message",
        answer_within=300,
        text="{{ task_id }} não, {{ ti.start_date or 'agora' }}",
    )
    watch = Watch(world, on_call)
    watch.run(30)
    on_call(of_task())
    assert rung(world) == {NO_ANSWER: 1}
    assert watch.run(1200) == []
    assert rung(world) == {NO_ANSWER: 1, SECOND: 1}
    assert supervisor.slots[0]["end"] == "answered"
    assert texts(world, NO_ANSWER) == ["load não, agora"]
    assert texts(world, SECOND) == ["Airflow: dag.load failed. Run run"], "a watcher knows the ids only"


def test_an_answer_ends_the_alert(world: World, supervisor: Supervisor) -> None:
    on_call = notifier(then=[SECOND], channel="voice_message", answer_within=300)
    watch = Watch(world, on_call)
    watch.run(30)
    on_call(of_task())
    assert watch.run(1200) == []
    assert rung(world) == {ON_CALL: 1}


def test_an_event_says_that_no_number_has_answered(world: World, supervisor: Supervisor) -> None:
    other = "5521990000480"
    on_call = notifier(
        destination=NO_ANSWER, then=[other], channel="voice_message", answer_within=300, text="{{ task_id }} não"
    )
    watch = Watch(world, on_call)
    watch.run(30)
    on_call(of_task(4))
    (event,) = watch.run(2400)
    assert event == {
        "status": "unanswered",
        "dag_id": "dag",
        "run_id": "run",
        "task_id": "load",
        "map_index": 4,
        "try_number": 1,
    }
    assert rung(world) == {NO_ANSWER: 1, other: 1}
    assert texts(world, other) == ["load não"]


def test_a_watcher_that_is_killed_and_two_at_once_alert_no_number_twice(world: World, supervisor: Supervisor) -> None:
    on_call = notifier(destination=NO_ANSWER, then=[SECOND], channel="voice_message", answer_within=300)
    Watch(world, on_call).run(30)
    on_call(of_task())
    for _ in range(8):
        Watch(world, on_call).run(100)
    Watch(world, on_call).run(900)
    assert rung(world) == {NO_ANSWER: 1, SECOND: 1}


def test_a_deadline_is_followed_by_its_own_callback(world: World, supervisor: Supervisor) -> None:
    context = {"dag_run": {"dag_id": "d", "dag_run_id": "r"}, "deadline": {"id": "1"}}
    on_call = notifier(
        destination=NO_ANSWER, then=[SECOND], channel="voice_message", answer_within=300, context=context
    )

    async def await_it() -> None:
        await on_call

    asyncio.run(await_it())
    assert rung(world) == {NO_ANSWER: 1, SECOND: 1}
    asyncio.run(await_it())
    assert rung(world) == {NO_ANSWER: 1, SECOND: 1}


def test_options_survive_json() -> None:
    options = notifier(then=[SECOND], text="x").options
    assert AlertOptions.from_json(json.loads(json.dumps(options.as_json()))) == options
