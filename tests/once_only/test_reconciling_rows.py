"""Rows of the statement by which a request is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.kinds import CALL, SMS, both_ways, each_kind, each_message
from ..airflow_world.lost_answers import OTHER, hide_ids, hide_tags, lose_answer
from ..airflow_world.world import LONG_CALL, NO_BALANCE, PERSON

# Rows with fewer or other fields


@each_kind
@both_ways
@pytest.mark.parametrize("key", [None, "zyxwvuts765432kl"], ids=["hidden", "another"])
def test_rows_to_the_same_number_are_ours_unless_they_have_another_key(run, world, kind, deferrable, monkeypatch, key):
    hide_tags(monkeypatch, key=key)
    lose_answer(world, kind)
    result = run.to_the_end(kind.task(deferrable=deferrable))
    assert kind.sent(world)[1 if key else 0 :] == [result["callerid"]]


@each_kind
@both_ways
@pytest.mark.parametrize("filters", [True, False])
def test_row_without_tags_and_id_forbids_a_second_send(run, world, kind, deferrable, monkeypatch, filters):
    """It is ours where the filter by key is seen to work; else it may be ours, and the outcome stays unknown."""
    hide_tags(monkeypatch, callerid=False)
    lose_answer(world, kind)
    if filters:
        assert run.to_the_end(kind.task(deferrable=deferrable))["state"] == "sent"
    else:
        world.sandbox.configure(quirks=frozenset({"tag_filter_ignored"}))
        with pytest.raises(AirflowFailException, match="shows neither whose it is"):
            run.to_the_end(kind.task(deferrable=deferrable))
    assert len(kind.sent(world)) == 1


@each_kind
@both_ways
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("policy", ["fail", "resend"])
def test_row_with_our_key_and_no_id_is_presence(run, world, kind, deferrable, monkeypatch, waits, policy):
    """It is followed by its key, and never sent again in its generation."""
    hide_ids(monkeypatch)
    lose_answer(world, kind)
    task = kind.task(deferrable=deferrable, waits=waits, on_unknown_outcome=policy, retries=2)
    result = run.to_the_end(task)
    assert result["callerid"] is None
    assert kind.outcome(result) == kind.good_end if waits else result["state"] == "sent"
    run.retry()
    run.to_the_end(task)
    assert len(kind.sent(world)) == 1


@each_kind
@both_ways
def test_resend_waits_for_the_time_of_a_schedule(run, world, kind, deferrable):
    """The statement cannot show it earlier: a second one would be scheduled beside the first."""
    lose_answer(world, kind)
    task = kind.task(deferrable=deferrable, on_unknown_outcome="resend", **kind.at(world.now() + timedelta(hours=3)))
    with pytest.raises(AirflowFailException, match="before its time"):
        run.to_the_end(task)
    assert world.requests[kind.path] == 1


@both_ways
def test_resend_waits_for_a_call_in_progress(run, world, deferrable):
    lose_answer(world, CALL)
    task = CALL.task(
        LONG_CALL, deferrable=deferrable, on_unknown_outcome="resend", completion_timeout=60, settle_seconds=30
    )
    with pytest.raises(AirflowFailException, match="in progress"):
        run.to_the_end(task)
    assert world.requests[CALL.path] == 1


def test_rows_with_tags_as_a_list_are_ours(run, world):
    world.sandbox.configure(quirks=frozenset({"campos_list"}))
    lose_answer(world, SMS)
    assert [run.to_the_end(SMS.task())["callerid"]] == SMS.sent(world)


# Several recipients


@each_message
@both_ways
def test_partial_refusal_is_found_with_a_result_for_each_recipient(run, world, kind, deferrable):
    lose_answer(world, kind)
    task = kind.task([PERSON, NO_BALANCE, OTHER], deferrable=deferrable, include_numbers=True)
    result = run.to_the_end(task)
    accepted = {recipient["destination"]: recipient["accepted"] for recipient in result["recipients"]}
    assert accepted == {PERSON: True, NO_BALANCE: None, OTHER: True}
    assert world.requests[kind.path] == 1


@each_message
def test_partial_refusal_survives_a_crash(run, world, kind):
    task = kind.task([PERSON, NO_BALANCE, OTHER], retries=1, include_numbers=True)
    run.crash(task, "after write 2")
    run.retry()
    recipients = [
        (one["destination"], one["accepted"], one["refusal_code"]) for one in run.to_the_end(task)["recipients"]
    ]
    assert recipients == [(PERSON, True, None), (NO_BALANCE, False, "201"), (OTHER, True, None)]


def test_recipients_without_rows_are_unknown(run, world):
    task = SMS.task([PERSON, OTHER], retries=1)
    run.crash(task, f"after {SMS.path}")
    world.sandbox.advance(60)
    run.retry()
    # The first look finds it; later ones fail.
    world.sandbox.inject(Fault(kind="unavailable", endpoint=SMS.statement, after=1))
    result = run.to_the_end(task)
    assert [result["callerid"]] == SMS.sent(world)
    assert [recipient["accepted"] for recipient in result["recipients"]] == [None, None]


def test_recipients_beyond_the_stores_limit_are_read_from_the_statement(run, world):
    people = [f"5511{980000000 + n}" for n in range(2000)]
    task = SMS.task(people, as_csv=True, retries=1)
    run.crash(task, "after write 2")
    assert "recipients" not in run.store.record
    world.sandbox.advance(60)
    run.retry()
    result = run.to_the_end(task)
    assert len(result["recipients"]) == 2000
    assert all(recipient["accepted"] for recipient in result["recipients"])
    assert world.requests[SMS.path] == 1
