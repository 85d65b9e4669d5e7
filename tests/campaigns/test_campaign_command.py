from __future__ import annotations

import io
import json
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from airflow_provider_directcall.campaign_command import FAILED, FINE, main

CONTACTS = "id;phone;name\n1;11990000001;João\n2;11990000002;Ana\n3;;Bia\n"


@pytest.fixture
def command(tmp_path, capsys):
    """Run one command: its exit status and all that it prints."""
    (tmp_path / "contacts.csv").write_text(CONTACTS)

    def command(*arguments: object) -> tuple[int, str]:
        status = main([str(each) for each in arguments])
        return status, "".join(capsys.readouterr())

    return command


@pytest.fixture
def plan(command, tmp_path):
    def plan(*arguments: object) -> tuple[int, str]:
        standard = ("--id-column", "id", "--text", "Ola {name}", "-o", tmp_path / "base" / "one")
        return command("plan", tmp_path / "contacts.csv", *standard, *arguments)

    return plan


def test_plan_prints_counts_and_no_number(plan):
    status, shown = plan("--price-brl", "0.09", "--window", "none")
    assert status == FINE
    assert "3 contacts, of which 2 accepted, 1 rejected" in shown
    assert "R$0.18" in shown
    assert "Left out 1: the number is missing." in shown
    assert "1199000" not in shown


def test_contacts_have_columns_of_their_own(plan, tmp_path):
    rows = "1;11990000001;Ana;2020-01-01;1\n2;11990000002;Bia;;2\n"
    (tmp_path / "contacts.csv").write_text(f"id;phone;name;until;rank\n{rows}")
    status, shown = plan("--not-after-column", "until", "--priority-column", "rank")
    assert status == FINE
    assert "1 accepted, 1 out_of_window" in shown


def test_parts_are_counted_by_the_profile(plan):
    counted = [plan("--text", "x" * 200, "--profile", name)[1] for name in ("directcall", "gsm")]
    assert ["4 parts" in shown for shown in counted] == [True, True]
    counted = [plan("--text", "x" * 150, "--profile", name)[1] for name in ("directcall", "gsm")]
    assert ["4 parts" in shown for shown in counted] == [True, False]


def test_a_frequency_cap_needs_the_storage_of_all_campaigns(plan, tmp_path):
    status, shown = plan("--frequency-cap", "day=1")
    assert status == FAILED
    assert "frequency_cap: it needs the storage" in shown
    (tmp_path / "base").mkdir(exist_ok=True)
    assert plan("--frequency-cap", "day=1", "--storage", tmp_path / "base")[0] == FINE


def test_preview_shows_texts_and_masked_numbers(plan, command, tmp_path):
    plan()
    status, shown = command("preview", tmp_path / "base" / "one")
    assert status == FINE
    assert "Ola Joao" in shown
    assert "5511*****0001" in shown
    assert "11990000001" not in shown


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--number-column", "fone"), "number_column: the contacts have no column 'fone'"),
        (("--window", "stric"), "window: 'stric' is no preset"),
        (("--budget-brl", "5"), "budget_brl: without price_brl"),
        (("--suppress", "/none/*.csv"), "--suppress: no file matches /none/*.csv"),
    ],
)
def test_a_mistake_is_one_line(plan, given, says):
    status, shown = plan(*given)
    assert status == FAILED
    assert shown.startswith("directcall-campaign: ")
    assert says in shown
    assert shown.count("\n") == 1


def test_a_folder_of_a_campaign_that_has_begun_is_not_planned_over(plan, tmp_path):
    plan()
    (tmp_path / "base" / "one" / "waves" / "00000").mkdir(parents=True)
    (tmp_path / "base" / "one" / "waves" / "00000" / "000000.intent.json").write_text("{}")
    status, shown = plan()
    assert status == FAILED
    assert "has begun to send" in shown


def test_a_folder_with_other_files_is_not_planned_into(command, tmp_path):
    status, shown = command("plan", tmp_path / "contacts.csv", "--text", "Ola", "-o", tmp_path)
    assert status == FAILED
    assert "this folder has files, and none of them is a plan" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["contacts.csv"]


def test_report_counts_what_had_no_turn(plan, command, tmp_path):
    plan("--window", "none")
    status, shown = command("report", tmp_path / "base" / "one", "--results", tmp_path / "results.csv")
    assert status == FINE
    assert "states: 2 stopped, 1 rejected" in shown
    assert "reason of 1 rejected: the number is missing" in shown
    _, shown = command("report", tmp_path / "base" / "one", "--lang", "pt")
    assert "motivo de 1 rejeitados: falta o número" in shown
    assert (tmp_path / "results.csv").exists()


def test_pages_are_in_the_language_of_the_command_and_the_zone_of_the_campaign(plan, command, tmp_path, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        plan("--lang", "pt")
        command("report", tmp_path / "base" / "one", "--lang", "pt")
    time.tzset()
    folder = tmp_path / "base" / "one"
    assert "Prévia da campanha" in (folder / "preview.html").read_text()
    made = datetime.fromisoformat(json.loads((folder / "report" / "report.json").read_text())["made_at"])
    assert made.utcoffset() == timedelta(hours=-3)
    assert f"Feito em {made:%d/%m/%Y %H:%M} (America/Sao_Paulo)" in (folder / "report" / "report.html").read_text()


def test_purge_removes_the_contacts_of_old_campaigns(plan, command, tmp_path):
    plan()
    base = tmp_path / "base"
    assert command("purge", base, "--older-than", "90d") == (FINE, "Removed the contacts of 0 campaigns.\n")
    path = base / "one" / "plan.json"
    old = datetime.now(UTC) - timedelta(days=91)
    path.write_text(json.dumps({**json.loads(path.read_text()), "planned_at": old.isoformat()}))
    assert command("purge", base, "--older-than", "90") == (FINE, "Removed the contacts of 1 campaigns.\n")
    assert not list(base.rglob("*.parquet"))


def test_a_number_is_erased(plan, command, tmp_path, monkeypatch):
    plan()
    monkeypatch.setattr("sys.stdin", io.StringIO("(11) 99000-0001\n"))
    assert command("purge", tmp_path / "base", "--number") == (FINE, "Erased from 1 rows.\n")
    rows = pl.read_parquet(tmp_path / "base" / "one" / "chunks" / "00000.parquet")
    assert rows["number"].drop_nulls().to_list() == ["5511990000002"]
    files = [path for path in (tmp_path / "base").rglob("*") if path.is_file()]
    assert not any(b"990000001" in path.read_bytes() for path in files)
