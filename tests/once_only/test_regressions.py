"""Behaviour of 0.1.0 that the rewrite of the sending operators has lost: each test passes on 777640c."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.api.client import AsyncClient, Client
from airflow_provider_directcall.api.replies import PlacedCall
from airflow_provider_directcall.errors import DirectcallOutcomeUnknown, DirectcallUnavailable
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.runtime.kills import KillGuard
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, both_ways
from ..airflow_world.world import LONG_CALL, ORIGIN, UNHANGABLE, Process


def test_kill_twice_while_waiting_hangs_up_once(run, world):
    """The second hang-up would end another call between the two numbers."""

    def kill():
        world.task_state = "failed"
        run.task.on_kill()

    world.while_waiting = kill
    run.start(CALL.task(UNHANGABLE, waits=True))
    assert len(world.pauses) > 1
    assert world.requests["voz/end"] == 1


def test_kill_at_the_first_moment_of_a_rest_hangs_up(run, world, monkeypatch):
    world.sandbox.inject(Fault(kind="cut_after", endpoint=CALL.path, times=1))

    def assign_and_kill(self, name, value):
        object.__setattr__(self, name, value)
        if name == "_resting" and value and world.task_state == "running":
            world.task_state = "failed"
            self.on_kill()

    monkeypatch.setattr(KillGuard, "__setattr__", assign_and_kill, raising=False)
    run.start(CALL.task(LONG_CALL))
    assert world.requests["voz/end"] == 1


def test_execution_timeout_after_sending_hangs_up_without_waiting(run, world, monkeypatch):
    def time_out(key, value):
        raise AirflowTaskTimeout("Timeout")

    monkeypatch.setattr(run.ti, "xcom_push", time_out)
    with pytest.raises(AirflowFailException):
        run.start(CALL.task(LONG_CALL))
    assert world.requests["voz/end"] == 1


@pytest.mark.parametrize("retries", [0, 1])
def test_execution_timeout_while_the_answer_is_read_is_unknown(run, world, monkeypatch, retries):
    class Answer:
        @property
        def callerid(self):
            raise AirflowTaskTimeout("Timeout")

    with monkeypatch.context() as patch:
        patch.setattr(PlacedCall, "from_reply", lambda reply: Answer())
        error = DirectcallOutcomeUnknown if retries else AirflowFailException
        with pytest.raises(error, match=r"came while the request was on its way"):
            run.start(CALL.task(retries=retries))
    if retries:
        run.retry()
        assert [run.to_the_end(CALL.task(retries=1))["callerid"]] == CALL.sent(world)


def test_unreadable_record_of_a_deferral_fails_for_good(run, world):
    world.sandbox.inject(Fault(kind="cut_after", endpoint=CALL.path, times=1))
    task = CALL.task(deferrable=True, retries=1)
    run.start(task)
    event = {"status": "settled", "verdict": "absent"}
    with pytest.raises(AirflowFailException, match="look at the task's state store"):
        run.resume(task, run.deferred.method_name, {"event": event, "record": {"phase": "flying"}})


def test_wrong_argument_on_resuming_names_the_call(run, world, connect):
    run.start(CALL.task(waits=True, deferrable=True))
    with pytest.raises(AirflowFailException, match=run.ti.xcoms["callerid"]):
        run.resume(CALL.task(waits=True, fail_on="engaged"), "execute_complete", {"event": {"status": "done"}})


def test_missing_connection_on_resuming_without_store_is_final(run_without_store, world):
    run = run_without_store
    run.start(CALL.task(waits=True, deferrable=True))
    with pytest.raises(AirflowFailException, match=run.ti.xcoms["callerid"]):
        run.resume(
            CALL.task(waits=True, directcall_conn_id="nowhere"), "execute_complete", {"event": {"status": "done"}}
        )


@both_ways
def test_row_of_a_call_counts_although_the_next_page_cannot_be_read(run, world, monkeypatch, deferrable):
    plain, plain_async = Client.rows, AsyncClient.rows

    def rows(self, listing):
        yield from plain(self, listing)
        raise DirectcallUnavailable("no second page")

    async def rows_async(self, listing):
        async for row in plain_async(self, listing):
            yield row
        raise DirectcallUnavailable("no second page")

    monkeypatch.setattr(Client, "rows", rows)
    monkeypatch.setattr(AsyncClient, "rows", rows_async)
    assert run.to_the_end(CALL.task(waits=True, deferrable=deferrable))["outcome"] == "answered"


def test_retry_goes_on_with_the_call_although_its_tags_are_wrong_now(run, world):
    run.crash(CALL.task(waits=True, retries=1), "after write 2")
    run.retry()
    result = run.to_the_end(CALL.task(waits=True, retries=1, tags={"flag": True}, record="perhaps"))
    assert [result["callerid"]] == CALL.sent(world)


def test_execution_timeout_before_the_next_generation_is_left_to_a_retry(run, world):
    """The call of the first try was hung up by a Clear; nothing of the second generation has left yet."""
    task = CALL.task(LONG_CALL, waits=True, retries=1)
    run.crash(task, "after write 2")
    world.process = Process()
    with DirectcallHook() as hook:
        hook.end_call(ORIGIN, LONG_CALL)
    run.clear()
    write = run.store.set

    def strike(key, value):
        if value["phase"] == "sending":
            run.store.set = write
            raise AirflowTaskTimeout("Timeout")
        write(key, value)

    run.store.set = strike
    with pytest.raises(AirflowTaskTimeout):
        run.to_the_end(task)
    run.retry()
    assert [run.to_the_end(task)["callerid"]] == CALL.sent(world)[1:]
