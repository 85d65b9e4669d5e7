"""Read audio files from local paths and object stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import os


class _Readable(Protocol):
    """A local path or one of an object store."""

    @property
    def name(self) -> str: ...

    def read_bytes(self) -> bytes: ...


def read_audio(audio: str | os.PathLike[str]) -> tuple[bytes, str]:
    """Return the bytes and the name of an audio file.

    :param audio: a local path, an ``ObjectStoragePath``, or a URI that Airflow's object storage knows, such as
        ``s3://bucket/greeting.mp3`` or ``file:///srv/greeting.mp3``.
    :raises FileNotFoundError: there is no such file.
    :raises ValueError: it is a directory.
    """
    path = _open(audio)
    try:
        return path.read_bytes(), path.name
    except FileNotFoundError:
        raise FileNotFoundError(f"audio: there is no file {path.name!r} where the task looked for it") from None
    except IsADirectoryError:
        raise ValueError(f"audio: {path.name!r} is a directory") from None


def _open(audio: str | os.PathLike[str]) -> _Readable:
    from airflow.sdk import ObjectStoragePath

    if isinstance(audio, ObjectStoragePath):
        return audio
    if isinstance(audio, str) and "://" in audio:
        return ObjectStoragePath(audio)
    return Path(audio)
