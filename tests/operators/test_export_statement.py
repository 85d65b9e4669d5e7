"""The export of the statement."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.operators.exports import DirectcallExportStatementOperator
from airflow_provider_directcall.sandbox import Fault

from ..airflow_world.trigger_examples import place, send
from ..airflow_world.world import ORIGIN, PERSON, Run, World

HOUR = timedelta(hours=1)


@pytest.fixture
def begin(world: World) -> datetime:
    """The beginning of an hour of the account, three hours ago."""
    begin = datetime(2026, 11, 26, 12, tzinfo=UTC)
    world.sandbox.set_time(begin + 3 * HOUR)
    return begin


@pytest.fixture
def export(world: World, tmp_path: Path, begin: datetime) -> Callable[..., dict[str, object]]:
    def run(**changes: object) -> dict[str, object]:
        arguments = {
            "since": begin.isoformat(),
            "until": (begin + HOUR).isoformat(),
            "storage": str(tmp_path / "statements"),
            **changes,
        }
        done = Run(world).to_the_end(DirectcallExportStatementOperator(task_id="task", **arguments))  # type: ignore[arg-type]
        assert isinstance(done, dict)
        return done

    return run


def written(done: dict[str, object]) -> bytes:
    content = Path(str(done["file"])).read_bytes()
    assert hashlib.sha256(content).hexdigest() == done["sha256"]
    return content


def test_the_same_rows_in_each_format(world: World, begin: datetime, export: Callable[..., dict[str, object]]) -> None:
    world.sandbox.seed(250, first_at=begin, step_seconds=10, tags={"campaign": "a", "n": "{n}"})
    lines = written(done := export(file_format="jsonl")).decode().splitlines()
    records = [json.loads(line) for line in lines]
    assert (done["rows"], len(records), len({record["callerid"] for record in records})) == (250, 250, 250)
    table = list(csv.DictReader(io.StringIO(written(export(file_format="csv")).decode())))
    frame = pl.read_parquet(written(export(file_format="parquet")))
    assert [row["callerid"] for row in table] == [row["callerid"] for row in records]
    assert frame.get_column("callerid").to_list() == [row["callerid"] for row in records]
    assert json.loads(records[7]["tags"])["campaign"] == "a"
    assert [record["started_at"] for record in records] == sorted(record["started_at"] for record in records)


def test_windows_side_by_side_have_each_row_once(
    world: World, begin: datetime, export: Callable[..., dict[str, object]]
) -> None:
    world.sandbox.seed(240, first_at=begin, step_seconds=30)
    ids: list[str] = []
    for number in range(4):
        since = begin + number * HOUR / 2
        done = export(file_format="jsonl", since=since.isoformat(), until=(since + HOUR / 2).isoformat())
        ids += [json.loads(line)["callerid"] for line in written(done).decode().splitlines()]
    assert (len(ids), len(set(ids))) == (240, 240)


def test_a_row_at_the_second_in_which_two_windows_meet_is_in_one(
    world: World, begin: datetime, export: Callable[..., dict[str, object]]
) -> None:
    world.sandbox.seed(1, first_at=begin + HOUR)
    meeting = begin + HOUR + timedelta(milliseconds=500)
    before = export(file_format="jsonl", until=meeting.isoformat())
    after = export(file_format="jsonl", since=meeting.isoformat(), until=(begin + 2 * HOUR).isoformat())
    assert (before["rows"], after["rows"]) == (0, 1)


def test_a_repeated_run_writes_the_same_file(
    world: World, begin: datetime, export: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    world.sandbox.seed(50, first_at=begin, step_seconds=60)
    first = export()
    world.sandbox.configure(statement_shuffle=7)
    assert export() == first
    (file,) = (tmp_path / "statements").iterdir()
    assert file.name == "calls-20261126T120000Z-20261126T130000Z.parquet"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_open_window_is_waited_for(world: World, begin: datetime, export: Callable[..., dict[str, object]]) -> None:
    until = world.now() + HOUR / 2
    world.sandbox.configure(statement_delay=1800)
    place(world)
    done = export(since=begin.isoformat(), until=until.isoformat())
    assert done["rows"] == 1
    assert world.now() >= until + HOUR


@pytest.mark.parametrize("quirks", [{"paginas_missing"}, {"paginas_string"}, {"callerid_missing"}, {"leg_rows"}])
def test_other_forms_of_the_statement(
    world: World, begin: datetime, export: Callable[..., dict[str, object]], quirks: set[str]
) -> None:
    world.sandbox.seed(150, first_at=begin, step_seconds=20)
    world.sandbox.configure(quirks=frozenset(quirks))
    assert export()["rows"] == 150 * (2 if "leg_rows" in quirks else 1)


def test_messages_without_texts(
    world: World, begin: datetime, export: Callable[..., dict[str, object]], logged: Callable[[], str]
) -> None:
    send(world)
    since, until = world.now() - HOUR, world.now() + HOUR
    masked = written(export(statement="messages", file_format="csv", since=since.isoformat(), until=until.isoformat()))
    (row,) = csv.DictReader(io.StringIO(masked.decode()))
    assert set(row) >= {"callerid", "message_id", "state", "sent_at"}
    assert "text" not in row
    assert PERSON.encode() not in masked
    whole = export(
        statement="messages",
        file_format="csv",
        include_numbers=True,
        since=since.isoformat(),
        until=until.isoformat(),
    )
    assert PERSON.encode() in written(whole)
    assert PERSON[2:] not in logged()


def test_an_error_leaves_no_file(
    world: World, begin: datetime, export: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    world.sandbox.seed(250, first_at=begin, step_seconds=10, origin=ORIGIN)
    world.sandbox.configure(quirks=frozenset({"page_2_refused"}))
    with pytest.raises(DirectcallError):
        export()
    assert list((tmp_path / "statements").iterdir()) == []
    world.sandbox.configure(quirks=frozenset())
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="extrato/list", times=1))
    assert export()["rows"] == 250


@pytest.mark.parametrize(
    "changes", [{"since": "2020-01-01T00:00:00Z"}, {"until": "2020-01-01T00:00:00Z"}, {"since": "yesterday"}]
)
def test_a_window_that_cannot_be_fails_for_good(
    export: Callable[..., dict[str, object]], changes: dict[str, str]
) -> None:
    with pytest.raises(AirflowFailException, match="since"):
        export(**changes)


@pytest.mark.parametrize(
    ("changes", "complaint"), [({"statement": "faxes"}, "statement"), ({"file_format": "xls"}, "file_format")]
)
def test_wrong_words_fail_when_the_file_is_parsed(
    export: Callable[..., dict[str, object]], changes: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        export(**changes)
