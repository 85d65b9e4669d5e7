"""Storing a sound as a task."""

from __future__ import annotations

import hashlib

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallNotSent, DirectcallOutcomeUnknown
from airflow_provider_directcall.operators.sounds import DirectcallAddSoundOperator
from airflow_provider_directcall.sandbox import Fault

from .world import Run, TaskInstance

MP3 = b"ID3\x04" + b"\0" * 100
WAV = b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 100


class RememberingTaskInstance(TaskInstance):
    """With the XComs of earlier runs, as Airflow gives them on demand."""

    def __init__(self, run: Run, earlier: dict[str, object]) -> None:
        super().__init__(run.world.now())
        self.earlier = earlier

    def xcom_push(self, key, value):
        super().xcom_push(key, value)
        self.earlier[key] = self.xcoms[key]

    def xcom_pull(self, task_ids=None, *, key, map_indexes=None, include_prior_dates=False):
        now = super().xcom_pull(task_ids, key=key, map_indexes=map_indexes)
        return self.earlier.get(key) if now is None and include_prior_dates else now


@pytest.fixture
def runs(world):
    """Makes runs of one task, each of which knows the XComs of those before."""
    earlier: dict[str, object] = {}

    def make():
        run = Run(world)
        run.ti = run.context["ti"] = RememberingTaskInstance(run, earlier)
        return run

    return make


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "saudacao.mp3"
    path.write_bytes(MP3)
    return lambda **arguments: DirectcallAddSoundOperator(
        task_id="task", **{"audio": str(path), "name": "saudacao", **arguments}
    )


def uploads(world):
    return world.requests["did/add-sound"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "the file is empty"),
        (b"OggS" + b"\0" * 9, "MP3 or WAV is needed, this is"),
        (MP3 * 11_000, "1 MB at most"),
    ],
)
def test_an_audio_that_cannot_be_fails_for_good(runs, world, sound, tmp_path, content, named):
    path = tmp_path / "bad.mp3"
    path.write_bytes(content)
    with pytest.raises(AirflowFailException, match=named):
        runs().start(sound(audio=path))
    assert uploads(world) == 0


def test_a_missing_file_fails_for_good(runs, sound):
    with pytest.raises(AirflowFailException, match=r"there is no file 'nothing\.mp3'"):
        runs().start(sound(audio="/tmp/nothing.mp3"))


def test_a_refusal_that_will_stand_fails_for_good(runs, world, sound, tmp_path):
    path = tmp_path / "text.mp3"
    path.write_bytes(b"what nobody takes for an audio")
    with pytest.raises(AirflowFailException, match="add_sound: refused with code 001"):
        runs().start(sound(audio=path))


def test_a_dead_network_is_left_to_retries(runs, sound, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        runs().start(sound())


def test_a_wrong_secret_is_left_to_retries(runs, sound, connect):
    connect(password="wrong")
    with pytest.raises(DirectcallAuthError):
        runs().start(sound())


def test_an_unknown_outcome_is_left_to_a_retry_which_uploads_again(runs, world, sound):
    world.sandbox.inject(Fault(kind="cut_after", endpoint="did/add-sound", times=1))
    run = runs()
    with pytest.raises(DirectcallOutcomeUnknown):
        run.start(sound(retries=1))
    run.retry()
    assert run.start(sound(retries=1))["uploaded"]
    assert uploads(world) == 2


@pytest.mark.parametrize("content", [MP3, WAV])
def test_a_content_is_uploaded_once(runs, world, sound, tmp_path, content):
    path = tmp_path / "another.bin"
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    first = runs().start(sound(audio=path))
    assert first == {"sound_id": first["sound_id"], "sha256": sha256, "uploaded": True}
    (stored,) = [each for each in world.sandbox.state()["sounds"] if each["sound_id"] == first["sound_id"]]
    assert stored["name"] == f"saudacao-{sha256[:12]}"
    for _ in range(2):
        assert runs().start(sound(audio=path)) == {**first, "uploaded": False}
    assert uploads(world) == 1


def test_another_content_name_or_account_is_another_sound(runs, world, sound, tmp_path, connect):
    other = tmp_path / "other.mp3"
    other.write_bytes(MP3 + b"\1")
    ids = [runs().start(task)["sound_id"] for task in (sound(), sound(audio=other), sound(name="{{ 'ola' }}"))]
    connect(host=world.sandbox.url.replace("127.0.0.1", "localhost"))
    ids.append(runs().start(sound())["sound_id"])
    assert len(set(ids)) == 4
    assert uploads(world) == 4
