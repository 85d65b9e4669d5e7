"""tools.leaks: planted values are found, except for the DAG author's own."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path

import pytest

from tools.faults.dags.reading import TAG_MARK, TEXT_MARK
from tools.faults.private import keep_rows, leaks_in
from tools.leaks import Leak, Search

SECRET, NUMBER = "the-secret", "5511990000011"


def jwt(claims: bytes) -> str:
    payload = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmF0dXJl"


HEX_TOKEN = "0123456789abcdef" * 2
TOKEN, OTHER_TOKEN = jwt(b'{"client_oauth_id": "1", "exp": 1}'), jwt(b'{"sub": "airflow"}')
SEARCH = Search(
    secrets=[SECRET],
    numbers=[NUMBER, "55??98000????"],
    authors_tasks=["read_contacts"],
    texts=["bom dia"],
    tags=["patient"],
    tokens=[HEX_TOKEN],
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "logs" / "task").mkdir(parents=True)
    (tmp_path / "logs" / "task" / "1.log").write_text("5511*****0011 was called")
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        database.execute("CREATE TABLE xcom (task_id TEXT, key TEXT, value TEXT)")
        database.execute("CREATE TABLE log (extra TEXT)")
        database.execute("CREATE TABLE rendered_task_instance_fields (rendered_fields TEXT)")
    database.close()
    return tmp_path


def plant(home: Path, statement: str, *values: str) -> None:
    with sqlite3.connect(home / "airflow.db") as database:
        database.execute(statement, values)
    database.close()


def test_a_clean_home_has_no_leak(home: Path) -> None:
    assert SEARCH.in_home(home) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"login with {SECRET}", "client secret"),
        (f"access_token={TOKEN}&x", "access token"),
        (f"Bearer {HEX_TOKEN}.", "access token"),
        (f"calling {NUMBER}", "phone number"),
        ("calling 11990000011", "phone number"),
        ("calling +55 (11) 99000-0011", "phone number"),
        ("calling 41 98000-1234", "phone number"),
        ("sending BOM DIA to all", "text"),
    ],
)
def test_planted_values_are_found(home: Path, text: str, kind: str) -> None:
    (home / "logs" / "task" / "2.log").write_text(text)
    plant(home, "INSERT INTO xcom VALUES ('place_call', 'return_value', ?)", text)
    plant(home, "INSERT INTO log VALUES (?)", text)
    assert SEARCH.in_home(home) == [
        Leak("database: log.extra", kind),
        Leak("database: xcom.value", kind),
        Leak("logs/task/2.log", kind),
    ]


def test_the_authors_own_values_are_the_authors(home: Path) -> None:
    value = f"{NUMBER} bom dia patient-7"
    plant(home, "INSERT INTO xcom VALUES ('read_contacts', 'return_value', ?)", value)
    plant(home, "INSERT INTO rendered_task_instance_fields VALUES (?)", value)
    assert SEARCH.in_home(home) == []


def test_the_results_of_airflow_3_4_name_their_task_instance(home: Path) -> None:
    plant(home, "CREATE TABLE task_instance (id TEXT, task_id TEXT)")
    plant(home, "CREATE TABLE xcom_v2 (task_instance_id TEXT, key TEXT, value TEXT)")
    plant(home, "CREATE TABLE rtif_v2 (rendered_fields TEXT)")
    plant(home, "INSERT INTO task_instance VALUES ('1', 'read_contacts'), ('2', 'place_call')")
    plant(home, "INSERT INTO rtif_v2 VALUES (?)", f"{NUMBER} bom dia")
    plant(home, "INSERT INTO xcom_v2 VALUES ('1', 'return_value', ?)", f"{NUMBER} bom dia")
    assert SEARCH.in_home(home) == []
    plant(home, "INSERT INTO xcom_v2 VALUES ('2', 'return_value', ?)", NUMBER)
    assert SEARCH.in_home(home) == [Leak("database: xcom.value", "phone number")]


def test_the_tags_of_a_call_may_be_in_its_result_only(home: Path) -> None:
    plant(home, "INSERT INTO xcom VALUES ('place_call', 'return_value', ?)", "patient-7")
    assert SEARCH.in_home(home) == []
    plant(home, "INSERT INTO xcom VALUES ('place_call', 'other', ?)", "patient-7")
    assert SEARCH.in_home(home) == [Leak("database: xcom.value", "tag value")]


def test_longer_numbers_are_no_phone_numbers(home: Path) -> None:
    plant(home, "INSERT INTO log VALUES (?)", "17953411990000011 119900000110")
    assert SEARCH.in_home(home) == []


def test_a_copy_of_a_deleted_row_counts_as_the_row(home: Path) -> None:
    plant(home, "CREATE TABLE kept_trigger (kwargs TEXT)")
    plant(home, "INSERT INTO kept_trigger VALUES (?)", f"{NUMBER} bom dia")
    assert SEARCH.in_home(home) == [Leak("database: trigger.kwargs", "text")]


def test_a_secret_is_nowhere_the_authors(home: Path) -> None:
    plant(home, "INSERT INTO xcom VALUES ('read_contacts', 'return_value', ?)", f"{SECRET} {TOKEN}")
    assert {leak.kind for leak in SEARCH.in_home(home)} == {"client secret", "access token"}


def test_airflows_own_tokens_are_none_of_ours(home: Path) -> None:
    plant(home, "INSERT INTO log VALUES (?)", OTHER_TOKEN)
    assert SEARCH.in_home(home) == []


def test_rows_that_airflow_deletes_or_overwrites_are_kept_and_searched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        database.execute("CREATE TABLE trigger (id INTEGER PRIMARY KEY, kwargs TEXT)")
        database.execute("CREATE TABLE task_instance (id TEXT PRIMARY KEY, state TEXT, next_kwargs TEXT)")
        keep_rows(tmp_path)
        database.execute("INSERT INTO trigger VALUES (1, ?)", [f'{{"text": "{TEXT_MARK}"}}'])
        database.execute("DELETE FROM trigger")
        database.execute("INSERT INTO task_instance VALUES ('a', 'running', NULL)")
        database.execute("UPDATE task_instance SET next_kwargs = ?", [f"{TAG_MARK}-1"])
        database.execute("UPDATE task_instance SET next_kwargs = NULL")
    database.close()
    assert leaks_in(tmp_path, ["f" * 40]) == [
        "tag value in database: task_instance.next_kwargs",
        "text in database: trigger.kwargs",
    ]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "1.log").write_text(f"token {'f' * 40} for 5541990000486")
    assert "access token in logs/1.log" in leaks_in(tmp_path, ["f" * 40])
    assert "phone number in logs/1.log" in leaks_in(tmp_path, [])
