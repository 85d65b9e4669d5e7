"""Calls with retries by outcome: against the sandbox, on a simulated clock, with processes that are killed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.guards import Guards, OutsideWindow
from airflow_provider_directcall.campaigns.history import Turn
from airflow_provider_directcall.campaigns.report import make_report
from airflow_provider_directcall.campaigns.sending import ChunkOutcome
from airflow_provider_directcall.campaigns.track_lines import TrackLine
from airflow_provider_directcall.campaigns.voice import Again, AttemptRules
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.sandbox import Fault, SandboxServer
from airflow_provider_directcall.sandbox.quirks import SEND_ANSWERS, STATEMENT
from airflow_provider_directcall.telephony.windows import PRESETS

from .campaign_world import CampaignWorld, csv_of
from .sending_world import LIVES, FailingFolder, Killed

CHUNK = "chunks/00000.parquet"
ANSWERED, BUSY, NO_ANSWER, VOICEMAIL = "11990000001", "11990000486", "11990000480", "11990000302"
RULES = AttemptRules(
    by_outcome={
        "busy": Again(after=10, at_most=3),
        "no_answer": Again(after=timedelta(hours=1), at_most=2),
        "voicemail": Again(after=30, at_most=2),
    }
)


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    directcall_sandbox.configure(pace=1)
    directcall_sandbox.seed(1, kind="calls")
    return CampaignWorld(directcall_sandbox, tmp_path)


def planned(world, *numbers: str, **options: object) -> None:
    world.planned(csv_of(*numbers), channel=Channel.CALL, text=None, **options)


def calls(world) -> Counter[str]:
    return Counter(call["destination"][-3:] for call in world.server.state()["calls"])


def attempts(world) -> dict[str, list[int]]:
    return {own: [turn.attempt for turn in turns] for own, turns in world.history(CHUNK).turns.items()}


def times(world, digits: str) -> list[datetime]:
    """Return when a number was called, as the logs have it."""
    history = world.history(CHUNK)
    return [
        turn.result.since
        for own, turns in history.turns.items()
        for turn in turns
        if history.contacts[own].numbers[turn.result.place].endswith(digits)
    ]


def test_each_outcome_is_followed_by_so_many_calls_as_its_rule_says(world):
    planned(world, ANSWERED, BUSY, NO_ANSWER, VOICEMAIL)
    outcome = world.call_to_the_end(CHUNK, RULES, guards=Guards(price_brl=Decimal("0.09")))
    assert calls(world) == {"001": 1, "486": 3, "480": 2, "302": 2}
    assert outcome.states == {"answered": 1, "busy": 1, "no_answer": 1, "voicemail": 1}
    assert (outcome.waiting, outcome.parts, outcome.cost_brl) == (0, 8, Decimal("0.375"))
    first, second, third = times(world, "486")
    assert min(second - first, third - second) >= timedelta(minutes=10)
    assert times(world, "480")[1] - times(world, "480")[0] >= timedelta(hours=1)


def test_a_contact_is_counted_once_with_its_calls_and_its_last_outcome(world):
    planned(world, ANSWERED, BUSY)
    world.call_to_the_end(CHUNK, RULES)
    made = make_report(world.folder, now=world.clock.now())
    assert (made["contacts"], made["states"], made["parts"]) == (2, {"answered": 1, "busy": 1}, 4)


def test_nothing_runs_while_it_waits_for_outcomes_and_pauses(world):
    planned(world, BUSY)
    first = world.send_in_full(CHUNK, rules=RULES)
    assert first.waits_until == world.clock.now() + timedelta(minutes=1)
    world.server.set_time(first.waits_until)
    second = world.send_in_full(CHUNK, rules=RULES)
    assert (second.states, second.waiting) == ({"busy": 1}, 1)
    assert second.waits_until == times(world, "486")[0] + timedelta(minutes=10)
    assert calls(world) == {"486": 1}


def test_outcomes_of_all_contacts_are_looked_for_with_one_question(world):
    planned(world, BUSY, *(f"1199000100{digit}" for digit in range(8)))
    outcome = world.send_in_full(CHUNK, rules=RULES)
    world.server.set_time(outcome.waits_until)
    before = world.server.state()["requests"]["extrato/list"]
    world.send_in_full(CHUNK, rules=RULES)
    assert world.server.state()["requests"]["extrato/list"] == before + 1


def test_a_call_that_is_always_refused_keeps_no_other_from_its_attempts(world):
    planned(world, "11990000500", ANSWERED, BUSY)
    outcome = world.call_to_the_end(CHUNK, RULES)
    assert calls(world) == {"001": 1, "486": 3}
    assert (outcome.states, outcome.stopped) == ({"refused": 1, "answered": 1, "busy": 1}, None)
    make_report(world.folder, results_uri=str(world.path / "r.csv"), now=world.clock.now())
    assert b"11990000500" in world.folder.read("report/again.csv")


def test_after_the_calls_to_the_first_number_the_next_one_is_called(world):
    text = f"id;phone;mobile;office\nc1;{BUSY};{NO_ANSWER};{ANSWERED}\nc2;11990000503;;\n"
    world.planned(text, channel=Channel.CALL, text=None, number_columns=("phone", "mobile", "office"))
    rules = AttemptRules(by_outcome={"busy": Again(after=10, at_most=2), "no_answer": Again(after=10, at_most=1)})
    outcome = world.call_to_the_end(CHUNK, rules)
    assert calls(world) == {"486": 2, "480": 1, "001": 1, "503": 1}
    assert outcome.states == {"answered": 1, "failed": 1}
    assert attempts(world) == {"c1": [1, 2, 3, 4], "c2": [1]}
    result = make_report(world.folder, results_uri=str(world.path / "r.csv"), now=world.clock.now())
    rows = (world.path / "r.csv").read_text().splitlines()
    assert rows[1].startswith("c1,5511*****0001,4,answered"), rows[1]
    assert result["states"] == {"answered": 1, "failed": 1}


def test_a_further_call_waits_for_the_window_of_its_number(world):
    evening = datetime.fromisoformat("2026-11-04T17:55:00-03:00")
    world.server.set_time(evening)
    planned(world, BUSY, window=PRESETS["strict"], now=evening)
    rules = AttemptRules(by_outcome=RULES.by_outcome, window=PRESETS["strict"])
    world.call_to_the_end(CHUNK, rules, guards=Guards(window=PRESETS["strict"]))
    first, second, third = (each.astimezone(evening.tzinfo) for each in times(world, "486"))
    assert (first.hour, second.date() - first.date(), second.hour, second.minute) == (17, timedelta(days=1), 9, 0)
    assert third >= second + timedelta(minutes=10)


def test_a_further_call_outside_the_window_is_left_out_by_choice(world):
    evening = datetime.fromisoformat("2026-11-04T17:55:00-03:00")
    world.server.set_time(evening)
    planned(world, BUSY, window=PRESETS["strict"], now=evening)
    rules = AttemptRules(by_outcome=RULES.by_outcome, window=PRESETS["strict"], waits=False)
    guards = Guards(window=PRESETS["strict"], outside_window=OutsideWindow.SKIP)
    assert world.call_to_the_end(CHUNK, rules, guards=guards).states == {"busy": 1}
    assert calls(world) == {"486": 1}


def test_no_more_calls_at_once_than_allowed_over_all_attempts(world):
    planned(world, "11990000600", "21990000600", "31990000600", BUSY, "21990000486")
    world.call_to_the_end(CHUNK, RULES, calls_at_once=2)
    spans = [
        (begin, begin + timedelta(seconds=seconds))
        for digits, seconds in {"600": 600, "486": 5}.items()
        for begin in times(world, digits)
    ]
    assert max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans) <= 2
    assert calls(world) == {"600": 3, "486": 6}


def test_two_attempts_in_one_pass_share_the_lines(world):
    planned(
        world, *(f"{code}990000480" for code in (11, 21, 31)), *(f"{code}990000600" for code in (11, 21, 31, 41, 51))
    )
    rules = AttemptRules(by_outcome={"no_answer": Again(after=10, at_most=2)})
    world.call_to_the_end(CHUNK, rules, calls_at_once=3)
    spans = [
        (begin, begin + timedelta(seconds=seconds))
        for digits, seconds in {"600": 600, "480": 20}.items()
        for begin in times(world, digits)
    ]
    assert max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans) <= 3
    assert calls(world) == {"480": 6, "600": 5}


def test_calls_in_progress_that_may_cost_nothing_do_not_end_a_budget(world):
    planned(world, *(f"{code}990000486" for code in (11, 21, 31, 41, 51, 61, 71, 81, 91)))
    guards = Guards(price_brl=Decimal("0.09"), budget_brl=Decimal("0.45"))
    outcome = world.call_to_the_end(CHUNK, AttemptRules(by_outcome={}), guards=guards)
    assert (outcome.states, calls(world), outcome.stopped) == ({"busy": 9}, {"486": 9}, None)


def test_a_due_call_without_a_line_waits_for_the_next_look(world):
    planned(world, BUSY, "11990000600")
    rules = AttemptRules(by_outcome={"busy": Again(after=1, at_most=2)})
    outcome = world.send_in_full(CHUNK, rules=rules, calls_at_once=1)
    world.server.set_time(max(outcome.waits_until, times(world, "486")[0] + timedelta(minutes=2)))
    outcome = world.send_in_full(CHUNK, rules=rules, calls_at_once=1)
    assert (calls(world), outcome.waiting) == ({"486": 1, "600": 1}, 1)
    assert outcome.waits_until >= world.clock.now() + timedelta(minutes=1)
    world.call_to_the_end(CHUNK, rules, calls_at_once=1)
    assert calls(world) == {"486": 2, "600": 1}


def test_a_due_call_waits_for_the_longest_time_of_a_call_at_most_where_the_end_of_another_is_never_shown(world):
    planned(world, BUSY, "11990000600")
    rules = AttemptRules(by_outcome={"busy": Again(after=1, at_most=2)})
    world.send_in_full(CHUNK, rules=rules, calls_at_once=1)
    with world.server.sandbox.account.lock:
        shown = world.server.sandbox.account.store.calls
        del shown[next(key for key, call in shown.items() if call.destination.endswith("600"))]
    outcome = world.call_to_the_end(CHUNK, rules, calls_at_once=1)
    assert (calls(world), outcome.states) == ({"486": 2}, {"busy": 1, "sent": 1})
    waited = times(world, "486")[1] - times(world, "600")[0]
    assert timedelta(hours=1) <= waited <= timedelta(hours=1, minutes=2)


def test_further_calls_stop_before_the_budget_and_everyone_is_called_once(world):
    planned(world, VOICEMAIL, "21990000302", "31990000302")
    guards = Guards(price_brl=Decimal("0.09"), budget_brl=Decimal("0.50"))
    outcome = world.call_to_the_end(CHUNK, RULES, guards=guards)
    assert outcome.stopped == "2 further calls would pass budget_brl"
    assert calls(world) == {"302": 4}
    # The sandbox charges half a minute of each, and not the price that was assumed.
    assert outcome.cost_brl == Decimal("0.50")


def test_calls_that_cost_nothing_use_no_budget(world):
    planned(world, BUSY, "21990000486", "31990000486")
    guards = Guards(price_brl=Decimal("0.09"), budget_brl=Decimal("0.36"))
    outcome = world.call_to_the_end(CHUNK, RULES, guards=guards)
    assert (outcome.stopped, outcome.cost_brl) == (None, 0)
    assert calls(world) == {"486": 9}


def test_long_calls_stop_the_first_ones_too(world):
    planned(world, *(f"{code}990000600" for code in (11, 21, 31, 41)))
    guards = Guards(price_brl=Decimal("0.10"), budget_brl=Decimal("2.00"))
    outcome = world.call_to_the_end(CHUNK, AttemptRules(by_outcome={}), guards=guards, calls_at_once=1)
    assert (outcome.stopped, outcome.waiting) == ("the next message would pass budget_brl", 3)
    assert outcome.cost_brl > guards.budget_brl
    assert calls(world) == {"600": 1}


def test_a_price_of_zero_is_not_believed_of_a_call_that_was_answered(world):
    line = TrackLine("c1", "answered", is_final=True, cost_brl=Decimal(0), outcome="answered")
    result = ContactResult("c1", Progress.SENT, world.clock.now(), parts=1)
    assert Turn(1, result, line).cost_brl is None
    assert Turn(1, result, replace(line, cost_brl=Decimal("0.01"))).cost_brl == Decimal("0.01")
    assert Turn(1, result, replace(line, state="busy", outcome="busy")).cost_brl == 0
    assert Turn(1, result, replace(line, state="sent", is_final=False)).cost_brl is None


def test_a_stop_file_stops_it_while_it_waits(world):
    planned(world, BUSY)
    outcome = world.send_in_full(CHUNK, rules=RULES)
    world.folder.write("stop", b"")
    world.server.set_time(outcome.waits_until)
    assert "stopped by hand" in world.send_in_full(CHUNK, rules=RULES).stopped
    world.folder.remove("stop")
    world.call_to_the_end(CHUNK, RULES)
    assert calls(world) == {"486": 3}


def test_a_number_that_opted_out_is_not_called_again_and_stays_busy(world):
    planned(world, BUSY)
    outcome = world.send_in_full(CHUNK, rules=RULES)

    class Excluded:
        suppressed: Mapping[str, str] = {}
        opted_out = frozenset({f"55{BUSY}"})

    world.server.set_time(outcome.waits_until)
    assert world.call_to_the_end(CHUNK, RULES, guards=Guards(excluded=Excluded)).states == {"busy": 1}
    assert calls(world) == {"486": 1}
    assert make_report(world.folder, now=world.clock.now())["states"] == {"busy": 1}


# Doubt


@pytest.mark.parametrize("policy", [OnUnknownOutcome.HOLD, OnUnknownOutcome.FAIL])
def test_a_call_whose_outcome_is_unknown_is_not_made_again_and_stops_no_other(world, policy):
    # Rows without tags: one to the number could be the one whose answer was lost.
    world.server.configure(quirks=frozenset({"tags_lost"}))
    planned(world, BUSY, "21990000486")
    world.server.inject(Fault(kind="cut_after", endpoint="voz/call", times=1))
    outcome = world.call_to_the_end(CHUNK, RULES, on_unknown_outcome=policy, concurrency=1)
    assert outcome.states == {"unknown": 1, "busy": 1}
    assert outcome.stopped is None
    assert sorted(map(len, attempts(world).values())) == [1, 3]
    assert calls(world) == {"486": 4}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 8))
def test_a_process_that_is_killed_at_any_write_calls_nobody_twice_in_one_attempt(world, write, after):
    planned(world, BUSY, ANSWERED)
    world.send_in_full(CHUNK, rules=RULES)
    for _ in range(3):
        # Each further step of the campaign is killed once, at this write.
        world.server.advance(660)
        folder = FailingFolder(world.path / "campaign", at=write, after=after)
        with suppress(Killed):
            world.send_in_full(CHUNK, rules=RULES, folder=folder)
    outcome = world.call_to_the_end(CHUNK, RULES)
    assert outcome.states == {"busy": 1, "answered": 1}
    assert calls(world) == {"486": 3, "001": 1}
    assert attempts(world) == {"c1": [1, 2, 3], "c2": [1]}


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_a_lost_answer_of_a_second_attempt_is_looked_for_by_its_own_key(world, kind):
    planned(world, BUSY)
    outcome = world.send_in_full(CHUNK, rules=RULES)
    world.server.inject(Fault(kind=kind, endpoint="voz/call", times=1))
    while len(times(world, "486")) < 2:
        world.server.set_time(outcome.waits_until)
        outcome = world.send_in_full(CHUNK, rules=RULES)
    assert world.call_to_the_end(CHUNK, RULES).states == {"busy": 1}
    assert calls(world) == {"486": 3}
    keys = [call["tags"]["airflow_key"] for call in world.server.state()["calls"]]
    assert len(set(keys)) == 3


def test_when_all_is_over_nothing_is_sent_or_asked_again(world):
    planned(world, BUSY)
    world.call_to_the_end(CHUNK, RULES)
    requests = dict(world.server.state()["requests"])
    assert world.call_to_the_end(CHUNK, RULES).states == {"busy": 1}
    assert world.server.state()["requests"] == requests


@st.composite
def lives(draw):
    """Draw what happens to a chunk: kills at writes, lost answers, and the form of the statement."""
    return {
        "kills": draw(st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.integers(60, 900)), max_size=4)),
        "fault": draw(st.sampled_from(["cut_after", "cut_before", "json_status_503_after", "refusal_008_before"])),
        "after": draw(st.integers(0, 5)),
        # A contact is given up after three refusals.
        "times": draw(st.integers(0, 2)),
        "quirk": draw(st.sampled_from(["tag_values_upper", "campos_json", "callerid_missing", "tags_lost"])),
        "wave_size": draw(st.integers(1, 4)),
        "calls_at_once": draw(st.integers(1, 3)),
    }


def live_through(world: CampaignWorld, life) -> ChunkOutcome:
    """Call three people while it all happens, and check that each attempt was made once."""
    directcall = world.server
    planned(world, ANSWERED, BUSY, NO_ANSWER)
    if life["times"]:
        directcall.inject(Fault(kind=life["fault"], endpoint="voz/call", after=life["after"], times=life["times"]))
    options = {"wave_size": life["wave_size"], "concurrency": 2, "calls_at_once": life["calls_at_once"]}
    for write, after, seconds in life["kills"]:
        folder = FailingFolder(world.path / "campaign", at=write, after=after)
        with suppress(Killed):
            world.send_in_full(CHUNK, rules=RULES, folder=folder, **options)
        directcall.advance(seconds)
    for _ in range(4):
        outcome = world.call_to_the_end(CHUNK, RULES, **options)
        if not outcome.retryable:
            break
    made = directcall.state()["calls"]
    assert max(Counter(call["tags"]["airflow_key"] for call in made).values(), default=1) == 1
    assert sum(outcome.states.values()) + outcome.waiting >= 3
    return outcome


def made_world(server: SandboxServer, path: Path, quirks: frozenset[str]) -> CampaignWorld:
    server.reset()
    server.configure(pace=1, quirks=quirks, tag_characters=10)
    server.seed(1, kind="calls")
    return CampaignWorld(server, path)


@given(life=lives())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_whatever_happens_each_attempt_is_made_once_and_soon(directcall_sandbox, tmp_path_factory, life):
    world = made_world(directcall_sandbox, tmp_path_factory.mktemp("life"), frozenset({life["quirk"]}))
    began = world.clock.now()
    outcome = live_through(world, life)
    reached = calls(world)
    assert (reached["001"], reached["486"] <= 3, reached["480"] <= 2) == (1, True, True)
    if "unknown" not in outcome.states:
        assert (reached, outcome.states) == (
            {"001": 1, "486": 3, "480": 2},
            {"answered": 1, "busy": 1, "no_answer": 1},
        )
        # The pauses between calls are 80 minutes, and a call in doubt is one for some minutes only.
        took = world.clock.now() - began - timedelta(seconds=sum(seconds for _, _, seconds in life["kills"]))
        assert took < timedelta(minutes=80 + 20 * (1 + life["times"] + len(life["kills"])))


@pytest.mark.long
@given(life=lives(), quirks=st.frozensets(st.sampled_from(sorted({*STATEMENT, *SEND_ANSWERS})), max_size=3))
@settings(
    max_examples=max(1, LIVES // 3),
    derandomize="DIRECTCALL_LIVES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
def test_in_every_combination_of_quirks_each_attempt_is_made_once(directcall_sandbox, tmp_path_factory, life, quirks):
    world = made_world(directcall_sandbox, tmp_path_factory.mktemp("life"), quirks)
    outcome = live_through(world, life)
    reached = calls(world)
    assert (reached["001"] <= 1, reached["486"] <= 3, reached["480"] <= 2) == (True, True, True)
    assert outcome.states.get("answered", 0) <= reached["001"]
    unseen = sum(not reached[each] for each in ("001", "486", "480"))
    assert unseen <= outcome.waiting + sum(outcome.states.get(each, 0) for each in ("unknown", "refused"))


def test_voice_messages_need_no_lines(world):
    world.planned(csv_of(*(f"1199000100{digit}" for digit in range(6)), "11990000410"), channel=Channel.VOICE_MESSAGE)
    rules = AttemptRules(by_outcome={"failed": Again(after=60, at_most=6)}, calls_per_request=3)
    outcome = world.call_to_the_end(CHUNK, rules, calls_at_once=1, wave_size=2)
    assert outcome.states == {"delivered": 6, "failed": 1}
    assert len(world.server.state()["messages"]) == 8


def test_the_vendor_s_own_attempts_of_a_voice_message_count(world):
    undelivered = "11990000410"
    world.planned(csv_of(undelivered), channel=Channel.VOICE_MESSAGE)
    rules = AttemptRules(by_outcome={"failed": Again(after=60, at_most=6)}, calls_per_request=3)
    world.call_to_the_end(CHUNK, rules)
    assert len(world.server.state()["messages"]) == 2
