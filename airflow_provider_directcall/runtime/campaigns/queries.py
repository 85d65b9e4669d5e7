"""Contacts and lists from a database, through any of Airflow's SQL hooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.contacts.query_rows import Cursor, QueryRows

#: Drivers whose usual cursor fetches all rows at once -> arguments of one that streams them.
_STREAMING: Final[Mapping[str, dict[str, Any]]] = {
    "psycopg2": {"name": "directcall_contacts"},
    "psycopg": {"name": "directcall_contacts"},
}
#: Drivers that have a class of cursor for it.
_STREAMING_CLASSES: Final = {"pymysql": "pymysql.cursors", "MySQLdb": "MySQLdb.cursors"}


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

    template_fields: ClassVar[Sequence[str]] = ("conn_id", "sql", "parameters")


def query_rows(query: SqlContacts) -> QueryRows:
    """Return the rows of a query, read as they are taken."""
    from airflow_provider_directcall.campaigns.contacts.query_rows import QueryRows

    return QueryRows(f"query on {query.conn_id}", lambda: _opened(query))


@contextmanager
def _opened(query: SqlContacts) -> Iterator[Cursor]:
    from airflow.sdk import BaseHook

    hook = BaseHook.get_connection(query.conn_id).get_hook()  # type: ignore[no-untyped-call]  # not annotated
    if not hasattr(hook, "get_conn"):
        raise ValueError(f"contacts: the connection {query.conn_id} is not one to a database")
    with closing(hook.get_conn()) as connection, closing(_cursor(connection)) as cursor:
        cursor.execute(query.sql, *([query.parameters] if query.parameters is not None else []))
        yield cursor


def _cursor(connection: Any) -> Any:  # noqa: ANN401 - any driver's
    driver = type(connection).__module__.partition(".")[0]
    if driver in _STREAMING_CLASSES:
        return connection.cursor(import_module(_STREAMING_CLASSES[driver]).SSCursor)
    return connection.cursor(**_STREAMING.get(driver, {}))
