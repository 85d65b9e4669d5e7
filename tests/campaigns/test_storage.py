from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest
from upath import UPath

from airflow_provider_directcall.campaigns.storage import LocalFolder, ObjectFolder


@pytest.fixture(params=["local", "object store"])
def folder(request, tmp_path):
    if request.param == "local":
        return LocalFolder(tmp_path / "campaign")
    return ObjectFolder(UPath(f"memory://bucket{tmp_path}"))


def test_what_was_written_is_listed_and_read(folder):
    folder.write("waves/00000/000000.intent.json", b"1")
    folder.write("waves/00001/000000.intent.json", b"2")
    folder.write("plan.json", b"old")
    folder.write("plan.json", b"new")
    assert folder.names() == ["plan.json", "waves/00000/000000.intent.json", "waves/00001/000000.intent.json"]
    assert folder.names("waves/00001") == ["waves/00001/000000.intent.json"]
    assert folder.read("plan.json") == b"new"


def test_a_removed_file_is_gone(folder):
    folder.write("plan.json", b"1")
    folder.remove("plan.json")
    folder.remove("plan.json")
    assert folder.names() == []
    with pytest.raises(FileNotFoundError):
        folder.read("plan.json")


def test_a_file_of_this_machine_is_written_as_it_is(folder, tmp_path):
    (tmp_path / "rows").write_bytes(b"1" * 100_000)
    folder.write("report/results.csv", b"old")
    folder.write_file("report/results.csv", tmp_path / "rows")
    assert folder.read("report/results.csv") == b"1" * 100_000
    assert folder.names() == ["report/results.csv"]


def test_the_time_of_a_write_is_known_until_the_file_is_gone(folder):
    folder.write("plan.json", b"1")
    assert abs(datetime.now(UTC) - folder.changed_at("plan.json")) < timedelta(hours=1)
    folder.remove("plan.json")
    assert folder.changed_at("plan.json") is None


def test_local_files_are_closed_to_other_users(tmp_path):
    folder = LocalFolder(tmp_path / "a" / "b")
    folder.write("waves/0/x", b"1")
    for path, mode in {"a": 0o700, "a/b/waves": 0o700, "a/b/waves/0/x": 0o600}.items():
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == mode
