from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_directcall.api.methods import send_sms
from airflow_provider_directcall.campaigns import looks
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.track_lines import track_states
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress, Wave, WaveLog
from airflow_provider_directcall.delivery.keys import LOT_TAG, member_key, with_key
from airflow_provider_directcall.sandbox import Fault

from .campaign_world import KEY, CampaignWorld, csv_of

CHUNK = "chunks/00000.parquet"
DELIVERED, UNDELIVERED, UNCONFIRMED = "11990000001", "11990000410", "11990000202"


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    directcall_sandbox.configure(pace=1)
    return CampaignWorld(directcall_sandbox, tmp_path)


def lines_of(world, log="00000"):
    return track_states(world.folder, log)


def test_each_message_gets_its_state_and_its_price_with_one_look_for_all(world):
    world.planned(csv_of(DELIVERED, UNDELIVERED, UNCONFIRMED))
    world.send(CHUNK)
    world.server.advance(3600)
    before = world.server.state()["requests"]["extrato/list-sms"]
    tracked = world.track(CHUNK)
    assert tracked.counts == {"delivered": 1, "failed": 1, "sent": 1}
    assert (tracked.pending, tracked.problem) == (1, None)
    assert world.server.state()["requests"]["extrato/list-sms"] == before + 1
    lines = lines_of(world)
    assert [str(lines[f"c{place}"].cost_brl) for place in (1, 2, 3)] == ["0.0900", "0.0000", "0.0900"]
    assert [lines[f"c{place}"].delivery for place in (1, 2, 3)] == ["delivered", "failed", "sent"]


def test_looks_go_on_until_the_end_and_write_changes_only(world):
    world.planned(csv_of(DELIVERED, UNCONFIRMED))
    world.send(CHUNK)
    until = world.clock.now() + timedelta(minutes=5)
    first = world.track(CHUNK, until=until)
    assert (first.counts, first.pending) == ({"sent": 2}, 2)
    assert first.look_again_at == world.clock.now() + timedelta(minutes=1)
    assert world.folder.names("track/") == []
    world.server.advance(60)
    assert world.track(CHUNK, until=until).counts == {"delivered": 1, "sent": 1}
    world.server.advance(60)
    assert world.track(CHUNK, until=until).pending == 1
    assert world.folder.names("track/") == ["track/00000/000000.jsonl"]
    world.server.advance(150)
    assert world.track(CHUNK, until=until).look_again_at == until
    world.server.advance(30)
    last = world.track(CHUNK, until=until)
    assert (last.counts, last.pending, last.look_again_at) == ({"delivered": 1, "sent": 1}, 1, None)


def test_looks_become_rarer_with_the_age_of_the_requests(world):
    world.planned(csv_of(UNCONFIRMED))
    world.send(CHUNK)
    world.server.advance(36_000)
    tracked = world.track(CHUNK, within=timedelta(days=1))
    assert tracked.look_again_at == world.clock.now() + timedelta(hours=1)


def test_nothing_is_asked_when_nothing_is_pending(world):
    world.planned(csv_of(DELIVERED))
    world.send(CHUNK)
    world.server.advance(60)
    assert world.track(CHUNK).look_again_at is None
    requests = dict(world.server.state()["requests"])
    assert world.track(CHUNK).counts == {"delivered": 1}
    assert world.server.state()["requests"] == requests


def test_many_waves_share_looks_and_all_pages_are_read(world):
    world.server.configure(page_size=3)
    world.planned(csv_of(*(f"1198000{place:04}" for place in range(10))))
    for wave in range(5):
        world.send(CHUNK, wave, [f"c{2 * wave + 1}", f"c{2 * wave + 2}"])
        world.server.advance(10)
    world.server.advance(60)
    before = world.server.state()["requests"]["extrato/list-sms"]
    assert world.track(CHUNK).counts == {"delivered": 10}
    assert world.server.state()["requests"]["extrato/list-sms"] == before + 4


def test_messages_of_others_to_the_same_numbers_are_not_believed(world):
    world.planned(csv_of(UNDELIVERED, DELIVERED))
    world.send(CHUNK)
    others = [
        send_sms(UNDELIVERED.replace("0410", "0001"), "Oi", tags=with_key({}, member_key(KEY, "c9"))),
        send_sms(DELIVERED, "Oi"),
        send_sms(DELIVERED, "Oi", tags=with_key({}, member_key(KEY, "c9"))),
    ]

    async def send(client):
        return [await client.send(other) for other in others]

    world.server.advance(1)
    world.run(send)
    # The contact's own row is gone; what is left is to its number and not its own.
    with world.server.sandbox.account.lock:
        messages = world.server.sandbox.account.store.messages
        own = next(key for key, message in messages.items() if message.destination == f"55{DELIVERED}")
        del messages[own]
    world.server.advance(3600)
    assert world.track(CHUNK).counts == {"failed": 1, "sent": 1}


def test_a_request_of_unknown_outcome_is_found_by_its_key(world):
    world.planned(csv_of(DELIVERED, "11990000002"))
    world.send(CHUNK, changed={"c1": Progress.UNKNOWN})
    world.send(CHUNK, 1, ["c2"], changed={"c2": Progress.DOUBTFUL})
    assert world.track(CHUNK).counts == {"unknown": 2}
    world.server.advance(60)
    assert world.track(CHUNK).counts == {"delivered": 2}


def test_contacts_that_were_not_sent_to_are_not_looked_for(world):
    world.planned(csv_of(DELIVERED, "11990000404", "11990000003"))
    world.send(CHUNK, contacts=["c2"])
    tracked = world.track(CHUNK)
    assert (tracked.counts, tracked.pending, tracked.look_again_at) == ({}, 0, None)
    assert world.server.state()["requests"]["extrato/list-sms"] == 0


@pytest.mark.parametrize(
    "quirks",
    [
        ("times_2_behind",),
        ("times_2_ahead", "tags_lost"),
        ("tag_filter_ignored",),
        ("campos_hidden",),
        ("search_filters", "tag_values_upper"),
    ],
)
def test_an_account_with_times_and_tags_of_its_own_is_read_all_the_same(world, quirks):
    world.server.configure(quirks=frozenset(quirks))
    world.planned(csv_of(DELIVERED, UNDELIVERED))
    world.send(CHUNK)
    world.server.advance(700)
    assert world.track(CHUNK).counts == {"delivered": 1, "failed": 1}


def test_contacts_of_one_request_have_states_of_their_own(world):
    world.planned(csv_of(DELIVERED, UNDELIVERED))
    since, log = world.clock.now(), WaveLog(world.folder, "00000")
    tags = {**with_key({}, KEY), LOT_TAG: KEY}
    sent = world.run(lambda client: client.send(send_sms([f"55{DELIVERED}", f"55{UNDELIVERED}"], "Oi", tags=tags)))
    log.begin(Wave(0, since, {"c1": 1, "c2": 1}))
    ids = {"callerid": sent.callerid}
    log.finish(
        0,
        [ContactResult("c1", Progress.SENT, since, ids=ids), ContactResult("c2", Progress.UNKNOWN, since)],
    )
    world.server.advance(60)
    assert world.track(CHUNK).counts == {"delivered": 1, "failed": 1}


def test_a_statement_that_fails_is_a_problem_and_loses_nothing(world):
    world.planned(csv_of(DELIVERED))
    world.send(CHUNK)
    world.server.advance(60)
    world.server.inject(Fault(kind="error_500_before", endpoint="extrato/list-sms"))
    failed = world.track(CHUNK)
    assert failed.counts == {"sent": 1}
    assert failed.problem is not None
    assert failed.look_again_at is not None
    assert DELIVERED not in failed.problem
    world.server.clear_faults()
    assert world.track(CHUNK).counts == {"delivered": 1}


def test_lines_hold_no_number_and_no_text(world):
    world.planned(csv_of(DELIVERED, name="Joana"))
    world.send(CHUNK)
    world.server.advance(60)
    world.track(CHUNK)
    written = world.folder.read("track/00000/000000.jsonl").decode()
    assert json.loads(written)["contact"] == "c1"
    assert DELIVERED not in written
    assert "Joana" not in written


@pytest.fixture
def calls(world):
    """Four contacts that were called: answered, busy, no answer, voicemail."""
    world.planned(csv_of("11990000001", "11990000486", "11990000480", "11990000302"), channel=Channel.CALL, text=None)
    world.send(CHUNK)
    world.server.advance(120)
    return world


@pytest.mark.parametrize("quirks", [(), ("leg_rows",)])
def test_calls_have_outcomes_talk_time_recording_and_price(calls, quirks):
    calls.server.configure(quirks=frozenset(quirks))
    tracked = calls.track(CHUNK)
    assert tracked.counts == {"answered": 1, "busy": 1, "no_answer": 1, "voicemail": 1}
    assert tracked.look_again_at is None
    lines = lines_of(calls)
    assert (lines["c1"].answered_seconds, lines["c2"].answered_seconds) == (30, None)
    assert lines["c1"].recording.startswith(f"{calls.server.url}/recordings/")
    assert lines["c1"].cost_brl > 0 == lines["c2"].cost_brl


def test_a_second_attempt_has_a_log_a_key_and_a_line_of_its_own(calls):
    calls.track(CHUNK)
    calls.send(CHUNK, contacts=["c2", "c3"], attempt=2)
    assert {each.contact: each.outcome for each in calls.history(CHUNK).last_attempts()} == {
        "c1": "answered",
        "c2": None,
        "c3": None,
        "c4": "voicemail",
    }
    calls.server.advance(120)
    tracked = calls.track(CHUNK, attempt=2)
    assert tracked.counts == {"busy": 1, "no_answer": 1}
    assert {each.contact: (each.attempt, each.outcome) for each in calls.history(CHUNK).last_attempts()} == {
        "c1": (1, "answered"),
        "c2": (2, "busy"),
        "c3": (2, "no_answer"),
        "c4": (1, "voicemail"),
    }
    assert lines_of(calls, "00000.2")["c2"].attempts == 2


def test_a_look_in_an_account_of_many_rows_without_a_filter_is_bounded_and_what_it_shows_counts(world, monkeypatch):
    monkeypatch.setattr(looks, "LOT_LOOKUP_ROWS", 300)
    world.server.configure(quirks=frozenset({"tag_filter_ignored", "campos_hidden"}))
    world.planned(csv_of(DELIVERED, UNDELIVERED))
    world.send(CHUNK)
    world.server.advance(700)
    world.server.seed(700, step_seconds=1, kind="messages")
    tracked = world.track(CHUNK)
    assert (tracked.counts, tracked.pending) == ({"sent": 2}, 2)
    assert "given up at 300 rows" in tracked.problem
    assert world.server.state()["requests"]["extrato/list-sms"] == 3
    monkeypatch.undo()
    assert world.track(CHUNK).counts == {"delivered": 1, "failed": 1}
