"""A lost answer in every form of the statement that the sandbox knows: never twice, never silently lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sandbox.quirks import CALLS, STATEMENT

from ..airflow_world.kinds import CALL, SMS, both_ways, each_kind, each_message
from ..airflow_world.lost_answers import each_policy, lose_answer
from ..airflow_world.world import PERSON

STATEMENT_QUIRKS = [(kind, quirk) for kind in (CALL, SMS) for quirk in STATEMENT]
QUIRKS = [*STATEMENT_QUIRKS, *((CALL, quirk) for quirk in CALLS)]
each_quirk = pytest.mark.parametrize(("kind", "quirk"), QUIRKS, ids=[f"{kind.name}-{quirk}" for kind, quirk in QUIRKS])

#: Lost after the effect: the row is there, and does not show whose it is, or shows another time.
UNKNOWN_AFTER = {"tags_lost", "times_1_behind", "times_2_behind"}
#: Lost before it: the statement announces pages that it does not show, or the line may be busy.
UNKNOWN_BEFORE = {"paginas_endless", "idle_004", "idle_009", "idle_010"}
LATE_ROWS = 600


def outcome_of(run, world, kind, quirk):
    """Return the end of a task: the number of effects, and whether it was reported as unknown."""
    world.sandbox.configure(quirks=frozenset({quirk}))
    try:
        run.to_the_end(kind.task(settle_seconds=LATE_ROWS))
    except AirflowFailException as failure:
        return len(kind.sent(world)), "unknown" if "outcome is unknown" in str(failure) else failure
    return len(kind.sent(world)), "known"


@pytest.mark.long
@each_quirk
def test_answer_lost_after_the_effect_is_no_second_effect(run, world, kind, quirk):
    lose_answer(world, kind, "cut_after")
    expected = "unknown" if quirk in UNKNOWN_AFTER else "known"
    assert outcome_of(run, world, kind, quirk) == (1, expected)


@pytest.mark.long
@each_quirk
def test_answer_lost_before_the_effect_is_no_silent_loss(run, world, kind, quirk):
    lose_answer(world, kind, "cut_before")
    is_unknown = quirk in UNKNOWN_BEFORE
    assert outcome_of(run, world, kind, quirk) == (0 if is_unknown else 1, "unknown" if is_unknown else "known")


@each_message
@both_ways
def test_found_message_is_followed_by_its_key_where_its_id_is_another(run, world, kind, deferrable):
    world.sandbox.configure(quirks={"callerid_other"})
    lose_answer(world, kind, "cut_after")
    assert run.to_the_end(kind.task(waits=True, deferrable=deferrable))["state"] == "delivered"
    assert len(kind.sent(world)) == 1


@each_kind
@both_ways
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
def test_statement_that_never_showed_a_row_proves_nothing(run, world, kind, deferrable, fault):
    world.sandbox.reset()
    world.sandbox.set_speed(0)
    world.sandbox.configure(statement_delay=10**6)
    lose_answer(world, kind, fault)
    with pytest.raises(AirflowFailException, match=r"no row of the last 7 days.*directcall-check"):
        run.to_the_end(kind.task(deferrable=deferrable))
    assert len(kind.sent(world)) == (fault == "cut_after")


# Rows of others in the same hours


def other_row(world, kind, tags, number=PERSON, minutes=30):
    """Let another system of the account send to a number, some time ago."""
    now = world.now()
    world.sandbox.set_time(now - timedelta(minutes=minutes))
    with DirectcallHook() as hook:
        if kind.is_call:
            hook.place_call(None, number, tags=tags)
        else:
            hook.send_sms(number, "bom dia", tags=tags)
    world.sandbox.set_time(now)


@each_kind
@both_ways
@pytest.mark.parametrize(
    ("tags", "number", "is_known"),
    [
        (None, "5511990000099", True),
        ({"airflow_key": "abcdefghijklmnop"}, PERSON, True),
        (None, PERSON, False),
        ({"system": "crm"}, PERSON, False),
        ({"airflow_key": "abcdefgh"}, PERSON, False),
    ],
    ids=["another number", "another key", "no tags", "other tags", "a cut key"],
)
def test_row_that_could_be_ours_forbids_a_second_send(run, world, kind, deferrable, tags, number, is_known):
    other_row(world, kind, tags, number)
    lose_answer(world, kind, "cut_before")
    task = kind.task(deferrable=deferrable)
    if is_known:
        result = run.to_the_end(task)
        assert kind.sent(world)[1:] == [result["callerid"]]
        return
    with pytest.raises(AirflowFailException, match=r"may be its own.*directcall-check"):
        run.to_the_end(task)
    assert len(kind.sent(world)) == 1


@each_kind
def test_row_of_hours_before_is_no_obstacle(run, world, kind):
    other_row(world, kind, None, minutes=200)
    lose_answer(world, kind, "cut_before")
    result = run.to_the_end(kind.task())
    assert kind.sent(world)[1:] == [result["callerid"]]


@each_kind
@both_ways
def test_row_of_another_is_not_taken_for_ours_where_the_filter_is_ignored(run, world, kind, deferrable):
    """The only row to the number, in time, and without tags: it may be anyone's."""
    other_row(world, kind, {"system": "crm"}, minutes=1)
    lose_answer(world, kind, "cut_before")
    world.sandbox.configure(quirks=frozenset({"tag_filter_ignored", "campos_hidden"}))
    with pytest.raises(AirflowFailException, match="may be its own"):
        run.to_the_end(kind.task(deferrable=deferrable))
    assert "callerid" not in run.ti.xcoms


@each_kind
@each_policy
def test_key_of_an_earlier_row_forbids_a_second_send(run, world, kind, policy):
    """A row that began earlier is no proof of the request; with its key, it forbids another, after a Clear too."""
    lose_answer(world, kind, "cut_after")
    world.sandbox.configure(quirks=frozenset({"times_2_behind"}))
    task = kind.task(on_unknown_outcome=policy)
    for _ in range(2):
        if policy == "hold":
            assert run.to_the_end(task)["state"] == "unknown"
        else:
            with pytest.raises(AirflowFailException, match="a row with its key"):
                run.to_the_end(task)
        run.clear()
    assert len(kind.sent(world)) == 1


@both_ways
def test_line_that_is_busy_for_ever_ends_as_unknown(run, world, deferrable):
    lose_answer(world, CALL)
    world.sandbox.configure(quirks=frozenset({"answered_forever"}), statement_delay=10**6)
    with pytest.raises(AirflowFailException, match="still in progress"):
        run.to_the_end(CALL.task(deferrable=deferrable, completion_timeout=600))
    assert len(CALL.sent(world)) == 1


@each_kind
@pytest.mark.parametrize("fault", ["cut_after", "cut_before"])
def test_absence_costs_one_request_more_than_looks(run, world, kind, fault):
    """A request that is found costs none; the result of a found message is read from its rows."""
    other_row(world, kind, None, "5511990000099")
    lose_answer(world, kind, fault)
    run.to_the_end(kind.task())
    looks, is_absent = len(world.pauses) + 1, fault == "cut_before"
    assert world.requests[kind.statement] == looks + (is_absent or not kind.is_call)
