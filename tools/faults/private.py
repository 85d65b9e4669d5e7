"""The search for private data in a world's logs and database."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from airflow_provider_directcall.sandbox import SandboxConfig
from tools.faults.dags.reading import TAG_MARK, TEXT_MARK
from tools.leaks import Search

_SEARCH: Final = Search(
    secrets=frozenset({SandboxConfig().client_secret}),
    # Every destination of the cases.
    numbers=("55??99000????",),
    authors_tasks=("cases", "sms_cases", "voice_cases", "call_cases", "rule_cases"),
    texts=(TEXT_MARK,),
    tags=(TAG_MARK,),
)
#: Tables whose rows Airflow deletes or overwrites while a task goes on, with the column that must be set.
_SHORT_LIVED: Final = (
    ("trigger", "kwargs"),
    ("task_instance", "next_kwargs"),
    ("task_state_store", "value"),
    ("xcom", "value"),
    ("xcom_v2", "value"),
)


def keep_rows(home: Path) -> None:
    """Keep a copy of each row of the short-lived tables, so that the search sees all that ever was there."""
    with closing(sqlite3.connect(home / "airflow.db", timeout=60)) as database, database:
        known = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, column in _SHORT_LIVED:
            if table in known:
                database.execute(f'CREATE TABLE "kept_{table}" AS SELECT * FROM "{table}" WHERE 0')
                for event in ("INSERT", f"UPDATE OF {column}"):
                    database.execute(
                        f'CREATE TRIGGER "keep_{table}_{event[:6]}" AFTER {event} ON "{table}" '
                        f'WHEN NEW."{column}" IS NOT NULL BEGIN '
                        f'INSERT INTO "kept_{table}" SELECT * FROM "{table}" WHERE rowid = NEW.rowid; END'
                    )


def leaks_in(home: Path, tokens: Collection[str]) -> list[str]:
    """Return what the logs and the database hold and should not: kind and place, never the value.

    :param tokens: issued to its tasks.
    """
    search = replace(_SEARCH, tokens=frozenset(tokens))
    return [f"{leak.kind} in {leak.place}" for leak in search.in_home(home)]
