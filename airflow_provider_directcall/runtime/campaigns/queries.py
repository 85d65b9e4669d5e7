"""Contacts and lists from a database, through any of Airflow's SQL hooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from airflow_provider_directcall.campaigns.digests import digest
from airflow_provider_directcall.errors import DirectcallError

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.contacts.query_rows import Cursor, QueryRows

#: Drivers whose usual cursor fetches all rows at once -> arguments of one that streams them.
_STREAMING: Final[Mapping[str, dict[str, Any]]] = {
    "psycopg2": {"name": "directcall_contacts"},
    "psycopg": {"name": "directcall_contacts"},
}
#: Drivers that have a class of cursor for it.
_STREAMING_CLASSES: Final = {"pymysql": "pymysql.cursors", "MySQLdb": "MySQLdb.cursors"}

Value = TypeVar("Value")

#: Attributes in which drivers have the SQLSTATE, or a code of their own, of an error.
_CODES: Final = ("sqlstate", "pgcode", "sqlite_errorname", "full_code", "errno", "code")
#: SQLSTATE, SQLITE_BUSY, ORA-00942, MySQL's 1064: nothing that could be of a row or of a DSN.
_CODE: Final = re.compile(r"(?=[A-Z]*[0-9])[0-9A-Z]{5}|SQLITE_[A-Z_]{1,40}|(?:ORA|DPI|DPY)-[0-9]{1,5}|[0-9]{1,5}")
_ORACLE: Final = re.compile(r"\b(?:ORA|DPI|DPY)-[0-9]{1,5}\b")


class QueryError(DirectcallError):
    """A database, or its driver, has failed; a retry may succeed."""


@dataclass
class SqlContacts:
    """A query whose rows are contacts, or entries of a suppression list.

    :param conn_id: of a connection to a database, of any provider with a SQL hook. Templated, like ``sql``.
    :param sql: one SELECT; its columns are those of the contacts.
    :param parameters: of the query, in the driver's style.
    """

    conn_id: str
    sql: str
    parameters: Sequence[object] | Mapping[str, object] | None = field(default=None, repr=False)

    @property
    def version(self) -> str:
        """Changes with the query, not with its rows."""
        return digest(repr([self.conn_id, self.sql, self.parameters]).encode())

    template_fields: ClassVar[Sequence[str]] = ("conn_id", "sql", "parameters")


def query_rows(query: SqlContacts) -> QueryRows:
    """Return the rows of a query, read as they are taken."""
    from airflow_provider_directcall.campaigns.contacts.query_rows import QueryRows

    return QueryRows(f"query on {query.conn_id}", lambda: _opened(query), version=query.version)


@contextmanager
def _opened(query: SqlContacts) -> Iterator[Cursor]:
    from airflow.sdk import BaseHook

    hook = BaseHook.get_connection(query.conn_id).get_hook()  # type: ignore[no-untyped-call]  # Airflow does not annotate get_hook()
    if not hasattr(hook, "get_conn"):
        raise ValueError(f"contacts: the connection {query.conn_id} is not one to a database")
    run = partial(_run, query.conn_id)
    with ExitStack() as stack:
        connection = run("connect", hook.get_conn)
        stack.callback(run, "close", connection.close)
        cursor = run("open a cursor", lambda: _cursor(connection))
        stack.callback(run, "close", cursor.close)
        given = [query.parameters] if query.parameters is not None else []
        run("run the query", lambda: cursor.execute(query.sql, *given))
        yield _Cursor(cursor, run)


@dataclass(frozen=True)
class _Cursor:
    """A driver's cursor whose errors show nothing of rows, parameters or the connection."""

    cursor: Any = field(repr=False)
    run: Callable[[str, Callable[[], Any]], Any] = field(repr=False)

    @property
    def description(self) -> Sequence[Sequence[object]] | None:
        """The columns."""
        columns: Sequence[Sequence[object]] | None = self.run("read the columns", lambda: self.cursor.description)
        return columns

    def fetchmany(self, size: int) -> Sequence[Sequence[object]]:
        """Return the next rows."""
        rows: Sequence[Sequence[object]] = self.run("read rows", lambda: self.cursor.fetchmany(size))
        return rows


def _run(conn_id: str, step: str, call: Callable[[], Value]) -> Value:
    """Call a driver.

    :raises QueryError: it fails.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - drivers have errors of their own, and any of them may quote a row or a DSN
        problem = _described(error)
    # Not in the handler: a log that shows the cause of an error would show the driver's text.
    raise QueryError(f"query on {conn_id}: cannot {step}: {problem}; its text may hold values, and is not shown")


def _described(error: Exception) -> str:
    """Return the class of a driver's error, and its code if it has one."""
    # SQLAlchemy wraps the driver's error; Oracle's has its code in an object.
    sources = [getattr(error, "orig", None) or error, *error.args[:1]]
    values = [getattr(source, name, None) for source in sources for name in _CODES]
    # ODBC has the SQLSTATE, and MySQL a number, before the text.
    values += [error.args[0]] if len(error.args) > 1 else []
    codes = (str(value) for value in values if isinstance(value, (str, int)) and not isinstance(value, bool))
    found = next((code for code in codes if _CODE.fullmatch(code)), None) or _oracle_code(error)
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return f"{name}, code {found}" if found else name


def _oracle_code(error: Exception) -> str | None:
    found = _ORACLE.search(str(error))
    return found and found[0]


def _cursor(connection: Any) -> Any:  # noqa: ANN401 - any driver's
    driver = type(connection).__module__.partition(".")[0]
    if driver in _STREAMING_CLASSES:
        return connection.cursor(import_module(_STREAMING_CLASSES[driver]).SSCursor)
    return connection.cursor(**_STREAMING.get(driver, {}))
