"""Where a campaign's files are: a folder that keeps what was written, whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Protocol

_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600
_TEMPORARY: Final = ".part"
#: With the id of the process.
_LEFTOVER: Final = re.compile(rf"\.[0-9]+{re.escape(_TEMPORARY)}$")


class Folder(Protocol):
    """A folder of files that are written once. An object store's is the same: it cannot append."""

    @property
    def uri(self) -> str:
        """Where it is, for XCom and for people."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file, durably and whole: after a crash it is there in full or not at all.

        :raises OSError: it is read-only, full, ...
        """
        ...

    def write_file(self, name: str, path: Path) -> None:
        """Write the content of a file of this machine, as :meth:`write` does, without holding it in memory."""
        ...

    def read(self, name: str) -> bytes:
        """Read a file.

        :raises FileNotFoundError: it is not there.
        """
        ...

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of the files that begin with a prefix, sorted."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; none is no error."""
        ...

    def leftovers(self, prefix: str = "") -> list[str]:
        """Return the names of what killed processes have half written, which are not among :meth:`names`."""
        ...

    def changed_at(self, name: str) -> datetime | None:
        """Return when a file was written last; None where it is gone, or the store does not say."""
        ...


class LocalFolder:
    """A folder of this machine, closed to other users: it holds numbers and texts.

    :param path: made with its parents if it is not there.
    :raises OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _private_umask():
            path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)

    @property
    def uri(self) -> str:
        """The path."""
        return str(self._path)

    def write(self, name: str, content: bytes) -> None:
        """Write beside the name, to the disk, and rename."""
        with self._replacing(name) as file:
            file.write(content)

    def write_file(self, name: str, path: Path) -> None:
        """Copy beside the name, to the disk, and rename."""
        with path.open("rb") as source, self._replacing(name) as file:
            shutil.copyfileobj(source, file)

    @contextmanager
    def _replacing(self, name: str) -> Iterator[IO[bytes]]:
        target = self._path / name
        with _private_umask():
            target.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.{os.getpid()}{_TEMPORARY}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)

    def read(self, name: str) -> bytes:
        """Read the whole file."""
        return (self._path / name).read_bytes()

    def names(self, prefix: str = "") -> list[str]:
        """Return the files below this folder; what a killed process left half written is not among them."""
        return [name for name in self._below(prefix) if not name.endswith(_TEMPORARY)]

    def leftovers(self, prefix: str = "") -> list[str]:
        """Return the files that :meth:`write` makes before it renames them, by any process."""
        return [name for name in self._below(prefix) if _LEFTOVER.search(name)]

    def changed_at(self, name: str) -> datetime | None:
        """Return the time of the last write."""
        with suppress(FileNotFoundError):
            return datetime.fromtimestamp((self._path / name).stat().st_mtime, UTC)
        return None

    def _below(self, prefix: str) -> list[str]:
        below = self._path / prefix.rpartition("/")[0]
        names = (path.relative_to(self._path).as_posix() for path in below.rglob("*") if path.is_file())
        return sorted(name for name in names if name.startswith(prefix))

    def remove(self, name: str) -> None:
        """Remove the file, and the folders below this one that it leaves empty."""
        path = self._path / name
        path.unlink(missing_ok=True)
        with suppress(OSError):  # the first that is not empty
            while (path := path.parent) != self._path:
                path.rmdir()


class FileSystem(Protocol):
    """The part of fsspec's file systems that a folder needs."""

    def pipe_file(self, path: str, value: bytes) -> object:
        """Write a whole object."""
        ...

    def put_file(self, lpath: str, rpath: str) -> object:
        """Upload a file of this machine."""
        ...

    def cat_file(self, path: str) -> bytes:
        """Read a whole object."""
        ...

    def find(self, path: str) -> list[str]:
        """Return all objects below a path."""
        ...

    def rm_file(self, path: str) -> object:
        """Remove an object."""
        ...

    def modified(self, path: str) -> datetime:
        """Return when an object was written last."""
        ...

    def invalidate_cache(self) -> object:
        """Forget listings."""
        ...


class ObjectPath(Protocol):
    """A folder in an object store: Airflow's ``ObjectStoragePath``, or a ``UPath``."""

    @property
    def fs(self) -> FileSystem:
        """The store."""
        ...

    @property
    def path(self) -> str:
        """The folder in it, without the protocol."""
        ...


class ObjectFolder:
    """A folder in an object store, which writes an object whole or not at all; access to it is the store's to limit."""

    def __init__(self, path: ObjectPath) -> None:
        self._uri = str(path).rstrip("/")
        self._fs = path.fs
        self._root = path.path.rstrip("/")

    @property
    def uri(self) -> str:
        """The URI."""
        return self._uri

    def write(self, name: str, content: bytes) -> None:
        """Write an object."""
        self._fs.pipe_file(f"{self._root}/{name}", content)

    def write_file(self, name: str, path: Path) -> None:
        """Upload a file."""
        self._fs.put_file(str(path), f"{self._root}/{name}")

    def read(self, name: str) -> bytes:
        """Read an object."""
        return self._fs.cat_file(f"{self._root}/{name}")

    def names(self, prefix: str = "") -> list[str]:
        """Return the objects below this folder, as the store lists them now."""
        # Another task may have written since this process has listed it.
        self._fs.invalidate_cache()
        parent = prefix.rpartition("/")[0]
        found = self._fs.find(f"{self._root}/{parent}".rstrip("/"))
        # A store may leave out the slash with which a path begins, or add it.
        root = self._root.strip("/") + "/"
        names = (path.strip("/").removeprefix(root) for path in found)
        return sorted(name for name in names if name.startswith(prefix))

    def remove(self, name: str) -> None:
        """Remove an object."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name}")

    def leftovers(self, prefix: str = "") -> list[str]:
        """Return none: a store shows an object once it is whole."""
        return []

    def changed_at(self, name: str) -> datetime | None:
        """Return the time of the last write, where the store says it."""
        with suppress(FileNotFoundError, NotImplementedError):
            moment = self._fs.modified(f"{self._root}/{name}")
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return None


@contextmanager
def _private_umask() -> Iterator[None]:
    # Parents made by mkdir take the umask, not the mode.
    previous = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(previous)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
