"""Waiting for the end of a call."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.api.client import AsyncClient, Client
from airflow_provider_directcall.api.methods import list_statement
from airflow_provider_directcall.api.paging import PageReader
from airflow_provider_directcall.api.replies import ScheduledCall
from airflow_provider_directcall.errors import (
    DirectcallError,
    DirectcallRefused,
    DirectcallUnavailable,
    DirectcallUnwantedOutcome,
    DirectcallWaitFailed,
    DirectcallWaitTimeout,
)
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.telephony.masking import mask_number

from ..airflow_world.call_tasks import call, placed, waiting_call
from ..airflow_world.kinds import both_ways, with_and_without_a_store
from ..airflow_world.world import (
    BUSY,
    LONG_CALL,
    NO_ANSWER,
    ORIGIN,
    PERSON,
    Run,
)

# Waiting


@both_ways
def test_the_row_of_the_statement_is_the_result(run, world, deferrable):
    result = run.to_the_end(waiting_call(tags={"contact": "7"}, record=True, deferrable=deferrable))
    (made,) = placed(world)
    assert result["callerid"] == made["callerid"] == run.ti.xcoms["callerid"]
    assert (result["outcome"], result["duration_seconds"], result["tags"]) == ("answered", 30, made["tags"])
    assert result["tags"]["contact"] == "7"
    assert (result["origin"], result["destination"]) == ("5511*****0001", "5511*****0001")
    assert run.links == {"Recording": result["recording_url"]}
    assert result["recording_url"].startswith("http")


@both_ways
def test_numbers_are_shown_on_request(run, world, deferrable):
    result = run.to_the_end(waiting_call(include_numbers=True, deferrable=deferrable))
    assert (result["origin"], result["destination"]) == (ORIGIN, PERSON)


@both_ways
@pytest.mark.parametrize(("destination", "outcome"), [(BUSY, "busy"), (NO_ANSWER, "no_answer")])
def test_unanswered_call_is_a_result(run, world, deferrable, destination, outcome):
    result = run.to_the_end(waiting_call(destination, deferrable=deferrable))
    assert (result["outcome"], result["duration_seconds"], result["recording_url"]) == (outcome, 0, None)
    assert run.links == {"Recording": ""}


@both_ways
def test_fail_on_fails_and_may_be_retried(run, world, deferrable):
    with pytest.raises(DirectcallUnwantedOutcome) as caught:
        run.to_the_end(waiting_call(BUSY, fail_on=("busy", "no_answer"), deferrable=deferrable))
    (made,) = placed(world)
    assert (caught.value.outcome, caught.value.callerid) == ("busy", made["callerid"])
    assert made["callerid"] in str(caught.value)
    assert "busy" in str(caught.value)


@both_ways
def test_fail_on_lets_other_outcomes_succeed(run, world, deferrable):
    result = run.to_the_end(waiting_call(NO_ANSWER, fail_on="busy, failed", deferrable=deferrable))
    assert result["outcome"] == "no_answer"


@both_ways
def test_a_late_row_is_waited_for(run, world, deferrable):
    world.sandbox.configure(statement_delay=600)
    before = world.now()
    result = run.to_the_end(waiting_call(deferrable=deferrable, poll_interval=20))
    assert result["outcome"] == "answered"
    assert world.now() - before >= timedelta(seconds=600)


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
    assert run.to_the_end(waiting_call(deferrable=deferrable))["outcome"] == "answered"


def another_run(world):
    run = Run(world)
    run.ti.run_id = "another"
    return run


def test_another_call_in_the_statement_is_not_taken_for_ours(run, world, monkeypatch):
    def everything(*window, **filters):
        return list_statement(*window)

    monkeypatch.setattr("airflow_provider_directcall.statement.calls.list_statement", everything)
    another_run(world).to_the_end(waiting_call(BUSY))
    assert run.to_the_end(waiting_call())["outcome"] == "answered"


@both_ways
@pytest.mark.parametrize(("destination", "outcome"), [(PERSON, "answered"), (BUSY, "busy"), (NO_ANSWER, "no_answer")])
def test_call_of_two_legs_has_the_outcome_of_the_destination_and_both_prices(
    run, world, deferrable, destination, outcome
):
    world.sandbox.configure(quirks={"leg_rows"}, page_size=1)
    result = run.to_the_end(waiting_call(destination, deferrable=deferrable))
    assert result["outcome"] == outcome
    assert {leg["outcome"] for leg in result["legs"]} == {"answered", outcome}
    assert Decimal(result["price_brl"]) == sum(Decimal(leg["price_brl"]) for leg in result["legs"])
    assert [leg["destination"] for leg in result["legs"]] == [mask_number(ORIGIN), mask_number(destination)]


def test_call_in_one_row_has_one_leg(run, world):
    result = run.to_the_end(waiting_call())
    (leg,) = result["legs"]
    assert leg == {name: result[name] for name in leg}
    assert set(leg) == set(result) - {"tags", "legs"}


@both_ways
@pytest.mark.parametrize("quirk", ["callerid_missing", "callerid_other", "callerid_upper"])
def test_row_without_the_id_of_the_answer_is_found_by_its_key(run, world, deferrable, quirk):
    world.sandbox.configure(quirks={quirk})
    another_run(world).to_the_end(call(BUSY))
    result = run.to_the_end(waiting_call(deferrable=deferrable))
    assert result["outcome"] == "answered"
    assert result["tags"] == placed(world)[1]["tags"]
    assert result["callerid"]


@both_ways
def test_deadline_ends_the_wait_and_not_the_call(run, world, deferrable):
    before = world.now()
    with pytest.raises(AirflowFailException) as caught:
        run.to_the_end(waiting_call(LONG_CALL, completion_timeout=timedelta(seconds=100), deferrable=deferrable))
    (made,) = placed(world)
    assert made["callerid"] in str(caught.value)
    assert isinstance(caught.value.__cause__, DirectcallWaitTimeout)
    assert world.now() - before == timedelta(seconds=100)
    assert made["hung_up_at"] is None, "the end of the wait does not hang up"


@both_ways
def test_deadline_respects_the_execution_timeout(run, world, deferrable):
    run.ti.start_date = world.now() - timedelta(seconds=30)
    before = world.now()
    with pytest.raises(AirflowFailException, match="wait ended"):
        run.to_the_end(
            waiting_call(LONG_CALL, execution_timeout=timedelta(seconds=90), deferrable=deferrable, poll_interval=7)
        )
    assert world.now() - before == timedelta(seconds=60)


@both_ways
def test_scheduled_call_is_followed_to_its_row(run, world, deferrable):
    at = world.now() + timedelta(hours=3)
    task = waiting_call(schedule_at=at, completion_timeout=300, deferrable=deferrable, poll_interval=60)
    result = run.to_the_end(task)
    (made,) = placed(world)
    assert result["callerid"] == made["callerid"] == run.ti.xcoms["callerid"]
    assert run.ti.xcoms["schedule_id"] == made["schedule_id"]
    assert world.now() > at
    assert world.sandbox.state()["requests"]["voz/status-agendamento"] <= 5, "nothing is asked until its time"


@both_ways
def test_scheduled_call_refused_when_due_is_final(run, world, deferrable, monkeypatch):
    refused = ScheduledCall(placed=None, refusal="Saldo insuficiente", raw={})
    monkeypatch.setattr(ScheduledCall, "from_reply", lambda reply: refused)
    task = waiting_call(schedule_at=world.now() + timedelta(hours=1), deferrable=deferrable)
    with pytest.raises(AirflowFailException, match="Saldo insuficiente") as caught:
        run.to_the_end(task)
    assert isinstance(caught.value.__cause__, DirectcallRefused)
    assert placed(world)[0]["schedule_id"] in str(caught.value)
    assert "Saldo" not in str(run.events)


@both_ways
def test_short_trouble_with_the_statement_is_waited_out(run, world, deferrable):
    world.sandbox.inject(Fault(kind="html_502_before", endpoint="extrato/list", times=12))
    result = run.to_the_end(waiting_call(deferrable=deferrable))
    assert result["outcome"] == "answered"
    assert len(placed(world)) == 1


@both_ways
def test_retry_after_lasting_trouble_goes_on_waiting(run, world, deferrable):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    task = waiting_call(deferrable=deferrable, completion_timeout=10**6, retries=1)
    with pytest.raises(DirectcallWaitFailed, match="10 polls in a row failed"):
        run.to_the_end(task)
    world.sandbox.clear_faults()
    run.retry()
    assert run.to_the_end(task)["callerid"] == placed(world)[0]["callerid"]
    assert len(placed(world)) == 1


@both_ways
def test_lasting_trouble_without_store_is_final(run_without_store, world, deferrable):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list"))
    with pytest.raises(AirflowFailException, match="10 polls in a row failed") as caught:
        run_without_store.to_the_end(waiting_call(deferrable=deferrable, completion_timeout=10**6))
    assert isinstance(caught.value.__cause__, DirectcallWaitFailed)
    assert placed(world)[0]["callerid"] in str(caught.value)


@both_ways
@with_and_without_a_store
def test_missing_statement_ends_the_wait_at_once(world, deferrable, remembers):
    run = Run(world, remembers=remembers)
    world.sandbox.inject(Fault(kind="unavailable", endpoint="extrato/list"))
    error = DirectcallError if remembers else AirflowFailException
    with pytest.raises(error, match="cannot be understood") as caught:
        run.to_the_end(waiting_call(deferrable=deferrable))
    (made,) = placed(world)
    assert run.ti.xcoms["callerid"] == made["callerid"]
    assert remembers or made["callerid"] in str(caught.value)
    assert world.requests["extrato/list"] == 1


def test_row_is_read_again_until_the_statement_answers(run, world):
    run.start(waiting_call(deferrable=True))
    world.sandbox.advance(60)
    event = {"status": "done", "callerid": run.ti.xcoms["callerid"], "since": world.now().isoformat()}
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list", times=6))
    assert run.resume(waiting_call(), "execute_complete", {"event": event})["outcome"] == "answered"


def test_clear_after_a_refused_look_goes_on(run, world, monkeypatch):
    """The look is refused; the call goes on, and a Clear waits for it."""

    def refuse(reader, page):
        raise DirectcallRefused("refused", code="200", text="usuario invalido")

    with monkeypatch.context() as patch:
        patch.setattr(PageReader, "feed", refuse)
        with pytest.raises(AirflowFailException, match="refused"):
            run.to_the_end(waiting_call(retries=1))
    assert run.store.record["phase"] == "sent"
    run.clear()
    assert run.to_the_end(waiting_call(retries=1))["callerid"] == placed(world)[0]["callerid"]
    assert len(placed(world)) == 1
