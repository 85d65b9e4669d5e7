"""Senders that are killed at any point, over accounts whose statement answers in many forms."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from airflow_provider_directcall.campaigns.wave_log import Progress
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sandbox.quirks import SEND_ANSWERS, STATEMENT

from .sending_world import LIVES, FailingFolder, Killed, SendingWorld, numbers

_SENDER = """
import asyncio, sys
from pathlib import Path
from airflow_provider_directcall.api.client import AsyncClient
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.sending import SendOptions, send_chunk
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts

path, url, login, secret = sys.argv[1:]
timeouts = ReconcileTimeouts(settle_seconds=60, longest_seconds=60, poll_interval=60)
options = SendOptions(requests=RequestOptions(origin="551130000001"), wave_size=40, concurrency=4, timeouts=timeouts)
account = Settings(login, secret, base_url=url)

async def send():
    async with AsyncClient(account) as client:
        await send_chunk(
            LocalFolder(Path(path)), "chunks/00000.parquet", key="abcdefghijklmnop", client=client, clock=Clock(),
            options=options,
        )

asyncio.run(send())
"""


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    return SendingWorld(directcall_sandbox, tmp_path / "campaign")


def test_process_killed_amid_a_wave(world):
    phones = numbers(60)
    world.planned(phones)
    world.server.inject(Fault(kind="slow", endpoint="sms/send", seconds=0.05))
    config = world.server.sandbox.config
    arguments = [str(world.path), world.server.url, config.client_id, config.client_secret]
    process = subprocess.Popen([sys.executable, "-c", _SENDER, *arguments])
    while world.requests("sms/send") < 12:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    world.server.clear_faults()
    before = world.reached()
    assert 0 < before.total() < 40
    outcome = asyncio.run(world.send())
    assert (outcome.states, world.reached()) == ({"sent": 60}, Counter(phones))


# Statements


#: Forms in which a request can be found, or proven absent.
CLEAR = [
    "tag_values_cut",
    "tag_values_upper",
    "tag_names_upper",
    "campos_json",
    "campos_pairs",
    "campos_always",
    "search_filters",
    "tag_filter_ignored",
    "tag_filter_or",
    "tag_filter_prefix",
    "destinations_without_55",
    "callerid_missing",
    "callerid_other",
    "paginas_missing",
    "empty_text",
    "empty_404",
    "times_2_ahead",
    "times_day_first",
    "maintenance_first",
]
#: Forms in which it may stay unknown.
UNCLEAR = [
    "times_2_behind",
    "rows_vanish",
    "tags_lost",
    "campos_hidden",
    "tag_names_cut",
    "page_2_refused",
    "page_2_repeats",
    "paginas_endless",
]


@pytest.mark.parametrize("options", [{}, {"recipients_per_request": 3}], ids=["own", "many"])
@pytest.mark.parametrize("quirk", [*CLEAR, *UNCLEAR])
async def test_in_every_form_of_the_statement_nobody_is_reached_twice_or_lost(world, quirk, options):
    phones = numbers(9)
    world.planned(phones, text=lambda place: "Ola" if options else f"Ola {place}")
    world.server.configure(quirks=frozenset({quirk}), page_size=4, tag_characters=10)
    world.server.inject(
        Fault(kind="cut_after", endpoint="sms/send", after=1, times=1),
        Fault(kind="cut_before", endpoint="sms/send", after=2, times=1),
    )
    outcome = await world.send(concurrency=1, **options)
    reached = world.reached()
    assert max(reached.values()) == 1
    found = {own for own, result in world.results().items() if result.progress.value == "sent"}
    assert {phones[int(own[1:]) - 1] for own in found} <= set(reached)
    assert set(outcome.states) <= {"sent", "unknown"}
    if quirk in CLEAR:
        assert (outcome.states, reached) == ({"sent": 9}, Counter(phones))


@st.composite
def lives(draw):
    """Draw what happens to a chunk: kills at writes, faults, and how its texts are sent."""
    return {
        "kills": draw(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=3)),
        "fault": draw(st.sampled_from(["cut_after", "cut_before", "json_status_503_after", "refusal_008_before"])),
        "after": draw(st.integers(0, 6)),
        "times": draw(st.integers(0, 4)),
        "options": draw(st.sampled_from([{}, {"recipients_per_request": 3}, {"by_lots": True}])),
        "is_common": draw(st.booleans()),
        "wave_size": draw(st.integers(2, 6)),
    }


@given(life=lives())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_happens_each_contact_is_reached_once(directcall_sandbox, tmp_path_factory, life):
    directcall_sandbox.reset()
    world = SendingWorld(directcall_sandbox, tmp_path_factory.mktemp("life"))
    phones = numbers(8)
    world.planned(phones, text=lambda place: "Ola" if life["is_common"] else f"Ola {place}")
    for endpoint in ("sms/send", "sms/lot-send"):
        world.server.inject(Fault(kind=life["fault"], endpoint=endpoint, after=life["after"], times=life["times"]))
    options = {**life["options"], "wave_size": life["wave_size"], "concurrency": 2}
    for write, after in life["kills"]:
        try:
            await world.send(folder=FailingFolder(world.path, at=write, after=after), **options)
        except Killed:
            assert max(world.reached().values(), default=0) <= 1
    for _ in range(4):
        outcome = await world.send(**options)
        assert max(world.reached().values(), default=0) <= 1
    assert (outcome.states, world.reached(), outcome.parts) == ({"sent": 8}, Counter(phones), 8)


@pytest.mark.long
@given(life=lives(), quirks=st.frozensets(st.sampled_from(sorted({*STATEMENT, *SEND_ANSWERS})), max_size=3))
@settings(
    max_examples=LIVES,
    derandomize="DIRECTCALL_LIVES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
async def test_in_every_combination_of_quirks_nobody_is_reached_twice_or_lost(
    directcall_sandbox, tmp_path_factory, life, quirks
):
    directcall_sandbox.reset()
    world = SendingWorld(directcall_sandbox, tmp_path_factory.mktemp("life"))
    phones = numbers(8)
    world.planned(phones, text=lambda place: "Ola" if life["is_common"] else f"Ola {place}")
    world.server.configure(quirks=quirks, page_size=5, tag_characters=10)
    for endpoint in ("sms/send", "sms/lot-send"):
        world.server.inject(Fault(kind=life["fault"], endpoint=endpoint, after=life["after"], times=life["times"]))
    options = {**life["options"], "wave_size": life["wave_size"], "concurrency": 2}
    for write, after in life["kills"]:
        with suppress(Killed):
            await world.send(folder=FailingFolder(world.path, at=write, after=after), **options)
        assert max(world.reached().values(), default=0) <= 1
    for _ in range(4):
        outcome = await world.send(**options)
        assert max(world.reached().values(), default=0) <= 1
    numbers_of = {progress: set[str]() for progress in Progress}
    for own, result in world.results().items():
        numbers_of[result.progress].add(phones[int(own[1:]) - 1])
    reached = set(world.reached())
    assert numbers_of[Progress.SENT] <= reached
    assert reached <= numbers_of[Progress.SENT] | numbers_of[Progress.UNKNOWN] | numbers_of[Progress.DOUBTFUL]
    assert sum(outcome.states.values()) + outcome.waiting >= 8
