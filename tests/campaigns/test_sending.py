"""A chunk is sent: each contact once, whatever the vendor answers and wherever the process ends."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from airflow_provider_directcall.campaigns import doubts
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.delivery import lots
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.sandbox import Fault

from .sending_world import CHUNK, FailingFolder, Killed, SendingWorld, numbers


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    return SendingWorld(directcall_sandbox, tmp_path / "campaign")


def once(phones):
    return Counter(phones)


@pytest.mark.parametrize("channel", list(Channel))
async def test_each_contact_is_reached_once_with_its_own_text_and_tags(world, channel):
    phones = numbers(7)
    world.planned(phones)
    outcome = await world.send(channel=channel, wave_size=3, concurrency=2, calls_at_once=3)
    assert (outcome.states, outcome.waiting, outcome.parts, outcome.stopped) == ({"sent": 7}, 0, 7, None)
    assert world.reached() == once(phones)
    state = world.server.state()
    sent = state["calls" if channel is Channel.CALL else "messages"]
    keys = {each["tags"]["airflow_key"] for each in sent}
    assert len(keys) == 7
    assert {each["tags"]["airflow_lot"] for each in sent} == {"abcdefghijklmnop"}
    assert {each["tags"]["campaign"] for each in sent} == {"reminders"}
    if channel is not Channel.CALL:
        assert {each["destination"]: each["text"] for each in sent} == {
            phone: f"Ola {place}" for place, phone in enumerate(phones, 1)
        }
    assert all("callerid" in result.ids for result in world.results().values())
    assert await world.send(channel=channel) == outcome
    assert world.reached() == once(phones)


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"recipients_per_request": 4}, 4),
        ({"recipients_per_request": 12}, 2),
        ({"by_lots": True}, 1),
        ({"recipients_per_request": 1}, 13),
    ],
)
async def test_one_text_to_all_goes_in_few_requests(world, options, most):
    phones = numbers(13)
    world.planned(phones, text=lambda place: "Ola a todos")
    outcome = await world.send(**options)
    assert (outcome.states, world.reached()) == ({"sent": 13}, once(phones))
    assert world.requests("sms/send") + world.requests("sms/lot-send") == most
    ids = [result.ids["message_id"] for result in world.results().values()]
    assert len(set(ids)) == 13


async def test_lots_carry_personal_texts(world):
    phones = numbers(5)
    world.planned(phones)
    await world.send(by_lots=True)
    sent = {each["destination"]: each["text"] for each in world.server.state()["messages"]}
    assert sent == {phone: f"Ola {place}" for place, phone in enumerate(phones, 1)}
    assert world.requests("sms/lot-send") == 1


async def test_contacts_with_other_tags_share_no_request(world):
    world.planned(numbers(4), text=lambda place: "Ola", tags=lambda place: f"group {place % 2}")
    await world.send()
    assert world.requests("sms/send") == 2
    assert Counter(each["tags"]["campaign"] for each in world.server.state()["messages"]) == {
        "group 0": 2,
        "group 1": 2,
    }


FAULTS = [
    "cut_after",
    "cut_before",
    "cut_in_body",
    "error_500_after",
    "error_500_before",
    "garbage_after",
    "garbage_before",
    "truncated",
    "previous_reply",
    "too_many_requests",
    "json_status_503_before",
]


@pytest.mark.parametrize("options", [{}, {"recipients_per_request": 4}, {"by_lots": True}], ids=["own", "many", "lots"])
@pytest.mark.parametrize("kind", FAULTS)
async def test_lost_answers_are_looked_for_and_only_the_absent_are_sent_again(world, kind, options):
    phones = numbers(9)
    world.planned(phones, text=lambda place: "Ola" if "recipients_per_request" in options else f"Ola {place}")
    world.server.inject(
        Fault(kind=kind, endpoint="sms/send", after=1, times=2), Fault(kind=kind, endpoint="sms/lot-send", times=1)
    )
    outcome = await world.send(wave_size=9, concurrency=2, **options)
    assert (outcome.states, world.reached(), outcome.parts) == ({"sent": 9}, once(phones), 9)


@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_lost_answers_of_calls(world, kind):
    phones = numbers(5)
    world.planned(phones)
    world.server.inject(Fault(kind=kind, endpoint="voz/call", after=1, times=2))
    outcome = await world.send(channel=Channel.CALL)
    assert (outcome.states, world.reached()) == ({"sent": 5}, once(phones))


async def test_one_bad_recipient_does_not_keep_the_others_from_their_message(world):
    phones = [*numbers(3), "5511990000404"]
    world.planned(phones, text=lambda place: "Ola")
    outcome = await world.send()
    assert outcome.states == {"sent": 3, "refused": 1}
    assert world.reached() == once(phones[:3])
    assert world.results()["c4"].code == "001"


@pytest.mark.parametrize("kind", ["refusal_002_after", "refusal_011_after"])
async def test_refusal_of_several_may_come_after_they_were_reached(world, kind):
    phones = numbers(6)
    world.planned(phones, text=lambda place: "Ola")
    world.server.inject(Fault(kind=kind, endpoint="sms/send", times=1))
    outcome = await world.send(recipients_per_request=3)
    assert (outcome.states, world.reached()) == ({"sent": 6}, once(phones))


@pytest.mark.parametrize("options", [{}, {"recipients_per_request": 1}], ids=["many", "own"])
async def test_a_contact_that_is_always_refused_stops_no_chunk(world, options):
    world.planned(["5511990000500", *numbers(2)], text=lambda place: "Ola")
    seen = []
    outcome = await world.send(on_progress=seen.append, **options)
    assert (outcome.states, outcome.waiting, outcome.stopped) == ({"sent": 2, "refused": 1}, 0, None)
    assert world.reached() == once(numbers(2))
    refused = world.results()["c1"]
    assert (refused.code, refused.sends, refused.parts) == ("008", 3, 0)
    assert refused.reason == "refused 3 times, at last with code 008 (error sending the message)"
    assert seen[-1].failures == {refused.reason: 1}
    requests = world.requests("sms/send")
    assert (await world.send(**options)).states == outcome.states
    assert world.requests("sms/send") == requests


async def test_many_contacts_that_are_refused_wait_for_the_next_try(world):
    phones = numbers(9)
    world.planned(phones)
    world.server.inject(Fault(kind="refusal_008_before", endpoint="sms/send", after=3, times=18))
    outcome = await world.send(concurrency=1)
    assert (outcome.states, outcome.waiting, outcome.retryable) == ({"sent": 3}, 6, True)
    assert "6 contacts surely did not get 3 requests each" in outcome.stopped
    assert ((await world.send()).states, world.reached()) == ({"sent": 9}, once(phones))


async def test_no_more_than_twenty_contacts_are_given_up_in_one_try(world):
    phones = numbers(240)
    world.planned(phones)
    # An outage at the end of the chunk: a tenth of those accepted, or less, are refused.
    world.server.inject(Fault(kind="refusal_008_before", endpoint="sms/send", after=219, times=21 * 3))
    outcome = await world.send(concurrency=1)
    assert (outcome.states, outcome.waiting, outcome.retryable) == ({"sent": 219}, 21, True)
    assert ((await world.send()).states, world.reached()) == ({"sent": 240}, once(phones))


async def test_a_contact_whose_refused_requests_may_have_arrived_is_unknown(world):
    world.planned(["5511990000500", *numbers(2)])
    world.server.inject(Fault(kind="unavailable", endpoint="extrato/list-sms"))
    outcome = await world.send(on_unknown_outcome=OnUnknownOutcome.RESEND)
    assert (outcome.states, outcome.stopped) == ({"sent": 2, "unknown": 1}, None)


async def test_text_that_cannot_be_sent_is_refused_and_the_others_are_sent(world):
    phones = numbers(3)
    world.planned(phones, text=lambda place: "a\0b" if place == 2 else "Ola")
    outcome = await world.send(recipients_per_request=1)
    assert (outcome.states, world.reached()) == ({"sent": 2, "refused": 1}, once([phones[0], phones[2]]))


# Kills


@pytest.mark.parametrize("options", [{}, {"by_lots": True}, {"recipients_per_request": 3}], ids=["own", "lots", "many"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 9))
async def test_killed_at_any_write_nobody_is_lost_or_reached_twice(world, tmp_path, write, after, options):
    phones = numbers(8)
    world.planned(phones, text=lambda place: "Ola" if "recipients_per_request" in options else f"Ola {place}")
    world.server.inject(Fault(kind="cut_after", endpoint="sms/send", after=1, times=1))
    with suppress(Killed):
        await world.send(folder=FailingFolder(world.path, at=write, after=after), wave_size=3, concurrency=2, **options)
    outcome = await world.send(wave_size=3, **options)
    assert (outcome.states, outcome.waiting, world.reached()) == ({"sent": 8}, 0, once(phones))


@pytest.mark.parametrize("write", [1, 2])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
async def test_storage_that_cannot_be_written_sends_nothing(world, error, write):
    world.planned(numbers(3))
    with pytest.raises(OSError, match=error.strerror):
        await world.send(folder=FailingFolder(world.path, at=write, error=error))
    assert world.requests("sms/send") == 0


async def test_results_that_cannot_be_written_are_looked_for(world):
    phones = numbers(3)
    world.planned(phones)
    with pytest.raises(OSError, match="space"):
        await world.send(folder=FailingFolder(world.path, at=3, error=OSError(28, "No space left on device")))
    outcome = await world.send()
    assert (outcome.states, world.reached(), world.requests("sms/send")) == ({"sent": 3}, once(phones), 3)


async def test_changed_chunk_is_refused_before_anything_is_sent(world):
    world.planned(numbers(3))
    content = world.folder.read(CHUNK)
    world.planned(numbers(4))
    world.folder.write(CHUNK, content)
    with pytest.raises(CampaignError, match="has changed"):
        await world.send()
    assert world.requests("sms/send") == 0


async def test_account_without_an_origin_is_refused_before_anything_is_sent(world):
    world.planned(numbers(3))
    with pytest.raises(CampaignError, match="origin"):
        await world.send(origin=None, settings=world.settings(default_origin=None))
    assert world.folder.names("waves/") == []


async def test_damaged_log_sends_nothing(world):
    world.planned(numbers(3))
    world.folder.write("waves/00000/000000.results.jsonl", b"{}")
    with pytest.raises(CampaignError, match="wave 0"):
        await world.send()
    assert world.requests("sms/send") == 0


async def test_many_doubtful_contacts_cost_few_requests(world):
    phones = numbers(2000)
    world.planned(phones)
    with pytest.raises(Killed):
        await world.send(folder=FailingFolder(world.path, at=3), wave_size=2000, by_lots=True)
    lots = world.requests("sms/lot-send")
    outcome = await world.send()
    assert (outcome.states, world.reached()) == ({"sent": 2000}, once(phones))
    assert (world.requests("sms/lot-send"), world.requests("sms/send")) == (lots, 0)
    assert world.requests("extrato/list-sms") <= 2 * 20


async def test_many_absent_contacts_cost_few_requests_too(world):
    phones = numbers(1000)
    world.planned(phones)
    with pytest.raises(Killed):
        await world.send(folder=FailingFolder(world.path, at=2, after=True), wave_size=1000)
    assert world.requests("sms/send") == 0
    outcome = await world.send(by_lots=True)
    assert (outcome.states, world.reached()) == ({"sent": 1000}, once(phones))
    # Looks go on until another process, if there is one, must have ended its wave.
    assert world.requests("extrato/list-sms") <= 16


@pytest.fixture
def busy_account(world, monkeypatch):
    """An account with more rows within hours than a look-up reads."""
    monkeypatch.setattr(lots, "LOT_ROWS", 100)
    world.server.seed(700, step_seconds=10, kind="messages")
    return world


async def send_with_two_absent(world):
    """Send to ten contacts, two of whose requests are lost on their way."""
    phones = numbers(10)
    world.planned(phones)
    world.server.inject(Fault(kind="cut_before", endpoint="sms/send", after=2, times=2))
    return phones, await world.send(concurrency=1)


async def test_absence_is_proven_in_an_account_of_many_rows(busy_account):
    phones, outcome = await send_with_two_absent(busy_account)
    assert (outcome.states, busy_account.reached()) == ({"sent": 10}, once(phones))


async def test_requests_in_doubt_that_no_look_can_find_among_all_rows_stay_unknown(world, monkeypatch):
    """Each group of minutes is looked for among all rows since: the looks as a whole are bounded, and not repeated."""
    monkeypatch.setattr(lots, "LOT_ROWS", 100)
    monkeypatch.setattr(doubts, "LOT_LOOKUP_ROWS", 200)
    world.planned(numbers(24))
    world.server.inject(*(Fault(kind="cut_before", endpoint="sms/send", after=place, times=1) for place in (3, 11, 19)))
    world.clock.rows_a_second = 1
    outcome = await world.send(concurrency=1, parts_per_second=1 / 50)
    assert (outcome.states, outcome.stopped, outcome.waiting) == ({"sent": 21, "unknown": 3}, None, 0)
    assert "given up at 200 rows" in world.results()["c4"].reason
    assert world.requests("extrato/list-sms") < 40
    assert (await world.send()).states == outcome.states
    assert world.reached().total() == 21


@pytest.mark.parametrize(
    "quirk",
    [
        pytest.param("times_1_behind", id="times of another zone"),
        pytest.param("callerid_other", id="ids that are not those of the answers"),
    ],
)
async def test_absence_is_not_believed_where_the_accepted_are_not_shown(busy_account, quirk):
    busy_account.server.configure(quirks=frozenset({quirk}))
    _, outcome = await send_with_two_absent(busy_account)
    assert outcome.states == {"sent": 8, "unknown": 2}
    assert max(busy_account.reached().values()) == 1


async def test_absence_is_not_believed_after_too_few_accepted_requests(busy_account):
    phones = numbers(4)
    busy_account.planned(phones)
    busy_account.server.inject(Fault(kind="cut_before", endpoint="sms/send", after=2, times=2))
    outcome = await busy_account.send(concurrency=1)
    assert outcome.states == {"sent": 2, "unknown": 2}


@pytest.mark.long
async def test_absence_is_proven_among_more_rows_than_a_look_up_of_one_request_reads(world):
    world.server.configure(page_size=5000)
    world.server.seed(21_000, step_seconds=0.4, kind="messages")
    phones = numbers(4)
    world.planned(phones)
    world.server.inject(Fault(kind="cut_before", endpoint="sms/send", after=2, times=2))
    outcome = await world.send(concurrency=1)
    assert (outcome.states, world.reached()) == ({"sent": 4}, once(phones))


async def test_progress_is_counted(world):
    world.planned([*numbers(4), "5511990000404"])
    seen = []
    await world.send(parts_per_second=0.1, concurrency=1, on_progress=seen.append, progress_seconds=5)
    assert [each.sent for each in seen] == [2, 3, 4, 4, 4]
    assert seen[1].per_second == pytest.approx(0.15)
    assert seen[1].seconds_left == pytest.approx(2 / 0.15)
    assert sum(seen[-1].failures.values()) == 1
    assert not any(phone in str(seen) for phone in numbers(4))


@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_progress_takes_back_failures_that_were_none(world, kind):
    world.planned([*numbers(5), "5511990000404"])
    world.server.inject(Fault(kind=kind, endpoint="sms/send", times=2))
    seen = []
    await world.send(on_progress=seen.append, concurrency=1, progress_seconds=0)
    assert max(sum(each.failures.values()) for each in seen) == 3
    assert (seen[-1].sent, sum(seen[-1].failures.values())) == (5, 1)


async def test_progress_names_an_unknown_outcome_once(world):
    world.planned(numbers(4))
    faults = (("cut_after", "sms/send"), ("unavailable", "extrato/list-sms"))
    world.server.inject(*(Fault(kind=kind, endpoint=endpoint, times=None) for kind, endpoint in faults))
    seen = []
    outcome = await world.send(on_progress=seen.append)
    assert outcome.states == {"unknown": 4}
    assert sum(seen[-1].failures.values()) == 4


async def test_progress_counts_what_a_killed_try_left_in_doubt_once(world):
    world.planned(numbers(6))
    with pytest.raises(Killed):
        await world.send(folder=FailingFolder(world.path, at=3), wave_size=4)
    seen = []
    await world.send(on_progress=seen.append)
    assert (seen[-1].sent, seen[-1].total, seen[-1].seconds_left) == (6, 6, 0)
    assert max(each.sent for each in seen) == 6


async def test_pace_is_kept_in_parts(world):
    world.planned(numbers(5), parts=3)
    began = world.clock.now()
    await world.send(parts_per_second=6)
    assert world.clock.now() - began == timedelta(seconds=2)


async def test_cost_is_exact(world):
    world.planned(numbers(7), parts=3)
    outcome = await world.send(guards=Guards(price_brl=Decimal("0.0731")))
    assert outcome.cost_brl == Decimal("1.5351")


@pytest.mark.parametrize("options", [{"recipients_per_request": 12}, {"recipients_per_request": 3}, {"by_lots": True}])
async def test_messages_of_shared_requests_are_tracked_one_by_one(world, options):
    phones = [*numbers(4), "5511990000410"]
    world.planned(phones, text=lambda place: "Ola")
    await world.send(**options)
    world.server.advance(120)
    tracked = await world.track()
    assert (tracked.counts, tracked.pending) == ({"delivered": 4, "failed": 1}, 0)
