"""A chunk stops, waits or leaves contacts out, as data; and goes on from there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.campaigns.chunks import Contact
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.guards import Guards, OutsideWindow
from airflow_provider_directcall.campaigns.openings import Openings
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.windows import PRESETS, Hours, Window

from .sending_world import SendingWorld, numbers

WEDNESDAY = datetime(2026, 3, 4, 15, tzinfo=UTC)  # noon in Brasília
OPEN = PRESETS["strict"]


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    directcall_sandbox.set_time(WEDNESDAY)
    return SendingWorld(directcall_sandbox, tmp_path / "campaign")


@dataclass
class Excluded:
    suppressed: dict[str, str] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)


async def test_stop_file_stops_before_the_next_wave_and_its_removal_goes_on(world):
    phones = numbers(6)
    world.planned(phones)
    world.folder.write("stop", b"")
    outcome = await world.send()
    assert (outcome.states, outcome.waiting, outcome.retryable) == ({}, 6, False)
    assert "stopped by hand" in outcome.stopped
    (world.path / "stop").unlink()
    assert (await world.send()).states == {"sent": 6}


async def test_callable_stops_between_waves(world):
    phones = numbers(6)
    world.planned(phones)
    answers = iter([None, None, "the Variable says stop"])
    outcome = await world.send(wave_size=2, guards=Guards(may_go_on=lambda: next(answers)))
    assert (outcome.states, outcome.waiting, outcome.stopped) == ({"sent": 4}, 2, "the Variable says stop")
    assert (await world.send()).states == {"sent": 6}
    assert world.reached() == Counter(phones)


async def test_numbers_excluded_since_the_plan_are_left_out_for_good(world):
    phones = numbers(5)
    world.planned(phones)
    excluded = Excluded({phones[2]: "on suppression list x.csv"}, {phones[4]})
    asked = iter([Excluded(), excluded, excluded])
    outcome = await world.send(wave_size=2, guards=Guards(excluded=lambda: next(asked, Excluded())))
    assert outcome.states == {"sent": 3, "suppressed": 1, "opted_out": 1}
    assert world.reached() == Counter([*phones[:2], phones[3]])
    assert (await world.send()).states == outcome.states
    assert {each.reason for each in world.results().values()} == {"", "on suppression list x.csv"}


async def test_numbers_excluded_at_the_end_are_written_too(world):
    world.planned(numbers(2))
    excluded = Excluded(dict.fromkeys(numbers(2), ""))
    outcome = await world.send(guards=Guards(excluded=lambda: excluded))
    assert outcome.states == {"suppressed": 2}
    assert {result.progress.value for result in world.results().values()} == {"suppressed"}


# Money


@given(count=st.integers(1, 6), parts=st.integers(1, 3), price=st.integers(1, 30), budget=st.integers(0, 300))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
async def test_budget_is_never_passed_and_never_left_unused(directcall_sandbox, tmp_path, count, parts, price, budget):
    directcall_sandbox.reset()
    world = SendingWorld(directcall_sandbox, tmp_path / f"{count}-{parts}-{price}-{budget}")
    world.planned(numbers(count), parts=parts)
    cost, limit = Decimal(price) / 100, Decimal(budget) / 100
    outcome = await world.send(key="a" * 16, guards=Guards(price_brl=cost, budget_brl=limit))
    sent = min(count, int(limit / (cost * parts)))
    assert outcome.states == ({"sent": sent} if sent else {})
    assert outcome.cost_brl <= limit
    assert (outcome.stopped is None) is (sent == count)


async def test_budget_counts_what_earlier_tries_sent(world):
    world.planned(numbers(5))
    guards = Guards(price_brl=Decimal("0.10"), budget_brl=Decimal("0.30"))
    assert (await world.send(guards=guards)).states == {"sent": 3}
    again = await world.send(guards=guards)
    assert (again.states, again.waiting, again.cost_brl) == ({"sent": 3}, 2, Decimal("0.30"))


async def test_messages_in_doubt_count_until_they_are_surely_absent(world):
    world.planned(numbers(4))
    world.server.inject(Fault(kind="cut_before", endpoint="sms/send", times=2))
    guards = Guards(price_brl=Decimal(1), budget_brl=Decimal(3))
    outcome = await world.send(guards=guards, concurrency=1)
    assert (outcome.states, outcome.waiting, outcome.cost_brl) == ({"sent": 3}, 1, 3)


def test_budget_without_a_price_is_refused():
    with pytest.raises(CampaignError, match="price_brl"):
        Guards(budget_brl=Decimal(1))


async def test_no_balance_stops_and_costs_no_contact_its_turn(world):
    phones = [*numbers(2), "5511990000402", *numbers(5, first=10)]
    world.planned(phones)
    outcome = await world.send(concurrency=1)
    assert (outcome.states, outcome.waiting, outcome.retryable) == ({"sent": 2}, 6, False)
    assert "201" in outcome.stopped
    assert world.requests("sms/send") == 3


async def test_no_connection_stops_and_a_next_try_goes_on(world):
    phones = numbers(4)
    world.planned(phones)
    dead = await world.send(settings=world.settings(base_url="http://127.0.0.1:9"))
    assert (dead.states, dead.waiting, dead.retryable) == ({}, 4, True)
    outcome = await world.send()
    assert (outcome.states, world.reached()) == ({"sent": 4}, Counter(phones))


# Failures


async def test_share_of_failures_stops_and_a_next_try_counts_anew(world):
    bad = [f"55{code}990000404" for code in ("11", "12", "13", "14")]
    phones = [*bad, *numbers(4)]
    world.planned(phones)
    guards = Guards(stop_when_failed_share=0.5, least_sample=2)
    outcome = await world.send(wave_size=2, guards=guards)
    assert (outcome.states, outcome.waiting) == ({"refused": 2}, 6)
    assert "stop_when_failed_share" in outcome.stopped
    assert (await world.send()).states == {"refused": 4, "sent": 4}


def dead_statement(world):
    """Keep the answers of two requests, and the statement, from us."""
    world.server.inject(
        Fault(kind="cut_after", endpoint="sms/send", times=2), Fault(kind="unavailable", endpoint="extrato/list-sms")
    )


@pytest.mark.parametrize("policy", list(OnUnknownOutcome))
async def test_statement_that_does_not_answer_leaves_contacts_in_doubt_for_the_next_try(world, policy):
    phones = numbers(4)
    world.planned(phones)
    world.server.inject(
        Fault(kind="cut_after", endpoint="sms/send", times=2), Fault(kind="cut_before", endpoint="extrato/list-sms")
    )
    outcome = await world.send(on_unknown_outcome=policy)
    assert (outcome.states, outcome.retryable) == ({"sent": 2, "unknown": 2}, True)
    world.server.clear_faults()
    assert (await world.send()).states == {"sent": 4}
    assert world.reached() == Counter(phones)


@pytest.mark.parametrize(
    ("policy", "states", "most"),
    [
        (OnUnknownOutcome.HOLD, {"sent": 2, "unknown": 2}, 1),
        (OnUnknownOutcome.FAIL, {"sent": 2, "unknown": 2}, 1),
        (OnUnknownOutcome.RESEND, {"sent": 4}, 2),
    ],
)
async def test_unknown_outcomes_follow_the_policy(world, policy, states, most):
    phones = numbers(4)
    world.planned(phones)
    dead_statement(world)
    outcome = await world.send(on_unknown_outcome=policy)
    assert outcome.states == states
    assert (outcome.stopped is not None) is (policy is OnUnknownOutcome.FAIL)
    assert max(world.reached().values()) == most
    assert outcome.parts == (4 if most == 1 else 6)


async def test_unknown_outcomes_are_looked_for_again_unless_the_policy_is_to_hold_them(world):
    phones = numbers(4)
    world.planned(phones)
    dead_statement(world)
    await world.send(on_unknown_outcome=OnUnknownOutcome.FAIL)
    world.server.clear_faults()
    assert (await world.send()).states == {"sent": 2, "unknown": 2}
    again = await world.send(on_unknown_outcome=OnUnknownOutcome.FAIL)
    assert (again.states, again.stopped) == ({"sent": 4}, None)
    assert world.reached() == Counter(phones)


# Windows


def in_zones():
    """Numbers of five areas: Fernando de Noronha shares 81; Acre, Amazonas, São Paulo, Cuiabá."""
    return ["5568980000001", "5592980000002", "5511980000003", "5565980000004", "5581980000005"]


@pytest.mark.parametrize("choice", list(OutsideWindow))
async def test_contacts_whose_window_is_closed_wait_or_are_skipped(world, choice):
    # 9:30 in Brasília, 7:30 in Acre.
    world.server.set_time(datetime(2026, 3, 4, 12, 30, tzinfo=UTC))
    world.planned(in_zones())
    guards = Guards(window=OPEN, outside_window=choice)
    outcome = await world.send(guards=guards)
    assert outcome.states["sent"] == 2
    if choice is OutsideWindow.SKIP:
        assert (outcome.states["out_of_window"], outcome.waits_until, outcome.waiting) == (3, None, 0)
        return
    assert (outcome.waiting, outcome.stopped) == (3, None)
    assert outcome.waits_until == datetime(2026, 3, 4, 13, tzinfo=UTC)
    world.server.set_time(outcome.waits_until)
    outcome = await world.send(guards=guards)
    assert (outcome.states, outcome.waits_until) == ({"sent": 4}, datetime(2026, 3, 4, 14, tzinfo=UTC))
    world.server.set_time(outcome.waits_until)
    assert (await world.send(guards=guards)).states == {"sent": 5}
    assert world.reached() == Counter(in_zones())


async def test_window_that_closes_amid_a_wave_keeps_the_rest_for_the_next_day(world):
    world.server.set_time(datetime(2026, 3, 4, 20, 57, tzinfo=UTC))
    phones = numbers(10)
    world.planned(phones)
    outcome = await world.send(guards=Guards(window=OPEN), parts_per_second=1 / 30, concurrency=1)
    assert (outcome.states, outcome.waiting) == ({"sent": 4}, 6)
    assert outcome.waits_until == datetime(2026, 3, 5, 12, tzinfo=UTC)


async def test_number_abroad_is_out_of_every_window(world):
    world.planned(["0011234567890", *numbers(1)])
    assert (await world.send(guards=Guards(window=OPEN))).states == {"sent": 1, "out_of_window": 1}


async def test_contacts_are_not_reached_before_their_time(world):
    opens = WEDNESDAY + timedelta(hours=1)
    world.planned(numbers(3), opens_at=lambda place: opens if place else None)
    outcome = await world.send()
    assert (outcome.states, outcome.waiting, outcome.waits_until) == ({"sent": 1}, 2, opens)


@given(
    code=st.sampled_from(sorted(AREAS)),
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    later=st.integers(0, 30 * 3600),
    window=st.sampled_from(
        [*PRESETS.values(), Window("short", {2: (Hours(time(9), time(9, 1)), Hours(time(20), time(0)))})]
    ),
)
@settings(max_examples=25, deadline=None)
def test_no_contact_is_open_while_its_window_is_closed(code, moment, later, window):
    openings, contact = Openings(window), Contact("c1", f"55{code}980000001")
    for now in (moment, moment + timedelta(seconds=later)):
        opens = openings.next(contact, now)
        assert opens is not None
        assert window.is_open(opens, AREAS[code])
        assert window.is_open(opens + timedelta(seconds=59), AREAS[code])
        if openings.is_open(contact, now):
            assert window.is_open(now, AREAS[code])
