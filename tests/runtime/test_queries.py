"""Errors of databases: their class and code, and nothing that a driver quotes."""

from __future__ import annotations

import sqlite3
import traceback
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider_directcall.runtime.campaigns.queries import QueryError, SqlContacts, query_rows

SECRETS = ("11990000001", "Joana", "hunter2", "db.internal", "select")
TEXT = "Joana 11990000001: postgresql://me:hunter2@db.internal, in select phone from people"


class OracleDetail:
    full_code = "ORA-00942"

    def __str__(self) -> str:
        return f"ORA-00942: {TEXT}"


def error_of(*args: Any, kind: str = "OperationalError", **fields: Any) -> Exception:
    error = type(kind, (Exception,), {"__module__": "driver"})(*args)
    for name, value in fields.items():
        setattr(error, name, value)
    return error


@dataclass
class Database:
    """A hook, connection and cursor that fail at one step."""

    fails: dict[str, Exception] = field(default_factory=dict)

    def step(self, name: str) -> None:
        if name in self.fails:
            raise self.fails[name]

    def get_hook(self) -> Database:
        return self

    def get_conn(self) -> Database:
        self.step("connect")
        return self

    def cursor(self) -> Database:
        self.step("cursor")
        return self

    def execute(self, *given: object) -> None:
        self.step("execute")

    @property
    def description(self) -> list[tuple[str]]:
        self.step("description")
        return [("phone",)]

    def fetchmany(self, size: int) -> list[tuple[str]]:
        self.step("fetch")
        return []

    def close(self) -> None:
        self.step("close")


@pytest.fixture
def read(monkeypatch):
    """Read the rows of a query on a database."""
    from airflow.sdk import BaseHook

    def read(database, sql="select phone from people", parameters=None):
        monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, name: database))
        return list(query_rows(SqlContacts("people", sql, parameters)).batches())

    return read


def shown(error: BaseException) -> str:
    """Return all that a log shows of an error, its causes too."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__) + repr(error.__context__)


@pytest.mark.parametrize("step", ["connect", "cursor", "execute", "description", "fetch", "close"])
def test_a_driver_that_fails_is_named_and_not_quoted(read, step):
    with pytest.raises(QueryError, match=r"query on people: cannot .*: driver\.OperationalError; its text") as failed:
        read(Database({step: error_of(TEXT)}))
    assert not [secret for secret in SECRETS[:-1] if secret in shown(failed.value).replace(__file__, "")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (error_of(TEXT, sqlstate="08006"), "08006"),
        (error_of(TEXT, pgcode="42P01"), "42P01"),
        (error_of("HY000", TEXT), "HY000"),
        (error_of(1146, TEXT), "1146"),
        (error_of(OracleDetail()), "ORA-00942"),
        (error_of(f"DPY-6005: {TEXT}"), "DPY-6005"),
        (error_of(TEXT, orig=error_of(TEXT, pgcode="23505")), "23505"),
        (error_of(TEXT, code="JOANA"), None),
        (error_of("JOANA", TEXT), None),
        (error_of(11990000001, TEXT), None),
        (ValueError(TEXT), None),
    ],
)
def test_a_code_is_shown_where_it_can_be_nothing_else(read, error, code):
    with pytest.raises(QueryError) as failed:
        read(Database({"execute": error}))
    text = str(failed.value)
    assert (f", code {code};" in text) if code else ("code" not in text)
    assert not [secret for secret in (*SECRETS, "JOANA") if secret in text]


def test_a_table_that_is_not_there_and_a_value_of_the_wrong_type(read):
    class Hook(Database):
        def get_conn(self):
            return sqlite3.connect(":memory:")

    with pytest.raises(QueryError, match=r"sqlite3.OperationalError, code SQLITE_ERROR; its text"):
        read(Hook())
    with pytest.raises(QueryError, match=r"cannot run the query: sqlite3\.\w+"):
        read(Hook(), "select ?", parameters=[object()])
