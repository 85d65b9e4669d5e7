"""Read audio files, from the places that the deployment allows and no others.

An ``audio`` may come from outside, in a template or a mapped value; without a check, whoever triggers a DAG could have
any file of the worker played to a telephone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.api.methods.arguments import MEGABYTE, audio_format

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, ObjectStoragePath

#: Words of ``[directcall] audio_sources``; all else there is a folder or a prefix of URIs.
DAG_BUNDLE: Final = "dag_bundle"
OBJECT_STORAGE: Final = "object_storage"
LITERAL: Final = "literal"
DEFAULT_SOURCES: Final = f"{DAG_BUNDLE}, {OBJECT_STORAGE}, {LITERAL}"
_SETTING: Final = "[directcall] audio_sources"

_MOST_MEGABYTES: Final = 4
#: So many bytes show the format.
_HEAD: Final = 12
#: A FIFO would block until another process writes to it.
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class _Openable(Protocol):
    def open(self, mode: str) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class AudioSources:
    """Places from which tasks may read audio files.

    :ivar words: the sources with a name.
    :ivar folders: local folders, resolved.
    :ivar prefixes: beginnings of URIs, without a slash at the end.
    """

    words: frozenset[str]
    folders: tuple[Path, ...]
    prefixes: tuple[str, ...]

    @classmethod
    def configured(cls) -> AudioSources:
        """Read the setting.

        :raises ValueError: an entry is neither a known word, an absolute folder nor a URI.
        """
        text = conf.get("directcall", "audio_sources", fallback=DEFAULT_SOURCES)
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        words = frozenset(entries) & {DAG_BUNDLE, OBJECT_STORAGE, LITERAL}
        prefixes = tuple(entry.rstrip("/") for entry in entries if "://" in entry)
        folders = [Path(entry) for entry in entries if entry not in words and "://" not in entry]
        if wrong := [str(folder) for folder in folders if not folder.is_absolute()]:
            raise ValueError(f"{_SETTING}: {wrong[0]!r} is no word it knows, no absolute folder and no URI")
        return cls(words, tuple(folder.resolve() for folder in folders), prefixes)

    def allows_file(self, path: Path) -> bool:
        """Check a resolved local path."""
        folders = (*self.folders, *(_bundle_folders() if DAG_BUNDLE in self.words else ()))
        return any(path.is_relative_to(folder) for folder in folders)

    def allows_object(self, uri: str) -> bool:
        """Check a URI of an object store."""
        is_below = ".." not in uri.split("/") and any(uri.startswith(f"{prefix}/") for prefix in self.prefixes)
        return is_below or OBJECT_STORAGE in self.words


def is_literal(operator: BaseOperator, name: str, written: object) -> bool:
    """Check that the DAG file itself holds the value of an operator's argument: no template or mapped value made it.

    :param name: the argument, rendered by now.
    :param written: the argument as the constructor got it. An instance of a mapped task gets mapped values there, so
        that only what the mapped task of the DAG has in ``partial`` counts.
    """
    value = getattr(operator, name)
    dag = operator.get_dag()
    task = dag.task_dict.get(operator.task_id) if dag is not None else None
    partial = getattr(task, "partial_kwargs", None)
    if partial is not None:
        written = partial.get(name)
    return type(written) is type(value) and bool(written == value)


def read_audio(audio: str | os.PathLike[str], *, literal: bool) -> tuple[bytes, str]:
    """Return the bytes and the name of an MP3 or WAV file.

    :param audio: a local path, an ``ObjectStoragePath``, or a URI that Airflow's object storage knows, such as
        ``s3://bucket/greeting.mp3`` or ``file:///srv/greeting.mp3``.
    :param literal: the DAG's author wrote this very path, see :func:`is_literal`.
    :raises FileNotFoundError: there is no such file.
    :raises ValueError: the deployment does not allow it, or it is no regular file of an MP3 or WAV of up to 4 MB.
    """
    sources = AudioSources.configured()
    stored = _object_storage_path(audio)
    local = Path(audio) if stored is None else _local_path(stored)
    is_allowed = literal and LITERAL in sources.words
    name = Path(str(audio)).name if local is None else local.name
    try:
        if local is None:
            if not (is_allowed or sources.allows_object(str(stored))):
                raise _forbidden(name)
            file = cast("_Openable", stored).open("rb")
        else:
            resolved = _resolved(local)
            if resolved is None or not (is_allowed or sources.allows_file(resolved)):
                raise _forbidden(name)
            file = _open_regular(resolved, name)
        with file:
            return _content(file, name), name
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"audio: there is no file {name!r} where the task looked for it") from None


def _resolved(path: Path) -> Path | None:
    """Return a path without symlinks and ``..``, of a missing file too; None for a loop of symlinks."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a RuntimeError before Python 3.13
        return None


def _object_storage_path(audio: str | os.PathLike[str]) -> ObjectStoragePath | None:
    from airflow.sdk import ObjectStoragePath

    if isinstance(audio, ObjectStoragePath):
        return audio
    return ObjectStoragePath(audio) if isinstance(audio, str) and "://" in audio else None


def _local_path(path: ObjectStoragePath) -> Path | None:
    """Return the local path that a URI such as ``file:///srv/greeting.mp3`` stands for; None for an object store's."""
    protocols = path.fs.protocol
    is_local = "file" in ((protocols,) if isinstance(protocols, str) else protocols)
    return Path(path.path) if is_local else None


def _bundle_folders() -> Iterator[Path]:
    """Yield the folder of the running task's DAG bundle; without one, as in ``dag.test()``, the DAGs folder."""
    from airflow.sdk import get_current_context

    try:
        bundle = getattr(get_current_context()["ti"], "bundle_instance", None)
    except RuntimeError:
        bundle = None
    folder = bundle.path if bundle is not None else conf.get("core", "dags_folder", fallback="")
    if folder:
        yield Path(folder).resolve()


def _open_regular(path: Path, name: str) -> BinaryIO:
    """Open a regular file; devices, FIFOs and folders are none.

    :param path: resolved, so that its last part is no symlink.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise _irregular(path, name)
    file = os.fdopen(os.open(path, _OPEN_FLAGS), "rb")
    # Another process may have replaced it in between.
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise _irregular(path, name)
    return file


def _irregular(path: Path, name: str) -> ValueError:
    return ValueError(f"audio: {name!r} is {'a directory' if path.is_dir() else 'no regular file'}")


def _content(file: BinaryIO, name: str) -> bytes:
    """Read a file whose first bytes are those of an audio, up to the largest size."""
    head = file.read(_HEAD)
    if head and audio_format(head) is None:
        raise ValueError(f"audio: {name!r} does not begin as an MP3 or a WAV does")
    content = head + file.read(_MOST_MEGABYTES * MEGABYTE + 1 - len(head))
    if len(content) > _MOST_MEGABYTES * MEGABYTE:
        raise ValueError(f"audio: {name!r} has more than {_MOST_MEGABYTES} MB")
    return content


def _forbidden(name: str) -> ValueError:
    return ValueError(
        f"audio: this Airflow does not let tasks read {name!r} from where it is. A path that a template or a mapped "
        f"value made has to lead into a place that {_SETTING} names; these are "
        f"{conf.get('directcall', 'audio_sources', fallback=DEFAULT_SOURCES)}"
    )
