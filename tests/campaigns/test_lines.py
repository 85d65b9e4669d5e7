"""Calls of a chunk take lines until they have ended: never too many, and none longer than needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.sandbox import Fault

from .sending_world import TIMEOUTS, SendingWorld, numbers


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    return SendingWorld(directcall_sandbox, tmp_path / "campaign")


async def test_calls_at_once_are_bounded(world):
    world.planned(numbers(7))
    outcome = await world.send(channel=Channel.CALL, calls_at_once=2)
    assert (outcome.states, world.reached()) == ({"sent": 7}, Counter(numbers(7)))
    calls = sorted(each["placed_at"] for each in world.server.state()["calls"])
    assert all(later - earlier >= 34 for earlier, later in zip(calls, calls[2:], strict=False))


async def test_calls_of_an_earlier_try_keep_their_lines(world):
    world.planned(numbers(4))
    answers = iter([None, "stopped"])
    await world.send(channel=Channel.CALL, calls_at_once=2, guards=Guards(may_go_on=lambda: next(answers)))
    began = world.clock.now()
    assert (await world.send(channel=Channel.CALL, calls_at_once=2)).states == {"sent": 4}
    assert world.clock.now() - began >= timedelta(seconds=34)


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_call_that_did_not_arrive_keeps_no_line(world, is_killed):
    world.planned(numbers(4))
    world.server.inject(Fault(kind="cut_before", endpoint="voz/call", after=1, times=1))
    began = world.clock.now()
    if is_killed:
        guards = Guards(may_go_on=lambda: "stopped" if world.requests("voz/call") > 1 else None)
        await world.send(channel=Channel.CALL, calls_at_once=1, guards=guards)
    assert (await world.send(channel=Channel.CALL, calls_at_once=1)).states == {"sent": 4}
    assert world.reached() == Counter(numbers(4))
    assert world.clock.now() - began < timedelta(minutes=10)


async def test_a_chunk_takes_its_lines_until_its_calls_have_ended(world):
    world.planned(numbers(2))
    outcome = await world.send(channel=Channel.CALL)
    assert (outcome.states, outcome.waiting, outcome.calls_in_progress) == ({"sent": 2}, 0, 2)
    assert outcome.waits_until == world.clock.now() + timedelta(seconds=60)
    world.server.set_time(outcome.waits_until)
    outcome = await world.send(channel=Channel.CALL)
    assert (outcome.states, outcome.calls_in_progress, outcome.waits_until) == ({"sent": 2}, 0, None)


async def test_a_chunk_that_waits_for_a_window_looks_at_its_calls_first(world):
    opens = world.clock.now() + timedelta(hours=5)
    world.planned(numbers(2), opens_at=lambda place: opens if place else None)
    outcome = await world.send(channel=Channel.CALL)
    assert (outcome.waiting, outcome.calls_in_progress) == (1, 1)
    assert outcome.waits_until == world.clock.now() + timedelta(seconds=60)
    world.server.set_time(outcome.waits_until)
    outcome = await world.send(channel=Channel.CALL)
    assert (outcome.waiting, outcome.calls_in_progress, outcome.waits_until) == (1, 0, opens)


async def test_lines_of_short_calls_are_free_before_their_longest_time_whatever_the_filter_finds(world):
    world.server.configure(quirks=frozenset({"tag_values_upper", "times_1_ahead"}))
    world.planned(numbers(6))
    timeouts = replace(TIMEOUTS, longest_seconds=120)
    outcome = await world.send(channel=Channel.CALL, calls_at_once=1, timeouts=timeouts)
    placed = [each["placed_at"] for each in world.server.state()["calls"]]
    assert (outcome.states, len(placed)) == ({"sent": 6}, 6)
    assert max(placed) - min(placed) < 5 * 90


async def test_a_call_in_doubt_holds_up_no_other_line(world):
    world.planned(["5511990000600", *numbers(6)])
    world.server.inject(Fault(kind="cut_after", endpoint="voz/call", times=1))
    await world.send(channel=Channel.CALL, calls_at_once=3)
    placed = [each["placed_at"] for each in world.server.state()["calls"]]
    assert max(placed) - min(placed) < 300


async def test_a_chunk_that_waits_for_a_line_can_be_stopped(world):
    world.planned(["5511990000600", *numbers(2)])
    began = world.clock.now()
    guards = Guards(may_go_on=lambda: "by hand" if world.clock.now() - began > timedelta(minutes=1) else None)
    outcome = await world.send(channel=Channel.CALL, calls_at_once=1, guards=guards)
    assert (outcome.stopped, outcome.waiting) == ("by hand", 2)
    assert world.clock.now() - began < timedelta(minutes=3)


async def test_a_call_in_doubt_takes_a_line(world):
    phones = ["5511990000600", *numbers(2)]
    world.planned(phones)
    world.server.inject(Fault(kind="cut_after", endpoint="voz/call", times=1))
    await world.send(channel=Channel.CALL, calls_at_once=2)
    spans = [
        (each["placed_at"], each["placed_at"] + (600 if each["destination"].endswith("600") else 34))
        for each in world.server.state()["calls"]
    ]
    assert max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans) <= 2


async def test_call_in_progress_is_not_placed_again(world):
    phones = numbers(3)
    world.planned([*phones, "5511990000600"])
    world.server.inject(Fault(kind="cut_after", endpoint="voz/call", after=3))
    outcome = await world.send(channel=Channel.CALL, concurrency=1)
    assert (outcome.states, world.reached()) == ({"sent": 4}, Counter([*phones, "5511990000600"]))
