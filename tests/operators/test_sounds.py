"""DirectcallAddSoundOperator."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallNotSent, DirectcallOutcomeUnknown
from airflow_provider_directcall.operators.sounds import DirectcallAddSoundOperator
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sandbox.endpoints import numbers

from ..airflow_world.rule_tasks import CHRISTMAS, DID, ORDINARY, YAML, apply
from ..airflow_world.world import Run

MP3 = b"ID3\x04" + b"\0" * 100
WAV = b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 100


@pytest.fixture
def runs(world, variables):
    """Makes runs, of whatever DAG: each has nothing of those before."""
    world.variables = variables
    return lambda: Run(world)


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
        (b"OggS" + b"\0" * 9, "does not begin as an MP3 or a WAV"),
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


def test_a_refusal_that_will_stand_fails_for_good(runs, sound, monkeypatch):
    monkeypatch.setattr(numbers, "MAX_SOUND_BYTES", 10)
    with pytest.raises(AirflowFailException, match="add_sound: refused with code 001"):
        runs().start(sound())


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


def test_another_task_finds_it_under_whatever_name(runs, world, sound):
    first = runs().start(sound())
    other = DirectcallAddSoundOperator(task_id="greeting", audio=sound().audio, name="ola")
    assert runs().start(other) == {**first, "uploaded": False}
    assert uploads(world) == 1


def test_a_sound_whose_variable_was_deleted_is_uploaded_again(runs, world, sound, capfd, caplog):
    runs().start(sound())
    (name,) = world.variables.kept
    assert name in caplog.text + str(capfd.readouterr())
    del world.variables.kept[name]
    assert runs().start(sound())["uploaded"]


@pytest.mark.parametrize("broken", ["no JSON", "[]", "{}", '{"sound_id": "7"}'])
def test_an_unreadable_variable_counts_as_none(runs, world, sound, broken):
    runs().start(sound())
    (name,) = world.variables.kept
    world.variables.kept[name] = broken
    assert runs().start(sound())["uploaded"]


def test_an_airflow_without_variables_does_not_stop_the_upload(runs, world, sound, capfd, caplog):
    world.variables.is_down = True
    assert runs().start(sound())["uploaded"]
    assert "the same audio may be uploaded again" in caplog.text + str(capfd.readouterr())


def test_another_content_or_account_is_another_sound(runs, world, sound, tmp_path, connect):
    other = tmp_path / "other.mp3"
    other.write_bytes(MP3 + b"\1")
    ids = [runs().start(task)["sound_id"] for task in (sound(), sound(audio=other))]
    connect(host=world.sandbox.url.replace("127.0.0.1", "localhost"))
    ids.append(runs().start(sound())["sound_id"])
    assert len(set(ids)) == 3
    assert uploads(world) == 3


def test_the_text_of_a_calendar_takes_the_id_by_a_template(runs, world, sound):
    world.sandbox.set_time(datetime.fromisoformat(ORDINARY))
    run = runs()
    run.context["params"] = run.start(sound())
    text = YAML + "holiday:\n  - {action: sound, sound_id: {{ params.sound_id }}}\n  - {action: hangup}\n"
    run.start(apply(calendar=text, at=CHRISTMAS, allow_future=True))
    played = world.sandbox.receive_call(DID, "5541990000099", at="2026-12-25T10:00")["played"]
    assert played == [run.context["params"]["sound_id"]]
