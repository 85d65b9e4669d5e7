"""Audio files: which ones leave the worker, and where their paths may come from."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import airflow.sdk.io.fs as file_systems
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.definitions.context import Context
from airflow.sdk.execution_time import task_runner
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_directcall.operators.messages import DirectcallSendVoiceMessageOperator
from airflow_provider_directcall.operators.sounds import DirectcallAddSoundOperator
from airflow_provider_directcall.runtime.audio import is_literal, read_audio

from ..airflow_world.world import PERSON

MP3 = b"ID3\x04" + b"\0" * 100
FORBIDDEN = r"does not let .*\[directcall\] audio_sources"


@pytest.fixture
def allow(monkeypatch):
    return lambda *places: monkeypatch.setenv("AIRFLOW__DIRECTCALL__AUDIO_SOURCES", ", ".join(map(str, places)))


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """The folder of the running task's DAG bundle."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    ti = SimpleNamespace(bundle_instance=SimpleNamespace(path=folder))
    monkeypatch.setattr("airflow.sdk.get_current_context", lambda: {"ti": ti})
    return folder


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "elsewhere" / "greeting.mp3"
    path.parent.mkdir()
    path.write_bytes(MP3)
    return path


@pytest.fixture
def bucket(monkeypatch):
    """An object store at ``memory://``."""
    known = {**file_systems._register_filesystems(), "memory": lambda conn_id, options: MemoryFileSystem()}
    monkeypatch.setattr(file_systems, "_register_filesystems", lambda: known)
    yield MemoryFileSystem()
    MemoryFileSystem.store.clear()


# Places


def test_a_file_of_the_bundle_is_read(bundle):
    (bundle / "greeting.mp3").write_bytes(MP3)
    assert read_audio(bundle / "greeting.mp3", literal=False) == (MP3, "greeting.mp3")


def test_without_a_bundle_the_dags_folder_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path))
    (tmp_path / "greeting.mp3").write_bytes(MP3)
    assert read_audio(str(tmp_path / "greeting.mp3"), literal=False)[0] == MP3


@pytest.mark.parametrize("kind", [str, Path, ObjectStoragePath, "file://{}".format, "local://{}".format])
def test_a_file_elsewhere_is_read_only_if_the_author_wrote_its_path(bundle, outside, kind):
    assert read_audio(kind(str(outside)), literal=True)[0] == MP3
    with pytest.raises(ValueError, match=FORBIDDEN):
        read_audio(kind(str(outside)), literal=False)


def test_a_deployment_can_forbid_written_paths_and_allow_a_folder(bundle, outside, allow):
    allow("dag_bundle")
    with pytest.raises(ValueError, match=FORBIDDEN):
        read_audio(outside, literal=True)
    allow("dag_bundle", outside.parent)
    assert read_audio(outside, literal=False)[0] == MP3


@pytest.mark.parametrize("way", ["../elsewhere/greeting.mp3", "link.mp3", "folder/greeting.mp3"])
def test_dots_and_symlinks_lead_nowhere_else(bundle, outside, way):
    (bundle / "link.mp3").symlink_to(outside)
    (bundle / "folder").symlink_to(outside.parent)
    with pytest.raises(ValueError, match=FORBIDDEN):
        read_audio(f"{bundle}/{way}", literal=False)


def test_a_symlink_to_an_allowed_place_is_followed(bundle, outside, allow):
    (bundle / "link.mp3").symlink_to(outside)
    allow("dag_bundle", outside.parent)
    assert read_audio(bundle / "link.mp3", literal=False) == (MP3, "link.mp3")


def test_a_folder_with_the_same_beginning_is_another_one(bundle):
    other = bundle.with_name("bundle2")
    other.mkdir()
    (other / "a.mp3").write_bytes(MP3)
    with pytest.raises(ValueError, match=FORBIDDEN):
        read_audio(other / "a.mp3", literal=False)


def test_a_template_cannot_probe_for_files(bundle, tmp_path, outside):
    texts = set()
    for path in (outside, outside.with_name("missing") / outside.name, tmp_path / outside.name, outside / outside.name):
        with pytest.raises(ValueError, match=FORBIDDEN) as caught:
            read_audio(path, literal=False)
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_a_loop_of_symlinks_is_forbidden(bundle):
    (bundle / "a.mp3").symlink_to(bundle / "a.mp3")
    with pytest.raises((ValueError, OSError)):
        read_audio(bundle / "a.mp3", literal=False)


@pytest.mark.parametrize("place", ["bundle", "audios", "../audios"])
def test_an_unknown_word_in_the_setting_is_named(outside, allow, place):
    allow(place, "literal")
    with pytest.raises(ValueError, match=r"audio_sources: .* is no word"):
        read_audio(outside, literal=True)


# Object storage


def test_object_storage_is_allowed_unless_the_deployment_narrows_it(bucket, allow):
    bucket.pipe({"/audios/a.mp3": MP3, "/private/a.mp3": MP3})
    assert read_audio("memory://private/a.mp3", literal=False) == (MP3, "a.mp3")
    allow("memory://audios")
    assert read_audio("memory://audios/a.mp3", literal=False)[0] == MP3
    for uri in ("memory://private/a.mp3", "memory://audios/../private/a.mp3", "memory://audios2/a.mp3"):
        with pytest.raises(ValueError, match=FORBIDDEN):
            read_audio(uri, literal=False)


def test_a_missing_object_is_named(bucket):
    with pytest.raises(FileNotFoundError, match=r"no file 'a\.mp3'"):
        read_audio("memory://audios/a.mp3", literal=False)


def test_a_large_object_is_not_read_whole(bucket):
    bucket.pipe("/audios/a.mp3", MP3 + b"\0" * (5 << 20))
    with pytest.raises(ValueError, match=r"'a\.mp3' has more than 4 MB"):
        read_audio("memory://audios/a.mp3", literal=False)


def test_an_unknown_store_is_named():
    with pytest.raises(ValueError, match="http"):
        read_audio("http://127.0.0.1/a.mp3", literal=False)


# Contents


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/self/cmdline"])
@pytest.mark.parametrize("literal", [True, False])
def test_the_machine_s_own_files_never_leave_it(path, literal, allow):
    allow("literal", *([] if literal else ["/"]))
    with pytest.raises(ValueError, match="does not begin as an MP3 or a WAV does"):
        read_audio(path, literal=literal)


def test_devices_and_pipes_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp3")
    for path in ("/dev/zero", "/dev/stdin", str(tmp_path / "pipe.mp3"), str(tmp_path)):
        with pytest.raises(ValueError, match=r"is (no regular file|a directory)"):
            read_audio(path, literal=True)


def test_a_file_of_ten_gigabytes_is_not_read_whole(tmp_path):
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\xffWAVE")
        file.truncate(10 << 30)
    with pytest.raises(ValueError, match="more than 4 MB"):
        read_audio(path, literal=True)


# Who wrote the path


class Instance:
    """The task instance of a mapped task, as far as rendering asks for it."""

    map_index = 0
    _upstream_map_indexes: dict[str, int] = {}  # noqa: RUF012 - never changed

    def __getattr__(self, name):
        raise AttributeError(name)

    def xcom_pull(self, *args, **kwargs):
        return "/srv/greeting.mp3"


def rendered(task):
    """Render a task as a worker does, and return the instance that it runs."""
    run = SimpleNamespace(conf={})
    context = Context(ti=Instance(), id="greeting", expanded_ti_count=1, task=task, dag=task.dag, dag_run=run)
    task = task.prepare_for_execution()
    context["task"] = task
    task.render_template_fields(context)
    return context["task"]


def test_a_path_in_the_dag_file_is_literal():
    with DAG("dag"):
        task = DirectcallAddSoundOperator(task_id="a", audio="/srv/greeting.mp3", name="x")
        path = DirectcallAddSoundOperator(task_id="b", audio=Path("/srv/greeting.mp3"), name="x")
        uri = DirectcallAddSoundOperator(task_id="c", audio=ObjectStoragePath("file:///srv/greeting.mp3"), name="x")
        voice = DirectcallSendVoiceMessageOperator(task_id="d", destination=PERSON, audio="/srv/greeting.mp3")
    for each in (task, path, uri, voice):
        instance = rendered(each)
        assert is_literal(instance, "audio", instance._written_audio)


def test_a_path_that_a_template_or_an_upstream_task_made_is_not():
    with DAG("dag"):
        upstream = DirectcallAddSoundOperator(task_id="up", audio="x", name="x")
        template = DirectcallAddSoundOperator(task_id="a", audio="/srv/{{ id }}.mp3", name="x")
        xcom = DirectcallAddSoundOperator(task_id="b", audio=upstream.output, name="x")
    for each in (template, xcom):
        instance = rendered(each)
        assert instance.audio == "/srv/greeting.mp3"
        assert not is_literal(instance, "audio", instance._written_audio)


def test_a_mapped_value_is_not_literal_and_a_partial_one_is():
    path = "/srv/greeting.mp3"
    with DAG("dag"):
        partial = DirectcallSendVoiceMessageOperator.partial(task_id="a", audio=path).expand(destination=[PERSON])
        template = DirectcallSendVoiceMessageOperator.partial(task_id="b", audio="/srv/{{ id }}.mp3").expand(
            destination=[PERSON]
        )
        mapped = DirectcallAddSoundOperator.partial(task_id="c", name="x").expand(audio=[path])
        kwargs = DirectcallAddSoundOperator.partial(task_id="d", name="x").expand_kwargs([{"audio": path}])
    literal = {}
    for each in (partial, template, mapped, kwargs):
        instance = rendered(each)
        assert instance.audio == path
        literal[each.task_id] = is_literal(instance, "audio", instance._written_audio)
    assert literal == {"a": True, "b": False, "c": False, "d": False}


@pytest.mark.parametrize("path", ["/etc/passwd", "file:///etc/passwd"])
def test_a_template_that_asks_for_a_file_of_the_machine_fails_for_good(run, world, path):
    run.context["conf"] = path
    with pytest.raises(AirflowFailException, match=FORBIDDEN):
        run.start(DirectcallSendVoiceMessageOperator(task_id="task", destination=PERSON, audio="{{ conf }}"))
    with pytest.raises(AirflowFailException, match="does not begin as an MP3"):
        run.start(DirectcallSendVoiceMessageOperator(task_id="task", destination=PERSON, audio=path))
    assert world.requests["sms/send"] == 0


def test_airflow_names_the_running_task_s_bundle():
    assert "bundle_instance" in task_runner.RuntimeTaskInstance.model_fields
