"""How often all campaigns of a storage reach a number."""

from __future__ import annotations

import stat
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from secrets import token_hex

import polars as pl
import pytest

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.chunk_reach import ChunkReach, FrequencyRules
from airflow_provider_directcall.campaigns.chunks import Contact
from airflow_provider_directcall.campaigns.columns import MOMENT
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.frequency import (
    LEDGER_FOLDER,
    FrequencyCap,
    FrequencyLedger,
    ReachedNumbers,
    source_of,
)
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.campaigns.retention import erase_number, purge
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.campaigns.voice import Again, AttemptRules
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.telephony.windows import PRESETS

from .campaign_world import CampaignWorld
from .planning_world import planned_csv
from .sending_world import FailingFolder, Killed, SendingWorld, numbers

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)  # a Wednesday, noon in Brasília
DAILY = FrequencyCap(day=1)


@pytest.fixture
def ledger(tmp_path):
    ledger = FrequencyLedger(LocalFolder(tmp_path))
    ledger.begin()
    return ledger


@pytest.fixture
def planned(tmp_path, ledger):
    """Plan SMS to numbers; the states by the number of their row."""

    def planned(phones, cap=DAILY, *, now=NOW, name="mine", **options):
        rows = "\n".join(["id;phone", *(f"{place};{phone}" for place, phone in enumerate(phones)), ""])
        campaign = planned_csv(
            tmp_path, rows, text="Ola", now=now, name=name, ledger=ledger, frequency_cap=cap, **options
        )
        return campaign.made, {row: (each["state"], each["reason"]) for row, each in campaign.others.items()}

    return planned


def reach(ledger, phone, at=NOW, source="other"):
    ledger.write(token_hex(4), [phone], at, source, Channel.SMS)


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    directcall_sandbox.set_time(NOW)

    def world(name):
        return SendingWorld(directcall_sandbox, tmp_path / name)

    return world


# The plan


def test_a_number_that_was_reached_today_is_suppressed_with_its_reason(planned, ledger):
    phones = numbers(3)
    reach(ledger, phones[1])
    made, others = planned(phones)
    assert others == {2: ("suppressed", "frequency cap: 1 a day")}
    assert made.reasons == {"frequency cap: 1 a day": 1}
    assert "Left out 1: frequency cap: 1 a day." in made.summary_lines()


def test_days_are_those_of_brasilia_and_months_those_of_the_calendar(planned, ledger):
    phone = numbers(1)[0]
    reach(ledger, phone, datetime(2026, 3, 4, 2, 59, tzinfo=UTC), "a")  # the evening before
    assert planned([phone])[1] == {}
    reach(ledger, phone, datetime(2026, 3, 4, 3, tzinfo=UTC), "b")
    assert planned([phone])[1][1][0] == "suppressed"
    assert planned([phone], FrequencyCap(month=3))[1] == {}
    reach(ledger, phone, datetime(2026, 3, 1, 3, tzinfo=UTC), "c")
    assert planned([phone], FrequencyCap(day=2, month=3))[1] == {1: ("suppressed", "frequency cap: 3 a month")}
    # In the next month, the same three do not count.
    assert planned([phone], FrequencyCap(month=1), now=datetime(2026, 4, 1, 3, tzinfo=UTC))[1] == {}


def test_the_day_of_the_send_counts_and_not_that_of_the_plan(planned, ledger):
    phone, evening = numbers(1)[0], NOW.replace(hour=21)
    reach(ledger, phone)
    assert planned([phone], now=evening, window=PRESETS["strict"])[1] == {}


def test_a_campaign_does_not_count_itself(planned, ledger, tmp_path):
    phone = numbers(1)[0]
    reach(ledger, phone, source=source_of(LocalFolder(tmp_path / "mine")))
    assert planned([phone])[1] == {}
    assert planned([phone], name="another")[1] != {}


def test_a_capped_contact_blocks_no_other(tmp_path, ledger):
    phones = numbers(2)
    reach(ledger, phones[0])
    rows = "\n".join(["id;phone", f"1;{phones[0]}", f"1;{phones[1]}", ""])
    campaign = planned_csv(tmp_path, rows, text="Ola", ledger=ledger, frequency_cap=DAILY)
    assert campaign.accepted["number"].to_list() == phones[1:]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"week": 1}, "'week' is neither day nor month"),
        ({}, "whole numbers above 0"),
        ({"day": 0}, "whole numbers above 0"),
        ({"day": 1.5}, "whole numbers above 0"),
        ({"month": "x"}, "whole numbers above 0"),
    ],
)
def test_a_wrong_cap_is_named(given, reason):
    with pytest.raises(CampaignError, match=f"frequency_cap: .*{reason}"):
        FrequencyCap.of(given)
    assert FrequencyCap.of({"day": "2", "month": 15}) == FrequencyCap(2, 15)


def test_a_cap_needs_the_storage_of_all_campaigns(tmp_path):
    with pytest.raises(CampaignError, match="frequency_cap: it needs the storage"):
        planned_csv(tmp_path, "id;phone\n1;11990000001\n", text="Ola", frequency_cap=DAILY)


def test_the_plan_says_where_its_ledger_is(planned, tmp_path):
    planned(numbers(1))
    made = CampaignPlan.read(LocalFolder(tmp_path / "mine"))
    assert (made.frequency_cap, made.ledger) == (DAILY, str(tmp_path))


def test_no_campaign_with_a_cap_no_ledger(tmp_path):
    ledger = FrequencyLedger(LocalFolder(tmp_path))
    made = planned_csv(tmp_path, "id;phone\n1;11990000001\n", text="Ola", ledger=ledger).made
    assert made.ledger is None
    assert not (tmp_path / LEDGER_FOLDER).exists()


class ReadFolder(LocalFolder):
    """A folder that remembers which files were read."""

    def __init__(self, path):
        super().__init__(path)
        self.were_read = []

    def read(self, name):
        self.were_read.append(name)
        return super().read(name)


def test_of_the_ledger_a_chunk_keeps_its_own_numbers_and_the_cap_its_own_days(tmp_path):
    folder = ReadFolder(tmp_path)
    ledger = FrequencyLedger(folder)
    ledger.begin()
    phones = numbers(6)
    ledger.write("old", phones, NOW - timedelta(days=1), "other", Channel.SMS)
    ledger.write("new", phones[2:], NOW, "another", Channel.SMS)
    reached = ReachedNumbers(ledger, DAILY, "mine", only=phones[1:3])
    reached.refresh(NOW)
    assert len(reached) == 1
    assert not [name for name in folder.were_read if "/old" in name]
    at = pl.Series([NOW, NOW], dtype=MOMENT)
    assert reached.reasons(pl.Series(phones[1:3]), at).to_list() == [None, "frequency cap: 1 a day"]
    monthly = ReachedNumbers(ledger, FrequencyCap(month=2), "mine", only=phones[1:3])
    monthly.refresh(NOW)
    assert len(monthly) == 3
    assert monthly.reasons(pl.Series(phones[1:3]), at).to_list() == [None, "frequency cap: 2 a month"]


def test_the_next_number_of_a_contact_is_counted_and_so_is_one_that_was_not_foreseen(tmp_path, ledger):
    phones = numbers(3)
    reach(ledger, phones[1])
    contact = Contact("c1", phones[0], further=(phones[1],))
    chunk = ChunkReach(FrequencyRules(ledger, DAILY), LocalFolder(tmp_path / "mine"), "00000", [contact], Channel.CALL)
    assert [chunk.reason(phone, NOW) for phone in phones] == [None, "frequency cap: 1 a day", None]
    reach(ledger, phones[2])
    chunk.add(Contact("c2", phones[2]))
    assert chunk.reason(phones[2], NOW) == "frequency cap: 1 a day"


# The send


def rules(ledger, cap=DAILY):
    return Guards(frequency=FrequencyRules(ledger, cap))


async def test_two_campaigns_that_were_planned_at_once_reach_a_number_once(world, ledger):
    phones = numbers(6)
    one, two = world("one"), world("two")
    one.planned(phones[:4])
    two.planned(phones[2:])
    assert (await one.send(guards=rules(ledger))).states == {"sent": 4}
    assert (await two.send(guards=rules(ledger))).states == {"sent": 2, "suppressed": 2}
    assert one.reached() == Counter(phones)
    assert {each.reason for each in two.results().values()} == {"", "frequency cap: 1 a day"}
    # A Clear sends to no one again, and caps no one because of itself.
    assert (await one.send(guards=rules(ledger))).states == {"sent": 4}
    two.server.advance(86_400)
    three = world("three")
    three.planned(phones)
    assert (await three.send(guards=rules(ledger))).states == {"sent": 6}


async def test_what_another_campaign_sends_meanwhile_is_seen_within_a_minute(world, ledger):
    phones = numbers(4)
    mine = world("mine")
    mine.planned(phones)

    waves = count()

    def interfere():
        if next(waves) == 1:
            mine.server.advance(61)
            reach(ledger, phones[3], mine.clock.now())

    guards = Guards(frequency=FrequencyRules(ledger, DAILY), may_go_on=interfere)
    outcome = await mine.send(wave_size=2, guards=guards)
    assert outcome.states == {"sent": 3, "suppressed": 1}


async def test_a_contact_whose_window_is_closed_today_is_not_capped_today(world, ledger):
    phones = numbers(1)
    mine = world("mine")
    mine.planned(phones)
    mine.server.set_time(NOW.replace(hour=22))
    reach(ledger, phones[0])
    guards = Guards(frequency=FrequencyRules(ledger, DAILY), window=PRESETS["strict"])
    outcome = await mine.send(guards=guards)
    assert (outcome.states, outcome.waiting) == ({}, 1)
    mine.server.set_time(outcome.waits_until)
    assert (await mine.send(guards=guards)).states == {"sent": 1}


async def test_a_campaign_without_a_cap_counts_for_those_with_one(world, ledger, planned):
    phones = numbers(2)
    mine = world("free")
    mine.planned(phones)
    await mine.send(guards=rules(ledger, None))
    assert planned(phones)[0].states == {"suppressed": 2}


async def test_those_who_surely_were_not_reached_do_not_count(world, ledger, planned):
    phones = [*numbers(2), "5511990000404", "5511990000402"]
    mine = world("free")
    mine.planned(phones)
    outcome = await mine.send(concurrency=1, guards=rules(ledger, None))
    assert outcome.states == {"sent": 2, "refused": 1}
    assert planned(phones)[0].states == {"suppressed": 2, "accepted": 2}


async def test_those_in_doubt_count(world, ledger, planned):
    phones = numbers(2)
    mine = world("free")
    mine.planned(phones)
    mine.server.inject(
        Fault(kind="cut_after", endpoint="sms/send", times=2), Fault(kind="unavailable", endpoint="extrato/list-sms")
    )
    await mine.send(guards=rules(ledger, None))
    assert planned(phones)[0].states == {"suppressed": 2}


@pytest.mark.parametrize("day", [1, 2])
@pytest.mark.parametrize("calls_at_once", [1, 10], ids=["one by one", "one wave"])
@pytest.mark.parametrize(
    ("chunk_size", "again"),
    # Of one chunk, a number gets no more calls than the rule says.
    [(1, Again(after=10, at_most=1)), (3, Again(after=timedelta(days=1), at_most=2))],
    ids=["three chunks", "one chunk"],
)
def test_a_further_number_of_several_contacts_is_counted(
    directcall_sandbox, tmp_path, ledger, chunk_size, again, calls_at_once, day
):
    directcall_sandbox.set_time(NOW)
    directcall_sandbox.configure(pace=1)
    world = CampaignWorld(directcall_sandbox, tmp_path)
    busy = [f"{area}990000486" for area in (11, 21, 31)]
    rows = [f"c{place};{phone};11980000001" for place, phone in enumerate(busy)]
    columns = {"number_columns": ("phone", "other"), "chunk_size": chunk_size}
    made = world.planned("\n".join(["id;phone;other", *rows, ""]), channel=Channel.CALL, text=None, **columns)
    rule = AttemptRules(by_outcome={"busy": again})
    states = Counter()
    for chunk in made.chunks:
        options = {"guards": rules(ledger, FrequencyCap(day=day)), "calls_at_once": calls_at_once}
        states.update(world.call_to_the_end(chunk.name, rule, **options).states)
    called = Counter(call["destination"] for call in directcall_sandbox.state()["calls"])
    assert called == {**{f"55{phone}": again.at_most for phone in busy}, "5511980000001": day}
    assert states == {"answered": day, "busy": 3 - day}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_whoever_may_have_been_reached_is_recorded_wherever_the_process_is_killed(
    world, tmp_path, planned, at, after
):
    phones = numbers(2)
    mine = world("free")
    mine.planned(phones)
    folder = FailingFolder(tmp_path, at=at, after=after)
    with suppress(Killed):
        await mine.send(guards=rules(FrequencyLedger(folder), None))
    states = planned(phones)[0].states
    for phone in phones:
        assert mine.reached()[phone] <= states.get("suppressed", 0)


# The files


def test_files_are_private_and_hold_no_number(planned, ledger, tmp_path):
    phone = numbers(1)[0]
    reach(ledger, phone)
    folder = tmp_path / LEDGER_FOLDER
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
        assert path.is_dir() or phone[-8:].encode() not in path.read_bytes()
    key = next((folder / "keys").iterdir()).read_bytes()
    assert len(key) == 32


def test_two_keys_that_were_made_at_once_both_count(planned, ledger, tmp_path):
    phones = numbers(2)
    reach(ledger, phones[0])
    keys = LocalFolder(tmp_path)
    keys.write(f"{LEDGER_FOLDER}/keys/00000000", b"x" * 32)
    reach(FrequencyLedger(keys), phones[1])
    assert planned(phones)[0].states == {"suppressed": 2}
    assert erase_number(keys, phones[0]) + erase_number(keys, phones[1]) >= 2
    assert planned(phones, name="later")[0].states == {"accepted": 2}


def test_days_that_are_over_are_merged_and_old_ones_removed(planned, ledger, tmp_path):
    phones = numbers(40)
    for place, phone in enumerate(phones):
        reach(ledger, phone, NOW - timedelta(days=place), "a")
        reach(ledger, phone, NOW - timedelta(days=place), "b")
    before = planned(phones, FrequencyCap(month=2))[0].states
    files = [path.name for path in (tmp_path / LEDGER_FOLDER / "reached").rglob("*.parquet")]
    assert (len(files), sum(name.startswith("merged") for name in files)) == (2 * 2 + 31, 31)
    assert planned(phones, FrequencyCap(month=2), name="two")[0].states == before
    assert before["suppressed"] == 4  # 1 to 4 March
    purge(LocalFolder(tmp_path), timedelta(days=365), NOW + timedelta(days=100))
    assert not (tmp_path / LEDGER_FOLDER / "reached").exists()


def test_a_number_is_erased_from_the_ledger_too(planned, ledger, tmp_path):
    phones = numbers(2)
    for phone in phones:
        reach(ledger, phone)
    assert erase_number(LocalFolder(tmp_path), phones[0]) == 1
    assert planned(phones)[0].states == {"accepted": 1, "suppressed": 1}
