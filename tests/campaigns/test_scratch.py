"""Copies of contacts on a worker: private, gone at the end, and gone after a kill once the next task begins."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import tempfile

import pytest

from airflow_provider_directcall.campaign_command import main
from airflow_provider_directcall.campaigns.scratch import private_scratch

_HOLDER = """
import sys
from airflow_provider_directcall.campaigns.scratch import private_scratch
with private_scratch() as scratch:
    (scratch / "0.csv").write_text("phone")
    print(scratch.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def holder(temporary):
    """Another process with a copy, and the copy's folder."""
    with subprocess.Popen([sys.executable, "-c", _HOLDER], stdin=-1, stdout=-1, text=True) as process:
        yield process, temporary / process.stdout.readline().strip()
        process.kill()


def test_a_scratch_folder_is_private_and_goes_with_its_use(temporary):
    with private_scratch() as scratch, private_scratch() as other:
        assert (scratch.parent, scratch != other) == (temporary, True)
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
        (scratch / "copy").touch()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("next_use", ["task", "purge"])
def test_copies_of_a_killed_process_are_removed_and_those_of_a_live_one_are_not(holder, temporary, next_use):
    process, folder = holder

    def use():
        if next_use == "purge":
            assert main(["purge", str(temporary), "--older-than", "90"]) == 0
        else:
            with private_scratch():
                pass

    use()
    assert (folder / "0.csv").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    use()
    assert list(temporary.iterdir()) == []


def test_a_folder_that_another_process_removes_before_it_is_locked_is_not_used(temporary, monkeypatch):
    made = iter([temporary / "directcall-campaign-1", temporary / "directcall-campaign-2"])

    def mkdtemp(**_):
        path = next(made)
        if path.name.endswith("2"):
            path.mkdir(0o700)
        return str(path)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    with private_scratch() as scratch:
        assert scratch.name == "directcall-campaign-2"
