from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.operators.campaigns import (
    DirectcallPlanCampaignOperator,
    DirectcallReportCampaignOperator,
    DirectcallSendCampaignOperator,
    SqlContacts,
)
from airflow_provider_directcall.sandbox import Fault

NOON = datetime.fromisoformat("2026-11-04T12:00:00-03:00")
CONTACTS = "id;phone;name\n1;(11) 99000-0001;João\n2;11990000002;Ana\n3;1130000001;Bia\n4;11990000001;Eva\n"


@pytest.fixture
def contacts(tmp_path):
    def written(text: str = CONTACTS, name: str = "contacts.csv", encoding: str = "utf-8") -> str:
        (tmp_path / name).write_text(text, encoding=encoding)
        return str(tmp_path / name)

    return written


@pytest.fixture
def plan(world, tmp_path):
    world.sandbox.set_time(NOON)

    def operator(contacts: object, **given: object) -> DirectcallPlanCampaignOperator:
        arguments = {
            "task_id": "plan",
            "text": "Ola {name}",
            "id_column": "id",
            "price_brl": "0.09",
            "storage": str(tmp_path / "campaigns"),
        }
        return DirectcallPlanCampaignOperator(contacts=contacts, **{**arguments, **given})

    return operator


def folder(result) -> str:
    return result["plan"].removesuffix("/plan.json")


def test_the_result_has_counts_and_places_only(run, plan, contacts, logged):
    result = run.start(plan(contacts()))
    assert {name: result[name] for name in ("accepted", "rejected", "parts", "cost_brl", "chunks")} == {
        "accepted": 2,
        "rejected": 2,
        "parts": 2,
        "cost_brl": 0.18,
        "chunks": ["chunks/00000.parquet"],
    }
    assert result["states"] == {"accepted": 2, "rejected": 1, "duplicate": 1}
    assert stat.S_IMODE(Path(folder(result)).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(result["preview"]).stat().st_mode) == 0o600
    shown = json.dumps(result) + logged()
    assert "utf-8, separated by ;" in shown
    assert "1 duplicate" in shown
    for secret in ("990000001", "99000-0001", "João", "Joao", "Ana"):
        assert secret not in shown


def test_the_pages_are_in_the_language_of_the_task(run, plan, contacts):
    planned = run.start(plan(contacts(), language="pt", window=None))
    preview = Path(planned["preview"]).read_text()
    assert "O envio começa em 04/11/2026 12:00 (America/Sao_Paulo)." in preview
    report = DirectcallReportCampaignOperator(task_id="report", plan=planned, language="{{ 'pt' }}", fail_on=())
    assert "Relatório da campanha" in Path(run.start(report)["html"]).read_text()
    with pytest.raises(AirflowFailException, match="language: one of en, pt is needed, not 'fr'"):
        run.start(plan(contacts(), language="fr"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"number_column": "fone"}, "number_column: the contacts have no column 'fone'; they have id, phone, name"),
        ({"id_column": "code"}, "id_column: the contacts have no column 'code'; they have id, phone, name"),
        ({"text": "Ola {nome}"}, "text: {nome} is no column of the contacts; they have: id, name, phone"),
        ({"text": "Ola {name"}, "text: a brace stands alone"),
        ({"text": "Ola {name.upper}"}, "text: {name.upper} is no column"),
        ({"text": None}, "text: give either text or text_column"),
        ({"text": "  "}, "text: give either text or text_column"),
        ({"tags": {"who": "{nome}"}}, "tags: who: {nome} is no column"),
        ({"channel": "smss"}, "channel: one of sms, voice_message, call is needed; did you mean 'sms'?"),
        ({"window": "stric"}, "window: 'stric' is no preset; known: strict"),
        ({"budget_brl": "0.05"}, "budget_brl: 0.05 is below the price of one part, 0.09"),
        ({"budget_brl": 5, "price_brl": None}, "budget_brl: without price_brl"),
        ({"price_brl": "-1"}, "price_brl: an amount above 0 is needed"),
        ({"chunk_size": "many"}, "chunk_size: a number is needed"),
        ({"chunk_size": -1}, "chunk_size: 1 or more is needed"),
        ({"origin": 11990000001.0}, "origin: is a decimal number"),
    ],
)
def test_a_wrong_argument_is_named_and_not_retried(run, plan, contacts, given, says):
    with pytest.raises(AirflowFailException) as raised:
        run.start(plan(contacts(), **given))
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "contacts.csv: the file is empty"),
        ("id;phone;name\n", "there are no contacts: the file has no rows"),
        ('id;phone;name\n1;11990000001;"Ana\n2;11990000002;Bia\n', "the quote that opens in line 2 never closes"),
        ("id;phone;phone\n1;11990000001;1\n", "the header has a column twice: phone"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(run, plan, contacts, text, says):
    with pytest.raises(AirflowFailException) as raised:
        run.start(plan(contacts(text)))
    assert says in str(raised.value)
    assert "contacts" in str(raised.value)
    assert "1199000" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(run, plan, tmp_path):
    with pytest.raises(AirflowFailException, match=r"none.csv: No such file or directory"):
        run.start(plan(str(tmp_path / "none.csv")))
    with pytest.raises(AirflowFailException, match=r"contacts: no file matches .*\*\.csv"):
        run.start(plan(str(tmp_path / "*.csv")))
    with pytest.raises(AirflowFailException, match="contacts: a path, a URI, a query or a list of them is needed"):
        run.start(plan([]))


def test_bad_rows_are_rejected_with_their_reasons(run, plan, contacts):
    text = "id;phone;name\n1;11990000001.0;Ana\n2;1,1E+10;Ana\n3;11990000003;\n4;11990000004;" + "x" * 800
    result = run.start(plan(contacts(text + "\n5;11990000005;Ana\n")))
    assert result["accepted"] == 1
    assert sorted(result["reasons"]) == [
        "is a decimal number, whose decimals would become digits: read the column as text",
        "is in scientific notation, which has lost digits: read the column as text",
        "the column name is empty, and the text needs it",
        "the text is longer than 688 characters",
    ]


def test_storage_that_cannot_be_written_is_left_to_a_retry(run, plan, contacts, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        run.start(plan(contacts(), storage=str(tmp_path / "file")))


@pytest.mark.parametrize("storage", ["None", "", None])
def test_a_storage_that_a_template_leaves_empty_is_that_of_the_deployment(
    run, plan, contacts, tmp_path, monkeypatch, storage
):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    result = run.start(plan(contacts(), storage=storage))
    assert str(result["plan"]).startswith(str(tmp_path / "home" / "directcall_campaigns"))


def test_contacts_come_from_patterns_lists_uris_and_templates(run, plan, contacts, tmp_path):
    first, second = (
        contacts("id,phone,name\n1,11990000001,A\n", "1.csv"),
        contacts("id,phone,name\n2,11990000002,B\n", "2.csv"),
    )
    for given in (str(tmp_path / "*.csv"), [first, second], str([first, second]), f"file://{tmp_path}/?.csv"):
        assert run.start(plan(given))["accepted"] == 2
    run.context["upstream"] = first
    assert run.start(plan("{{ upstream }}"))["accepted"] == 1


def test_contacts_come_from_an_object_store(run, plan):
    import fsspec
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.io import attach

    attach("memory", fs=fsspec.filesystem("memory"))
    for name, number in {"a": "1", "b": "2"}.items():
        ObjectStoragePath(f"memory://bucket/day/{name}.csv").write_text(
            f"id,phone,name\n{number},1199000000{number},A\n"
        )
    result = run.start(plan("memory://bucket/day/*.csv", storage="memory://bucket/campaigns"))
    assert result["accepted"] == 2
    assert result["plan"].startswith("memory://bucket/campaigns/dag/run/task.1/0/plan.json")
    assert json.loads(ObjectStoragePath(result["plan"]).read_bytes())["digest"] == result["digest"]


@pytest.fixture
def people(tmp_path, monkeypatch):
    """The connection ``people`` to a database with nine of them."""
    from airflow.sdk import BaseHook

    class Hook:
        def get_conn(self):
            return sqlite3.connect(tmp_path / "people.db")

    class Connection:
        def get_hook(self):
            return Hook()

    find = BaseHook.get_connection
    monkeypatch.setattr(
        BaseHook, "get_connection", classmethod(lambda cls, name: Connection() if name == "people" else find(name))
    )
    with sqlite3.connect(tmp_path / "people.db") as database:
        database.execute("create table people (id integer, phone text, name text)")
        database.executemany("insert into people values (?, ?, 'Ana')", [(n, f"1199000{n:04}") for n in range(9)])
    return database


@pytest.mark.usefixtures("people")
def test_contacts_and_suppressed_numbers_come_from_queries(run, plan):
    result = run.start(
        plan(
            SqlContacts("people", "select * from people where id < ?", parameters=[5]),
            suppress=SqlContacts("people", "select phone as telefone from people where id = {{ 1 + 1 }}"),
        )
    )
    assert result["states"] == {"accepted": 4, "suppressed": 1}
    assert result["reasons"] == {"on suppression list query on people": 1}


def test_a_plan_of_a_query_that_was_sent_in_part_is_stale_once_the_query_is_another_one(run, plan, people):
    query = "select * from people where id < ?"
    first = run.start(plan(SqlContacts("people", query, parameters=[5])))
    begin_waves(first)
    people.execute("delete from people")
    people.commit()
    run.retry()
    assert run.start(plan(SqlContacts("people", query, parameters=[5]))) == first
    for other in (SqlContacts("people", query, parameters=[6]), SqlContacts("people", query + " and 1", [5])):
        with pytest.raises(AirflowFailException, match="the plan is stale: the query of the contacts"):
            run.start(plan(other))


def test_replies_that_cannot_be_read_now_are_left_to_a_retry(run, plan, contacts, world):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="sms/recebimento", times=50))
    with pytest.raises(DirectcallError):
        run.start(plan(contacts()))
    world.sandbox.clear_faults()
    assert run.start(plan(contacts()))["accepted"] == 2


def test_replies_opt_out(run, plan, contacts, world):
    world.sandbox.receive_message("5511990000002", "27000", "Pare, por favor")
    world.sandbox.receive_message("5511990000001", "27000", "Não vou sair")
    assert run.start(plan(contacts()))["states"]["opted_out"] == 1
    assert "opted_out" not in run.start(plan(contacts(), opt_out_words=[]))["states"]


@pytest.mark.parametrize(("profile", "parts"), [("directcall", 2), (" GSM ", 1), ("{{ 'cautious' }}", 2)])
def test_parts_and_cost_are_those_of_the_profile(run, plan, contacts, profile, parts):
    text = "id;phone;name\n1;11990000001;" + "x" * 140 + "\n"
    result = run.start(plan(contacts(text), profile=profile, price_brl="0.10"))
    assert (result["parts"], result["cost_brl"]) == (parts, parts * 0.1)


def test_a_profile_that_is_not_there_is_named(run, plan, contacts):
    with pytest.raises(AirflowFailException, match="profile: one of directcall, cautious, gsm is needed"):
        run.start(plan(contacts(), profile="network"))


def test_a_dry_run_returns_no_chunks(run, plan, contacts):
    result = run.start(plan(contacts(), dry_run="{{ true }}"))
    assert (result["accepted"], result["chunks"]) == (2, [])


def test_there_are_never_more_chunks_than_airflow_maps(run, plan, contacts, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "3")
    rows = "".join(f"{n};119{90000000 + n};Ana\n" for n in range(20))
    result = run.start(plan(contacts("id;phone;name\n" + rows), chunk_size=2))
    assert len(result["chunks"]) <= 3


def test_a_plan_that_was_sent_in_part_goes_on_or_is_stale(run, plan, contacts):
    first = run.start(plan(contacts()))
    begin_waves(first)
    run.world.sandbox.advance(timedelta(hours=1).total_seconds())
    run.retry()
    assert run.start(plan(contacts())) == first
    with pytest.raises(AirflowFailException, match="the plan is stale: texts, columns"):
        run.start(plan(contacts(), text="Oi {name}"))
    with pytest.raises(AirflowFailException, match=r"the plan is stale: contacts.csv has changed"):
        run.start(plan(contacts(CONTACTS + "5;11990000005;Ida\n")))


def test_a_plan_that_was_sent_in_part_is_stale_once_its_contacts_are_another_file(run, plan, contacts, tmp_path):
    first = run.start(plan(contacts()))
    begin_waves(first)
    other = contacts(CONTACTS + "5;11990000005;Ida\n", name="more.csv")
    for given in (other, [contacts(), other], str(tmp_path / "*.csv"), str(tmp_path / "none.csv")):
        run.retry()
        with pytest.raises(AirflowFailException, match=r"the plan is stale: (more|none)\.csv was not among"):
            run.start(plan(given))


def test_a_plan_of_several_files_is_stale_once_one_is_left_out_and_not_once_it_is_gone(run, plan, contacts, tmp_path):
    files = [contacts(), contacts("id;phone;name\n5;11990000005;Ida\n", name="more.csv")]
    first = run.start(plan(files))
    begin_waves(first)
    with pytest.raises(AirflowFailException, match=r"the plan is stale: more\.csv is no longer among"):
        run.start(plan(files[:1]))
    run.retry()
    assert run.start(plan(str(tmp_path / "*.csv"))) == first
    Path(files[1]).unlink()
    assert run.start(plan(files)) == run.start(plan(str(tmp_path / "*.csv"))) == first
    Path(files[0]).unlink()
    assert run.start(plan(str(tmp_path / "*.csv"))) == first


def test_the_same_contacts_under_another_path_are_those_of_the_plan(run, plan, contacts, tmp_path):
    first = run.start(plan(contacts()))
    begin_waves(first)
    assert run.start(plan(contacts(name="moved.csv"))) == first
    (tmp_path / "contacts.csv").unlink()
    assert run.start(plan(contacts(name="moved.csv"))) == first


def test_again_plans_the_next_sending_after_the_report(run, plan, contacts):
    first = run.start(plan(contacts(), again=True))
    begin_waves(first)
    assert run.start(plan(contacts(), again=True)) == first
    write(first, "report/report.json")
    assert folder(run.start(plan(contacts(), again=True))) == folder(first)[:-1] + "1"
    assert run.start(plan(contacts())) == first


def begin_waves(result) -> None:
    write(result, "waves/00000/000000.intent.json")


def write(result, name: str) -> None:
    path = Path(folder(result)) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")


def test_the_package_imports_without_polars():
    code = (
        "import sys; sys.modules['polars'] = None\n"
        "import airflow_provider_directcall.operators.campaigns, airflow_provider_directcall.task_groups.campaigns\n"
        "import airflow_provider_directcall.campaign_command, airflow_provider_directcall.provider_info\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


OWN = """id;phone;name;zone;since;until;rank
1;11990000001;Ana;AC;;;1
2;11990000002;Bia;;2026-11-05 10:00;;5
3;11990000003;Eva;;;2026-11-03;9
"""
OWN_COLUMNS = {
    "zone_column": "zone",
    "not_before_column": "since",
    "not_after_column": "until",
    "priority_column": "rank",
}


def test_contacts_have_a_zone_times_and_a_priority_of_their_own(run, plan, contacts):
    result = run.start(plan(contacts(OWN), **OWN_COLUMNS))
    assert result["states"] == {"accepted": 2, "out_of_window": 1}
    rows = pl.read_parquet(f"{folder(result)}/{result['chunks'][0]}")
    assert rows["id"].to_list() == ["2", "1"]
    opens = [moment.astimezone(NOON.tzinfo) for moment in rows["opens_at"]]
    assert [opens[0].isoformat(), opens[1].hour] == ["2026-11-05T10:00:00-03:00", 12]


@pytest.mark.parametrize("cap", [{"day": 1}, '{"day": 1}', "{'day': 1}"])
def test_a_number_is_reached_so_often_at_most_by_all_campaigns(run, world, plan, contacts, tmp_path, cap):
    path = contacts()
    first = run.start(plan(path, task_id="first", window=None, frequency_cap=cap))
    given = {"text": "Ola {name}", "id_column": "id", "price_brl": "0.09", "window": None, "frequency_cap": cap}
    send = DirectcallSendCampaignOperator(task_id="send", plan=first, chunk=first["chunks"][0], **given)
    assert run.start(send)["states"] == {"sent": 2}
    run.ti.task_id = "second"
    second = run.start(plan(path, task_id="second", window=None, frequency_cap=cap))
    assert second["states"] == {"suppressed": 3, "rejected": 1}
    assert second["reasons"]["frequency cap: 1 a day"] == 3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"zone_column": "zona"}, "zone_column: the contacts have no column 'zona'"),
        ({"frequency_cap": {"week": 1}}, "frequency_cap: 'week' is neither day nor month"),
        ({"frequency_cap": "often"}, "frequency_cap: the text is neither JSON nor"),
    ],
)
def test_a_wrong_option_of_contacts_is_named(run, plan, contacts, given, says):
    with pytest.raises(AirflowFailException, match=says):
        run.start(plan(contacts(), **given))
