from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from airflow_provider_directcall.campaigns.chunks import read_chunk
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.planning import plan
from airflow_provider_directcall.campaigns.report import make_report
from airflow_provider_directcall.campaigns.retention import erase_number, purge
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.campaigns.suppression import Exclusions
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress, Wave, WaveLog

from .planned_campaign import settings
from .planning_world import planned_csv

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
ERASED = "5511990000002"
CONTACTS = [
    ("cpf1", "11990000001", "Ana"),
    ("cpf2", "(11) 99000-0002", "Joana"),
    ("cpf3", "11990000003", "Bia"),
    ("cpf4", "11990000004", "Eva"),
    ("cpf5", "11 99000-0002", "Joana"),
]


def campaign(base, name, *, begun=True, progress=Progress.SENT, now=NOW):
    """A campaign of five contacts in two chunks, the last one a duplicate, with logs of three."""
    folder = LocalFolder(base / name)
    rows = pl.DataFrame(CONTACTS, schema=["id", "phone", "name"], orient="row").with_row_index("_row", offset=1)
    batch = rows.with_columns(pl.col("_row").cast(pl.Int64), _file=pl.lit("c.csv"), _bad=pl.lit(None, pl.String))
    plan(settings(chunk_size=3), [batch], folder, exclusions=Exclusions(), now=now)
    if begun:
        log = WaveLog(folder, "00000")
        log.begin(Wave(0, now, {"cpf1": 1, "cpf2": 1}))
        sent = [
            ContactResult("cpf1", Progress.SENT, now, ids={"callerid": "12345678901234"}),
            ContactResult("cpf2", progress, now, ids={"callerid": "12345678901235"}),
        ]
        log.finish(0, sent)
        log.begin(Wave(1, now, {"cpf2": 2, "cpf3": 1}))
        line = {"state": "delivered", "is_final": True, "delivery": "delivered", "parts": 1, "cost_brl": "0.0900"}
        line |= {"outcome": None, "attempts": 1, "answered_seconds": None, "recording": "http://x/99"}
        folder.write("track/00000/000000.jsonl", json.dumps({"contact": "cpf2", **line}).encode() + b"\n")
    return folder


def everything(path):
    """Return the content of all files; Parquet's is compressed, so as text."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    return b"".join(
        pl.read_parquet(file).write_ndjson().encode() if file.suffix == ".parquet" else file.read_bytes()
        for file in files
    )


def report(folder, **options):
    return make_report(folder, html=False, now=NOW, **options)


def test_an_erased_number_is_in_no_file_and_stays_counted(tmp_path):
    folders = [campaign(tmp_path, "one"), campaign(tmp_path, "deep/two")]
    before = [report(folder) for folder in folders]
    assert erase_number(LocalFolder(tmp_path), "+55 11 99000-0002") == 4
    left = everything(tmp_path)
    assert not any(secret in left for secret in (b"0002", b"Joana", b"cpf2", b"cpf5", b"http://x/99", b"901235"))
    assert all(kept in left for kept in (b"5511990000003", b"Bia", b"cpf1", b"901234"))
    assert [report(folder)["states"] for folder in folders] == [made["states"] for made in before]
    assert [report(folder)["contacts"] for folder in folders] == [5, 5]
    assert erase_number(LocalFolder(tmp_path), ERASED) == 0


def test_a_contact_is_erased_with_any_of_its_numbers(tmp_path):
    folder = LocalFolder(tmp_path / "one")
    rows = pl.DataFrame(
        [("cpf1", "11990000001", "11990000002", "Joana")], ["id", "phone", "other", "name"], orient="row"
    )
    batch = rows.with_columns(_row=pl.lit(1, pl.Int64), _file=pl.lit("c.csv"), _bad=pl.lit(None, pl.String))
    made = settings(number_columns=("phone", "other"))
    plan(made, [batch], folder, exclusions=Exclusions(), now=NOW)
    assert erase_number(LocalFolder(tmp_path), ERASED) == 1
    left = everything(tmp_path)
    assert not any(secret in left for secret in (b"0002", b"Joana", b"cpf1", b"990000001"))


def test_what_a_list_says_about_an_erased_number_goes_with_it(tmp_path):
    rows = "id;phone\n1;11990000001\n2;11990000002\n"
    entries = "11990000001;asked Rita\n11990000002;asked Joana\n"
    folder = planned_csv(tmp_path, rows, text="Ola", entries=entries).folder
    (tmp_path / "blocked.csv").unlink()
    folder.write("waves/00000/begun", b"")
    report(folder)
    assert erase_number(LocalFolder(tmp_path), ERASED) == 1
    report(folder)
    left = everything(tmp_path)
    assert b"Joana" not in left
    assert b"(asked Rita)" in left
    assert b'on suppression list blocked.csv"' in left


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_results_and_lists_are_rewritten(tmp_path, suffix):
    folder = campaign(tmp_path, "one", progress=Progress.NOT_SENT)
    folder.remove("track/00000/000000.jsonl")
    folder.remove(next(name for name in folder.names("waves/00000/000001.") if name.endswith("intent.json")))
    report(folder, results_uri=str(tmp_path / "one" / "report" / f"results.{suffix}"))
    read = pl.read_parquet if suffix == "parquet" else pl.read_csv
    again = read(io.BytesIO(folder.read(f"report/again.{suffix}")))
    assert again["id"].to_list() == ["cpf2", "cpf3", "cpf4"]
    erase_number(LocalFolder(tmp_path), ERASED)
    again = read(io.BytesIO(folder.read(f"report/again.{suffix}")))
    assert again["id"].to_list() == ["cpf3", "cpf4"]
    results = read(io.BytesIO(folder.read(f"report/results.{suffix}")))
    assert len(results) == 5
    assert results.filter(pl.col("contact").str.starts_with("erased"))["number"].to_list()[0] is None
    report(folder)
    assert read_ids(folder, "report/again.parquet") == ["cpf3", "cpf4"]


def read_ids(folder, name):
    return pl.read_parquet(io.BytesIO(folder.read(name)))["id"].to_list()


def test_those_who_are_left_can_be_sent_to_and_the_erased_one_cannot(tmp_path):
    folder = campaign(tmp_path, "one", begun=False)
    erase_number(LocalFolder(tmp_path), ERASED)
    assert [contact.id for contact in read_chunk(folder, "chunks/00000.parquet")] == ["cpf1", "cpf3"]
    assert [contact.id for contact in read_chunk(folder, "chunks/00001.parquet")] == ["cpf4"]


@pytest.mark.parametrize("writes", range(10))
def test_an_erasure_that_was_killed_is_completed_and_nobody_seems_unsent(tmp_path, writes, monkeypatch):
    folder = campaign(tmp_path, "one")
    before = report(folder)["states"]
    left, write = iter(range(writes)), LocalFolder.write

    def killed(self, name, content):
        if next(left, None) is None:
            raise KeyboardInterrupt
        write(self, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            erase_number(LocalFolder(tmp_path), ERASED)
    numbers = pl.read_parquet(io.BytesIO(folder.read("chunks/00000.parquet"))).drop_nulls("number")
    # The first write is that of the list to feed back.
    assert (writes > 1) == (ERASED not in numbers["number"].to_list())
    erase_number(LocalFolder(tmp_path), ERASED)
    assert report(folder)["states"] == before
    assert not any(secret in everything(tmp_path) for secret in (b"0002", b"Joana", b"cpf2"))


def test_pages_of_texts_are_removed_and_a_stop_file_stays(tmp_path):
    folder = campaign(tmp_path, "one")
    folder.write("stop", b"")
    assert "preview.html" in folder.names()
    erase_number(LocalFolder(tmp_path), "11990000009")
    assert "preview.html" in folder.names()
    erase_number(LocalFolder(tmp_path), ERASED)
    assert "preview.html" not in folder.names()
    assert "stop" in folder.names()


def test_a_changed_chunk_is_still_found_out(tmp_path):
    folder = campaign(tmp_path, "one", begun=False)
    rows = pl.read_parquet(io.BytesIO(folder.read("chunks/00001.parquet")))
    content = io.BytesIO()
    rows.with_columns(number=pl.lit("5511990000009")).write_parquet(content)
    folder.write("chunks/00001.parquet", content.getvalue())
    erase_number(LocalFolder(tmp_path), ERASED)
    with pytest.raises(CampaignError, match="it has changed"):
        read_chunk(folder, "chunks/00001.parquet")


def test_no_number_is_an_error_and_is_not_shown(tmp_path):
    with pytest.raises(ValueError, match="number: ") as error:
        erase_number(LocalFolder(tmp_path), "1199000001")
    assert "1199000001" not in str(error.value)


def test_old_campaigns_lose_their_contacts_and_keep_their_counts(tmp_path):
    base = LocalFolder(tmp_path)
    old, new = campaign(tmp_path, "old"), campaign(tmp_path, "new", now=NOW + timedelta(days=31))
    unsent = campaign(tmp_path, "unsent", begun=False)
    report(old)
    states = json.loads(old.read("plan.json"))["states"]
    kept = everything(tmp_path / "new")
    assert purge(base, timedelta(days=30), NOW + timedelta(days=30)) == 0
    assert purge(base, timedelta(days=30), NOW + timedelta(days=30, seconds=1)) == 2
    assert old.names() == ["plan.json", "report/report.json", "waves/purged"]
    assert json.loads(old.read("plan.json"))["states"] == states
    assert unsent.names() == []
    assert everything(tmp_path / "new") == kept
    assert new.names()
    left = everything(tmp_path / "old")
    assert not any(secret in left for secret in (b"99000", b"Joana", b"cpf"))
    assert purge(base, timedelta(days=30), NOW + timedelta(days=31)) == 0
    with pytest.raises(CampaignError, match="were purged"):
        report(old)
    with pytest.raises(CampaignError, match="the campaign was purged"):
        read_chunk(old, "chunks/00000.parquet")


def test_a_purge_that_was_killed_leaves_no_campaign_that_seems_unsent(tmp_path, monkeypatch):
    folder, remove = campaign(tmp_path, "one"), LocalFolder.remove

    def killed(self, name):
        remove(self, name)
        if name.startswith("one/waves/"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "remove", killed)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                purge(LocalFolder(tmp_path), timedelta(0), NOW + timedelta(days=1))
            assert folder.names("waves/")
    erase_number(LocalFolder(tmp_path), ERASED)
    assert folder.names() == ["plan.json", "waves/purged"]
    assert purge(LocalFolder(tmp_path), timedelta(0), NOW + timedelta(days=1)) == 0


@pytest.fixture
def remains(tmp_path):
    """What killed processes leave: half a file in a campaign and in the ledger, and a plan without its end."""
    campaign(tmp_path, "old")
    killed = campaign(tmp_path, "dag/run/killed", begun=False)
    killed.remove("plan.json")
    parts = [tmp_path / "old/waves/00000/000002.results.jsonl.7.part", tmp_path / "frequency-ledger/reached/x.8.part"]
    for path in parts:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"5511990000002 Joana")
    own = tmp_path / "mine" / "others.parquet"
    own.parent.mkdir()
    pl.DataFrame({"my": [1]}).write_parquet(own)
    (tmp_path / "mine" / "video.part").write_bytes(b"mine")
    return [*parts, *(path for path in (tmp_path / "dag").rglob("*") if path.is_file())]


def age(paths, moment):
    for path in paths:
        os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_a_purge_removes_what_killed_processes_have_left_once_it_is_old(tmp_path, remains):
    now = NOW + timedelta(days=31)
    age(remains, now - timedelta(days=29))
    assert purge(LocalFolder(tmp_path), timedelta(days=30), now) == 1
    # Of an old campaign, everything goes; what may be of a process at work stays.
    assert [path.exists() for path in remains] == [False, *[True] * (len(remains) - 1)]
    assert len(remains) == 6
    age(remains[1:], now - timedelta(days=31))
    assert purge(LocalFolder(tmp_path), timedelta(days=30), now) == 0
    assert not any(path.exists() for path in remains)
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["others.parquet", "video.part"]


def test_an_erasure_leaves_no_number_in_what_killed_processes_have_left(tmp_path, remains):
    erase_number(LocalFolder(tmp_path), ERASED)
    assert not any(path.exists() for path in remains)
    assert not any(secret in everything(tmp_path) for secret in (b"0002", b"Joana"))
    assert (tmp_path / "mine" / "video.part").exists()


def test_a_purge_that_was_killed_is_completed_for_a_campaign_that_has_sent_nothing(tmp_path, monkeypatch):
    folder, remove, later = campaign(tmp_path, "one", begun=False), LocalFolder.remove, NOW + timedelta(days=1)
    files = folder.names()

    def killed(self, name):
        remove(self, name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "remove", killed)
        for left in range(len(files) - 1, 0, -1):
            with pytest.raises(KeyboardInterrupt):
                purge(LocalFolder(tmp_path), timedelta(0), later)
            assert len(folder.names()) == left
    purge(LocalFolder(tmp_path), timedelta(0), later)
    assert folder.names() == []


def test_files_of_others_in_a_campaigns_folder_stay(tmp_path):
    folder = campaign(tmp_path, "one")
    report(folder)
    mine = ["contacts.csv", "report/notes.txt", "chunks/mine.parquet", "waves/mine.csv", "backup.1.part"]
    for name in mine:
        (tmp_path / "one" / name).write_bytes(b"mine")
    purge(LocalFolder(tmp_path), timedelta(0), NOW + timedelta(days=1))
    erase_number(LocalFolder(tmp_path), ERASED)
    left = {path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert left == {*mine, "plan.json", "report/report.json", "waves/purged"}


@pytest.mark.parametrize("place", ["dag/run/plan/0", "waves/run/plan/0", "report"])
def test_a_campaign_in_an_older_ones_folder_stays_whole(tmp_path, place):
    old, live = campaign(tmp_path, "one"), campaign(tmp_path / "one", place, now=NOW + timedelta(days=31))
    report(live)
    files = everything(tmp_path / "one" / place)
    assert purge(LocalFolder(tmp_path), timedelta(days=30), NOW + timedelta(days=31)) == 1
    assert everything(tmp_path / "one" / place) == files
    assert not old.names("chunks/")


@pytest.mark.parametrize("content", [b'{"format_version": "1.2"}', b"[]", b"no JSON"])
def test_the_plan_of_another_program_is_skipped(tmp_path, content):
    campaign(tmp_path, "one")
    foreign = tmp_path / "terraform" / "plan.json"
    foreign.parent.mkdir()
    foreign.write_bytes(content)
    assert erase_number(LocalFolder(tmp_path), ERASED) == 2
    assert purge(LocalFolder(tmp_path), timedelta(0), NOW + timedelta(days=1)) == 1
    assert foreign.read_bytes() == content
