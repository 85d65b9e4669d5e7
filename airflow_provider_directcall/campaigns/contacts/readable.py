"""The methods of a file of contacts, on a disk or in an object store."""

from __future__ import annotations

from typing import IO, Literal, Protocol


class Readable(Protocol):
    """A file: a :class:`pathlib.Path`, or an object store's path, which has the same methods."""

    @property
    def name(self) -> str:
        """Its last part."""
        ...

    @property
    def suffix(self) -> str:
        """Such as ``.csv``."""
        ...

    def open(self, mode: Literal["rb"]) -> IO[bytes]:
        """Open it, seekable, with mode ``rb``."""
        ...

    def stat(self) -> FileStatus:
        """Return its size and the time of its last change."""
        ...


class FileStatus(Protocol):
    """The part of ``os.stat_result`` by which a change is seen without reading the file."""

    @property
    def st_size(self) -> int:
        """Bytes."""
        ...

    @property
    def st_mtime(self) -> float:
        """Seconds, or 0 where the store does not know."""
        ...
