from __future__ import annotations

import base64
import builtins
import io
import json
import re
import stat
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.report import Totals, make_report
from airflow_provider_directcall.campaigns.report_page import page
from airflow_provider_directcall.campaigns.results import masked
from airflow_provider_directcall.campaigns.voice import Again, AttemptRules
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress, Wave, WaveLog
from airflow_provider_directcall.sandbox.lifecycle import message_phase
from airflow_provider_directcall.sandbox.tariff import message_price
from airflow_provider_directcall.telephony.masking import mask_number
from airflow_provider_directcall.translations.languages import LANGUAGES, language_of

from .campaign_world import CampaignWorld, csv_of

CHUNK = "chunks/00000.parquet"
DELIVERED, UNDELIVERED, UNCONFIRMED = "11990000001", "11990000410", "11990000202"
REFUSED, GATEWAY = "11990000404", "11990000500"
ZONE = ZoneInfo("America/Sao_Paulo")
FIELDS = {
    *("report", "html", "results", "again", "contacts", "states", "parts"),
    *("cost_brl", "reasons", "curve", "hours", "timezone"),
}


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    directcall_sandbox.configure(pace=1)
    return CampaignWorld(directcall_sandbox, tmp_path)


def report(world, **options):
    return make_report(world.folder, now=world.clock.now().astimezone(ZONE), **options)


def results_of(world, name="report/results.parquet"):
    rows = pl.read_parquet(io.BytesIO(world.folder.read(name)))
    return {row["contact"]: row for row in rows.iter_rows(named=True)}


def again_of(world):
    return pl.read_parquet(io.BytesIO(world.folder.read("report/again.parquet")))


def bill(world):
    """Return the sandbox's own sum of the prices of all messages."""
    account, total = world.server.sandbox.account, Decimal(0)
    for message in account.store.messages.values():
        now = account.lifecycle_time(message.starts_at)
        total += message_price(message, message_phase(message, now, account.config.zone))
    return total


@pytest.fixture
def ended(world):
    """A campaign in which every state of a message occurs."""
    numbers = [DELIVERED, UNDELIVERED, UNCONFIRMED, REFUSED, "11990000002", "11990000003", "11990000004", "1"]
    world.planned(
        csv_of(*numbers, DELIVERED, "11990000009", name="Ana " * 60), suppressed=["5511990000009"], price_brl=None
    )
    world.send(CHUNK, 0, ["c1", "c2", "c3"])
    world.server.advance(600)
    world.send(CHUNK, 1, ["c4", "c5", "c6"], changed={"c5": Progress.UNKNOWN, "c6": Progress.NOT_SENT})
    with world.server.sandbox.account.lock:
        messages = world.server.sandbox.account.store.messages
        for key in [key for key, message in messages.items() if message.destination[-1] == "3"]:
            del messages[key]
    world.server.advance(60)
    return world


def test_each_contact_has_one_final_state_and_they_sum_up(ended):
    ended.track(CHUNK)
    made = report(ended)
    assert made.keys() == FIELDS
    reasons = {state: contacts for state, _, contacts in made["reasons"]}
    assert reasons.items() >= {"rejected": 1, "duplicate": 1, "suppressed": 1}.items()
    assert not [number for number in (DELIVERED, UNDELIVERED, REFUSED) if number in json.dumps(made["reasons"])]
    assert made["states"] == {
        "delivered": 2,
        "failed": 1,
        "sent": 1,
        "refused": 1,
        "stopped": 2,
        "rejected": 1,
        "duplicate": 1,
        "suppressed": 1,
    }
    assert made["contacts"] == sum(made["states"].values()) == 10
    rows = results_of(ended)
    assert {name: rows[name]["state"] for name in ("c4", "c6", "c7", "c8")} == {
        "c4": "refused",
        "c6": "stopped",
        "c7": "stopped",
        "c8": "rejected",
    }
    assert rows["c1"]["number"] == "5511*****0001"
    assert (rows["c1"]["file"], rows["c1"]["row"], rows["c1"]["attempts"]) == ("contacts.csv", 1, 1)
    assert "001" in rows["c4"]["reason"]
    assert rows["c8"]["reason"] is not None
    assert rows["c10"]["reason"] == "on suppression list blocked.csv"
    assert rows["c9"]["reason"] == "same number as row 1 of contacts.csv"
    counted = {tuple(each) for each in json.loads(ended.folder.read("report/report.json"))["reasons"]}
    assert ("duplicate", "same number as an earlier row", 1) in counted


def test_totals_are_those_of_the_sandbox_and_its_bill_to_the_cent(ended):
    ended.track(CHUNK)
    made = report(ended)
    messages = ended.server.state()["messages"]
    delivered = [message for message in messages if message["phase"] == "delivered"]
    assert made["states"]["delivered"] == len(delivered)
    assert sum(made["states"][state] for state in ("delivered", "failed", "sent")) == len(messages)
    assert made["parts"] == 2 * len(messages)
    assert Decimal(made["cost_brl"]) == bill(ended) > 0
    summary = json.loads(ended.folder.read("report/report.json"))
    assert summary["cost_from"] == {"statement": 4}


def test_cost_is_parts_times_price_where_the_statement_shows_none(world):
    world.planned(csv_of(DELIVERED, UNDELIVERED, REFUSED, name="Ana " * 60), price_brl=Decimal("0.09"))
    world.send(CHUNK)
    made = report(world)
    assert (made["parts"], made["cost_brl"]) == (4, "0.36")
    assert json.loads(world.folder.read("report/report.json"))["cost_from"] == {"parts x price": 2}
    world.server.advance(60)
    world.track(CHUNK)
    made = report(world)
    assert Decimal(made["cost_brl"]) == bill(world) == Decimal("0.18")


def test_what_was_found_out_after_the_waves_counts(world):
    world.planned(csv_of("11990000001", "11990000002"))
    since = world.clock.now()
    log = WaveLog(world.folder, "00000")
    log.begin(Wave(0, since, {"c1": 1, "c2": 1}))
    log.finish(0, [ContactResult(contact, Progress.DOUBTFUL, since) for contact in ("c1", "c2")])
    log.finish(1, [ContactResult("c1", Progress.SENT, since), ContactResult("c2", Progress.REFUSED, since, code="001")])
    assert report(world)["states"] == {"sent": 1, "refused": 1}


def test_the_result_has_a_curve_of_the_contacts_sent_to_and_their_hours(ended):
    made = report(ended)
    assert made["curve"]["sent"][0] == 3
    assert made["curve"]["sent"][-1] == sum(requests for _, requests, _ in made["hours"]) == 4
    assert len(made["curve"]["sent"]) == 11
    assert made["timezone"] == "America/Sao_Paulo"


@given(minutes=st.dictionaries(st.integers(0, 10**5), st.integers(1, 1000), min_size=1, max_size=200))
def test_a_curve_is_short_rises_and_ends_with_all(minutes):
    totals = Totals()
    begin = datetime(2026, 3, 4, tzinfo=UTC)
    totals.minutes.update({begin + timedelta(minutes=minute): contacts for minute, contacts in minutes.items()})
    sent = totals.curve()["sent"]
    assert len(sent) <= 61
    assert sent == sorted(sent)
    assert (sent[0], sent[-1]) == (minutes[min(minutes)], sum(minutes.values()))


def test_an_unknown_contact_and_one_in_doubt_are_never_fed_back(world):
    world.planned(csv_of(*(f"1199000000{place}" for place in range(1, 6))))
    since = world.clock.now()
    log = WaveLog(world.folder, "00000")
    log.begin(Wave(0, since, {"c1": 1, "c2": 1}))
    log.finish(0, [ContactResult("c1", Progress.UNKNOWN, since), ContactResult("c2", Progress.SENT, since)])
    log.begin(Wave(1, since, {"c3": 1, "c4": 1}))
    made = report(world)
    assert made["states"] == {"unknown": 3, "sent": 1, "stopped": 1}
    assert again_of(world)["id"].to_list() == ["c5"]
    assert made["parts"] == 1


def test_transient_refusals_are_fed_back_and_lasting_ones_are_not(world):
    world.planned(csv_of(DELIVERED, "11990000002", "11990000003", "11990000004"))
    since = world.clock.now()
    # The last one is given up after proof that nothing arrived: by a code that no table has.
    codes = {"c1": "008", "c2": "001", "c3": None, "c4": "999"}
    log = WaveLog(world.folder, "00000")
    log.begin(Wave(0, since, dict.fromkeys(codes, 1)))
    log.finish(
        0, [ContactResult(contact, Progress.REFUSED, since, code=code, reason="r") for contact, code in codes.items()]
    )
    assert report(world)["states"] == {"refused": 4}
    assert again_of(world)["id"].to_list() == ["c1", "c4"]


def test_a_call_whose_outcome_is_a_word_of_refusal_is_not_fed_back(world):
    world.planned(csv_of(DELIVERED))
    log = WaveLog(world.folder, "00000")
    # Its first answer was a refusal that may pass, and the statement has shown it.
    log.finish(0, [ContactResult("c1", Progress.SENT, world.clock.now(), code="002")])
    line = {"contact": "c1", "state": "refused", "is_final": True, "outcome": "refused"}
    world.folder.write("track/00000/000000.jsonl", json.dumps(line).encode() + b"\n")
    assert report(world)["states"] == {"refused": 1}
    assert again_of(world)["id"].to_list() == []


def test_a_list_of_results_is_never_in_memory_as_a_whole(world):
    world.planned(csv_of(*(f"119{70000000 + place}" for place in range(20_000))), chunk_size=2_000)
    report(world, results_uri=str(world.path / "small.csv"))  # late imports
    tracemalloc.start()
    try:
        made = report(world, results_uri=str(world.path / "results.csv"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = (world.path / "results.csv").stat().st_size
    assert made["states"] == {"stopped": 20_000}
    assert peak < size / 2
    assert stat.S_IMODE((world.path / "results.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_list_fed_back_reaches_exactly_those_who_were_not_reached(ended, suffix, tmp_path):
    ended.track(CHUNK)
    made = report(ended, results_uri=str(tmp_path / "out" / f"results.{suffix}"))
    assert made["again"].endswith(f"/report/again.{suffix}")
    path = tmp_path / f"again.{suffix}"
    path.write_bytes(ended.folder.read(f"report/again.{suffix}"))
    (rows,) = ContactFiles([path], tmp_path).batches()
    assert rows.select("id", "phone", "name").rows() == [
        ("c2", UNDELIVERED, "Ana " * 60),
        ("c6", "11990000003", "Ana " * 60),
        ("c7", "11990000004", "Ana " * 60),
    ]
    before = {message["destination"] for message in ended.server.state()["messages"]}
    second = CampaignWorld(ended.server, tmp_path / "second")
    second.planned(path.read_text() if suffix == "csv" else rows.drop("_file", "_row", "_bad").write_csv())
    second.send(CHUNK)
    reached = [message["destination"] for message in ended.server.state()["messages"]]
    assert set(reached) - before == {"5511990000003", "5511990000004"}


def test_contacts_whose_window_never_opens_are_fed_back_with_their_columns(world):
    world.planned(csv_of(DELIVERED))
    others = pl.read_parquet(io.BytesIO(world.folder.read("others.parquet")))
    row = {"_file": "contacts.csv", "_row": 2, "id": "c2", "number": "5568990000001", "state": "out_of_window"}
    originals = {"column id": "c2", "column phone": "68 99000-0001", "column name": "Bia"}
    content = io.BytesIO()
    pl.concat([others, pl.DataFrame({**row, "reason": None, **originals}, schema=others.schema)]).write_parquet(content)
    world.folder.write("others.parquet", content.getvalue())
    world.send(CHUNK)
    assert report(world)["states"] == {"sent": 1, "out_of_window": 1}
    assert (results_of(world)["c1"]["attempts"], results_of(world)["c2"]["attempts"]) == (1, 0)
    assert again_of(world).rows() == [("c2", "68 99000-0001", "Bia")]


def test_calls_are_counted_by_their_last_outcome_with_all_their_costs(world):
    numbers = ["11990000001", "11990000486", "11990000480", "11990000302"]
    world.planned(csv_of(*numbers), channel=Channel.CALL, text=None, price_brl=None)
    world.send(CHUNK)
    world.server.advance(120)
    world.track(CHUNK)
    world.send(CHUNK, contacts=["c2", "c3"], attempt=2, changed={"c3": Progress.UNKNOWN})
    world.server.advance(120)
    world.track(CHUNK, attempt=2)
    world.send(CHUNK, contacts=["c2"], attempt=3, changed={"c2": Progress.REFUSED})
    made = report(world)
    assert made["states"] == {"answered": 1, "busy": 1, "no_answer": 1, "voicemail": 1}
    rows = results_of(world)
    assert (rows["c2"]["attempts"], rows["c2"]["outcome"], rows["c1"]["answered_seconds"]) == (2, "busy", 30)
    assert rows["c1"]["recording"].startswith("http")
    assert Decimal(made["cost_brl"]) == sum(row["cost_brl"] for row in rows.values()) > 0
    assert again_of(world)["id"].to_list() == ["c2", "c3"]


def test_a_campaign_of_texts_is_reported_as_the_sandbox_has_it(world):
    numbers = [DELIVERED, UNDELIVERED, UNCONFIRMED, REFUSED, *(f"1198000{place:04}" for place in range(6))]
    world.planned(csv_of(*numbers), text="Ola", chunk_size=6)
    chunks = [chunk.name for chunk in world.plan.chunks]
    assert len(chunks) == 2
    for chunk in chunks:
        world.send_in_full(chunk)
    world.server.advance(120)
    for chunk in chunks:
        world.track(chunk)
    made = report(world)
    phases = Counter(message["phase"] for message in world.server.state()["messages"])
    assert made["states"] == {**phases, "refused": 1} == {"delivered": 7, "failed": 1, "sent": 1, "refused": 1}
    assert Decimal(made["cost_brl"]) == bill(world)
    assert again_of(world)["id"].to_list() == ["c2"]


def test_busy_contacts_are_called_again_and_counted_once(world):
    numbers = ["11990000001", "11990000486", "11990000480"]
    world.planned(csv_of(*numbers), channel=Channel.CALL, text=None)
    rules = AttemptRules(by_outcome={"busy": Again(after=5, at_most=2)})
    world.call_to_the_end(CHUNK, rules)
    calls = Counter(call["destination"] for call in world.server.state()["calls"])
    assert calls == {"5511990000001": 1, "5511990000486": 2, "5511990000480": 1}
    made = report(world)
    assert made["states"] == {"answered": 1, "busy": 1, "no_answer": 1}
    assert made["parts"] == 4
    assert results_of(world)["c2"]["attempts"] == 2


def test_files_are_private_and_hold_no_whole_number(ended):
    made = report(ended)
    for name in ("report", "html", "results", "again"):
        path = ended.path / "campaign" / "report" / made[name].rpartition("/")[2]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = b"".join(ended.folder.read(f"report/{name}") for name in ("report.json", "report.html"))
    assert not re.search(rb"99000\d{4}|Ana|\bc\d\b", written)
    assert not any("99000" in str(row) for row in results_of(ended).values())


def test_the_page_has_tables_and_plots_and_loads_nothing(ended):
    ended.track(CHUNK)
    report(ended)
    html = ended.folder.read("report/report.html").decode()
    assert '<td>delivered</td><td class="number">2</td>' in html
    assert "Contacts whose cost is from: statement" in html
    images = [base64.b64decode(image) for image in re.findall(r"base64,([^\"]+)", html)]
    assert len(images) == 4
    assert all(image.startswith(b"<svg") for image in images)
    assert not re.search(r"(?:src|href)=\"(?!data:)|<script|@import|url\(", html)


def test_without_the_extra_the_page_has_tables_alone(ended, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] in {"altair", "vl_convert"}:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    report(ended)
    html = ended.folder.read("report/report.html").decode()
    assert "<img" not in html
    assert "<table>" in html


@given(word=st.text(max_size=30), language=st.sampled_from(LANGUAGES))
def test_every_word_in_the_page_is_escaped(word, language):
    totals = Totals()
    hostile = f"<script>alert(1)</script>{word}\"'>"
    totals.states[hostile] = totals.deliveries[hostile] = totals.reasons[hostile, hostile] = 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_provider_directcall.campaigns.report_page.charts", lambda *args: {})
        html = page(totals, datetime(2026, 3, 4, tzinfo=UTC), language_of(language))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 4


def test_no_page_is_written_where_none_is_wanted(ended):
    assert report(ended, html=False)["html"] is None
    assert "report/report.html" not in ended.folder.names()


@pytest.mark.parametrize(
    ("uri", "problem"), [("out/results.xlsx", "ends with .parquet or .csv"), ("s3://b/r.csv", "without Airflow")]
)
def test_results_that_cannot_be_written_are_named(ended, uri, problem):
    with pytest.raises(CampaignError, match=problem):
        report(ended, results_uri=uri)


def test_a_campaign_without_accepted_contacts_has_a_report(world):
    world.planned(csv_of("1", "11990000002"), suppressed=["5511990000002"])
    assert report(world)["states"] == {"rejected": 1, "suppressed": 1}
    assert again_of(world).columns == ["id", "phone", "name"]


@given(digits=st.from_regex(r"(?:ip)?[0-9]{1,16}", fullmatch=True))
def test_numbers_are_masked_as_everywhere(digits):
    assert pl.DataFrame({"number": [digits]}).select(masked("number")).item() == mask_number(digits)
