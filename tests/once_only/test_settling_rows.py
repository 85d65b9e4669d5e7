"""What the rows of the statement have to show for a request to be found by them."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.doubtful_tasks import OTHER, SMS, VOICE, lose, without_tags
from ..airflow_world.kinds import both_ways, each_kind
from ..airflow_world.world import NO_BALANCE, PERSON, Killed

# Rows that show less, or something else


@each_kind
@both_ways
def test_rows_without_tags_are_ours_when_they_go_to_the_same_number(run, world, kind, deferrable, monkeypatch):
    without_tags(monkeypatch)
    lose(world, kind)
    assert [run.to_the_end(kind.task(deferrable=deferrable))["callerid"]] == kind.sent(world)


@each_kind
@both_ways
def test_rows_with_another_key_are_not_ours(run, world, kind, deferrable, monkeypatch):
    without_tags(monkeypatch, key="somebody else's")
    lose(world, kind)
    run.to_the_end(kind.task(deferrable=deferrable))
    assert len(kind.sent(world)) == 2


@each_kind
@both_ways
def test_a_row_of_ours_without_its_id_is_no_leave_to_send_again(run, world, kind, deferrable, monkeypatch):
    without_tags(monkeypatch, callerid=False)
    lose(world, kind)
    with pytest.raises(AirflowFailException, match="show neither"):
        run.to_the_end(kind.task(deferrable=deferrable))
    assert len(kind.sent(world)) == 1


def test_tags_as_a_list_are_read_too(run, world):
    world.sandbox.configure(quirks=frozenset({"campos_list"}))
    lose(world, SMS)
    assert [run.to_the_end(SMS.task())["callerid"]] == SMS.sent(world)


# Several recipients


@pytest.mark.parametrize("kind", [SMS, VOICE], ids=lambda kind: kind.name)
@both_ways
def test_a_partial_refusal_is_found_with_a_result_for_each_recipient(run, world, kind, deferrable):
    lose(world, kind)
    task = kind.task([PERSON, NO_BALANCE, OTHER], deferrable=deferrable, include_numbers=True)
    result = run.to_the_end(task)
    told = {recipient["destination"]: recipient["accepted"] for recipient in result["recipients"]}
    assert told == {PERSON: True, NO_BALANCE: None, OTHER: True}
    assert world.requests[kind.path] == 1


@pytest.mark.parametrize("kind", [SMS, VOICE], ids=lambda kind: kind.name)
def test_a_partial_refusal_survives_a_crash(run, world, kind):
    task = kind.task([PERSON, NO_BALANCE, OTHER], retries=1, include_numbers=True)
    with pytest.raises(Killed):
        run.to_the_end(task, dies="after write 2")
    run.retry()
    told = [(one["destination"], one["accepted"], one["refusal_code"]) for one in run.to_the_end(task)["recipients"]]
    assert told == [(PERSON, True, None), (NO_BALANCE, False, "201"), (OTHER, True, None)]


def test_of_recipients_that_the_statement_does_not_tell_nobody_knows(run, world):
    task = SMS.task([PERSON, OTHER], retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies=f"after {SMS.path}")
    world.sandbox.advance(60)
    run.retry()
    # The first look finds it; then the statement is gone.
    world.sandbox.inject(Fault(kind="unavailable", endpoint=SMS.statement, after=1))
    result = run.to_the_end(task)
    assert [result["callerid"]] == SMS.sent(world)
    assert [recipient["accepted"] for recipient in result["recipients"]] == [None, None]


def test_more_recipients_than_the_store_takes_are_read_from_the_statement(run, world):
    people = [f"5511{980000000 + n}" for n in range(2000)]
    task = SMS.task(people, as_csv=True, retries=1)
    with pytest.raises(Killed):
        run.to_the_end(task, dies="after write 2")
    assert "recipients" not in run.store.record
    world.sandbox.advance(60)
    run.retry()
    result = run.to_the_end(task)
    assert len(result["recipients"]) == 2000
    assert all(recipient["accepted"] for recipient in result["recipients"])
    assert world.requests[SMS.path] == 1
