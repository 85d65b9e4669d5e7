"""The archive of recordings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallArchiveIncomplete
from airflow_provider_directcall.operators.recordings import DirectcallArchiveRecordingsOperator
from airflow_provider_directcall.sandbox import recordings as served
from airflow_provider_directcall.sandbox.recordings import tone

from ..airflow_world.trigger_examples import place
from ..airflow_world.world import PERSON, Run, World


@pytest.fixture
def calls(world: World) -> Callable[[int], None]:
    def placed(count: int) -> None:
        for number in range(count):
            place(world, tags={"campaign": "a", "n": f"n{number}"}, record=True)
        world.sandbox.advance(1200)

    return placed


@pytest.fixture
def archive(world: World, tmp_path: Path) -> Callable[..., object]:
    def run(**changes: object) -> object:
        now = world.now()
        arguments = {
            "since": (now - timedelta(hours=2)).isoformat(),
            "until": now.isoformat(),
            "storage": str(tmp_path / "archive"),
            "allowed_hosts": ["127.0.0.1"],
            **changes,
        }
        return Run(world).start(DirectcallArchiveRecordingsOperator(task_id="task", **arguments))  # type: ignore[arg-type]

    return run


def files(tmp_path: Path) -> dict[str, list[Path]]:
    found = [path for path in (tmp_path / "archive").rglob("*") if path.is_file()]
    return {suffix: [path for path in found if path.suffix == suffix] for suffix in {path.suffix for path in found}}


def test_each_recording_is_archived_once_with_its_checksum(
    world: World,
    calls: Callable[[int], None],
    archive: Callable[..., object],
    tmp_path: Path,
    logged: Callable[[], str],
) -> None:
    calls(3)
    size = len(tone())
    done = archive()
    assert done == {"archived": 3, "already": 0, "bytes": 3 * size, "storage": str(tmp_path / "archive")}
    found = files(tmp_path)
    assert {suffix: len(paths) for suffix, paths in found.items()} == {".wav": 3, ".json": 3}
    for path in found[".json"]:
        about = json.loads(path.read_text())
        content = (path.parent / about["file"]).read_bytes()
        assert about["sha256"] == hashlib.sha256(content).hexdigest()
        assert about["bytes"] == size
    again = archive()
    assert again == {"archived": 0, "already": 3, "bytes": 0, "storage": str(tmp_path / "archive")}
    kept = logged() + "".join(f"{path} {path.read_text()}" for path in found[".json"])
    assert PERSON[2:] not in kept
    assert "/recordings/" not in kept.replace("_provider_directcall/", "")


def test_the_folder_of_a_day_is_listed_once(
    calls: Callable[[int], None], archive: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_directcall.campaigns.storage import LocalFolder

    calls(3)
    listed: list[str] = []
    names = LocalFolder.names
    monkeypatch.setattr(LocalFolder, "names", lambda folder, prefix="": listed.append(prefix) or names(folder, prefix))
    archive()
    again = archive()
    assert isinstance(again, dict)
    assert again["already"] == 3
    assert len(listed) == 2


def test_a_killed_run_goes_on_with_those_that_are_missing(
    world: World,
    calls: Callable[[int], None],
    archive: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls(3)
    written = 0
    from airflow_provider_directcall.campaigns.storage import LocalFolder

    write = LocalFolder.write

    def dying(folder: LocalFolder, name: str, content: bytes) -> None:
        nonlocal written
        written += 1
        if written == 4:
            raise KeyboardInterrupt
        write(folder, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            archive()
    done = archive()
    assert isinstance(done, dict)
    assert (done["archived"], done["already"]) == (2, 1)
    assert {suffix: len(paths) for suffix, paths in files(tmp_path).items()} == {".wav": 3, ".json": 3}


def test_only_calls_with_the_tags(calls: Callable[[int], None], archive: Callable[..., object], world: World) -> None:
    calls(3)
    done = archive(tags={"n": "n1"})
    assert isinstance(done, dict)
    assert done["archived"] == 1
    world.sandbox.configure(quirks=frozenset({"tag_filter_ignored", "campos_always"}))
    again = archive(tags={"n": "n2"})
    assert isinstance(again, dict)
    assert (again["archived"], again["already"]) == (1, 0)


def test_rows_without_tags_count_only_if_the_filter_works(
    calls: Callable[[int], None], archive: Callable[..., object], world: World, tmp_path: Path
) -> None:
    calls(3)
    world.sandbox.configure(quirks=frozenset({"tag_filter_ignored"}))
    with pytest.raises(DirectcallArchiveIncomplete, match=r"3 of 3 .*not proven to work"):
        archive(tags={"n": "n1"})
    assert files(tmp_path) == {}


def test_other_hosts_are_never_asked(
    world: World, calls: Callable[[int], None], archive: Callable[..., object], tmp_path: Path
) -> None:
    calls(1)
    with pytest.raises(DirectcallArchiveIncomplete, match="allowed_hosts"):
        archive(allowed_hosts=None)
    with pytest.raises(DirectcallArchiveIncomplete, match="allowed_hosts"):
        archive(allowed_hosts=["7.0.0.1", "localhost"])
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"<html>login</html>", "page"), (b'{"status":"erro"}', "page"), (b"", "empty")]
)
def test_a_page_is_no_recording(
    calls: Callable[[int], None],
    archive: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    complaint: str,
) -> None:
    calls(1)
    monkeypatch.setattr(served, "tone", lambda: content)
    with pytest.raises(DirectcallArchiveIncomplete, match=complaint):
        archive()
    assert files(tmp_path) == {}


def test_a_large_recording_is_refused_and_the_others_are_archived(
    calls: Callable[[int], None], archive: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(2)
    contents = [b"\0" * 3_000_000, tone()]
    monkeypatch.setattr(served, "tone", lambda: contents.pop(0))
    with pytest.raises(DirectcallArchiveIncomplete, match=r"1 of 2 .*max_megabytes"):
        archive(max_megabytes=1)
    assert len(files(tmp_path)[".wav"]) == 1


@pytest.mark.parametrize(
    "changes", [{"since": "2020-01-01T00:00:00Z"}, {"since": ""}, {"until": "2020-01-01T00:00:00Z"}]
)
def test_a_window_that_cannot_be_fails_for_good(archive: Callable[..., object], changes: dict[str, str]) -> None:
    with pytest.raises(AirflowFailException, match="since"):
        archive(**changes)


def test_a_window_without_length_fails_for_good(world: World, archive: Callable[..., object]) -> None:
    """By default, Airflow 3 gives the beginning and the end of a data interval one value."""
    now = world.now().isoformat()
    with pytest.raises(AirflowFailException, match="since before until"):
        archive(since=now, until=now)


@pytest.mark.parametrize("hosts", ["example.com", ["https://example.com"]])
def test_wrong_hosts_fail_when_the_file_is_parsed(archive: Callable[..., object], hosts: object) -> None:
    with pytest.raises(ValueError, match="allowed_hosts"):
        archive(allowed_hosts=hosts)
